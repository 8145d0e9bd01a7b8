"""How fresh each stream is, judged: state, lag, the sentence that says it, and the document that machines read.

Pure: a status, a deadline and `now` in, values out. The page, `/healthz`, `/api/status.json` and `syncd status` all
judge by this module, so they cannot disagree. All moments are aware datetimes in UTC.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypedDict

from syncd.core.model import LoadCounts, ModuleStatus, StreamKey
from syncd.core.status import Activity

DOCUMENT_VERSION = 1
"""Raised when a key of the status document changes its meaning or goes; new keys do not raise it."""


class State(StrEnum):
    """What a reader needs to know of a stream, in one word; the order is from worst to best."""

    PARKED = "parked"  # waits for a person
    LATE = "late"  # its watermark is older than its deadline allows
    FAILED = "failed"  # its last pass failed, but it is not late yet
    LOADING = "loading"  # its first fill is under way
    PENDING = "pending"  # nothing has happened yet
    PAUSED = "paused"  # an operator stopped it
    OK = "ok"


_SEVERITY = {state: rank for rank, state in enumerate(State)}
_UNREMARKABLE = frozenset({State.OK, State.PAUSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """A judged stream. `lag` is None before the first fill is done; `progress` is the done share of the jobs of the run
    under way, in [0, 1], None without one. `why` and `fix` are plain text for people, '' when all is well.
    """

    status: ModuleStatus
    state: State
    deadline: timedelta
    lag: timedelta | None = None
    progress: float | None = None
    why: str = ""
    fix: str = ""
    activity: Activity | None = None

    @property
    def stream(self) -> StreamKey:
        return self.status.stream

    @property
    def alarming(self) -> bool:
        """Whether a monitor should call someone: late, parked, or failing without ever having been loaded."""
        if self.state is State.FAILED:
            return self.lag is None
        return self.state in {State.PARKED, State.LATE}


def assess(status: ModuleStatus, deadline: timedelta, now: datetime, activity: Activity | None = None) -> Health:
    """Judge a stream by what the ledger says and, where the daemon is asked, by what it is doing.

    `deadline` is the greatest lag that counts as fresh; `now` may be the local clock: a lag is never below zero.
    """
    lag = None if status.watermark is None else max(now - status.watermark, timedelta(0))
    state = _state(status, deadline, lag, activity)
    total = status.open_jobs + status.done_jobs
    under_way = status.run_kind is not None and total > 0
    return Health(
        status=status,
        state=state,
        deadline=deadline,
        lag=lag,
        progress=status.done_jobs / total if under_way else None,
        why=_why(state, status, activity),
        fix=activity.fix if activity and state not in _UNREMARKABLE else "",
        activity=activity,
    )


def assess_all(
    statuses: Iterable[ModuleStatus],
    deadlines: Mapping[StreamKey, timedelta],
    now: datetime,
    activities: Iterable[Activity] = (),
) -> tuple[Health, ...]:
    """Judge every configured stream, worst first. `deadlines` has one entry for each stream of the configuration.

    A stream that the ledger does not know yet is pending; one that is no longer configured is left out.
    """
    listed = {status.stream: status for status in statuses}
    doing = {activity.stream: activity for activity in activities}
    return worst_first(
        [assess(listed.get(key) or unlisted(key), deadline, now, doing.get(key)) for key, deadline in deadlines.items()]
    )


def unlisted(key: StreamKey) -> ModuleStatus:
    """The status of a stream of which the ledger has no line yet."""
    return ModuleStatus(
        stream=key,
        watermark=None,
        fill_until=None,
        run_kind=None,
        open_jobs=0,
        done_jobs=0,
        rows=None,
        last_run_id=None,
        last_started_at=None,
        last_finished_at=None,
        last_outcome="",
        last_error="",
        last_counts=LoadCounts(),
        rejected_values=0,
        partial_columns=0,
        refused_fields=0,
        paused=False,
        parked="",
    )


def _state(status: ModuleStatus, deadline: timedelta, lag: timedelta | None, activity: Activity | None) -> State:
    if status.paused:
        return State.PAUSED
    if status.parked:
        return State.PARKED
    if lag is not None and lag > deadline:
        return State.LATE
    if _failing(status, activity):
        return State.FAILED
    if lag is not None:
        return State.OK
    running = activity is not None and activity.running_since is not None
    return State.LOADING if running or status.run_kind is not None else State.PENDING


def _failing(status: ModuleStatus, activity: Activity | None) -> bool:
    """By the daemon's word once a pass has ended under it, else by the ledger's, which keeps the word of the last."""
    if activity and activity.state:
        return activity.failures > 0
    return bool(status.trouble or (status.last_error and status.run_kind is None))


def _why(state: State, status: ModuleStatus, activity: Activity | None) -> str:
    if state is State.PAUSED:
        return "paused by an operator"
    if state is State.PARKED:
        return status.parked
    if state is State.OK:
        return ""
    if activity and (activity.error or activity.waiting_for):
        return activity.error or activity.waiting_for
    if state is State.PENDING:
        return "waits for its first run"
    return status.trouble or status.last_error


def worst_first(healths: Sequence[Health]) -> tuple[Health, ...]:
    """Sorted by state from worst to best, then the largest lag, then by name."""
    return tuple(
        sorted(healths, key=lambda one: (_SEVERITY[one.state], -(one.lag or timedelta(0)).total_seconds(), one.stream))
    )


def overall(healths: Sequence[Health]) -> State:
    """The worst state of all; a paused stream is as its operator wants it, so it does not count while others do."""
    states = [one.state for one in healths if one.state is not State.PAUSED]
    if not states:
        return State.PAUSED if healths else State.PENDING
    return min(states, key=_SEVERITY.__getitem__)


# ------------------------------------------------------------------------------------------------------------ wording


def span(length: timedelta) -> str:
    """A length of time in at most two units, cut, never rounded up.

    >>> [span(timedelta(seconds=s)) for s in (0, 59.9, 60, 5580, 7200, 190000)]
    ['0 s', '59 s', '1 min', '1 h 33 min', '2 h', '2 d 4 h']
    """
    seconds = max(int(length.total_seconds()), 0)
    for size, unit, below, smaller in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min")):
        if seconds >= size:
            rest = seconds % size // below
            return f"{seconds // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{seconds // 60} min" if seconds >= 60 else f"{seconds} s"


def headline(healths: Sequence[Health]) -> str:
    """One sentence on all streams, without a full stop: how many are fresh, and what is wrong with the worst one."""
    if not healths:
        return "no modules are configured"
    fresh = [one for one in healths if one.state is State.OK]
    paused = sum(one.state is State.PAUSED for one in healths)
    wrong = [one for one in worst_first(healths) if one.state not in _UNREMARKABLE]
    if not wrong:
        return _all_well(fresh, paused)
    several = len({one.stream.org for one in healths}) > 1
    worst = wrong[0]
    name = str(worst.stream) if several else worst.stream.module
    sentence = f"{len(fresh)} of {_modules(len(healths))} fresh; {name} {_trouble(worst)}"
    others = Counter(one.state.value for one in wrong[1:])
    return "; ".join(
        [sentence, *(["also " + ", ".join(f"{n} {state}" for state, n in others.items())] if others else [])]
    )


def _modules(count: int) -> str:
    return "1 module is" if count == 1 else f"{count} modules are"


def _all_well(fresh: Sequence[Health], paused: int) -> str:
    if not fresh:
        return f"{_modules(paused)} paused"
    oldest = span(max(one.lag or timedelta(0) for one in fresh))
    count = len(fresh)
    who = "the one module is fresh" if count == 1 and not paused else f"{_modules(count)} fresh"
    if count > 1 and not paused:
        who = f"all {who}"
    tail = f", {paused} paused" if paused else ""
    return f"{who}{tail}; the oldest is {oldest} behind" if count > 1 else f"{who}{tail}, {oldest} behind"


def _trouble(one: Health) -> str:
    if one.state is State.LATE:
        said = f"is {span(one.lag or timedelta(0))} behind (due within {span(one.deadline)})"
    elif one.state is State.LOADING:
        said = "is loading" if one.progress is None else f"is loading ({int(one.progress * 100)} %)"
    elif one.state is State.PENDING:
        return "waits for its first run"
    else:
        said = "is parked" if one.state is State.PARKED else "has failed"
    return f"{said}: {one.why}" if one.why else said


# ----------------------------------------------------------------------------------------------------------- document


class CountsDocument(TypedDict):
    """Rows of the last finished run."""

    read: int
    inserted: int
    updated: int
    unchanged: int
    rejected: int
    deleted: int


class LastRunDocument(TypedDict):
    """The run that ended last. `id` is a string, as all ids are."""

    id: str
    started_at: str | None
    finished_at: str | None
    outcome: str
    error: str
    counts: CountsDocument


class RunningDocument(TypedDict):
    """The run under way and how many of its jobs are done."""

    kind: str
    done_jobs: int
    open_jobs: int


class ModuleDocument(TypedDict):
    """One stream. Moments are ISO 8601 in UTC ending in `Z`; `rows` is an estimate."""

    org: str
    module: str
    state: str
    alarming: bool
    why: str
    fix: str
    fresh_to: str | None
    lag_seconds: float | None
    deadline_seconds: float
    rows: int | None
    progress: float | None
    running: RunningDocument | None
    last_run: LastRunDocument | None
    next_at: str | None
    rejected_values: int
    partial_columns: int
    refused_fields: int


class StatusDocument(TypedDict):
    """What `/api/status.json` and `syncd status --json` say: a stable shape, see DOCUMENT_VERSION.

    `ok` is false when any module is alarming; `modules` is sorted worst first.
    """

    version: int
    at: str
    ok: bool
    state: str
    headline: str
    modules: list[ModuleDocument]


def status_document(healths: Sequence[Health], *, now: datetime) -> StatusDocument:
    """The judged streams as a JSON-ready dict."""
    return StatusDocument(
        version=DOCUMENT_VERSION,
        at=_stamp(now),
        ok=not any(one.alarming for one in healths),
        state=overall(healths).value,
        headline=headline(healths),
        modules=[_module_document(one) for one in worst_first(healths)],
    )


def unreadable_document(why: str, *, now: datetime) -> StatusDocument:
    """The same shape when the ledger could not be read: not ok, no modules, and the cause as its headline."""
    return StatusDocument(
        version=DOCUMENT_VERSION,
        at=_stamp(now),
        ok=False,
        state=State.FAILED.value,
        headline=f"the ledger cannot be read: {why}",
        modules=[],
    )


def _module_document(one: Health) -> ModuleDocument:
    status = one.status
    running = None
    if status.run_kind is not None:
        running = RunningDocument(kind=status.run_kind.value, done_jobs=status.done_jobs, open_jobs=status.open_jobs)
    return ModuleDocument(
        org=status.stream.org,
        module=status.stream.module,
        state=one.state.value,
        alarming=one.alarming,
        why=one.why,
        fix=one.fix,
        fresh_to=_stamp_or_none(status.watermark),
        lag_seconds=None if one.lag is None else one.lag.total_seconds(),
        deadline_seconds=one.deadline.total_seconds(),
        rows=status.rows,
        progress=one.progress,
        running=running,
        last_run=_last_run_document(status),
        next_at=_stamp_or_none(one.activity.next_at if one.activity else None),
        rejected_values=status.rejected_values,
        partial_columns=status.partial_columns,
        refused_fields=status.refused_fields,
    )


def _last_run_document(status: ModuleStatus) -> LastRunDocument | None:
    if status.last_run_id is None:
        return None
    counts = status.last_counts
    return LastRunDocument(
        id=str(status.last_run_id),
        started_at=_stamp_or_none(status.last_started_at),
        finished_at=_stamp_or_none(status.last_finished_at),
        outcome=status.last_outcome,
        error=status.last_error,
        counts=CountsDocument(
            read=counts.read,
            inserted=counts.inserted,
            updated=counts.updated,
            unchanged=counts.unchanged,
            rejected=counts.rejected,
            deleted=counts.deleted,
        ),
    )


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _stamp_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else _stamp(moment)
