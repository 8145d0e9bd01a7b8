"""A calendar's rows -> the ICS stream that would make them again.

Owns which VTIMEZONEs go with which events. Quarantined components and deleted events are not part of it.
"""

from collections.abc import Iterable, Iterator
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
        calendar_id, header = calendar[0], b"".join(opening(bytes(calendar[1])))
        zones = _Zones(connection, calendar_id)
        groups = _groups(connection, calendar_id, zones)
        zones.reserve(sha256 for hashes in groups for sha256 in hashes or ())
        for hashes in groups:
            yield header + zones.take(hashes)
            yield from _events(connection, calendar_id, hashes)
            yield closing()
        while zones.left:
            yield header + zones.take(()) + closing()


class _Zones:
    """The VTIMEZONEs of a calendar, and which of them have not been written yet."""

    def __init__(self, connection: Connection, calendar_id: int) -> None:
        rows = connection.execute(
            "SELECT sha256, tzid, raw FROM calendar_timezone WHERE calendar_id = %s AND raw IS NOT NULL "
            "ORDER BY tzid, sha256",
            [calendar_id],
        ).fetchall()
        self._all = {bytes(sha256): (str(tzid), bytes(raw)) for sha256, tzid, raw in rows}
        self.left = list(self._all)

    @property
    def are_ambiguous(self) -> bool:
        """Whether two share a TZID, so that they cannot stand in one VCALENDAR."""
        return len({tzid for tzid, _ in self._all.values()}) < len(self._all)

    def reserve(self, hashes: Iterable[bytes]) -> None:
        """These will be taken by name."""
        reserved = set(hashes)
        self.left = [one for one in self.left if one not in reserved]

    def take(self, hashes: Iterable[bytes] | None) -> bytes:
        """Those with the given hashes, and of what is left whatever has a TZID that is free."""
        chosen: dict[str, bytes] = {}
        for sha256 in (*(hashes or ()), *self.left):
            tzid, raw = self._all[sha256]
            if tzid not in chosen:
                chosen[tzid] = raw
                self.left = [one for one in self.left if one != sha256]
        return b"".join(map(folded, chosen.values()))


def _groups(connection: Connection, calendar_id: int, zones: _Zones) -> list[list[bytes] | None]:
    """One VCALENDAR for everything (None), or one for each set of VTIMEZONEs that events mean."""
    if not zones.are_ambiguous:
        return [None]
    rows = connection.execute(_GROUPS, {"calendar": calendar_id}).fetchall()
    return [[bytes(one) for one in hashes] for (hashes,) in rows]


def _events(connection: Connection, calendar_id: int, hashes: list[bytes] | None) -> Iterator[bytes]:
    statement = sql.SQL(
        "SELECT raw FROM calendar_event WHERE calendar_id = %(calendar)s AND deleted_at IS NULL {} ORDER BY event_id"
    ).format(sql.SQL("" if hashes is None else "AND timezone_sha256 = %(hashes)s"))
    with connection.cursor(name="calendar_export") as cursor:
        cursor.itersize = _AT_ONCE
        cursor.execute(statement, {"calendar": calendar_id, "hashes": hashes})
        while rows := cursor.fetchmany(_AT_ONCE):
            yield b"".join(folded(bytes(raw)) for (raw,) in rows)
