"""A census as values: when it is due, what it asks for, what its findings allow, and how they are read again. Pure.

A census exports ids and stamps alone and compares them with the table. It finds what the watermark cannot see: rows
that are missing or stale below it, and rows that are gone from Zoho although no feed said so.

What counts is what had settled. A row is missing or stale only if its stamp is at or below the watermark, and extra
only if it was stored before the census began and created before the census's own end; everything else is the business
of the next catch-up. With user criteria or a view, a row that no longer matches is as gone as a deleted one.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from syncd.core.model import Cursor, Run, RunKind, Stream, StreamKey, StreamPolicy, Window
from syncd.core.plan import Outline
from syncd.core.windows import SECOND, fill_window, settled_until, whole_second

MOST_REREAD_WINDOWS = 20
"""Exports that one census may ask for to repair what it found; each costs as much as any other."""

MOST_AGE = timedelta(days=1)
"""A census that could not be finished for so long is given up, so that catching up does not wait for it any longer."""


class CensusCall(StrEnum):
    """Who asked for a census: the schedule, a person, or a person who has seen the deletes and wants them."""

    WHEN_DUE = "when-due"
    NOW = "now"
    ACCEPT_DELETES = "accept-deletes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What may be compared. `cursor` is the stamp that tells versions apart, or None where a module has none.

    `settled` is the watermark: a finding below it is one. `created_through` (None: no limit) ends what was counted.
    """

    cursor: Cursor | None
    settled: datetime | None
    created_through: datetime | None


Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What a census's ids have to say about a table.

    `moment` is when the first of its exports was evaluated: all rows that it finds extra were stored before, and gone
    after. `exported` are distinct ids, `here` live rows that were compared. `spans` are the first and last stamps of
    groups of missing and stale rows, in order and apart.
    """

    moment: datetime
    exported: int
    here: int
    missing: int
    extra: int
    stale: int
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """A line of the ledger: what a census found, before anything was repaired, and what became of it.

    `compared` are rows that were looked for on both sides. `refused_deletes` is how many extra rows were left alone,
    and `reason` why, or ''. `reread_run` is the run that reads missing and stale rows again, None when there are none.
    """

    run_id: int
    stream: StreamKey
    at: datetime
    compared: int
    missing: int
    extra: int
    stale: int
    tombstoned: int = 0
    refused_deletes: int = 0
    reason: str = ""
    reread_run: int | None = None

    @property
    def is_clean(self) -> bool:
        """Whether the table was as Zoho is."""
        return not (self.missing or self.extra or self.stale)


# ----------------------------------------------------------------------------------------------------------- planning


def is_due(stream: Stream, policy: StreamPolicy, *, now: datetime) -> bool:
    """Whether the schedule wants a census; never before the first fill is done."""
    if policy.census_every is None or stream.watermark is None:
        return False
    return stream.census_at is None or now - stream.census_at >= policy.census_every


def census_run(
    stream: Stream, policy: StreamPolicy, *, now: datetime, stamps: Collection[str], cursor: Cursor | None
) -> Outline | None:
    """A census of the stream; None for a module without a cursor, whose every full read is one, or before its fill.

    `stamps` are the names of the stamps the module has. Windows lie on Created_Time, which never changes: in windows
    on Modified_Time a row that is edited meanwhile could slip through all of them. Without it the module is read whole.
    """
    if cursor is None or stream.watermark is None:
        return None
    settled = settled_until(now, policy.settle)
    names = tuple(name.value for name in (Cursor.CREATED, Cursor.MODIFIED) if name.value in stamps)
    window = fill_window(settled, Cursor.CREATED) if Cursor.CREATED.value in names else None
    return Outline(kind=RunKind.CENSUS, window=window, through=settled, slices=(names,))


def is_outlived(run: Run, *, now: datetime) -> bool:
    """Whether an unfinished run is a census that has been under way for too long."""
    return run.kind is RunKind.CENSUS and run.through is not None and now - run.through > MOST_AGE


def scope_of(run: Run, stream: Stream, cursor: Cursor | None) -> Scope:
    """What the end of `run`, a census or a full read, may compare."""
    windowed = run.kind is RunKind.CENSUS and Cursor.CREATED.value in run.slices[0]
    return Scope(cursor=cursor, settled=stream.watermark, created_through=run.through if windowed else None)


def without_gaps(whole: Window, parts: Sequence[Window]) -> tuple[Window, ...]:
    """The parts, in order, stretched so that together they hold every second of `whole` once; `whole` itself for none.

    Windows that a COUNT found empty are left out of a fill. A census must look there too: that is where ghosts are.
    """
    if not parts:
        return (whole,)
    starts = [whole.start, *(part.end + SECOND for part in parts[:-1])]
    ends = [*(part.end for part in parts[:-1]), whole.end]
    return tuple(Window(whole.cursor, start, end) for start, end in zip(starts, ends, strict=True))


# ----------------------------------------------------------------------------------------------------------- findings


def why_not_delete(comparison: Comparison, *, most: float, accepted: bool, complete: bool) -> str:
    """Why extra rows must not be marked deleted, for people; '' when they may.

    `most` is the share of the compared rows that may go without a person's word (`accepted`), rounded up. What was not
    read completely proves nothing, whoever accepts it.
    """
    if not comparison.extra:
        return ""
    if not complete:
        return "the pages kept moving while they were read, so an absent row may only have been missed"
    if accepted:
        return ""
    if not comparison.exported:
        return "the export was empty"
    if comparison.extra > math.ceil(most * comparison.here):
        return f"{comparison.extra} of {comparison.here} rows are more than {most * 100:g}%"
    return ""


def reread_windows(spans: Sequence[Span], cursor: Cursor, *, most: int = MOST_REREAD_WINDOWS) -> tuple[Window, ...]:
    """At most `most` windows that hold all spans, the smallest gaps between them included.

    `spans` are in order and do not overlap. Rows between them are read again too, which changes nothing.
    """
    groups = [(whole_second(start), whole_second(end)) for start, end in spans]
    gaps = sorted(range(1, len(groups)), key=lambda at: groups[at][0] - groups[at - 1][1])
    joined = set(gaps[: max(0, len(groups) - most)])
    windows: list[Window] = []
    for at, (start, end) in enumerate(groups):
        if windows and (at in joined or start <= windows[-1].end + SECOND):
            windows[-1] = Window(cursor, windows[-1].start, end)
        else:
            windows.append(Window(cursor, start, end))
    return tuple(windows)
