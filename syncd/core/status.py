"""What the ledger and the daemon show of themselves, as values: runs, jobs, API use, and what each stream is doing now.

Owns only the shapes; `syncd.core.health` judges them, `syncd.postgres` and `syncd.daemon` fill them in, `syncd.web` and
`syncd.cli` show them. Holds no row data and no secrets. All moments are aware datetimes in UTC.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from syncd.core.model import Job, LoadCounts, Run, RunKind, StreamKey


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run as the ledger shows it. `finished_at` None and `outcome` '' while it is under way.

    `jobs` counts all jobs of the run, those that were split included; `open_jobs` those that are not finished.
    """

    run: Run
    finished_at: datetime | None = None
    outcome: str = ""
    error: str = ""
    counts: LoadCounts = LoadCounts()
    jobs: int = 0
    open_jobs: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """A bulk read job as the ledger shows it. `changed_at` is when its state was last stored."""

    job: Job
    kind: RunKind
    planned_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetail:
    """A run with its jobs, in the order they were planned."""

    view: RunView
    jobs: tuple[JobView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMark:
    """A finished run as one point of a chart: how it ended, how many rows it changed, what it made fresh.

    `changed` is inserted + updated + deleted rows; `through` as in `Run`.
    """

    stream: StreamKey
    run_id: int
    finished_at: datetime
    outcome: str
    changed: int
    through: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiUse:
    """How much of one quota is used in the `period` that ends now; `limit` None when no limit is known.

    `name` is a word or two for people: `API credits`, `downloads`, `access tokens`.
    """

    name: str
    used: int
    limit: int | None
    period: timedelta
    org: str = ""


@dataclass(frozen=True, slots=True)
class PassEnd:
    """One pass over a stream that has ended: when, its `RunOutcome.state`, and how many rows it changed."""

    at: datetime
    state: str
    changed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What the daemon knows of a stream and the ledger does not: the attempt of now, and how the last ones ended.

    `running_since` is None between passes; `waiting_for` is why the pass under way waits, or ''. `failures` counts
    passes that failed in a row; `state`, `error` and `fix` are those of the last pass. `next_at` is when the next pass
    is due (None: not scheduled). `ended` are the last passes, oldest first, at most a day of them.
    """

    stream: StreamKey
    queued: bool = False
    running_since: datetime | None = None
    waiting_for: str = ""
    failures: int = 0
    state: str = ""
    error: str = ""
    fix: str = ""
    next_at: datetime | None = None
    ended: tuple[PassEnd, ...] = ()
