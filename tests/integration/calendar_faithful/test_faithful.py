"""The tables say what the files say: held against a second reading, over every calendar that two packages ship."""

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest

from syncd.core.calendar.imports import ImportCounts, ImportRequest, default_horizon
from syncd.postgres.calendar import export_calendar, import_calendar
from tests.integration.calendar_faithful.checker import differences
from tests.integration.calendar_faithful.reading import read

Connection = psycopg.Connection[Any]

NOW = datetime(2025, 11, 1, tzinfo=UTC)
BUCKETS = 8

_SAME = {
    "calendar_event": "SELECT to_jsonb(e) - "
    "'{event_id,calendar_id,snapshot_at,first_import_id,changed_import_id}'::text[] "
    "FROM zoho.calendar_event e WHERE calendar_id = %s AND deleted_at IS NULL ORDER BY uid, recurrence_key",
    "calendar_occurrence": "SELECT e.uid, e.recurrence_key, d.uid, d.recurrence_key, "
    "to_jsonb(o) - '{event_id,series_id,calendar_id}'::text[] FROM zoho.calendar_occurrence o "
    "JOIN zoho.calendar_event e ON e.event_id = o.series_id JOIN zoho.calendar_event d ON d.event_id = o.event_id "
    "WHERE o.calendar_id = %s ORDER BY e.uid, e.recurrence_key, o.recurrence_key",
    "calendar_timezone": "SELECT to_jsonb(t) - 'calendar_id' FROM zoho.calendar_timezone t WHERE calendar_id = %s "
    "ORDER BY tzid, sha256",
    **{
        table: f"SELECT e.uid, e.recurrence_key, to_jsonb(c) - 'event_id' FROM zoho.{table} c "
        "JOIN zoho.calendar_event e USING (event_id) WHERE e.calendar_id = %s ORDER BY e.uid, e.recurrence_key, c.ord"
        for table in ("calendar_attendee", "calendar_alarm", "calendar_recurrence_date")
    },
}


def shipped(package: str) -> list[Path]:
    spec = find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return sorted(Path(spec.submodule_search_locations[0]).rglob("*.ics"))


FILES = [*shipped("icalendar"), *shipped("recurring_ical_events")]


@pytest.fixture
def tables(dsn: str) -> Iterator[Connection]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


def load(connection: Connection, data: bytes, key: str) -> ImportCounts:
    request = ImportRequest(key=key, evaluated_at=NOW, horizon=default_horizon(NOW.date()))
    return import_calendar(connection, lambda: [data], request, schema="zoho")


def content(connection: Connection, key: str) -> dict[str, list[Any]]:
    """Everything in the tables about a calendar, less its ids and moments."""
    row = connection.execute("SELECT calendar_id FROM zoho.calendar WHERE cal_key = %s", [key]).fetchone()
    assert row is not None
    return {table: connection.execute(query.encode(), [row[0]]).fetchall() for table, query in _SAME.items()}


def versions(connection: Connection) -> list[Any]:
    """The version of every row that an import might touch without need."""
    tables = (
        "calendar_event",
        "calendar_attendee",
        "calendar_alarm",
        "calendar_recurrence_date",
        "calendar_occurrence",
    )
    return [
        connection.execute(f"SELECT ctid, xmin FROM zoho.{table} ORDER BY ctid".encode()).fetchall() for table in tables
    ]


def test_both_packages_ship_calendars() -> None:
    assert len(FILES) > 200


@pytest.mark.parametrize("bucket", range(BUCKETS))
def test_the_tables_say_what_the_files_say(bucket: int, tables: Connection) -> None:
    """Every event is a row or in quarantine; a second import writes nothing; an export makes the same tables again."""
    for number, path in enumerate(FILES[bucket::BUCKETS]):
        data, key = path.read_bytes(), f"{number} {path.name}"
        counts = load(tables, data, key)
        seen = read(data)
        assert counts.events == len(seen), path
        assert differences(tables, key, seen) == [], path
        before = versions(tables)
        again = load(tables, data, key)
        assert (again.inserted, again.updated, again.relisted) == (0, 0, 0), path
        assert versions(tables) == before, path
        exported = b"".join(export_calendar(tables, key=key, schema="zoho"))
        load(tables, exported, f"{key} again")
        assert content(tables, f"{key} again") == content(tables, key), path


# ------------------------------------------------------------------------------------------------------ planted faults

CALENDAR = b"""BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//example//EN\r
BEGIN:VEVENT\r
UID:zoned\r
DTSTART;TZID=Europe/Berlin:20250301T090000\r
DTEND;TZID=Europe/Berlin:20250301T100000\r
SUMMARY:One\\, two\r
ATTENDEE;CN=A:mailto:a@example.com\r
ATTENDEE;CN=B:mailto:a@example.com\r
X-NOTE:kept\r
BEGIN:VALARM\r
ACTION:DISPLAY\r
TRIGGER:-PT5M\r
END:VALARM\r
END:VEVENT\r
BEGIN:VEVENT\r
UID:day\r
DTSTART;VALUE=DATE:20250302\r
END:VEVENT\r
BEGIN:VEVENT\r
UID:floating\r
DTSTART:20250303T120000\r
END:VEVENT\r
BEGIN:VEVENT\r
UID:bad\r
DTSTART:never\r
END:VEVENT\r
END:VCALENDAR\r
"""

FAULTS = {
    "an event is dropped": "DELETE FROM zoho.calendar_event WHERE uid = 'day'",
    "an event is an hour off": "UPDATE zoho.calendar_event SET start_local = start_local + interval '1 hour', "
    "start_at = start_at + interval '1 hour' WHERE uid = 'zoned'",
    "only the instant is an hour off": "UPDATE zoho.calendar_event SET start_at = start_at + interval '1 hour' "
    "WHERE uid = 'zoned'",
    "a day becomes a midnight": "UPDATE zoho.calendar_event SET time_kind = 'floating', start_local = start_date, "
    "start_date = NULL, end_date = NULL WHERE uid = 'day'",
    "a zone is lost": "UPDATE zoho.calendar_event SET start_tzid = NULL WHERE uid = 'zoned'",
    "a floating time becomes UTC": "UPDATE zoho.calendar_event SET time_kind = 'utc', "
    "start_at = start_local AT TIME ZONE 'UTC' WHERE uid = 'floating'",
    "a raw line is lost": "UPDATE zoho.calendar_event SET raw = convert_to(replace(convert_from(raw, 'UTF8'), "
    "E'X-NOTE:kept\\r\\n', ''), 'UTF8') WHERE uid = 'zoned'",
    "a repeated attendee is merged": "DELETE FROM zoho.calendar_attendee WHERE ord = 2",
    "an alarm is lost": "DELETE FROM zoho.calendar_alarm",
    "text keeps its escapes": "UPDATE zoho.calendar_event SET summary = 'One\\, two' WHERE uid = 'zoned'",
    "a bad event is forgotten": "DELETE FROM zoho.calendar_quarantine",
    "an event is invented": "INSERT INTO zoho.calendar_event (calendar_id, uid, kind, time_kind, is_busy, raw, "
    "raw_sha256, content_sha256, props, snapshot_at, first_import_id, changed_import_id) SELECT calendar_id, 'ghost', "
    "'single', 'missing', true, 'x', '', '', '[]', now(), 1, 1 FROM zoho.calendar",
}


def test_the_checker_finds_nothing_wrong_with_a_good_load(tables: Connection) -> None:
    load(tables, CALENDAR, "made")
    assert differences(tables, "made", read(CALENDAR)) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_the_checker_catches_a_planted_fault(fault: str, tables: Connection) -> None:
    load(tables, CALENDAR, "made")
    assert tables.execute(FAULTS[fault].encode()).rowcount == 1
    assert differences(tables, "made", read(CALENDAR)) != []
