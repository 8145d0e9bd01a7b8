"""The first pass: zones from anywhere, the calendar's lines, identities that come twice."""

from hypothesis import given
from hypothesis import strategies as st

from syncd.core.calendar.survey import Identities, survey

ZONE = b"BEGIN:VTIMEZONE\nTZID:Mine\nBEGIN:STANDARD\nTZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE\n"


def event(uid: str, *lines: str) -> bytes:
    return "\n".join(["BEGIN:VEVENT", f"UID:{uid}", *lines, "END:VEVENT", ""]).encode()


def test_zones_behind_the_events_are_found() -> None:
    found = survey([b"BEGIN:VCALENDAR\nX-WR-TIMEZONE:Mine\n", event("a"), ZONE, b"END:VCALENDAR\n"])
    assert [(calendar, zone.tzid) for calendar, zone in found.definitions] == [(1, "Mine")]
    assert found.lines == [(1, b"X-WR-TIMEZONE:Mine")]
    assert (found.events, found.tally.complete) == (1, True)
    assert found.zones().rules("Mine", 1) is not None


def test_what_comes_twice_is_known() -> None:
    recurrence = "RECURRENCE-ID:20250101T000000Z"
    found = survey(
        [event("a"), event("b"), event("c"), event("c", recurrence), event("b"), event("d", "UID:d"), b"BEGIN:VEV"]
    )
    repeated = {(uid, flag) for uid in "abcd" for flag in (True, False) if found.identities.is_repeated((uid, flag))}
    assert repeated == {("b", False)}


@given(st.lists(st.integers(0, 50), max_size=100))
def test_nothing_that_came_twice_is_missed(values: list[int]) -> None:
    identities = Identities()
    for value in values:
        identities.add(value)
    assert all(identities.is_repeated(value) for value in values if values.count(value) > 1)
