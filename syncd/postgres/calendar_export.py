"""A calendar's rows -> the ICS stream that would make them again.

Owns which VTIMEZONEs go with which events. Quarantined components and deleted events are not part of it.
"""

from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql

from syncd.core.calendar.writer import closing, folded, opening
from syncd.errors import NeedsOperator
from syncd.postgres.calendar_schema import has_tables, inside

Connection = psycopg.Connection[Any]

_AT_ONCE = 500

# Events are grouped by the VTIMEZONEs they mean, because two of one TZID cannot stand in one VCALENDAR.
_GROUPS = """
SELECT DISTINCT timezone_sha256 FROM calendar_event
WHERE calendar_id = %(calendar)s AND deleted_at IS NULL ORDER BY timezone_sha256
"""


def export_calendar(connection: Connection, *, key: str, schema: str) -> Iterator[bytes]:
    """The calendar under `key` as ICS, in blocks; it reads one snapshot, in a transaction of its own.

    The connection is busy until the last block was taken. NeedsOperator when there is no such calendar.
    """
    with connection.transaction(), inside(connection, schema):
        calendar = None
        if has_tables(connection):
            calendar = connection.execute("SELECT calendar_id, raw FROM calendar WHERE cal_key = %s", [key]).fetchone()
        if calendar is None:
            raise NeedsOperator(
                f"there is no calendar under the key {key!r}",
                where=f"schema {schema}",
                fix=f"see: SELECT cal_key FROM {schema}.calendar",
            )
        calendar_id, raw = calendar[0], bytes(calendar[1])
        for hashes in _groups(connection, calendar_id):
            yield b"".join(opening(raw))
            yield from _zones(connection, calendar_id, hashes)
            yield from _events(connection, calendar_id, hashes)
            yield closing()


def _groups(connection: Connection, calendar_id: int) -> list[list[bytes] | None]:
    """One VCALENDAR for everything (None), unless two VTIMEZONEs share a TZID: then one for each set of VTIMEZONEs."""
    row = connection.execute(
        "SELECT count(*) > count(DISTINCT tzid) FROM calendar_timezone WHERE calendar_id = %s AND raw IS NOT NULL",
        [calendar_id],
    ).fetchone()
    if row is None or not row[0]:
        return [None]
    rows = connection.execute(_GROUPS, {"calendar": calendar_id}).fetchall()
    return [[bytes(one) for one in hashes] for (hashes,) in rows]


def _zones(connection: Connection, calendar_id: int, hashes: list[bytes] | None) -> Iterator[bytes]:
    rows = connection.execute(
        "SELECT raw, sha256 FROM calendar_timezone WHERE calendar_id = %s AND raw IS NOT NULL ORDER BY tzid",
        [calendar_id],
    ).fetchall()
    yield from (folded(bytes(raw)) for raw, sha256 in rows if hashes is None or bytes(sha256) in hashes)


def _events(connection: Connection, calendar_id: int, hashes: list[bytes] | None) -> Iterator[bytes]:
    statement = sql.SQL(
        "SELECT raw FROM calendar_event WHERE calendar_id = %(calendar)s AND deleted_at IS NULL {} ORDER BY event_id"
    ).format(sql.SQL("" if hashes is None else "AND timezone_sha256 = %(hashes)s"))
    with connection.cursor(name="calendar_export") as cursor:
        cursor.itersize = _AT_ONCE
        cursor.execute(statement, {"calendar": calendar_id, "hashes": hashes})
        while rows := cursor.fetchmany(_AT_ONCE):
            yield b"".join(folded(bytes(raw)) for (raw,) in rows)
