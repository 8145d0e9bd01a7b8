"""The life of one bulk read job, as a table; nothing moves a job but `advance`.

    PLANNED --accepted--> ACCEPTED --completed--> READY --fetched--> FETCHED --loaded--> LOADED
                             |                      |                   |  `--overflowed--> SPLIT
                             `--lost, failed--.     `--lost--.          `--file lost--> READY
                                              v              v
                                           PLANNED (same window, a new export)

An export of no rows goes from READY to LOADED at once: there is nothing to fetch, and downloads are scarce.

The action is a function of the stored state alone, so a restart simply goes on. An event that a state does not know is
an error and changes nothing.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from syncd.core.model import FINISHED, Job, JobSpec, JobState, PageChain, Staged
from syncd.core.windows import cut


class Action(StrEnum):
    """What has to be done next for a job."""

    CREATE = "create"
    POLL = "poll"
    DOWNLOAD = "download"
    LOAD = "load"


ACTIONS: dict[JobState, Action] = {
    JobState.PLANNED: Action.CREATE,
    JobState.ACCEPTED: Action.POLL,
    JobState.READY: Action.DOWNLOAD,
    JobState.FETCHED: Action.LOAD,
}


# -------------------------------------------------------------------------------------------------------------- events


@dataclass(frozen=True, slots=True)
class Accepted:
    """Zoho took the job."""

    remote_id: str
    evaluated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """The job's details say that its result is ready."""

    count: int
    more_records: bool
    next_page_token: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """The export is gone (expired, unknown) or failed at Zoho; `failed` counts against the window, expiry does not."""

    why: str
    failed: bool


@dataclass(frozen=True, slots=True)
class Fetched:
    """The archive is on disk, whole."""


@dataclass(frozen=True, slots=True)
class FileLost:
    """The archive is not on disk any more, or holds other rows than Zoho counted: download it again."""

    why: str = ""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Its rows are merged, and the window needs no further cut."""


@dataclass(frozen=True, slots=True)
class Overflowed:
    """Its window is carried on by other jobs: two halves."""


Event = Accepted | Completed | Lost | Fetched | FileLost | Loaded | Overflowed

NEXT: dict[tuple[JobState, type[Event]], JobState] = {
    (JobState.PLANNED, Accepted): JobState.ACCEPTED,
    (JobState.PLANNED, Lost): JobState.PLANNED,
    (JobState.PLANNED, Overflowed): JobState.SPLIT,
    (JobState.ACCEPTED, Completed): JobState.READY,
    (JobState.ACCEPTED, Lost): JobState.PLANNED,
    (JobState.READY, Fetched): JobState.FETCHED,
    (JobState.READY, FileLost): JobState.READY,
    (JobState.READY, Lost): JobState.PLANNED,
    (JobState.READY, Loaded): JobState.LOADED,
    (JobState.FETCHED, FileLost): JobState.READY,
    (JobState.FETCHED, Lost): JobState.PLANNED,
    (JobState.FETCHED, Loaded): JobState.LOADED,
    (JobState.FETCHED, Overflowed): JobState.SPLIT,
}


class IllegalEvent(ValueError):
    """A bug: an event that the job's state does not know."""


def action_for(job: Job) -> Action:
    """What to do next for an unfinished job."""
    if job.state in FINISHED:
        raise IllegalEvent(f"job {job.id} is {job.state}: nothing is left to do")
    return ACTIONS[job.state]


def advance(job: Job, event: Event) -> Job:
    """The job after an event. Raises IllegalEvent when the pair is not in the table."""
    state = NEXT.get((job.state, type(event)))
    if state is None:
        raise IllegalEvent(f"job {job.id} is {job.state}: {type(event).__name__} cannot happen to it")
    moved = replace(job, state=state)
    if isinstance(event, Accepted):
        return replace(moved, remote_id=event.remote_id, evaluated_at=event.evaluated_at, last_error="")
    if isinstance(event, Completed):
        return replace(
            moved,
            count=event.count,
            more_records=event.more_records,
            next_page_token=event.next_page_token,
        )
    if isinstance(event, Lost):
        return replace(
            moved,
            remote_id="",
            evaluated_at=None,
            count=None,
            more_records=False,
            next_page_token="",
            failures=job.failures + (1 if event.failed else 0),
            last_error=event.why,
        )
    if isinstance(event, FileLost):
        return replace(moved, failures=job.failures + (1 if event.why else 0), last_error=event.why)
    return moved


# ------------------------------------------------------------------------------------------------- what follows a load

ROUNDS_WITHOUT_STAMP = 3
"""Full reads of a module without stamps stop after so many rounds: it is read again as a whole next time."""

MOST_ROUNDS = 20
"""Rounds over a window that cannot be cut, before the run gives up for now: two must agree, however often it takes."""


def follow_ups(job: Job, staged: Staged, *, slices: int) -> tuple[Event, tuple[JobSpec, ...]]:
    """How a staged file ends its job, and which jobs carry its window on.

    A file that overflowed is true data, but no page 2 of a moving window is: the window is cut, at the median stamp of
    what came, and both parts are exported anew. Only what cannot be cut is paged, round after round, until two rounds
    brought the same rows. A window whose slice is complete goes on with its next slice, in turn, because the guard
    compares whole rows by the moment of their export.
    """
    spec = job.spec
    if job.more_records and spec.window is not None and spec.window.seconds > 1:
        early, late = cut(spec.window, staged.median_stamp)
        return Overflowed(), tuple(JobSpec(window=part, slice=spec.slice, parent_id=job.id) for part in (early, late))
    if job.more_records or spec.chain is not None:
        chained = _next_of_chain(job, staged)
        if chained is not None:
            return Loaded(), (chained,)
    if spec.slice + 1 < slices:
        return Loaded(), (JobSpec(window=spec.window, slice=spec.slice + 1, parent_id=job.id),)
    return Loaded(), ()


def calendar_follow_ups(job: Job) -> tuple[Event, tuple[JobSpec, ...]]:
    """The same for an ICS file: a window that overflowed is cut; a full export goes on with its next page.

    Pages of one full export form one chain, and only a chain whose last page is in says what is gone. No second round
    is needed: an event that shifted off a page is only missed until the next export, and never marked as deleted,
    because deletions are held back when they are too many and lifted by the next export that shows the event.
    """
    spec = job.spec
    if not job.more_records:
        return Loaded(), ()
    if spec.window is not None and spec.window.seconds > 1:
        return Overflowed(), tuple(JobSpec(window=part, parent_id=job.id) for part in cut(spec.window))
    chain = spec.chain or PageChain()
    page = JobSpec(
        window=spec.window,
        page=spec.page + 1,
        page_token=job.next_page_token,
        chain=replace(chain, since=chain.since or job.evaluated_at),
        parent_id=job.id,
    )
    return Loaded(), (page,)


def _next_of_chain(job: Job, staged: Staged) -> JobSpec | None:
    """The next page or round of a page chain; None when two rounds agreed."""
    spec = job.spec
    chain = spec.chain or PageChain()
    rows, digest = chain.rows + staged.rows, chain.digest + staged.digest
    if job.more_records:
        return JobSpec(
            window=spec.window,
            slice=spec.slice,
            page=spec.page + 1,
            page_token=job.next_page_token,
            chain=replace(chain, rows=rows, digest=digest, since=chain.since or job.evaluated_at),
            parent_id=job.id,
        )
    if chain.previous == (rows, digest):
        return None
    if spec.window is None and chain.round >= ROUNDS_WITHOUT_STAMP:
        return None
    return JobSpec(
        window=spec.window,
        slice=spec.slice,
        chain=PageChain(round=chain.round + 1, previous=(rows, digest)),
        parent_id=job.id,
    )


def is_complete(job: Job, staged: Staged) -> bool:
    """Whether the file ends a reading that left nothing out: one file held all, or two rounds of pages agreed.

    A window is only left once this holds; a module without stamps is read again as a whole next time instead.
    """
    chain = job.spec.chain
    if job.more_records:
        return False
    return chain is None or chain.previous == (chain.rows + staged.rows, chain.digest + staged.digest)


def current_at(job: Job) -> datetime | None:
    """A moment on Zoho's clock at which the rows of a job's file were surely current; None before Zoho took the job.

    Whether a page token stands for the rows as they were at its first page is not documented. If it does, a row that
    was deleted since then still comes, and must count as older than the deletion.
    """
    chain = job.spec.chain
    if job.evaluated_at is None or not job.spec.page_token or chain is None or chain.since is None:
        return job.evaluated_at
    return min(job.evaluated_at, chain.since)


def restarted_chain(spec: JobSpec) -> JobSpec:
    """The first page of the same round: for a page token that Zoho no longer knows (they live a day)."""
    chain = spec.chain or PageChain()
    return replace(spec, page=1, page_token="", chain=replace(chain, rows=0, digest=0, since=None))


MOST_FAILURES = 3
"""Failed exports of one window before it is cut in half (reliability.md 2.4)."""


def failed_too_often(job: Job) -> tuple[Event, tuple[JobSpec, ...]] | None:
    """After MOST_FAILURES failed exports: cut the window and go on with halves; None when it cannot be cut."""
    window = job.spec.window
    if job.failures < MOST_FAILURES or window is None or window.seconds < 2 or job.state is not JobState.PLANNED:
        return None
    return Overflowed(), tuple(JobSpec(window=part, slice=job.spec.slice, parent_id=job.id) for part in cut(window))
