"""Waits: they grow, they are capped, they end."""

from hypothesis import given
from hypothesis import strategies as st

from syncd.core.pacing import PollPace, RetryPace


@given(st.integers(0, 10_000), st.floats(0.01, 5), st.floats(5, 100))
def test_polls_never_come_faster_than_the_first_nor_slower_than_the_longest(
    looks: int, first: float, most: float
) -> None:
    pace = PollPace(first, most)
    assert first <= pace.wait(looks) <= most
    assert pace.wait(looks) <= pace.wait(looks + 1)


@given(st.integers(1, 50), st.floats(0, 1, exclude_max=True))
def test_retries_are_bounded_in_number_and_length(failures: int, chance: float) -> None:
    pace = RetryPace(1, 20, 5)
    wait = pace.wait(failures, chance)
    assert (wait is None) == (failures > 5)
    assert wait is None or 0 < wait <= 20
