"""The census's decisions: when, over which windows, what its findings allow, and how they are read again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.census import (
    Comparison,
    census_run,
    is_due,
    is_outlived,
    reread_windows,
    scope_of,
    why_not_delete,
    without_gaps,
)
from syncd.core.limits import BEGINNING
from syncd.core.model import Cursor, Run, RunKind, Stream, StreamKey, StreamPolicy, Window
from syncd.core.windows import SECOND, sized

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
FILLED = Stream(key=StreamKey("acme", "Leads"), watermark=NOON - timedelta(hours=1), census_at=NOON - 8 * DAY)
POLICY = StreamPolicy(settle=timedelta(seconds=60), census_every=7 * DAY)
FOUND = Comparison(moment=NOON, exported=95, here=100, missing=0, extra=5, stale=0)
BOTH = {"Created_Time", "Modified_Time", "Name"}


def test_a_census_is_due_after_its_interval_and_never_before_the_first_fill() -> None:
    assert is_due(FILLED, POLICY, now=NOON)
    assert is_due(replace(FILLED, census_at=None), POLICY, now=NOON)
    assert is_due(replace(FILLED, census_at=NOON - 7 * DAY), POLICY, now=NOON)
    assert not is_due(replace(FILLED, census_at=NOON - 7 * DAY + SECOND), POLICY, now=NOON)
    assert not is_due(FILLED, replace(POLICY, census_every=None), now=NOON)
    assert not is_due(replace(FILLED, watermark=None, census_at=None), POLICY, now=NOON)


def test_a_census_asks_for_stamps_alone_in_windows_of_creation() -> None:
    outline = census_run(FILLED, POLICY, now=NOON, stamps=BOTH, cursor=Cursor.MODIFIED)
    settled = NOON - timedelta(seconds=61)
    assert outline is not None
    assert (outline.kind, outline.through) == (RunKind.CENSUS, settled)
    assert outline.window == Window(Cursor.CREATED, BEGINNING, settled)
    assert outline.slices == (("Created_Time", "Modified_Time"),)


def test_a_module_without_creation_is_counted_whole_and_one_without_stamps_by_its_full_reads() -> None:
    outline = census_run(FILLED, POLICY, now=NOON, stamps={"Modified_Time"}, cursor=Cursor.MODIFIED)
    assert outline is not None
    assert (outline.window, outline.slices) == (None, (("Modified_Time",),))
    assert census_run(FILLED, POLICY, now=NOON, stamps=set(), cursor=None) is None
    assert census_run(replace(FILLED, watermark=None), POLICY, now=NOON, stamps=BOTH, cursor=Cursor.MODIFIED) is None


def run(kind: RunKind, *slice_: str) -> Run:
    return Run(id=1, stream=FILLED.key, kind=kind, through=NOON, slices=(slice_,), started_at=NOON)


def test_only_windows_of_creation_leave_later_rows_out() -> None:
    windowed = scope_of(run(RunKind.CENSUS, "Created_Time", "Modified_Time"), FILLED, Cursor.MODIFIED)
    assert (windowed.cursor, windowed.settled, windowed.created_through) == (Cursor.MODIFIED, FILLED.watermark, NOON)
    assert scope_of(run(RunKind.CENSUS, "Modified_Time"), FILLED, Cursor.MODIFIED).created_through is None
    assert scope_of(run(RunKind.FULL_READ, "Name"), FILLED, None).created_through is None


def test_a_census_that_cannot_end_makes_way_after_a_day() -> None:
    assert not is_outlived(run(RunKind.CENSUS, "Created_Time"), now=NOON + DAY)
    assert is_outlived(run(RunKind.CENSUS, "Created_Time"), now=NOON + DAY + SECOND)
    assert not is_outlived(run(RunKind.FILL, "Created_Time"), now=NOON + 9 * DAY)


REFUSED = "pages kept moving"


@pytest.mark.parametrize(
    ("extra", "here", "exported", "most", "why"),
    [
        (0, 100, 0, 0.1, ""),
        (10, 100, 90, 0.1, ""),
        (11, 100, 89, 0.1, "11 of 100 rows are more than 10%"),
        (1, 3, 2, 0.1, ""),  # rounded up: one row may always go
        (1, 3, 2, 0.0, "1 of 3 rows are more than 0%"),
        (1, 1, 0, 1.0, "the export was empty"),
    ],
)
def test_what_may_be_marked_deleted(extra: int, here: int, exported: int, most: float, why: str) -> None:
    found = replace(FOUND, extra=extra, here=here, exported=exported)
    assert why_not_delete(found, most=most, accepted=False, complete=True) == why
    assert why_not_delete(found, most=most, accepted=True, complete=True) == ""
    for accepted in (True, False):
        # What was not read completely proves nothing, whoever accepts it.
        said = why_not_delete(found, most=most, accepted=accepted, complete=False)
        assert (REFUSED in said) is (extra > 0)


SECONDS = st.integers(0, 5000)


@given(st.dictionaries(SECONDS, st.integers(1, 30), max_size=40), st.integers(1, 60))
def test_no_second_of_a_census_is_left_out_or_asked_for_twice(rows: dict[int, int], size: int) -> None:
    whole = Window(Cursor.CREATED, NOON, NOON + 5000 * SECOND)

    def count(window: Window) -> int:
        return sum(number for at, number in rows.items() if window.start <= NOON + at * SECOND <= window.end)

    parts = sized(whole, count, rows=size)
    stretched = without_gaps(whole, parts)
    assert (stretched[0].start, stretched[-1].end) == (whole.start, whole.end)
    assert all(late.start == early.end + SECOND for early, late in pairwise(stretched))
    assert len(stretched) == max(len(parts), 1)


@given(st.lists(st.tuples(SECONDS, SECONDS), max_size=30), st.integers(1, 8))
def test_what_is_read_again_holds_every_finding_in_few_windows_that_do_not_overlap(
    drawn: list[tuple[int, int]], most: int
) -> None:
    moments = sorted({at for pair in drawn for at in pair})
    spans = [(NOON + at * SECOND, NOON + at * SECOND) for at in moments]
    windows = reread_windows(spans, Cursor.MODIFIED, most=most)
    assert len(windows) <= most
    assert all(early.end < late.start for early, late in pairwise(windows))
    for start, end in spans:
        assert sum(window.start <= start and end <= window.end for window in windows) == 1
    assert {window.start for window in windows} | {window.end for window in windows} <= {
        moment for span in spans for moment in span
    }


def test_the_smallest_gaps_are_closed_first() -> None:
    spans = [(NOON + at * SECOND, NOON + at * SECOND) for at in (0, 10, 100, 103, 500)]
    windows = reread_windows(spans, Cursor.MODIFIED, most=3)
    assert [((one.start - NOON).seconds, (one.end - NOON).seconds) for one in windows] == [
        (0, 10),
        (100, 103),
        (500, 500),
    ]
    assert len(reread_windows(spans, Cursor.MODIFIED)) == 5
