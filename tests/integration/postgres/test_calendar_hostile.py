"""Bad input: nothing hangs, nothing is lost, and the reason is stored with the text."""

import time

import pytest

from syncd.core.calendar.model import Horizon
from tests.integration.postgres.calendars import NOW, Connection, load, rows, starts, vcalendar, vevent

SMALL = vcalendar(vevent("a"), vevent("b", "SUMMARY:y"))


def everything(connection: Connection) -> int:
    ((events, bad),) = rows(
        connection,
        "SELECT (SELECT count(*) FROM calendar_event), "
        "(SELECT coalesce(sum(copies), 0) FROM calendar_quarantine WHERE component = 'VEVENT')",
    )
    return int(events + bad)


def test_a_stream_cut_at_any_byte_keeps_every_complete_event(connection: Connection) -> None:
    for cut in range(0, len(SMALL), 11):
        data, key = SMALL[:cut], f"{cut}"
        counts = load(connection, data, key=key)
        whole = data.count(b"END:VEVENT\r\n") + data.endswith(b"END:VEVENT") + data.endswith(b"END:VEVENT\r")
        begun = data.count(b"BEGIN:VEVENT\r") + data.endswith(b"BEGIN:VEVENT")
        assert (counts.inserted, counts.events) == (whole, begun), data
        assert not counts.complete or b"BEGIN" not in data


@pytest.mark.parametrize(
    ("component", "stage"),
    [
        (vevent("x", "DESCRIPTION:" + "y" * 9_000_000), "size"),
        (vevent("x", *["BEGIN:X-A"] * 20_000, *["END:X-A"] * 20_000), "depth"),
        (vevent("x", *["X:1"] * 60_000), "size"),
        (vevent("x", start="DTSTART:00000101T000000Z"), "time"),
        (vevent("x", "RECURRENCE-ID:then"), "time"),
        ("BEGIN:VEVENT\nUID:x", "unterminated"),
        ("BEGIN:VTIMEZONE\nTZID:x", "unterminated"),
    ],
)
def test_what_is_beyond_all_bounds_is_in_quarantine_with_its_text(
    component: str, stage: str, connection: Connection
) -> None:
    counts = load(connection, vcalendar(vevent("a"), component))
    assert counts.inserted == 1
    ((found, raw, length),) = rows(connection, "SELECT stage, raw, raw_len FROM calendar_quarantine")
    assert found == stage
    assert raw.decode() == component.replace("\n", "\r\n") + "\r\n"
    assert length == len(raw)


def test_a_line_of_twenty_megabytes_is_kept_to_the_last_byte(connection: Connection) -> None:
    long = vevent("x", "SUMMARY:" + "z" * 20_000_000)
    counts = load(connection, vcalendar(vevent("a"), long))
    assert (counts.inserted, counts.quarantined) == (1, 1)
    size = len(long.replace("\n", "\r\n")) + 2
    assert rows(connection, "SELECT length(raw), raw_len FROM calendar_quarantine") == [(size, size)]


def test_every_kind_of_nonsense_in_one_event_is_a_row(connection: Connection) -> None:
    weird = vevent(
        "x",
        "SUMMARY:nul \0 in text",
        "DTEND:20250301T090000Z",
        "PRIORITY:99999999999999",
        "GEO:NaN;Infinity",
        "ATTENDEE:mailto:" + "l" * 3000 + "@x.org",
        "ATTENDEE;PARTSTAT=" + "P" * 5000 + ":mailto:p@x.org",
        "ORGANIZER:mailto:" + "o" * 3000 + "@x.org",
        "DURATION:P99999999999W",
        'CATEGORIES:\\,",{},\\\\',
        "BEGIN:VALARM\nTRIGGER:-P99999W\nREPEAT:-1\nEND:VALARM",
        "EXDATE:99991231T235959Z,00010101T000000Z",
        start="DTSTART;TZID=" + "T" * 3000 + ":20250303T090000",
    )
    load(connection, vcalendar(weird))
    ((summary, kind, raw),) = rows(connection, "SELECT summary, time_kind, raw FROM calendar_event")
    assert (summary, kind) == ("nul  in text", "unresolved")
    assert b"nul \0 in text" in raw
    assert rows(connection, "SELECT email FROM calendar_attendee ORDER BY ord") == [(None,), ("p@x.org",)]


def test_bytes_that_are_no_utf8_stay_as_they_came(connection: Connection) -> None:
    load(connection, vcalendar(vevent("a", "SUMMARY:caf#")).replace(b"caf#", b"caf\xe9"))
    assert rows(connection, "SELECT summary, issues, raw FROM calendar_event")[0][:2] == ("café", ["encoding"])
    assert b"caf\xe9" in rows(connection, "SELECT raw FROM calendar_event")[0][0]


def test_a_thousand_events_without_a_uid_are_a_thousand_rows(connection: Connection) -> None:
    events = [vevent("", f"SUMMARY:{number}") for number in range(1000)]
    assert load(connection, vcalendar(*events)).inserted == 1000
    assert load(connection, vcalendar(*events)).unchanged == 1000


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;COUNT=9000000",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY",
    ],
)
def test_absurd_rules_take_no_time(rule: str, connection: Connection) -> None:
    events = [vevent(str(number), f"RRULE:{rule}", start="DTSTART:00010101T000000Z") for number in range(5)]
    began = time.process_time()
    load(connection, vcalendar(*events))
    assert time.process_time() - began < 5
    states = rows(connection, "SELECT DISTINCT expansion, expansion_note IS NOT NULL FROM calendar_event")
    assert states in ([("refused", True)], [("capped", True)], [("ok", False)])


def test_the_first_and_the_last_day_there_is(connection: Connection) -> None:
    load(
        connection,
        vcalendar(
            vevent("first", "RRULE:FREQ=YEARLY", start="DTSTART;VALUE=DATE:00010101"),
            vevent("last", "RRULE:FREQ=DAILY", start="DTSTART;VALUE=DATE:99991231"),
            vevent("zoned", start="DTSTART;TZID=America/New_York:99991231T233000"),
        ),
        horizon=Horizon(NOW.date().min, NOW.date().max),
        default_tz="Asia/Tokyo",
    )
    assert rows(connection, "SELECT uid, expansion, time_kind FROM calendar_event ORDER BY 1") == [
        ("first", "capped", "date"),
        ("last", "ok", "date"),
        ("zoned", "none", "unresolved"),
    ]
    assert starts(connection, "last") == ["12-31 00:00"]


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 1000, b"<html></html>", b"BEGIN:VCALENDAR", b"\xff\xfe", b"\r" * 200_000, b"END:VEVENT\n" * 5]
)
def test_what_is_no_calendar_at_all_is_an_empty_one(data: bytes, connection: Connection) -> None:
    counts = load(connection, data, full=True)
    assert (counts.events, counts.inserted) == (0, 0)
    assert everything(connection) == 0


def test_counts_always_add_up(connection: Connection) -> None:
    data = vcalendar(
        vevent("a"), vevent("a", "SUMMARY:x"), vevent("b", start="DTSTART:x"), "BEGIN:VTODO\nEND:VTODO", "BEGIN:VEVENT"
    )
    for _ in range(2):
        counts = load(connection, data)
        assert counts.events == counts.inserted + counts.updated + counts.unchanged + counts.older + counts.quarantined
        assert everything(connection) == counts.events == 4
        assert counts.other_components == 1
