"""What a stream needs next, as a value: the kind of run, its window, and what its end will vouch for. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from syncd.core.fields import column_slices
from syncd.core.model import Column, Cursor, JobSpec, RunKind, RunPlan, Stream, StreamPolicy, Window
from syncd.core.windows import catch_up_window, fill_window, settled_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A run before its windows are sized. `window` None: the whole module in one export."""

    kind: RunKind
    window: Window | None
    through: datetime | None
    slices: tuple[tuple[str, ...], ...]


def next_run(
    stream: Stream,
    policy: StreamPolicy,
    *,
    now: datetime,
    cursor: Cursor | None,
    walk: Cursor | None,
    slices: tuple[tuple[str, ...], ...],
    full: bool = False,
) -> Outline | None:
    """The run that moves the watermark next; None when nothing has settled since it.

    `now` is Zoho's clock, `walk` the stamp for reading everything once. `full` asks for a fill although the stream
    has a watermark: everything is read again, in place. A module with Created_Time alone is append-only to a
    window, so it is read in full now and then.
    """
    settled = settled_until(now, policy.settle)
    if not full and stream.watermark is not None and settled <= stream.watermark:
        return None
    if cursor is None:
        return Outline(kind=RunKind.FULL_READ, window=None, through=settled, slices=slices)
    if full or stream.watermark is None or _full_read_due(stream, policy, now=now, cursor=cursor):
        return Outline(kind=RunKind.FILL, window=fill_window(settled, walk or cursor), through=settled, slices=slices)
    window = catch_up_window(stream.watermark, now, cursor=cursor, settle=policy.settle, overlap=policy.overlap)
    if window is None:
        return None
    return Outline(kind=RunKind.CATCH_UP, window=window, through=window.end, slices=slices)


def _full_read_due(stream: Stream, policy: StreamPolicy, *, now: datetime, cursor: Cursor) -> bool:
    if cursor is Cursor.MODIFIED:
        return False
    return stream.last_full_at is None or now - stream.last_full_at >= policy.full_read_every


def columns_run(
    stream: Stream,
    policy: StreamPolicy,
    partial: Sequence[Column],
    *,
    now: datetime,
    walk: Cursor | None,
    stamped: bool,
) -> Outline | None:
    """The run that brings the values of new columns to rows that were here before them; None when there is none.

    `walk` is the stamp for reading everything once; without one every run reads everything anyway.
    `stamped`: the module has Modified_Time, which the guard needs.
    """
    if not partial or walk is None or stream.watermark is None:
        return None
    names = [column.field for column in partial]
    return Outline(
        kind=RunKind.COLUMNS,
        window=fill_window(settled_until(now, policy.settle), walk),
        through=None,
        slices=column_slices(names, stamped=stamped),
    )


def calendar_run(stream: Stream, policy: StreamPolicy, *, now: datetime, full: bool = False) -> Outline | None:
    """The run that brings events as ICS; None when nothing has settled since the last one.

    Whether Zoho narrows an ICS export by criteria is not documented: a window is tried until Zoho has refused one. A
    full export comes first, and again now and then, because only a complete one tells what was deleted unseen.
    """
    settled = settled_until(now, policy.settle)
    before, last_full = stream.calendar_through, stream.calendar_full_at
    if not full and before is not None and settled <= before:
        return None
    due = full or before is None or last_full is None or now - last_full >= policy.full_read_every
    window = None
    if not due and before is not None and stream.calendar_windows is not False:
        window = catch_up_window(before, now, cursor=Cursor.MODIFIED, settle=policy.settle, overlap=policy.overlap)
    return Outline(kind=RunKind.CALENDAR, window=window, through=settled, slices=((),))


def run_plan(stream: Stream, outline: Outline, windows: Sequence[Window | None]) -> RunPlan:
    """The run to store: one job per sized window, first slice first."""
    return RunPlan(
        stream=stream.key,
        kind=outline.kind,
        through=outline.through,
        slices=outline.slices,
        specs=tuple(JobSpec(window=window) for window in windows),
    )


def worth_another_run(stream: Stream, policy: StreamPolicy, *, now: datetime) -> bool:
    """Whether a long run has left the stream so far behind that the next one should not wait for its turn."""
    if stream.watermark is None:
        return False
    return settled_until(now, policy.settle) - stream.watermark > max(policy.overlap, timedelta(seconds=5))
