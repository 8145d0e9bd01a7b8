from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.cron import parse_cron
from syncd.core.model import StreamKey
from syncd.daemon.schedule import Timing, due_at, trigger_for

KEY = StreamKey("default", "Leads")
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)  # a Wednesday
QUARTER = Timing(every=timedelta(minutes=15))


def turns(timing: Timing, start: datetime, count: int, key: StreamKey = KEY) -> list[datetime]:
    trigger, found, previous = trigger_for(key, timing), [], None
    now = start
    for _ in range(count):
        previous = trigger.get_next_fire_time(previous, now)
        assert previous is not None
        now = previous + timedelta(microseconds=1)
        found.append(previous.astimezone(UTC))
    return found


@given(st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=7)), st.integers(0, 10**6))
def test_an_interval_comes_within_itself_and_keeps_its_place(every: timedelta, later: int) -> None:
    timing = Timing(every=every)
    first, second = turns(timing, NOW, 2)
    assert NOW <= first <= NOW + every + timedelta(milliseconds=1)
    assert abs(second - first - every) < timedelta(milliseconds=1)
    # Whenever the daemon starts again, the stream's turn lies at the same place of its interval.
    again = turns(timing, NOW + timedelta(seconds=later), 1)[0]
    offset = ((again - first) / every) % 1.0
    assert min(offset, 1 - offset) < 0.01


def test_streams_of_one_interval_do_not_start_together() -> None:
    firsts = {turns(QUARTER, NOW, 1, StreamKey("default", name))[0] for name in ("Leads", "Deals", "Tasks", "Events")}
    assert len(firsts) == 4


def test_cron_weekdays_begin_with_sunday() -> None:
    monday = Timing(every=timedelta(days=7), cron="0 3 * * 1")
    assert [turn.isoweekday() for turn in turns(monday, NOW, 3)] == [1, 1, 1]
    assert [turn.isoweekday() for turn in turns(Timing(every=timedelta(days=7), cron="0 3 * * 0"), NOW, 2)] == [7, 7]
    assert [turn.isoweekday() for turn in turns(Timing(every=timedelta(days=7), cron="0 3 * * 7"), NOW, 2)] == [7, 7]


LINES = st.tuples(
    st.sampled_from(["0", "*/15", "7,37", "59"]),
    st.sampled_from(["*", "3", "7-19", "*/6"]),
    st.sampled_from(["*", "1", "13,28", "*/10", "31"]),
    st.sampled_from(["*", "1-3", "feb,nov", "12"]),
    st.sampled_from(["*", "1-5", "0", "7", "fri-sun", "*/2"]),
).map(" ".join)


@given(LINES, st.datetimes(min_value=datetime(2024, 1, 1), max_value=datetime(2030, 1, 1)))  # noqa: DTZ001
def test_the_trigger_means_what_the_line_says(line: str, start: datetime) -> None:
    """The scheduler library and the line's own definition agree on the next turn."""
    try:
        cron = parse_cron(line)
    except ValueError:
        return
    start = start.replace(tzinfo=UTC, second=0, microsecond=0)
    turn = turns(Timing(every=timedelta(days=1), cron=line), start, 1)[0]
    assert cron.matches(turn)
    assert turn.second == 0
    minutes = min(int((turn - start).total_seconds() // 60), 3000)
    assert not any(cron.matches(start + timedelta(minutes=minute)) for minute in range(minutes))


def test_a_line_is_read_in_its_zone() -> None:
    berlin = Timing(every=timedelta(days=1), cron="30 6 * * *", timezone="Europe/Berlin")
    assert turns(berlin, NOW, 1) == [datetime(2026, 11, 26, 5, 30, tzinfo=UTC)]
    summer = datetime(2026, 7, 1, tzinfo=ZoneInfo("Europe/Berlin"))
    assert turns(berlin, summer, 1) == [datetime(2026, 7, 1, 4, 30, tzinfo=UTC)]


def test_what_is_no_line_is_refused() -> None:
    with pytest.raises(ValueError, match="five fields"):
        trigger_for(KEY, Timing(every=timedelta(days=1), cron="daily"))


@given(st.one_of(st.none(), st.timedeltas(min_value=timedelta(days=-3), max_value=timedelta(days=3))))
def test_an_interval_is_due_after_its_last_end(since: timedelta | None) -> None:
    last = None if since is None else NOW - since
    due = due_at(KEY, QUARTER, last_finished=last, now=NOW)
    assert due <= NOW + QUARTER.every
    if last is None:
        assert due == NOW
    elif last <= NOW:
        assert due == last + QUARTER.every


@pytest.mark.parametrize(
    ("last", "due"),
    [
        (None, datetime(2026, 11, 26, 2, 0, tzinfo=UTC)),
        (datetime(2026, 11, 25, 2, 20, tzinfo=UTC), datetime(2026, 11, 26, 2, 0, tzinfo=UTC)),
        (datetime(2026, 11, 25, 2, 0, tzinfo=UTC), datetime(2026, 11, 26, 2, 0, tzinfo=UTC)),
        (datetime(2026, 11, 25, 1, 59, tzinfo=UTC), datetime(2026, 11, 25, 2, 0, tzinfo=UTC)),
        (datetime(2026, 11, 20, 2, 20, tzinfo=UTC), datetime(2026, 11, 21, 2, 0, tzinfo=UTC)),
        (datetime(2027, 1, 1, tzinfo=UTC), datetime(2026, 11, 26, 2, 0, tzinfo=UTC)),
    ],
)
def test_a_missed_cron_turn_is_due_and_nothing_else(last: datetime | None, due: datetime) -> None:
    nightly = Timing(every=timedelta(days=1), cron="0 2 * * *")
    assert due_at(KEY, nightly, last_finished=last, now=NOW) == due
