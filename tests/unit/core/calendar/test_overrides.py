"""Events that stand in for an occurrence of their series, or for all from one on."""

import pytest

from syncd.core.calendar.series import expand
from tests.unit.core.calendar.made import BERLIN, HORIZON, event, occurrences, starts

SERIES = event(
    "UID:a",
    "DTSTART;TZID=Europe/Berlin:20250303T090000",
    "DTEND;TZID=Europe/Berlin:20250303T100000",
    "RRULE:FREQ=DAILY;COUNT=5",
)


def override(recurrence: str, *lines: str):  # type: ignore[no-untyped-def]
    return event("UID:a", recurrence, *lines)


@pytest.mark.parametrize(
    "recurrence",
    [
        "RECURRENCE-ID;TZID=Europe/Berlin:20250305T090000",
        "RECURRENCE-ID:20250305T080000Z",
        "RECURRENCE-ID;TZID=America/New_York:20250305T030000",
        "RECURRENCE-ID:20250305T090000",
        "RECURRENCE-ID;VALUE=DATE:20250305",
        "RECURRENCE-ID;TZID=Mars/Olympus:20250305T090000",
    ],
)
def test_it_takes_the_place_of_the_occurrence_it_names(recurrence: str) -> None:
    moved = override(recurrence, "DTSTART;TZID=Europe/Berlin:20250305T150000", "SUMMARY:moved")
    assert starts(SERIES, moved) == [
        "2025-03-03 09:00",
        "2025-03-04 09:00",
        "2025-03-05 15:00",
        "2025-03-06 09:00",
        "2025-03-07 09:00",
    ]
    (one,) = (each for each in occurrences(SERIES, moved) if each.member == 1)
    assert (one.series, one.key) == (0, moved.recurrence_key)


def test_a_cancelled_one_only_takes_away() -> None:
    gone = override("RECURRENCE-ID:20250305T080000Z", "STATUS:CANCELLED")
    assert starts(SERIES, gone) == ["2025-03-03 09:00", "2025-03-04 09:00", "2025-03-06 09:00", "2025-03-07 09:00"]


def test_one_without_a_start_keeps_the_time() -> None:
    named = override("RECURRENCE-ID:20250305T080000Z", "SUMMARY:named", "TRANSP:TRANSPARENT")
    (one,) = (each for each in occurrences(SERIES, named) if each.member == 1)
    assert (f"{one.start_local:%d %H:%M}", one.is_busy) == ("05 09:00", False)


def test_one_that_matches_nothing_is_an_occurrence_more() -> None:
    extra = override("RECURRENCE-ID:20260101T000000Z", "DTSTART:20260101T120000Z")
    assert len(starts(SERIES, extra)) == 6
    assert starts(SERIES, extra)[-1] == "2026-01-01 12:00"


def test_this_and_future_moves_the_later_ones_too() -> None:
    moved = override(
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20250305T080000Z",
        "DTSTART;TZID=Europe/Berlin:20250305T100000",
        "DTEND;TZID=Europe/Berlin:20250305T120000",
    )
    single = override("RECURRENCE-ID:20250306T080000Z", "DTSTART;TZID=Europe/Berlin:20250306T070000")
    found = occurrences(SERIES, moved, single)
    assert [f"{one.start_local:%d %H:%M}" for one in found] == [
        "03 09:00",
        "04 09:00",
        "05 10:00",
        "06 07:00",
        "07 10:00",
    ]
    assert [one.member for one in found] == [0, 0, 1, 2, 1]
    assert [one.key for one in found][-1] == "20250307T080000Z"
    assert found[-1].end_at - found[-1].start_at == 2 * (found[0].end_at - found[0].start_at)


def test_this_and_future_cancelled_ends_the_series() -> None:
    gone = override("RECURRENCE-ID;RANGE=THISANDFUTURE:20250305T080000Z", "STATUS:CANCELLED")
    assert starts(SERIES, gone) == ["2025-03-03 09:00", "2025-03-04 09:00"]


def test_a_later_range_takes_over_from_an_earlier_one() -> None:
    first = override("RECURRENCE-ID;RANGE=THISANDFUTURE:20250304T080000Z", "DTSTART;TZID=Europe/Berlin:20250304T100000")
    second = override(
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20250306T080000Z", "DTSTART;TZID=Europe/Berlin:20250306T080000"
    )
    assert [one[-5:] for one in starts(SERIES, second, first)] == ["09:00", "10:00", "10:00", "08:00", "08:00"]


def test_an_override_wins_over_an_exception_of_the_same_time() -> None:
    series = event("UID:a", "DTSTART:20250303T090000Z", "RRULE:FREQ=DAILY;COUNT=2", "EXDATE:20250304T090000Z")
    moved = override("RECURRENCE-ID:20250304T090000Z", "DTSTART:20250304T120000Z")
    assert starts(series, moved) == ["2025-03-03 09:00", "2025-03-04 12:00"]


def test_all_day_overrides_and_overrides_of_all_day_series() -> None:
    days = event("UID:a", "DTSTART;VALUE=DATE:20250303", "RRULE:FREQ=DAILY;COUNT=2")
    timed = override("RECURRENCE-ID:20250304T000000Z", "DTSTART;TZID=Europe/Berlin:20250304T120000")
    assert starts(days, timed) == ["2025-03-03 00:00", "2025-03-04 12:00"]
    day = override("RECURRENCE-ID:20250305T080000Z", "DTSTART;VALUE=DATE:20250305")
    assert [one.all_day for one in occurrences(SERIES, day)].count(True) == 1


def test_orphans_stand_for_themselves() -> None:
    one = override("RECURRENCE-ID:20250305T080000Z", "DTSTART:20250305T120000Z")
    two = override("RECURRENCE-ID:20250306T080000Z", "DTSTART:20250306T120000Z")
    found, expansions = expand([one, two], HORIZON, BERLIN)
    assert [(each.series, each.member, each.key) for each in found] == [
        (0, 0, "20250305T080000Z"),
        (1, 1, "20250306T080000Z"),
    ]
    assert {each.kind for each in expansions} == {"orphan"}


def test_a_rule_beside_a_recurrence_id_without_a_series_is_a_series() -> None:
    detached = override("RECURRENCE-ID:20250305T080000Z", "DTSTART:20250305T080000Z", "RRULE:FREQ=DAILY;COUNT=3")
    found, (expansion,) = expand([detached], HORIZON, BERLIN)
    assert (len(found), expansion.kind, expansion.state) == (3, "series", "ok")


def test_kinds_are_told() -> None:
    moved = override("RECURRENCE-ID:20250305T080000Z", "DTSTART:20250305T120000Z")
    assert [each.kind for each in expand([SERIES, moved], HORIZON, BERLIN)[1]] == ["series", "override"]
    assert expand([SERIES, moved], HORIZON, BERLIN)[1][1].last_end is not None
