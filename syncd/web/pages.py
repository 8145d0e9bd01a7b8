"""What each page shows, put together from a reading: plain values for the templates, which only lay them out."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from syncd.core.health import Health, State, headline, overall
from syncd.core.model import Column, JobState, RunKind, StreamKey
from syncd.core.status import Activity, ApiUse, JobView, RunDetail, RunMark, RunView
from syncd.web.drawing import lag_chart, meter, row_bars, run_ticks
from syncd.web.source import Reading, Site

_LANES_SHOWN = 8
STEPS = ("create", "export", "download", "load")
_STEPS_DONE = {JobState.PLANNED: 0, JobState.ACCEPTED: 1, JobState.READY: 2, JobState.FETCHED: 3, JobState.LOADED: 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleRow:
    """A line of the module table."""

    health: Health
    ticks: Markup
    bars: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A job under way: `done` of the four steps are behind it; `since` is when it entered the one it is in."""

    job: JobView
    done: int
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """A stream with a run under way. `planned` jobs have not been created yet, `hidden` lanes are left out."""

    stream: StreamKey
    kind: RunKind | None
    run_id: int | None
    activity: Activity | None
    progress: float | None
    lanes: tuple[Lane, ...]
    planned: int
    hidden: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """A quota with its meter; `meter` is empty where no limit is known."""

    use: ApiUse
    meter: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The first page."""

    reading: Reading
    state: State
    headline: str
    several_orgs: bool
    modules: tuple[ModuleRow, ...]
    live: tuple[Live, ...]
    quotas: tuple[Quota, ...]
    next_at: datetime | None
    next_stream: StreamKey | None


def overview(site: Site, reading: Reading) -> Overview:
    """Put the first page together."""
    marks = _by_stream(reading.history)
    activities = {one.stream: one.activity for one in reading.healths if one.activity is not None}
    turns = sorted((one.next_at, key) for key, one in activities.items() if one.next_at is not None)
    state = State.FAILED if reading.trouble else overall(reading.healths)
    said = headline(reading.healths)
    return Overview(
        reading=reading,
        state=state,
        headline=said[:1].upper() + said[1:],
        several_orgs=len({one.stream.org for one in reading.healths}) > 1,
        modules=tuple(_module_row(site, one, marks.get(one.stream, ()), reading.at) for one in reading.healths),
        live=_live(reading, activities),
        quotas=tuple(
            Quota(use=use, meter=meter(use.used / use.limit) if use.limit else Markup()) for use in reading.api_use
        ),
        next_at=turns[0][0] if turns else None,
        next_stream=turns[0][1] if turns else None,
    )


def _by_stream(history: Sequence[RunMark]) -> Mapping[StreamKey, list[RunMark]]:
    found: defaultdict[StreamKey, list[RunMark]] = defaultdict(list)
    for mark in history:
        found[mark.stream].append(mark)
    return found


def _module_row(site: Site, health: Health, marks: Sequence[RunMark], now: datetime) -> ModuleRow:
    ends = [(mark.finished_at, mark.outcome) for mark in marks]
    if health.activity is not None:
        # The ledger has the runs that ended; what never came to a run (Zoho unreachable, say) only the daemon knows.
        ends += [(end.at, end.state) for end in health.activity.ended if end.state != "ok"]
    return ModuleRow(
        health=health,
        ticks=run_ticks(ends, now, site.zone),
        bars=row_bars([mark.changed for mark in marks]),
    )


def _live(reading: Reading, activities: Mapping[StreamKey, Activity]) -> tuple[Live, ...]:
    jobs: defaultdict[StreamKey, list[JobView]] = defaultdict(list)
    for view in reading.open_jobs:
        jobs[view.job.stream].append(view)
    shown = []
    for health in reading.healths:
        activity = activities.get(health.stream)
        running = activity is not None and activity.running_since is not None
        if running or health.stream in jobs:
            shown.append(_live_stream(health, activity, jobs[health.stream]))
    return tuple(shown)


def _live_stream(health: Health, activity: Activity | None, jobs: Sequence[JobView]) -> Live:
    started = [view for view in jobs if view.job.state is not JobState.PLANNED]
    started.sort(key=lambda view: -_STEPS_DONE.get(view.job.state, 0))
    lanes = tuple(
        Lane(job=view, done=_STEPS_DONE.get(view.job.state, 0), since=view.changed_at)
        for view in started[:_LANES_SHOWN]
    )
    return Live(
        stream=health.stream,
        kind=jobs[0].kind if jobs else health.status.run_kind,
        run_id=jobs[0].job.run_id if jobs else None,
        activity=activity,
        progress=health.progress,
        lanes=lanes,
        planned=len(jobs) - len(started),
        hidden=len(started) - len(lanes),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModulePage:
    """One stream in full: its lag over a day, its runs, where its fields went."""

    health: Health
    row: ModuleRow
    chart: Markup
    runs: tuple[RunView, ...]
    columns: tuple[Column, ...]
    refused: tuple[Column, ...]


def module_page(site: Site, reading: Reading, key: StreamKey) -> ModulePage | None:
    """Put a stream's page together; None when it is not configured. May raise Unreachable."""
    health = next((one for one in reading.healths if one.stream == key), None)
    if health is None:
        return None
    marks = [mark for mark in reading.history if mark.stream == key]
    columns = site.source.columns(key)
    return ModulePage(
        health=health,
        row=_module_row(site, health, marks, reading.at),
        chart=lag_chart(
            [(mark.finished_at, mark.through) for mark in marks],
            deadline=health.deadline,
            now=reading.at,
            zone=site.zone,
        ),
        runs=site.source.runs(limit=25, org=key.org, module=key.module),
        columns=tuple(column for column in columns if not column.refused),
        refused=tuple(column for column in columns if column.refused),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage:
    """One run with its jobs; `seconds` is how long it took, or has taken so far."""

    detail: RunDetail
    lanes: tuple[Lane, ...]
    length: timedelta
    fix: str


def run_page(site: Site, run_id: int, now: datetime) -> RunPage | None:
    """Put a run's page together; None when there is no such run. May raise Unreachable."""
    detail = site.source.run(run_id)
    if detail is None:
        return None
    view = detail.view
    activity = next((one for one in site.activities() if one.stream == view.run.stream), None)
    return RunPage(
        detail=detail,
        lanes=tuple(Lane(job=one, done=_STEPS_DONE.get(one.job.state, 4), since=one.changed_at) for one in detail.jobs),
        length=(view.finished_at or now) - view.run.started_at,
        fix=activity.fix if activity and view.finished_at is None else "",
    )
