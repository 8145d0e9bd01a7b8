"""Series as people see them: exceptions, additions, overrides, and wall clocks over changes of offset."""

from datetime import UTC, date, datetime

import pytest

from syncd.core.calendar.model import Horizon
from syncd.core.calendar.patience import Patience
from syncd.core.calendar.rules import MOST_OCCURRENCES
from syncd.core.calendar.series import expand
from tests.unit.core.calendar.made import BERLIN, HORIZON, event, occurrences, starts

WEEKLY = (
    "UID:a",
    "DTSTART;TZID=America/New_York:20250301T090000",
    "DTEND;TZID=America/New_York:20250301T100000",
    "RRULE:FREQ=WEEKLY;COUNT=4",
)


def test_a_meeting_at_nine_stays_at_nine() -> None:
    found = occurrences(event(*WEEKLY))
    assert [f"{one.start_local:%m-%d %H:%M}" for one in found] == [
        "03-01 09:00",
        "03-08 09:00",
        "03-15 09:00",
        "03-22 09:00",
    ]
    assert [f"{one.start_at:%H:%M}" for one in found] == ["14:00", "14:00", "13:00", "13:00"]
    assert [one.key for one in found] == [
        "20250301T140000Z",
        "20250308T140000Z",
        "20250315T130000Z",
        "20250322T130000Z",
    ]
    assert {(one.tz, one.basis, one.is_busy) for one in found} == {("America/New_York", "zoned", True)}


@pytest.mark.parametrize(
    "exception",
    [
        "EXDATE;TZID=America/New_York:20250308T090000",
        "EXDATE:20250308T140000Z",
        "EXDATE;TZID=Europe/Berlin:20250308T150000",
        "EXDATE:20250308T090000",
        "EXDATE;VALUE=DATE:20250308",
    ],
)
def test_an_exception_takes_out_what_it_means(exception: str) -> None:
    assert starts(event(*WEEKLY, exception)) == ["2025-03-01 09:00", "2025-03-15 09:00", "2025-03-22 09:00"]


def test_an_exception_rule_takes_out_what_it_matches() -> None:
    every_other = event(*WEEKLY, "EXRULE:FREQ=WEEKLY;INTERVAL=2")
    assert starts(every_other) == ["2025-03-08 09:00", "2025-03-22 09:00"]
    no_start = event(*WEEKLY, "EXRULE:FREQ=MONTHLY;BYMONTHDAY=8")
    assert starts(no_start) == ["2025-03-01 09:00", "2025-03-15 09:00", "2025-03-22 09:00"]
    assert len(starts(event(*WEEKLY, "EXRULE:FREQ=SECONDLY"))) == 4


def test_the_start_can_be_excepted() -> None:
    assert starts(event(*WEEKLY, "EXDATE:20250301T140000Z"))[0] == "2025-03-08 09:00"


def test_dates_are_added_periods_with_their_own_end() -> None:
    found = occurrences(
        event(
            "UID:a",
            "DTSTART:20250301T090000Z",
            "DTEND:20250301T100000Z",
            "RDATE:20250302T120000Z",
            "RDATE;VALUE=PERIOD:20250303T120000Z/PT3H,20250304T120000Z/20250304T123000Z",
        )
    )
    assert [(f"{one.start_at:%d %H:%M}", str(one.end_at - one.start_at)) for one in found] == [
        ("01 09:00", "1:00:00"),
        ("02 12:00", "1:00:00"),
        ("03 12:00", "3:00:00"),
        ("04 12:00", "0:30:00"),
    ]


def test_all_day_series_count_in_days() -> None:
    found = occurrences(
        event(
            "UID:a",
            "DTSTART;VALUE=DATE:20250330",
            "DTEND;VALUE=DATE:20250401",
            "RRULE:FREQ=DAILY;COUNT=2",
            "EXDATE;VALUE=DATE:20250331",
        )
    )
    (one,) = found
    assert (one.key, one.all_day, one.start_local.date(), one.end_local.date()) == (
        "20250330",
        True,
        date(2025, 3, 30),
        date(2025, 4, 1),
    )
    assert (one.start_at, one.end_at) == (datetime(2025, 3, 29, 23, tzinfo=UTC), datetime(2025, 3, 31, 22, tzinfo=UTC))


def test_the_end_of_a_rule_in_utc_is_meant_in_the_zone_of_the_start() -> None:
    lines = ("UID:a", "DTSTART;TZID=America/New_York:20250301T200000")
    for until in ("20250306T010000Z", "20250305", "20250305T200000"):
        assert len(starts(event(*lines, f"RRULE:FREQ=DAILY;UNTIL={until}"))) == 5


def test_two_rules_are_one_set() -> None:
    found = starts(event("UID:a", "DTSTART:20250301T090000Z", "RRULE:FREQ=DAILY;COUNT=2", "RRULE:FREQ=WEEKLY;COUNT=2"))
    assert found == ["2025-03-01 09:00", "2025-03-02 09:00", "2025-03-08 09:00"]


def test_two_wall_times_in_a_gap_are_one_occurrence() -> None:
    found = occurrences(
        event("UID:a", "DTSTART;TZID=Europe/Berlin:20250330T023000", "RDATE;TZID=Europe/Berlin:20250330T033000")
    )
    assert [one.start_at for one in found] == [datetime(2025, 3, 30, 1, 30, tzinfo=UTC)]


def test_a_duration_in_days_follows_the_wall_clock_and_one_in_hours_does_not() -> None:
    day = occurrences(event("UID:a", "DTSTART;TZID=Europe/Berlin:20250329T120000", "DURATION:P1D"))[0]
    hours = occurrences(event("UID:a", "DTSTART;TZID=Europe/Berlin:20250329T120000", "DURATION:PT24H"))[0]
    assert (day.end_local.hour, hours.end_local.hour) == (12, 13)


@pytest.mark.parametrize(
    ("horizon", "expected"),
    [
        (Horizon(date(2025, 3, 8), date(2025, 3, 15)), ["2025-03-08 09:00", "2025-03-15 09:00"]),
        (Horizon(date(2025, 3, 9), date(2025, 3, 14)), []),
    ],
)
def test_a_series_is_listed_within_the_horizon(horizon: Horizon, expected: list[str]) -> None:
    assert starts(event(*WEEKLY), horizon=horizon) == expected


def test_what_reaches_into_the_horizon_belongs_to_it() -> None:
    long = event("UID:a", "DTSTART;VALUE=DATE:20250301", "DTEND;VALUE=DATE:20250305", "RRULE:FREQ=MONTHLY")
    found = starts(long, horizon=Horizon(date(2025, 4, 4), date(2025, 4, 30)))
    assert found == ["2025-04-01 00:00"]
    assert starts(long, horizon=Horizon(date(2025, 4, 5), date(2025, 4, 30))) == []


def test_a_single_event_is_listed_whenever_it_is() -> None:
    assert starts(event("UID:a", "DTSTART:19700101T000000Z")) == ["1970-01-01 00:00"]


@pytest.mark.parametrize(
    ("lines", "state", "count"),
    [
        (("RRULE:FREQ=DAILY;COUNT=3",), "ok", 3),
        (("RRULE:FREQ=SECONDLY",), "refused", 1),
        (("RRULE:FREQ=DAILY;INTERVAL=0",), "refused", 1),
        (("RRULE:FREQ=HOURLY",), "capped", MOST_OCCURRENCES),
        (("STATUS:CANCELLED", "RRULE:FREQ=DAILY"), "none", 0),
        ((), "none", 1),
        (("RRULE:FREQ=SECONDLY", "RDATE:20250401T000000Z"), "refused", 2),
        (tuple(f"RRULE:FREQ=DAILY;COUNT=1;INTERVAL={number}" for number in range(1, 30)), "refused", 1),
    ],
)
def test_the_state_says_what_became_of_it(lines: tuple[str, ...], state: str, count: int) -> None:
    found, (expansion,) = expand([event("UID:a", "DTSTART:20250301T090000Z", *lines)], HORIZON, BERLIN)
    assert (expansion.state, len(found)) == (state, count)
    assert (expansion.note is None) == (state in {"ok", "none"})


def test_the_last_end_is_known_where_the_series_ends() -> None:
    _, (finite,) = expand([event(*WEEKLY)], HORIZON, BERLIN)
    assert finite.last_end == datetime(2025, 3, 22, 14, tzinfo=UTC)
    _, (endless,) = expand([event("UID:a", "DTSTART:20250301T090000Z", "RRULE:FREQ=YEARLY")], HORIZON, BERLIN)
    assert endless.last_end is None


def test_floating_times_are_placed_in_the_default_zone_and_say_so() -> None:
    (one,) = occurrences(event("UID:a", "DTSTART:20250701T120000"))
    assert (one.start_at.hour, one.tz, one.basis, one.key) == (10, "Europe/Berlin", "floating", "20250701T120000")
    (one,) = occurrences(event("UID:a", "DTSTART;TZID=Mars/Olympus:20250701T120000"))
    assert (one.basis, one.tz) == ("unresolved", "Europe/Berlin")


def test_the_ends_of_time_hold() -> None:
    horizon = Horizon(date.min, date.max)
    assert len(starts(event("UID:a", "DTSTART:99991231T233000", "RRULE:FREQ=DAILY"), horizon=horizon)) == 1
    (first,) = occurrences(event("UID:a", "DTSTART:00010101T000000"))
    (last,) = occurrences(event("UID:a", "DTSTART;VALUE=DATE:99991231"))
    assert first.start_at.year == 1
    assert first.start_at <= first.end_at
    assert last.start_at <= last.end_at


def test_a_very_long_event_is_listed_with_a_year() -> None:
    _, (expansion,) = expand([event("UID:a", "DTSTART:20250101T000000Z", "DURATION:P10000W")], HORIZON, BERLIN)
    assert expansion.issues == ("long_duration",)
    (one,) = occurrences(event("UID:a", "DTSTART:20250101T000000Z", "DURATION:P10000W"))
    assert (one.end_at - one.start_at).days == 366


def test_patience_runs_out_for_absurd_rules_only() -> None:
    horizon = Horizon(date.min, date.max)
    patience = Patience(1)
    absurd = event("UID:a", "DTSTART:00010101T000000Z", "RRULE:FREQ=DAILY;BYMONTHDAY=31;BYMONTH=2,4")
    _, (first,) = expand([absurd], horizon, BERLIN, patience)
    _, (second,) = expand([absurd], horizon, BERLIN, patience)
    assert first.state == second.state == "capped"
    assert patience.allowance() < 10_000
    _, (fine,) = expand([event(*WEEKLY)], HORIZON, BERLIN, patience)
    assert fine.state == "ok"
