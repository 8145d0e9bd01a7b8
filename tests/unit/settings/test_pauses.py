"""The longest pause of a crontab line, against a walk over every minute."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.core.cron import parse_cron
from syncd.settings.pauses import longest_pause


@pytest.mark.parametrize(
    ("line", "pause"),
    [
        ("* * * * *", timedelta(minutes=1)),
        ("*/15 * * * *", timedelta(minutes=15)),
        ("0 3 * * *", timedelta(days=1)),
        ("0 3 * * 0", timedelta(days=7)),
        ("0 3 * * 7", timedelta(days=7)),
        ("0 3 1 * *", timedelta(days=31)),
        ("0 0 29 2 *", timedelta(days=4 * 365 + 1)),
        ("30 6,18 * * 1-5", timedelta(days=2, hours=12)),
        ("@hourly", timedelta(hours=1)),
    ],
)
def test_known_lines(line: str, pause: timedelta) -> None:
    assert longest_pause(line) == pause


minutes = st.sampled_from(["0", "*/20", "5,50", "10-12"])
hours = st.sampled_from(["*", "3", "*/7", "8-18", "0,23"])
days = st.sampled_from(["*", "1-5,20", "*/9"])
weekdays = st.sampled_from(["*", "1-5", "0", "2,4"])


@settings(max_examples=8)
@given(minutes, hours, days, weekdays)
def test_no_walk_over_minutes_finds_a_longer_one(minute: str, hour: str, day: str, weekday: str) -> None:
    line = f"{minute} {hour} {day} * {weekday}"
    cron = parse_cron(line)
    first = datetime(2027, 1, 1)  # noqa: DTZ001  # wall time
    turns = [at for at in (first + timedelta(minutes=n) for n in range(35 * 1440)) if cron.matches(at)]
    walked = max((later - earlier for earlier, later in pairwise(turns)), default=timedelta(0))
    assert longest_pause(line) >= walked
    if day == "*":  # then it repeats every week, so the walk has seen all
        assert longest_pause(line) == walked
