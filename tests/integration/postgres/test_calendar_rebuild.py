"""Raw text is the truth: whatever the columns say, they can be derived again."""

from datetime import UTC, date, datetime, timedelta

import pytest

from syncd.core.calendar.model import Horizon
from syncd.postgres.calendar import rebuild
from tests.integration.postgres.calendars import (
    HORIZON,
    NOW,
    Connection,
    load,
    rows,
    starts,
    vcalendar,
    versions,
    vevent,
)
from tests.integration.postgres.test_calendar_import import ZONE

DATA = vcalendar(
    vevent(
        "a",
        "SUMMARY:x",
        "RRULE:FREQ=DAILY;COUNT=3",
        "ATTENDEE:mailto:x@y",
        "BEGIN:VALARM",
        "ACTION:AUDIO",
        "TRIGGER:PT0S",
        "END:VALARM",
    ),
    vevent("a", "RECURRENCE-ID:20250304T090000Z", start="DTSTART:20250304T120000Z"),
    vevent("b", start="DTSTART;TZID=Mine:20250303T090000"),
    vevent("c", start="DTSTART:20250303T090000"),
    ZONE,
    head=["X-WR-TIMEZONE:Mine"],
)

CONTENT = "SELECT to_jsonb(e) FROM calendar_event e ORDER BY 1"
OCCURRENCES = "SELECT to_jsonb(o) FROM calendar_occurrence o ORDER BY 1"


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE zoho.calendar_event SET summary = 'y', issues = '{z}', kind = 'single'",
        "UPDATE zoho.calendar_event SET start_at = start_at + interval '1 hour' WHERE start_at IS NOT NULL",
        "UPDATE zoho.calendar_event SET content_sha256 = ''",
        "DELETE FROM zoho.calendar_attendee",
        "DELETE FROM zoho.calendar_alarm",
        "DELETE FROM zoho.calendar_occurrence",
        "UPDATE zoho.calendar_occurrence SET start_at = start_at - interval '1 hour'",
        "UPDATE zoho.calendar_timezone SET method = 'unresolved'",
    ],
)
def test_a_rebuild_puts_right_whatever_was_derived(damage: str, connection: Connection) -> None:
    load(connection, DATA)
    content, occurrences, zones = (
        rows(connection, query) for query in (CONTENT, OCCURRENCES, "SELECT * FROM calendar_timezone")
    )
    connection.execute(damage.encode())
    counts = rebuild(connection, HORIZON, schema="zoho")
    assert (counts.calendars, counts.events) == (1, 4)
    assert rows(connection, CONTENT) == content
    assert rows(connection, OCCURRENCES) == occurrences
    assert rows(connection, "SELECT * FROM calendar_timezone") == zones


def test_a_rebuild_of_what_is_right_writes_nothing(connection: Connection) -> None:
    load(connection, DATA)
    before = versions(connection)
    counts = rebuild(connection, HORIZON, schema="zoho", key="k")
    assert (counts.events, counts.updated) == (4, 0)
    assert versions(connection) == before
    assert rebuild(connection, HORIZON, schema="zoho", key="other").calendars == 0


@pytest.mark.parametrize("column", ["parser_version = 0", "tzdata_version = '1970a'"])
def test_another_parser_or_other_zone_data_are_noticed_at_the_next_import(column: str, connection: Connection) -> None:
    load(connection, DATA)
    connection.execute(f"UPDATE zoho.calendar SET {column}".encode())
    connection.execute("UPDATE zoho.calendar_event SET start_at = start_at + interval '1 hour' WHERE uid = 'b'")
    counts = load(connection, DATA, evaluated_at=NOW + timedelta(hours=1))
    assert counts.unchanged == 4
    assert rows(connection, "SELECT start_at FROM calendar_event WHERE uid = 'b'") == [
        (datetime(2025, 3, 3, 6, tzinfo=UTC),)
    ]
    assert rows(connection, "SELECT parser_version > 0, tzdata_version <> '1970a' FROM calendar") == [(True, True)]


def test_the_daily_job_slides_the_horizon_and_reads_nothing_else(connection: Connection) -> None:
    load(connection, vcalendar(vevent("a", "RRULE:FREQ=MONTHLY")))
    later = Horizon(date(2025, 3, 1), date(2025, 5, 31))
    counts = rebuild(connection, later, schema="zoho", everything=False)
    assert (counts.events, counts.relisted) == (0, 1)
    assert starts(connection) == ["03-03 09:00", "04-03 09:00", "05-03 09:00"]
    assert rows(connection, "SELECT horizon = daterange('2025-03-01', '2025-06-01') FROM calendar") == [(True,)]
    assert rebuild(connection, later, schema="zoho", everything=False).relisted == 0
    connection.execute("UPDATE zoho.calendar SET tzdata_version = '1970a'")
    assert rebuild(connection, later, schema="zoho", everything=False).events == 1
