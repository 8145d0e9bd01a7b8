from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.cron import parse_cron


@pytest.mark.parametrize(
    ("line", "weekdays"),
    [
        ("0 0 * * 0", (0,)),
        ("0 0 * * 7", (0,)),
        ("0 0 * * 1", (1,)),
        ("0 0 * * sun", (0,)),
        ("0 0 * * MON-Fri", (1, 2, 3, 4, 5)),
        ("0 0 * * 5-7", (0, 5, 6)),
        ("0 0 * * 1-5/2", (1, 3, 5)),
        ("0 0 * * */2", (0, 2, 4, 6)),
        ("0 0 * * 6,0", (0, 6)),
        ("@weekly", (0,)),
    ],
)
def test_weekdays_are_those_of_cron(line: str, weekdays: tuple[int, ...]) -> None:
    assert parse_cron(line).weekdays == weekdays


def test_steps_ranges_lists_and_names() -> None:
    cron = parse_cron("5/20 7-9,22 1,15 jan-mar *")
    assert (cron.minutes, cron.hours, cron.days, cron.months) == ((5, 25, 45), (7, 8, 9, 22), (1, 15), (1, 2, 3))
    assert not cron.either
    assert parse_cron("@hourly") == parse_cron("0 * * * *")


def test_date_or_weekday_when_both_are_restricted() -> None:
    friday, thirteenth, neither = datetime(2026, 11, 27), datetime(2026, 12, 13), datetime(2026, 11, 26)  # noqa: DTZ001
    both = parse_cron("0 0 13 * 5")
    assert [both.matches(day) for day in (friday, thirteenth, neither)] == [True, True, False]
    assert [parse_cron("0 0 * * 5").matches(day) for day in (friday, thirteenth)] == [True, False]
    # A star with a step restricts nothing in the sense of the rule (crontab(5), BUGS).
    assert not parse_cron("0 0 */2 * 5").either


@pytest.mark.parametrize(
    "line",
    [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "* * * * L",
        "*/0 * * * *",
        "*/x * * * *",
        "5-2 * * * *",
        "1,,2 * * * *",
        "-1 * * * *",
        "* * * foo *",
        "٣ * * * *",
        "0 0 30 2 *",
        "0 0 31 2,4 *",
        "@reboot",
    ],
)
def test_refuses_what_is_no_cron_line(line: str) -> None:
    with pytest.raises(ValueError, match=r".{12}"):
        parse_cron(line)


@given(
    st.integers(0, 59),
    st.integers(0, 23),
    st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2035, 1, 1)),  # noqa: DTZ001
)
def test_a_daily_line_matches_one_minute_of_a_day(minute: int, hour: int, day: datetime) -> None:
    cron = parse_cron(f"{minute} {hour} * * *")
    start = day.replace(hour=0, minute=0, second=30)
    hits = [start + timedelta(minutes=n) for n in range(1440) if cron.matches(start + timedelta(minutes=n))]
    assert [(hit.hour, hit.minute) for hit in hits] == [(hour, minute)]
