"""The rows around the events: calendars, imports, time zones.

Owns finding or making a calendar by its key, under a lock so that two imports into one key follow each other.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from syncd.core.calendar import PARSER_VERSION
from syncd.core.calendar.file_zones import Definition
from syncd.core.calendar.header import Header
from syncd.core.calendar.imports import ImportCounts, ImportRequest
from syncd.core.calendar.model import DefaultZone
from syncd.core.calendar.zones import TZDATA_VERSION, Zone
from syncd.postgres.calendar_rows import horizon_text, raw_of

Connection = psycopg.Connection[Any]

_COLUMNS = ("name", "prodid", "version", "method", "calscale", "tzid", "default_tz", "props", "raw")

_START_IMPORT = """
INSERT INTO calendar_import (calendar_id, export_id, run_id, job_id, page, member, snapshot_at, scope, window_at,
    parser_version, tzdata_version, started_at)
VALUES (%(calendar)s, %(export)s, %(run)s, %(job)s, %(page)s, %(member)s, %(at)s, %(scope)s,
    tstzrange(%(from)s, %(to)s, '[]'), %(parser)s, %(tzdata)s, clock_timestamp())
RETURNING import_id
"""


@dataclass(frozen=True, slots=True)
class CalendarRow:
    """A calendar as it was before an import. The versions are those its typed columns were derived with."""

    calendar_id: int
    default_tz: str
    full_at: datetime | None
    parser_version: int
    tzdata_version: str
    is_new: bool = False

    @property
    def is_outdated(self) -> bool:
        """Whether another parser or other time zone data made its typed columns."""
        return (self.parser_version, self.tzdata_version) != (PARSER_VERSION, TZDATA_VERSION)


def lock_calendar(connection: Connection, schema: str, key: str) -> None:
    """Wait for other transactions that import into this key."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"syncd calendar {schema}\n{key}"])


def find_calendar(connection: Connection, key: str) -> CalendarRow | None:
    """The calendar of that key."""
    row = connection.execute(
        "SELECT calendar_id, default_tz, full_at, parser_version, tzdata_version FROM calendar WHERE cal_key = %s",
        [key],
    ).fetchone()
    return CalendarRow(*row) if row else None


def make_calendar(connection: Connection, request: ImportRequest, default: DefaultZone) -> CalendarRow:
    """A new calendar; the key must be free."""
    row = connection.execute(
        "INSERT INTO calendar (source, cal_key, default_tz, parser_version, tzdata_version) "
        "VALUES (%s, %s, %s, %s, %s) RETURNING calendar_id",
        [request.source, request.key, default.name, PARSER_VERSION, TZDATA_VERSION],
    ).fetchone()
    return CalendarRow(row[0] if row else 0, default.name, None, PARSER_VERSION, TZDATA_VERSION, is_new=True)


def store_header(connection: Connection, calendar_id: int, header: Header, default: DefaultZone) -> None:
    """Bring the calendar's columns to what its lines say, if they differ."""
    values = {
        "name": header.value("X-WR-CALNAME"),
        "prodid": header.value("PRODID"),
        "version": header.value("VERSION"),
        "method": header.value("METHOD"),
        "calscale": header.value("CALSCALE"),
        "tzid": header.value("X-WR-TIMEZONE"),
        "default_tz": default.name,
        "props": Jsonb(header.props, dumps=_json),
        "raw": header.text,
        "calendar": calendar_id,
    }
    names = sql.SQL(", ").join(map(sql.Identifier, _COLUMNS))
    marks = sql.SQL(", ").join(map(sql.Placeholder, _COLUMNS))
    connection.execute(
        sql.SQL(
            "UPDATE calendar SET ({names}) = ROW({marks}) "
            "WHERE calendar_id = %(calendar)s AND ({names}) IS DISTINCT FROM ROW({marks})"
        ).format(names=names, marks=marks),
        values,
    )


def store_zones(
    connection: Connection, calendar_id: int, zones: Iterable[Zone], definitions: Iterable[tuple[Definition, Zone]]
) -> int:
    """Bring the rows of time zones to what an import found; how many it found.

    `zones` are those that times refer to, `definitions` the VTIMEZONEs with what their TZID was resolved to.
    """
    rows: dict[tuple[str, bytes], tuple[str, str | None, bytes | None]] = {}
    for definition, zone in definitions:
        rows[zone.tzid, definition.sha256] = zone.method, zone.resolved, raw_of(definition.text)
    defined = {tzid for tzid, _ in rows}
    for zone in zones:
        if zone.tzid not in defined:
            rows[zone.tzid, b""] = zone.method, zone.resolved, None
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO calendar_timezone AS t (calendar_id, tzid, sha256, method, resolved, raw) "
            "VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (calendar_id, tzid, sha256) DO UPDATE "
            "SET method = excluded.method, resolved = excluded.resolved "
            "WHERE (t.method, t.resolved) IS DISTINCT FROM (excluded.method, excluded.resolved)",
            [(calendar_id, *key, *values) for key, values in rows.items()],
        )
    return len(rows)


def start_import(connection: Connection, calendar_id: int, request: ImportRequest) -> int:
    """A row for an import that begins; its id."""
    first, last = request.window or (None, None)
    values = {
        "calendar": calendar_id,
        "export": request.export_id,
        "run": request.run_id,
        "job": request.job_id,
        "page": request.page,
        "member": request.member,
        "at": request.evaluated_at,
        "scope": "full" if request.full else "window",
        "from": first,
        "to": last,
        "parser": PARSER_VERSION,
        "tzdata": TZDATA_VERSION,
    }
    statement = _START_IMPORT
    if request.window is None:
        statement = statement.replace("tstzrange(%(from)s, %(to)s, '[]')", "NULL")
    row = connection.execute(statement.encode(), values).fetchone()
    return int(row[0]) if row else 0


def finish_import(
    connection: Connection, import_id: int, counts: ImportCounts, *, seen: int, sha256: bytes, size: int
) -> None:
    """Close an import's row."""
    stored = {**counts.as_dict(), "seen": seen}
    connection.execute(
        "UPDATE calendar_import SET complete = %s, counts = %s, sha256 = %s, size = %s, "
        "finished_at = clock_timestamp() WHERE import_id = %s",
        [counts.complete, Jsonb(stored), sha256, size, import_id],
    )


def finish_calendar(connection: Connection, calendar_id: int, request: ImportRequest, *, full: bool) -> None:
    """Note what the calendar's rows now rest on."""
    connection.execute(
        "UPDATE calendar SET parser_version = %(parser)s, tzdata_version = %(tzdata)s, "
        "full_at = CASE WHEN %(full)s THEN greatest(full_at, %(at)s) ELSE full_at END, "
        "horizon = %(horizon)s::daterange "
        "WHERE calendar_id = %(calendar)s",
        {
            "parser": PARSER_VERSION,
            "tzdata": TZDATA_VERSION,
            "full": full,
            "at": request.evaluated_at,
            "horizon": horizon_text(request.horizon),
            "calendar": calendar_id,
        },
    )


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
