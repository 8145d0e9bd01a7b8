from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from syncd.core.model import StreamKey
from syncd.daemon.backoff import FIRST, LONGEST, retry_wait, share, start_offset

KEYS = st.builds(StreamKey, st.text(max_size=8), st.text(max_size=20))
EVERY = st.timedeltas(min_value=timedelta(milliseconds=1), max_value=timedelta(days=30))


@given(st.integers(1, 10_000), KEYS, EVERY)
def test_bounds(failures: int, key: StreamKey, every: timedelta) -> None:
    wait = retry_wait(failures, key, every=every)
    assert 0.8 * min(FIRST, every).total_seconds() <= wait <= LONGEST.total_seconds()
    assert wait == retry_wait(failures, key, every=every)


@given(KEYS, EVERY)
def test_grows_in_spite_of_the_spread_until_the_cap(key: StreamKey, every: timedelta) -> None:
    waits = [retry_wait(failures, key, every=every) for failures in range(1, 40)]
    growing = [wait for wait in waits if wait < 0.75 * LONGEST.total_seconds()]
    assert growing == sorted(growing)
    assert waits[-1] >= 0.8 * LONGEST.total_seconds()


def test_a_quick_stream_is_retried_at_its_own_pace() -> None:
    assert retry_wait(1, StreamKey("a", "B"), every=timedelta(seconds=1)) <= 1.0


@given(KEYS, EVERY)
def test_the_offset_lies_in_the_interval(key: StreamKey, every: timedelta) -> None:
    assert timedelta(0) <= start_offset(key, every) <= every


def test_streams_are_spread_evenly() -> None:
    shares = sorted(share(StreamKey("default", f"Module_{number}")) for number in range(200))
    gaps = [later - earlier for earlier, later in pairwise(shares)]
    assert max(gaps) < 0.05
    assert 0.0 <= shares[0] < shares[-1] < 1.0
