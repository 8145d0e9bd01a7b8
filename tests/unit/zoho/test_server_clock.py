"""Zoho's clock: carried on, never back, never ahead of what was shown."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from syncd.zoho.server_clock import ServerClock
from tests.unit.zoho.mock_zoho import Clock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_it_is_unknown_until_an_answer_came() -> None:
    assert ServerClock().now() is None


def test_it_goes_on_between_answers_and_follows_the_newest() -> None:
    monotonic = Clock()
    clock = ServerClock(monotonic)
    clock.observe(NOON)
    assert clock.now() == NOON
    monotonic.now += 2.5
    assert clock.now() == NOON + timedelta(seconds=2.5)
    clock.observe(NOON + timedelta(seconds=60))
    assert clock.now() == NOON + timedelta(seconds=60)


def test_it_never_goes_back() -> None:
    monotonic = Clock()
    clock = ServerClock(monotonic)
    clock.observe(NOON)
    monotonic.now += 0.9
    assert clock.now() == NOON + timedelta(seconds=0.9)
    clock.observe(NOON)
    assert clock.now() == NOON + timedelta(seconds=0.9)
    monotonic.now += 1
    assert clock.now() == NOON + timedelta(seconds=1)


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 3)), max_size=20))
def test_it_is_never_ahead_of_a_server_that_cuts_its_seconds(steps: list[tuple[float, float]]) -> None:
    """Whatever the latency: a Date is the second of the answer, and arrives later."""
    monotonic, server = Clock(0.0), NOON + timedelta(seconds=0.7)
    clock = ServerClock(monotonic)
    told = NOON - timedelta(days=1)
    for pause, latency in steps:
        monotonic.now += pause
        answered = server + timedelta(seconds=monotonic.now)
        monotonic.now += latency
        clock.observe(answered.replace(microsecond=0))
        now = clock.now()
        assert now is not None
        assert told <= now <= server + timedelta(seconds=monotonic.now, microseconds=2)
        told = now
