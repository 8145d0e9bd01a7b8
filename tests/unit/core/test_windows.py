"""Window arithmetic: no second is lost or doubled, whatever is cut, sized or moved on."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.limits import BEGINNING
from syncd.core.model import Cursor, Window
from syncd.core.windows import SECOND, catch_up_window, cut, fill_window, settled_until, sized

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
seconds = st.integers(0, 10**9)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    start = draw(moments).replace(microsecond=0)
    return Window(Cursor.MODIFIED, start, start + draw(st.integers(0, 10**8)) * SECOND)


@given(moments, st.floats(0, 3600))
def test_all_of_the_last_settled_second_is_settled(now: datetime, settle: float) -> None:
    lag = timedelta(seconds=settle)
    until = settled_until(now, lag)
    assert until.microsecond == 0
    assert until + SECOND <= now - lag < until + 2 * SECOND


@given(windows(), st.none() | moments)
def test_a_cut_keeps_every_second_once(window: Window, at: datetime | None) -> None:
    if window.seconds == 1:
        with pytest.raises(ValueError, match="one second"):
            cut(window, at)
        return
    early, late = cut(window, at)
    assert (early.start, late.end) == (window.start, window.end)
    assert late.start == early.end + SECOND
    assert early.seconds + late.seconds == window.seconds
    assert min(early.seconds, late.seconds) >= 1


def test_a_cut_ends_its_first_part_at_the_moment_asked_for() -> None:
    window = Window(Cursor.CREATED, NOON, NOON + 9 * SECOND)
    early, late = cut(window, NOON + 2 * SECOND)
    assert (early.end, late.start) == (NOON + 2 * SECOND, NOON + 3 * SECOND)


@given(moments, moments, st.floats(0, 600), st.floats(0, 3600))
def test_catch_up_reaches_back_at_least_two_seconds_and_never_past_what_settled(
    watermark: datetime, now: datetime, settle: float, overlap: float
) -> None:
    watermark = watermark.replace(microsecond=0)
    lag, back = timedelta(seconds=settle), timedelta(seconds=overlap)
    window = catch_up_window(watermark, now, cursor=Cursor.MODIFIED, settle=lag, overlap=back)
    if window is None:
        assert settled_until(now, lag) <= watermark
        return
    assert window.start <= watermark - max(back.total_seconds() // 1, 2) * SECOND
    assert watermark < window.end == settled_until(now, lag)


def test_a_fill_begins_before_any_stamp() -> None:
    assert fill_window(NOON + timedelta(microseconds=5)) == Window(Cursor.CREATED, BEGINNING, NOON)


@given(st.lists(st.integers(0, 5000), max_size=60), st.integers(1, 20))
def test_sized_windows_cover_every_row_once_and_fit(stamps: list[int], rows: int) -> None:
    whole = Window(Cursor.CREATED, NOON, NOON + 5000 * SECOND)
    at = sorted(NOON + stamp * SECOND for stamp in stamps)

    def count(part: Window) -> int:
        return sum(part.start <= moment <= part.end for moment in at)

    parts = sized(whole, count, rows=rows)
    assert all(before.end < after.start for before, after in pairwise(parts))
    assert sum(count(part) for part in parts) == len(at)
    assert all(count(part) <= rows or part.seconds == 1 for part in parts)
    assert all(count(part) for part in parts)


def test_sizing_stops_asking_at_its_cap_and_leaves_the_rest_whole() -> None:
    whole = Window(Cursor.CREATED, BEGINNING, NOON)
    asked: list[Window] = []

    def count(part: Window) -> int:
        asked.append(part)
        return 10**9

    parts = sized(whole, count, rows=1, most=20)
    assert len(asked) <= 21
    assert (parts[0].start, parts[-1].end) == (whole.start, whole.end)
    assert sum(part.seconds for part in parts) == whole.seconds


def test_a_part_that_only_seems_empty_by_subtraction_is_counted_before_it_is_skipped() -> None:
    whole = Window(Cursor.CREATED, NOON, NOON + 9 * SECOND)
    answers = {whole: 6}

    def count(part: Window) -> int:
        # Rows were created between the counts: the early half now holds as many as the whole did.
        return answers.get(part, 6 if part.seconds > 1 else 1)

    parts = sized(whole, count, rows=5)
    assert any(part.end == whole.end for part in parts)
