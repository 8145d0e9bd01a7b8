"""The planner: which run comes next, and what its end may vouch for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from syncd.core.limits import BEGINNING
from syncd.core.model import Column, Cursor, JobSpec, RunKind, Stream, StreamKey, StreamPolicy, Window
from syncd.core.plan import Outline, columns_run, next_run, run_plan, worth_another_run

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SLICES = (("Created_Time", "Modified_Time", "Name"),)
FRESH = Stream(key=StreamKey("acme", "Leads"))
POLICY = StreamPolicy(settle=timedelta(seconds=60), overlap=timedelta(minutes=5))
SETTLED = NOON - timedelta(seconds=61)


def plan(stream: Stream, cursor: Cursor | None = Cursor.MODIFIED, *, full: bool = False) -> Outline | None:
    return next_run(stream, POLICY, now=NOON, cursor=cursor, walk=Cursor.CREATED, slices=SLICES, full=full)


def test_a_new_stream_is_filled_by_creation_up_to_what_has_settled() -> None:
    outline = plan(FRESH)
    assert outline == Outline(
        kind=RunKind.FILL,
        window=Window(Cursor.CREATED, BEGINNING, SETTLED),
        through=SETTLED,
        slices=SLICES,
    )


def test_catch_up_starts_at_the_fills_beginning_less_the_overlap() -> None:
    outline = plan(replace(FRESH, watermark=NOON - timedelta(hours=1)))
    assert outline is not None
    assert outline.kind is RunKind.CATCH_UP
    assert outline.window == Window(Cursor.MODIFIED, NOON - timedelta(hours=1, minutes=5), SETTLED)
    assert outline.through == SETTLED


def test_nothing_is_due_until_something_has_settled_but_a_full_read_always_is() -> None:
    current = replace(FRESH, watermark=SETTLED)
    assert plan(current) is None
    assert plan(current, None) is None
    outline = plan(current, full=True)
    assert outline is not None
    assert outline.kind is RunKind.FILL


def test_a_module_without_stamps_is_read_whole() -> None:
    outline = plan(FRESH, None)
    assert outline is not None
    assert (outline.kind, outline.window) == (RunKind.FULL_READ, None)


def test_an_append_only_module_is_read_again_now_and_then() -> None:
    filled = replace(FRESH, watermark=NOON - timedelta(hours=1), last_full_at=NOON - timedelta(days=6))
    assert getattr(plan(filled, Cursor.CREATED), "kind", None) is RunKind.CATCH_UP
    older = replace(filled, last_full_at=NOON - timedelta(days=7))
    assert getattr(plan(older, Cursor.CREATED), "kind", None) is RunKind.FILL
    assert getattr(plan(older, Cursor.MODIFIED), "kind", None) is RunKind.CATCH_UP


def test_new_columns_are_filled_once_the_stream_has_a_watermark() -> None:
    column = Column(field="City", name="city", type="text", partial=True)
    filled = replace(FRESH, watermark=NOON - timedelta(hours=1))

    def outline(stream: Stream, columns: list[Column], walk: Cursor | None) -> Outline | None:
        return columns_run(stream, POLICY, columns, now=NOON, walk=walk, stamped=True)

    assert outline(FRESH, [column], Cursor.CREATED) is None
    assert outline(filled, [], Cursor.CREATED) is None
    assert outline(filled, [column], None) is None
    found = outline(filled, [column], Cursor.CREATED)
    assert found is not None
    assert (found.through, found.slices) == (None, (("Modified_Time", "City"),))


def test_a_plan_stores_one_job_per_window_first_slice_first() -> None:
    outline = plan(FRESH)
    assert outline is not None
    assert run_plan(FRESH, outline, [outline.window]).specs == (JobSpec(window=outline.window),)


def test_another_run_follows_when_the_last_one_left_the_stream_behind() -> None:
    assert not worth_another_run(FRESH, POLICY, now=NOON)
    assert not worth_another_run(replace(FRESH, watermark=SETTLED - timedelta(minutes=5)), POLICY, now=NOON)
    assert worth_another_run(replace(FRESH, watermark=SETTLED - timedelta(minutes=6)), POLICY, now=NOON)
