"""The questions people ask: the week, who is busy, what collides, what a property says, what is wrong."""

from datetime import UTC, datetime

from syncd.core.calendar.agenda import agenda_text
from syncd.postgres.calendar import agenda
from tests.integration.postgres.calendars import Connection, load, rows, vcalendar, vevent


def meeting(uid: str, start: str, end: str, *people: str, **lines: str) -> str:
    return vevent(
        uid,
        f"DTEND:{end}",
        *(
            f"ATTENDEE;PARTSTAT={'DECLINED' if name.startswith('-') else 'ACCEPTED'}:mailto:{name.strip('-')}@x.org"
            for name in people
        ),
        *(f"{name}:{value}" for name, value in lines.items()),
        start=f"DTSTART:{start}",
    )


WEEK = vcalendar(
    meeting(
        "a", "20250303T090000Z", "20250303T100000Z", "ann", "bob", SUMMARY="Stand-up", ORGANIZER="mailto:Eve@x.org"
    ),
    meeting("b", "20250303T093000Z", "20250303T110000Z", "ann", "-bob", SUMMARY="Review"),
    meeting("c", "20250303T093000Z", "20250303T094500Z", "ann", SUMMARY="Free", TRANSP="TRANSPARENT"),
    meeting("d", "20250303T100000Z", "20250303T103000Z", "bob", SUMMARY="Next"),
    vevent("e", "SUMMARY:Away", "ATTENDEE:mailto:ann@x.org", start="DTSTART;VALUE=DATE:20250305"),
    vevent(
        "f",
        "SUMMARY:Summer time",
        "DTEND;TZID=Europe/Berlin:20250330T040000",
        start="DTSTART;TZID=Europe/Berlin:20250330T010000",
    ),
)


def test_the_agenda_by_day_and_by_person(connection: Connection) -> None:
    load(connection, WEEK)
    start = datetime(2025, 3, 3, tzinfo=UTC)
    found = agenda(connection, start, schema="zoho")
    assert [entry.uid for entry in found] == ["a", "c", "b", "d", "e"]
    assert found[0].attendees == ("ann@x.org", "bob@x.org")
    assert [entry.uid for entry in agenda(connection, start, schema="zoho", email=" EVE@x.org ")] == ["a"]
    assert [entry.uid for entry in agenda(connection, start, schema="zoho", days=2, email="ann@x.org")] == [
        "a",
        "c",
        "b",
    ]
    assert agenda(connection, start, schema="zoho", key="other") == ()
    assert len(agenda(connection, start, schema="zoho", most=2)) == 2
    text = agenda_text(found)
    assert "Monday, 3 March 2025\n  09:00-10:00   Stand-up · UTC · 2 attendees" in text
    assert "  all day       Away" in text


def test_an_event_over_a_change_of_offset_ends_when_its_clock_says(connection: Connection) -> None:
    load(connection, WEEK)
    (entry,) = agenda(connection, datetime(2025, 3, 29, 20, tzinfo=UTC), schema="zoho", days=1)
    assert (entry.starts.hour, entry.ends.hour, entry.end_at - entry.start_at) == (
        1,
        4,
        entry.ends.replace(hour=2) - entry.ends.replace(hour=0),
    )


def test_who_is_busy_and_what_collides(connection: Connection) -> None:
    load(connection, WEEK)
    busy = rows(
        connection, "SELECT email, uid FROM calendar_busy b JOIN calendar_event e USING (event_id) ORDER BY 1, 2"
    )
    assert busy == [
        ("ann@x.org", "a"),
        ("ann@x.org", "b"),
        ("ann@x.org", "e"),
        ("bob@x.org", "a"),
        ("bob@x.org", "d"),
        ("eve@x.org", "a"),
    ]
    collisions = rows(
        connection,
        "SELECT c.email, a.uid, b.uid, lower(overlap), upper(overlap) FROM calendar_conflict c "
        "JOIN calendar_event a ON a.event_id = c.event_id JOIN calendar_event b ON b.event_id = c.other_event_id",
    )
    assert collisions == [
        ("ann@x.org", "a", "b", datetime(2025, 3, 3, 9, 30, tzinfo=UTC), datetime(2025, 3, 3, 10, tzinfo=UTC))
    ]


def test_a_meeting_without_an_end_collides_too(connection: Connection) -> None:
    load(
        connection,
        vcalendar(
            meeting("a", "20250303T090000Z", "20250303T100000Z", "ann"), vevent("b", "ATTENDEE:mailto:ann@x.org")
        ),
    )
    assert rows(connection, "SELECT count(*) FROM calendar_conflict") == [(1,)]


def test_every_property_is_there(connection: Connection) -> None:
    load(connection, vcalendar(vevent("a", 'X-OWN;CN="a,b";MEMBER="c","d":value \\, as written')))
    found = rows(connection, "SELECT ord, name, params, value FROM calendar_property WHERE name LIKE 'X-%%'", *())
    assert found == [(3, "X-OWN", [["CN", ["a,b"]], ["MEMBER", ["c", "d"]]], "value \\, as written")]


def test_health_counts_what_is_wrong(connection: Connection) -> None:
    load(
        connection,
        vcalendar(
            vevent("a", "PRIORITY:x"),
            vevent("b", "RRULE:FREQ=SECONDLY"),
            vevent("c", "RECURRENCE-ID:20250303T090000Z"),
            vevent("d", start="DTSTART;TZID=Mars/Olympus:20250303T090000"),
            vevent("e", start="DTSTART:x"),
        ),
    )
    assert set(rows(connection, "SELECT kind, what, events FROM calendar_health")) == {
        ("issue", "bad_value:PRIORITY", 1),
        ("expansion", "refused", 1),
        ("orphan", "override without its series", 1),
        ("unresolved zone", "Mars/Olympus", 1),
        ("quarantine", "time", 1),
    }
