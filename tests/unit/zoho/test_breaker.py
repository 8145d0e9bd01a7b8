"""The circuit breaker of one org."""

import pytest

from syncd.errors import Unreachable
from syncd.zoho.breaker import Breaker
from tests.unit.zoho.mock_zoho import Clock


def broken(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        breaker.enter()
        breaker.broke()


def test_it_opens_after_ten_broken_calls_in_a_row() -> None:
    breaker = Breaker(monotonic=Clock())
    broken(breaker, 9)
    breaker.answered()
    broken(breaker, 9)
    assert not breaker.is_open
    broken(breaker, 1)
    assert breaker.is_open
    with pytest.raises(Unreachable, match="10 calls in a row"):
        breaker.enter()


def test_open_it_lets_one_probe_a_minute_through_and_closes_on_an_answer() -> None:
    clock = Clock()
    breaker = Breaker(monotonic=clock)
    broken(breaker, 10)
    clock.now += 61
    breaker.enter()
    with pytest.raises(Unreachable):
        breaker.enter()
    breaker.broke()
    clock.now += 59
    with pytest.raises(Unreachable):
        breaker.enter()
    clock.now += 1
    breaker.enter()
    breaker.answered()
    assert not breaker.is_open
    breaker.enter()
