"""What a pass over a stream would do, without doing it: the windows, criteria and costs that `syncd plan` shows."""

from dataclasses import dataclass
from datetime import datetime

from syncd.core.criteria import export_criterion
from syncd.core.fields import cursor_of, selection, slices, walk_of
from syncd.core.limits import CREDITS_PER_JOB, ROWS_PER_PAGE
from syncd.core.model import Criterion, Cursor, RunKind, StreamKey, StreamPolicy, Window
from syncd.core.plan import next_run
from syncd.core.windows import sized
from syncd.sync.context import SyncContext


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWindow:
    """One export to come. `rows` is an upper bound by COUNT; None where the grant does not allow counting."""

    window: Window | None
    criterion: Criterion | None
    rows: int | None
    jobs: int
    credits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The next pass of a stream. `kind` None: nothing has settled since the watermark. `unfinished` jobs come first."""

    stream: StreamKey
    kind: RunKind | None
    cursor: Cursor | None
    watermark: datetime | None
    through: datetime | None
    fields: int
    windows: tuple[PlannedWindow, ...]
    unfinished: int

    @property
    def credits(self) -> int:
        """What the exports cost, in API credits."""
        return sum(window.credits for window in self.windows)


def preview(context: SyncContext, key: StreamKey, policy: StreamPolicy, *, full: bool = False) -> Preview:
    """Plan the next pass of a stream with metadata and counts alone: no bulk job is created, nothing is stored."""
    stream = context.store.stream(key)
    fields = context.api.fields(key.module)
    cursor = cursor_of(fields, policy.cursor)
    chosen = selection(fields, wanted=policy.fields, exclude=policy.exclude)
    parts = slices(chosen)
    outline = next_run(
        stream,
        policy,
        now=context.api.server_time(),
        cursor=cursor,
        walk=walk_of(fields),
        slices=parts,
        full=full,
    )
    run = context.store.unfinished_run(key)
    planned: tuple[PlannedWindow, ...] = ()
    if outline is not None:
        planned = tuple(
            _planned(window, rows, policy, len(parts))
            for window, rows in _counted(context, key, policy, outline.window)
        )
    return Preview(
        stream=key,
        kind=outline.kind if outline else None,
        cursor=cursor,
        watermark=stream.watermark,
        through=outline.through if outline else None,
        fields=len(chosen),
        windows=planned,
        unfinished=len(context.store.unfinished_jobs(run)) if run else 0,
    )


def _counted(
    context: SyncContext, key: StreamKey, policy: StreamPolicy, window: Window | None
) -> list[tuple[Window | None, int | None]]:
    """The windows of a run with their sizes, empty ones left out."""
    total = None if window is None or not policy.probe else context.api.count(key.module, window)
    if window is None or total is None:
        return [(window, None)]
    counts = {window: total}

    def count(part: Window) -> int:
        if part not in counts:
            counts[part] = context.api.count(key.module, part) or 0
        return counts[part]

    return [(part, count(part)) for part in sized(window, count, rows=policy.window_rows)]


def _planned(window: Window | None, rows: int | None, policy: StreamPolicy, parts: int) -> PlannedWindow:
    jobs = parts * max(1, -(-(rows or 0) // ROWS_PER_PAGE))
    return PlannedWindow(
        window=window,
        criterion=export_criterion(window, policy.criteria),
        rows=rows,
        jobs=jobs,
        credits=jobs * CREDITS_PER_JOB,
    )
