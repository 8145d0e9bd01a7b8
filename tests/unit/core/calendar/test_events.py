"""Events: typed columns from lines, and what is said of bad ones."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.calendar.events import MOST_LINES, read_event
from syncd.core.calendar.model import Event, Rejected, TimeKind
from syncd.core.calendar.zones import ZoneTable
from tests.unit.core.calendar.made import event, rejected, text

START = "DTSTART:20250301T090000Z"


def test_the_typed_columns() -> None:
    one = event(
        "UID:5725767000000412345",
        START,
        "DTEND:20250301T100000Z",
        "SUMMARY:One\\, two",
        "DESCRIPTION;LANGUAGE=en:Line\\nline",
        "LOCATION:Room",
        "URL:https://example.com/a;b",
        "STATUS:confirmed",
        "CLASS:PRIVATE",
        "TRANSP:TRANSPARENT",
        "PRIORITY:5",
        "SEQUENCE:2",
        "CATEGORIES:a,b\\, c",
        "CATEGORIES:d",
        "GEO:48.2;16.37",
        "ORGANIZER;CN=Boss:mailto:Boss@Example.com",
        "CREATED:20240101T000000Z",
        "LAST-MODIFIED:20240102T000000Z",
        "DTSTAMP:20240103T000000Z",
        "X-OWN;A=1:kept",
    )
    assert (one.uid, one.record_id, one.uid_synthetic, one.recurrence_key) == (
        "5725767000000412345",
        5725767000000412345,
        False,
        "",
    )
    assert (one.summary, one.description, one.location, one.url) == (
        "One, two",
        "Line\nline",
        "Room",
        "https://example.com/a;b",
    )
    assert (one.status, one.classification, one.transp) == ("CONFIRMED", "PRIVATE", "TRANSPARENT")
    assert (one.priority, one.sequence, one.categories, one.geo) == (5, 2, ["a", "b, c", "d"], (48.2, 16.37))
    assert one.organizer is not None
    assert (one.organizer.email, one.organizer.cn) == ("boss@example.com", "Boss")
    assert (one.created, one.last_modified, one.dtstamp) == tuple(
        datetime(2024, 1, day, tzinfo=UTC) for day in (1, 2, 3)
    )
    assert (one.is_busy, one.is_cancelled, one.issues) == (False, False, ())
    assert [line.name for line in one.props][-1] == "X-OWN"


@pytest.mark.parametrize(
    ("line", "issue"),
    [
        ("PRIORITY:99999999999", "bad_value:PRIORITY"),
        ("SEQUENCE:first", "bad_value:SEQUENCE"),
        ("GEO:nan;inf", "bad_value:GEO"),
        ("CREATED:yesterday", "bad_value:CREATED"),
        ("DTSTAMP:20250101T000000", "bad_value:DTSTAMP"),
        ("DTEND:later", "bad_value:DTEND"),
        ("DURATION:long", "bad_value:DURATION"),
        ("RDATE:20250230", "bad_value:RDATE"),
        ("DTSTART:20250302T090000Z", "repeated:DTSTART"),
        ("no colon", "malformed_line"),
        ("DTEND:20250228T090000Z", "negative_duration"),
        ("DURATION:-PT1H", "negative_duration"),
        ("END:VALARM", "stray_end"),
        ("BEGIN:VALARM\nACTION:AUDIO\nTRIGGER:PT0S", "unterminated:VALARM"),
    ],
)
def test_a_bad_property_is_an_issue_and_stays_in_the_ledger(line: str, issue: str) -> None:
    one = event("UID:a", START, line)
    assert issue in one.issues
    assert one.start is not None
    if ":" in line and "\n" not in line and not line.startswith("END"):
        assert line.partition(":")[2] in {prop.value for prop in one.props}


@pytest.mark.parametrize("line", ["DTSTART:soon", "DTSTART:00000101T000000", f"{START}\nRECURRENCE-ID:never"])
def test_an_event_without_a_usable_time_is_rejected_with_its_uid(line: str) -> None:
    found = rejected("UID:a", line)
    assert (found.stage, found.uid) == ("time", "a")


def test_a_start_that_is_missing_is_no_fault() -> None:
    one = event("UID:a", "METHOD:REPLY")
    assert (one.start, one.end, one.recurs) == (None, None, False)


def test_a_missing_uid_is_made_from_the_content_without_its_stamp() -> None:
    one, two = (event(START, f"DTSTAMP:2025030{day}T000000Z", "SUMMARY:x") for day in (1, 2))
    assert one.uid == two.uid != event(START, "SUMMARY:y").uid
    assert one.uid.startswith("sha256:")
    assert (one.uid_synthetic, one.issues) == (True, ("no_uid",))
    assert event("UID:" + "x" * 3000, START).issues == ("uid_too_long",)


@pytest.mark.parametrize(
    ("lines", "kind", "start", "end"),
    [
        (("DTSTART;VALUE=DATE:20250301",), "date", "2025-03-01", "2025-03-02"),
        (("DTSTART;VALUE=DATE:20250301", "DTEND;VALUE=DATE:20250301"), "date", "2025-03-01", "2025-03-02"),
        (("DTSTART;VALUE=DATE:20250301", "DTEND;VALUE=DATE:20250304"), "date", "2025-03-01", "2025-03-04"),
        (("DTSTART;VALUE=DATE:20250301", "DURATION:P2D"), "date", "2025-03-01", "2025-03-03"),
        (("DTSTART;VALUE=DATE:20250301", "DURATION:PT36H"), "date", "2025-03-01", "2025-03-03"),
        (("DTSTART;VALUE=DATE:20250301", "DTEND:20250302T100000"), "date", "2025-03-01", "2025-03-03"),
        (("DTSTART:20250301T090000",), "floating", "2025-03-01T09:00", "2025-03-01T09:00"),
        (("DTSTART:20250301T090000Z", "DURATION:PT90M"), "utc", "2025-03-01T09:00", "2025-03-01T10:30"),
        (("DTSTART:20250301T090000Z", "DTEND;VALUE=DATE:20250302"), "utc", "2025-03-01T09:00", "2025-03-02"),
        (
            ("DTSTART;TZID=Europe/Berlin:20250329T120000", "DURATION:P1DT1H"),
            "zoned",
            "2025-03-29T12:00",
            "2025-03-30T13:00",
        ),
        (
            ("DTSTART;TZID=Europe/Berlin:20250329T120000", "DTEND:20250329T130000"),
            "zoned",
            "2025-03-29T12:00",
            "2025-03-29T13:00",
        ),
    ],
)
def test_when_it_ends(lines: tuple[str, ...], kind: str, start: str, end: str) -> None:
    one = event("UID:a", *lines)
    assert one.start is not None
    assert one.end is not None
    assert (one.start.kind, one.start.local, one.end.local) == (
        TimeKind(kind),
        datetime.fromisoformat(start),
        datetime.fromisoformat(end),
    )


def test_the_last_day_there_is_has_no_day_after() -> None:
    one = event("UID:a", "DTSTART;VALUE=DATE:99991231")
    assert (one.end, one.issues) == (None, ("out_of_range",))


def test_attendees_are_kept_one_by_one() -> None:
    one = event(
        "UID:a",
        START,
        'ATTENDEE;CN="Doe, Jane";ROLE=req-participant;PARTSTAT=ACCEPTED;CUTYPE=ROOM;RSVP=TRUE;X-A=1:mailto:J@x.org',
        "ATTENDEE:mailto:J@x.org",
        "ATTENDEE;EMAIL=k@x.org:urn:uuid:1",
        "ATTENDEE:Name <n@x.org>",
        "ATTENDEE:/principals/1",
    )
    assert [person.email for person in one.attendees] == ["j@x.org", "j@x.org", "k@x.org", "n@x.org", None]
    first = one.attendees[0]
    assert (first.address, first.cn, first.role, first.partstat, first.cutype, first.rsvp, first.params) == (
        "mailto:J@x.org",
        "Doe, Jane",
        "REQ-PARTICIPANT",
        "ACCEPTED",
        "ROOM",
        True,
        {"X-A": ["1"]},
    )


def test_alarms_are_rows_good_or_bad() -> None:
    one = event(
        "UID:a",
        START,
        "BEGIN:VALARM",
        "ACTION:display",
        "TRIGGER;RELATED=END:-PT15M",
        "REPEAT:2",
        "DURATION:PT5M",
        "DESCRIPTION:x",
        "END:VALARM",
        "BEGIN:VALARM",
        "ACTION:AUDIO",
        "TRIGGER;VALUE=DATE-TIME:20250301T080000Z",
        "END:VALARM",
        "BEGIN:VALARM",
        "TRIGGER:whenever",
        "REPEAT:99999999999",
        "END:VALARM",
        "BEGIN:VALARM",
        "ACTION:AUDIO",
        "TRIGGER:PT0S",
        "BEGIN:VALARM",
        "ACTION:AUDIO",
        "TRIGGER:PT0S",
        "END:VALARM",
    )
    first, second, third, fourth, fifth = one.alarms
    assert (first.action, first.trigger_rel, first.repeat_count, first.description, first.issues) == (
        "DISPLAY",
        "END",
        2,
        "x",
        (),
    )
    assert first.trigger_offset is not None
    assert first.trigger_offset.total_seconds() == -900
    assert second.trigger_at == datetime(2025, 3, 1, 8, tzinfo=UTC)
    assert third.issues == ("no_action", "bad_value:TRIGGER", "bad_value:REPEAT")
    assert (fourth.issues, fifth.issues) == (("unterminated",), ())


def test_lines_of_other_nested_components_are_nobodys() -> None:
    one = event("UID:a", START, "BEGIN:X-ROOM", "SUMMARY:not this", "END:X-ROOM", "SUMMARY:this")
    assert one.summary == "this"


def test_recurrence_dates_each_for_itself() -> None:
    one = event(
        "UID:a",
        START,
        "RDATE;VALUE=DATE:20250302,bad,20250303",
        "EXDATE;TZID=Europe/Berlin:20250304T090000",
        "RDATE;VALUE=PERIOD:20250305T090000Z/-PT1H",
    )
    assert [(entry.kind, entry.moment.kind.value) for entry in one.dates] == [
        ("RDATE", "date"),
        ("RDATE", "date"),
        ("RDATE", "utc"),
        ("EXDATE", "zoned"),
    ]
    assert one.issues == ("bad_value:RDATE", "negative_duration")


def test_too_many_lines_are_not_taken_apart() -> None:
    found = read_event(text("UID:a", *["X:1"] * MOST_LINES), ZoneTable())
    assert isinstance(found, Rejected)
    assert found.stage == "size"


def test_bytes_that_are_no_utf8_are_an_issue() -> None:
    found = read_event(b"BEGIN:VEVENT\nUID:a\nSUMMARY:caf\xe9\0\nEND:VEVENT", ZoneTable())
    assert isinstance(found, Event)
    assert (found.summary, found.issues) == ("café", ("encoding",))


NAMES = st.sampled_from(
    ["DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "ATTENDEE", "RECURRENCE-ID", "GEO", "X"]
)
PARAMS = st.sampled_from(
    ["", ";TZID=Europe/Berlin", ";VALUE=DATE", ";VALUE=PERIOD", ';X="a:b"', ";RANGE=THISANDFUTURE", ";"]
)
VALUES = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["20250301", "20250301T090000Z", "99991231T235959", "00010101T000000", "P1D", "-P9W", "1;2", "FREQ=DAILY"]
    ),
)


@given(st.lists(st.tuples(NAMES, PARAMS, VALUES), max_size=12))
def test_any_lines_are_an_event_or_rejected(lines: list[tuple[str, str, str]]) -> None:
    written = "\n".join(["BEGIN:VEVENT", *(f"{name}{params}:{value}" for name, params, value in lines), "END:VEVENT"])
    found = read_event(written.encode("utf-8", "replace"), ZoneTable())
    assert isinstance(found, (Event, Rejected))
