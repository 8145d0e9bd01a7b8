"""The job table: every pair of state and event is either in the table or an error that changes nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.jobs import (
    NEXT,
    ROUNDS_WITHOUT_STAMP,
    Accepted,
    Action,
    Completed,
    Event,
    Fetched,
    FileLost,
    IllegalEvent,
    Loaded,
    Lost,
    Overflowed,
    action_for,
    advance,
    current_at,
    failed_too_often,
    follow_ups,
    restarted_chain,
)
from syncd.core.model import Cursor, Job, JobSpec, JobState, PageChain, Staged, StreamKey, Window
from syncd.core.windows import SECOND

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = StreamKey("acme", "Leads")
HOUR = Window(Cursor.CREATED, NOON, NOON + 3599 * SECOND)
SECOND_LONG = Window(Cursor.CREATED, NOON, NOON)
EVENTS: tuple[Event, ...] = (
    Accepted("77", NOON),
    Completed(count=5, more_records=True, next_page_token="t"),
    Lost("gone", failed=True),
    Fetched(),
    FileLost("bad"),
    Loaded(),
    Overflowed(),
)


def job(state: JobState = JobState.PLANNED, window: Window | None = HOUR, **facts: object) -> Job:
    spec = JobSpec(window=window)
    return replace(Job(id=1, run_id=2, stream=KEY, spec=spec, state=state), **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(("state", "event"), list(product(JobState, EVENTS)))
def test_every_pair_is_in_the_table_or_an_error(state: JobState, event: Event) -> None:
    before = job(state)
    expected = NEXT.get((state, type(event)))
    if expected is None:
        with pytest.raises(IllegalEvent):
            advance(before, event)
    else:
        assert advance(before, event).state is expected


def test_the_action_follows_from_the_state_alone() -> None:
    actions = {state: action_for(job(state)) for state in JobState if state not in {JobState.LOADED, JobState.SPLIT}}
    assert list(actions.values()) == [Action.CREATE, Action.POLL, Action.DOWNLOAD, Action.LOAD]
    with pytest.raises(IllegalEvent):
        action_for(job(JobState.LOADED))


def test_a_lost_export_starts_over_with_the_same_window_and_no_trace_of_the_old_one() -> None:
    done = advance(advance(job(), Accepted("77", NOON)), Completed(count=3, more_records=True, next_page_token="x"))
    again = advance(done, Lost("expired", failed=False))
    assert again == replace(job(), last_error="expired")


def test_only_failures_count_as_failures() -> None:
    ready = job(JobState.READY)
    assert advance(ready, Lost("expired", failed=False)).failures == 0
    assert advance(ready, Lost("broken", failed=True)).failures == 1
    assert advance(job(JobState.FETCHED), FileLost()).failures == 0
    assert advance(job(JobState.FETCHED), FileLost("count differs")).failures == 1


def test_an_overflowing_window_is_cut_at_the_median_and_never_paged() -> None:
    full = job(JobState.FETCHED, more_records=True, next_page_token="t")
    event, specs = follow_ups(full, Staged(header=("Id",), rows=9, median_stamp=NOON + 5 * SECOND), slices=3)
    assert isinstance(event, Overflowed)
    assert [spec.window for spec in specs] == [
        Window(Cursor.CREATED, NOON, NOON + 5 * SECOND),
        Window(Cursor.CREATED, NOON + 6 * SECOND, HOUR.end),
    ]
    assert all(spec.page == 1 and not spec.page_token and spec.slice == 0 for spec in specs)


def test_slices_follow_in_turn() -> None:
    event, specs = follow_ups(job(JobState.FETCHED), Staged(header=(), rows=1), slices=2)
    assert (event, [(spec.slice, spec.window) for spec in specs]) == (Loaded(), [(1, HOUR)])
    last = replace(job(JobState.FETCHED), spec=specs[0])
    assert follow_ups(last, Staged(header=(), rows=1), slices=2) == (Loaded(), ())


def run_chain(rounds: list[list[tuple[int, int]]], window: Window | None) -> int:
    """Feed pages of (rows, digest) per round to a chain; how many rounds it took until nothing followed."""
    spec = JobSpec(window=window)
    for number, pages in enumerate(rounds, 1):
        for page, (rows, digest) in enumerate(pages, 1):
            more = page < len(pages)
            assert spec.page == page
            current = replace(job(JobState.FETCHED), spec=spec, more_records=more, next_page_token=f"t{page}")
            event, specs = follow_ups(current, Staged(header=(), rows=rows, digest=digest), slices=1)
            assert isinstance(event, Loaded)
            if not specs:
                return number
            (spec,) = specs
            assert spec.page_token == (f"t{page}" if more else "")
    raise AssertionError("the chain never ended")


def test_one_second_is_paged_until_two_rounds_agree() -> None:
    drifting, still = [(2, 10), (1, 7)], [(2, 11), (2, 9)]
    assert run_chain([still, still], SECOND_LONG) == 2
    assert run_chain([drifting, still, still], SECOND_LONG) == 3
    assert run_chain([still, drifting, still, drifting, drifting], SECOND_LONG) == 5


def test_a_module_without_stamps_is_not_read_for_ever() -> None:
    changing = [[(2, number), (1, number)] for number in range(9)]
    assert run_chain(changing, None) == ROUNDS_WITHOUT_STAMP


def test_a_single_file_needs_no_second_round() -> None:
    assert run_chain([[(3, 5)]], None) == 1


def test_an_expired_page_token_restarts_the_round_and_keeps_the_one_before() -> None:
    chain = PageChain(round=2, rows=7, digest=3, previous=(9, 9))
    spec = JobSpec(window=None, page=3, page_token="old", chain=chain)
    assert restarted_chain(spec) == JobSpec(window=None, chain=PageChain(round=2, previous=(9, 9)))


@given(st.integers(0, 10), st.integers(1, 10_000))
def test_failing_windows_are_halved_after_three_failures(failures: int, seconds: int) -> None:
    window = Window(Cursor.MODIFIED, NOON, NOON + timedelta(seconds=seconds - 1))
    answer = failed_too_often(job(window=window, failures=failures))
    if failures < 3 or seconds == 1:
        assert answer is None
    else:
        assert answer is not None
        parts = [spec.window for spec in answer[1]]
        assert sum(part.seconds for part in parts if part) == seconds


def test_a_page_counts_as_old_as_the_first_of_its_round() -> None:
    noon, later = datetime(2026, 3, 1, 12, tzinfo=UTC), datetime(2026, 3, 1, 12, 5, tzinfo=UTC)
    first = Job(
        id=1,
        run_id=1,
        stream=StreamKey("acme", "Leads"),
        spec=JobSpec(window=None),
        state=JobState.FETCHED,
        remote_id="7",
        evaluated_at=noon,
        more_records=True,
        next_page_token="token",
    )
    _, (second,) = follow_ups(first, Staged(header=("Id",), rows=3), slices=1)
    page = replace(first, id=2, spec=second, evaluated_at=later)
    assert current_at(first) == current_at(page) == noon
    _, (third,) = follow_ups(page, Staged(header=("Id",), rows=3), slices=1)
    assert current_at(replace(page, spec=third)) == noon
    _, (round_two,) = follow_ups(
        replace(page, spec=third, more_records=False), Staged(header=("Id",), rows=1), slices=1
    )
    assert current_at(replace(page, spec=round_two)) == later
    by_number = replace(page, spec=replace(second, page_token=""))
    assert current_at(by_number) == later
    assert current_at(replace(page, evaluated_at=None)) is None
