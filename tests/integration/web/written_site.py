"""A ledger written by hand for the pages: seven modules in seven states, runs of a day, a fill under way."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from syncd.core.health import unlisted
from syncd.core.model import (
    Column,
    Cursor,
    Job,
    JobSpec,
    JobState,
    LoadCounts,
    ModuleStatus,
    Run,
    RunKind,
    StreamKey,
    Window,
)
from syncd.core.status import Activity, ApiUse, JobView, PassEnd, RunDetail, RunMark, RunView
from syncd.errors import Unreachable
from syncd.web.source import Site

NOW = datetime(2026, 11, 25, 12, 43, 10, tzinfo=UTC)
ORG = "default"
MODULES = ("Deals", "Contacts", "Leads", "Accounts", "Tasks", "Events", "Invoices")
HOSTILE = '<script>alert(1)</script> & "it\'s"'


def key(module: str) -> StreamKey:
    return StreamKey(ORG, module)


def ago(**length: float) -> datetime:
    return NOW - timedelta(**length)


def run_of(run_id: int, module: str, kind: RunKind = RunKind.CATCH_UP, *, started: datetime) -> Run:
    fields = (("Last_Name", "Email", "Owner", "Modified_Time"),)
    return Run(id=run_id, stream=key(module), kind=kind, through=started, slices=fields, started_at=started)


def status_of(module: str, *, lag: timedelta | None, rows: int | None = None) -> ModuleStatus:
    fresh = None if lag is None else NOW - lag
    return replace(
        unlisted(key(module)),
        watermark=fresh,
        rows=rows,
        last_run_id=4182 if lag else None,
        last_started_at=fresh,
        last_finished_at=fresh,
        last_outcome="ok" if lag else "",
        last_counts=LoadCounts(read=320, inserted=218, updated=96, unchanged=6),
    )


def job_view(job_id: int, state: JobState, *, month: int, minutes: float) -> JobView:
    window = Window(Cursor.CREATED, datetime(2024, month, 1, tzinfo=UTC), datetime(2024, month, 28, tzinfo=UTC))
    job = Job(
        id=job_id,
        run_id=4190,
        stream=key("Contacts"),
        spec=JobSpec(window=window),
        state=state,
        remote_id="" if state is JobState.PLANNED else f"36523970000006460{job_id}",
    )
    return JobView(job=job, kind=RunKind.FILL, planned_at=ago(minutes=30), changed_at=ago(minutes=minutes))


@dataclass(kw_only=True)
class WrittenLedger:
    """A `syncd.web.source.StatusSource` that says what a test wrote into it, and counts how often it was read."""

    statuses: tuple[ModuleStatus, ...] = ()
    views: tuple[RunView, ...] = ()
    jobs: tuple[JobView, ...] = ()
    marks: tuple[RunMark, ...] = ()
    use: tuple[ApiUse, ...] = ()
    fields: dict[StreamKey, tuple[Column, ...]] = field(default_factory=dict)
    down: bool = False
    reads: int = 0

    def module_statuses(self) -> tuple[ModuleStatus, ...]:
        self.reads += 1
        if self.down:
            raise Unreachable("PostgreSQL does not answer", where="crm@db", why="refused", fix="start it")
        return self.statuses

    def runs(
        self, *, limit: int = 20, org: str | None = None, module: str | None = None, failed: bool = False
    ) -> tuple[RunView, ...]:
        if self.down:
            raise Unreachable("PostgreSQL does not answer", fix="start it")
        found = [
            view
            for view in self.views
            if org in {None, view.run.stream.org}
            and module in {None, view.run.stream.module}
            and (not failed or view.outcome not in {"", "ok"})
        ]
        return tuple(found[:limit])

    def run(self, run_id: int) -> RunDetail | None:
        view = next((view for view in self.views if view.run.id == run_id), None)
        jobs = tuple(job for job in self.jobs if job.job.run_id == run_id)
        return None if view is None else RunDetail(view=view, jobs=jobs)

    def open_jobs(self) -> tuple[JobView, ...]:
        return self.jobs

    def history(self, since: datetime) -> tuple[RunMark, ...]:
        return tuple(mark for mark in self.marks if mark.finished_at >= since)

    def api_use(self) -> tuple[ApiUse, ...]:
        return self.use

    def columns(self, key: StreamKey) -> tuple[Column, ...]:
        return self.fields.get(key, ())


def _marks() -> tuple[RunMark, ...]:
    """A day of runs: Deals each 15 min until 93 minutes ago, Leads each 5, Accounts and Tasks each hour."""
    marks = []
    for module, every, last in (("Deals", 15, 93), ("Leads", 5, 2), ("Accounts", 60, 40), ("Tasks", 60, 20)):
        for number in range(1440 // every):
            minutes = last + number * every
            changed = (number * 7919 + len(module) * 31) % 97 * (number % 5)
            finished = ago(minutes=minutes)
            marks.append(
                RunMark(
                    stream=key(module),
                    run_id=4000 - number,
                    finished_at=finished,
                    outcome="abandoned" if number % 61 == 60 else "ok",
                    changed=changed,
                    through=finished - timedelta(seconds=75 + number % 9),
                )
            )
    return tuple(sorted(marks, key=lambda mark: mark.finished_at))


def _views() -> tuple[RunView, ...]:
    counts = LoadCounts(read=1204, inserted=218, updated=96, unchanged=885, rejected=2, bad_values=3, deleted=3)
    fill = RunView(run=run_of(4190, "Contacts", RunKind.FILL, started=ago(minutes=31)), jobs=26, open_jobs=10)
    fill = replace(fill, counts=LoadCounts(read=1_896_400, inserted=1_896_400))
    done = [
        RunView(
            run=run_of(4189 - number, module, started=ago(minutes=4 + number * 5)),
            finished_at=ago(minutes=4 + number * 5, seconds=-11),
            outcome="ok",
            counts=counts if number % 2 else LoadCounts(read=40, unchanged=40),
            jobs=1,
        )
        for number, module in enumerate(("Leads", "Tasks", "Leads", "Accounts", "Leads"))
    ]
    broken = RunView(
        run=run_of(4100, "Deals", started=ago(minutes=94)),
        finished_at=ago(minutes=93),
        outcome="abandoned",
        error=f"Zoho refuses this query: {HOSTILE}",
        jobs=1,
        open_jobs=1,
    )
    return (fill, *done, broken)


def _jobs() -> tuple[JobView, ...]:
    states = [JobState.FETCHED, JobState.READY, JobState.ACCEPTED, JobState.ACCEPTED] + [JobState.PLANNED] * 6
    return tuple(job_view(number, state, month=number + 1, minutes=0.4 + number) for number, state in enumerate(states))


def written_ledger() -> WrittenLedger:
    loading = replace(
        status_of("Contacts", lag=None, rows=1_896_400), run_kind=RunKind.FILL, open_jobs=10, done_jobs=16
    )
    parked = replace(status_of("Events", lag=timedelta(hours=7), rows=51_002), parked="Zoho: no permission for Events")
    leads = replace(status_of("Leads", lag=timedelta(minutes=2), rows=1_204_311), refused_fields=1, rejected_values=12)
    paused = replace(status_of("Tasks", lag=timedelta(minutes=21), rows=9_120), paused=True)
    deals = status_of("Deals", lag=timedelta(minutes=93), rows=88_214)
    accounts = status_of("Accounts", lag=timedelta(minutes=41), rows=40_377)
    columns = (
        Column(field="Last_Name", name="last_name", type="text", zoho_type="text", label="Last Name"),
        Column(field="Owner", name="owner", type="bigint", zoho_type="lookup", label="Owner", lookup_module="users"),
        Column(field="Score", name="score", type="numeric", zoho_type="formula", label="Score", partial=True),
        Column(field="Address", name="", type="text", zoho_type="address", label="Address", refused="not supported"),
    )
    return WrittenLedger(
        statuses=(deals, loading, leads, accounts, paused, parked),
        views=_views(),
        jobs=_jobs(),
        marks=_marks(),
        use=(
            ApiUse(name="API credits", used=18_420, limit=65_000, period=timedelta(days=1), org=ORG),
            ApiUse(name="downloads", used=8, limit=10, period=timedelta(minutes=1), org=ORG),
            ApiUse(name="access tokens", used=1, limit=None, period=timedelta(minutes=10), org=ORG),
        ),
        fields={key("Leads"): columns},
    )


def activities() -> tuple[Activity, ...]:
    failed = tuple(PassEnd(ago(minutes=minutes), "waiting") for minutes in range(5, 90, 10))
    return (
        Activity(
            stream=key("Deals"),
            failures=6,
            state="failed",
            error="Zoho answered 429 on a download (limit 10 a minute)",
            fix="nothing to do: try again in 64 s",
            next_at=NOW + timedelta(seconds=64),
            ended=failed,
        ),
        Activity(stream=key("Contacts"), running_since=ago(minutes=31), waiting_for="downloads: 10 a minute are used"),
        Activity(stream=key("Leads"), state="ok", next_at=NOW + timedelta(minutes=3)),
        Activity(stream=key("Accounts"), queued=True),
    )


def site_of(ledger: WrittenLedger, doing: Callable[[], tuple[Activity, ...]] = activities) -> Site:
    deadlines = {key(module): timedelta(minutes=45) for module in MODULES} | {key("Leads"): timedelta(minutes=15)}
    return Site(
        source=ledger,
        deadlines=lambda: deadlines,
        now=lambda: NOW,
        activities=doing,
        metrics=lambda: (b"syncd_x 1\n", "text/plain; version=1.0.0; charset=utf-8"),
        version="0.1.0",
        started_at=ago(days=9, hours=4),
    )
