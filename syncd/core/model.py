"""The values that every layer speaks in: streams, windows, queries, jobs, runs, columns, counts.

All are frozen. All moments are aware datetimes in UTC on Zoho's clock unless a field says otherwise.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


@dataclass(frozen=True, slots=True, order=True)
class StreamKey:
    """The unit of schedule, lease, watermark and status: one module (its API name) of one org."""

    org: str
    module: str

    def __str__(self) -> str:
        return f"{self.org}/{self.module}"


class Cursor(StrEnum):
    """The stamp a window lies on; the value is the field's API name."""

    MODIFIED = "Modified_Time"
    CREATED = "Created_Time"


class FileType(StrEnum):
    """What a bulk read job writes."""

    CSV = "csv"
    ICS = "ics"


# ---------------------------------------------------------------------------------------------------- what Zoho has


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A module as the org's metadata describes it. `why_not` is empty when it can be synced."""

    api_name: str
    label: str
    kind: str
    why_not: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field as the org's metadata describes it.

    `data_type` is Zoho's word (`text`, `lookup`, `formula` ...); `return_type` is the type of a formula's or roll-up's
    value, else ''. `lookup_module` is the API name of the module a lookup points to, else ''.
    """

    api_name: str
    data_type: str
    label: str = ""
    return_type: str = ""
    length: int | None = None
    decimal_places: int | None = None
    lookup_module: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One leaf of a criterion: `field` and `comparator` in API words; value a scalar or a tuple of scalars."""

    field: str
    comparator: str
    value: str | int | float | bool | tuple[str | int | float, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Two or more criteria joined by `operator` (`and` or `or`)."""

    operator: str
    members: tuple["Criterion", ...]


Criterion = Comparison | Group


# ------------------------------------------------------------------------------------------------- windows and jobs


@dataclass(frozen=True, slots=True)
class Window:
    """Whole seconds `[start, end]`, both included, on one cursor field."""

    cursor: Cursor
    start: datetime
    end: datetime

    @property
    def seconds(self) -> int:
        """How many distinct second stamps the window holds; at least 1."""
        return int((self.end - self.start).total_seconds()) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkQuery:
    """What one bulk read job is asked for. With `page_token` everything but `module` is left to Zoho's memory."""

    module: str
    fields: tuple[str, ...] = ()
    criterion: Criterion | None = None
    cvid: str = ""
    page: int = 1
    page_token: str = ""
    file_type: FileType = FileType.CSV
    callback_url: str = ""


class RunKind(StrEnum):
    """Why a run exists, which decides its windows and what its end means."""

    FILL = "fill"  # everything created up to T0, by Created_Time; its end becomes the watermark
    CATCH_UP = "catch-up"  # what was stamped since the watermark
    FULL_READ = "full-read"  # a module without any stamp: the whole of it
    COLUMNS = "columns"  # new columns of rows that are already here, by Created_Time
    CENSUS = "census"  # ids and stamps of everything created up to `through`, compared instead of merged
    CALENDAR = "calendar"  # events as ICS: the whole module, or what was stamped since the last time
    REREAD = "re-read"  # what a census found missing or stale, by windows around its stamps


class JobState(StrEnum):
    """Where a job stands; `syncd.core.jobs` holds the table of what may follow what."""

    PLANNED = "planned"
    ACCEPTED = "accepted"
    READY = "ready"
    FETCHED = "fetched"
    LOADED = "loaded"
    SPLIT = "split"


FINISHED = frozenset({JobState.LOADED, JobState.SPLIT})


@dataclass(frozen=True, slots=True, kw_only=True)
class PageChain:
    """Progress of an export that only paging can finish: one second, or a module without stamps.

    A round is one pass over all pages. `rows` and `digest` add up over the round's pages so far; `previous` is the
    (rows, digest) of the round before, or None in the first. `since` is when the round's first page was evaluated, None
    on that page itself.
    """

    round: int = 1
    rows: int = 0
    digest: int = 0
    previous: tuple[int, int] | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """A job that has not been stored yet: one page of one slice of fields of one window (None: the whole module)."""

    window: Window | None
    slice: int = 0
    page: int = 1
    page_token: str = ""
    chain: PageChain | None = None
    parent_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A row of the ledger's job table.

    `evaluated_at` is a moment on Zoho's clock at or before which the export was evaluated at the earliest: the
    job's own created_time. `count`, `more_records`, `next_page_token` are what Zoho reported on completion.
    `failures` counts lost or failed exports of this spec; `last_error` is for people.
    """

    id: int
    run_id: int
    stream: StreamKey
    spec: JobSpec
    state: JobState = JobState.PLANNED
    remote_id: str = ""
    evaluated_at: datetime | None = None
    count: int | None = None
    more_records: bool = False
    next_page_token: str = ""
    failures: int = 0
    last_error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """A run to be stored: its windows as job specs, its field slices, and the moment its end will vouch for.

    `through` is what the watermark becomes when all jobs are loaded (None: the run moves no watermark); that of a
    census is the last creation it counts, and moves nothing. `slices` are the API names each job of that slice asks
    for.
    """

    stream: StreamKey
    kind: RunKind
    through: datetime | None
    slices: tuple[tuple[str, ...], ...]
    specs: tuple[JobSpec, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A stored run."""

    id: int
    stream: StreamKey
    kind: RunKind
    through: datetime | None
    slices: tuple[tuple[str, ...], ...]
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What the ledger knows of one stream.

    `watermark`: everything stamped at or before it is committed; None before the first fill is done. `fill_until` is
    T0 of the fill that is under way or done. `deletes_through`: the deleted-records feed was read up to here.
    `census_at`: the last census began then; the first fill counts as one.
    `calendar_through`: the calendar holds every event stamped at or before it; `calendar_full_at`: the last whole ICS
    export began then. `calendar_windows`: whether Zoho narrows ICS exports by criteria; None: not tried yet.
    `parked` is why the stream waits for a person, or ''; `trouble` why its last pass did not end well although it
    will be tried again, or ''.
    """

    key: StreamKey
    cursor: Cursor | None = None
    watermark: datetime | None = None
    fill_until: datetime | None = None
    deletes_through: datetime | None = None
    last_full_at: datetime | None = None
    census_at: datetime | None = None
    calendar_through: datetime | None = None
    calendar_full_at: datetime | None = None
    calendar_windows: bool | None = None
    paused: bool = False
    parked: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write one stream. A commit whose epoch is no longer the stream's own is refused (Fenced)."""

    stream: StreamKey
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPolicy:
    """How one stream is to be synced: the part of the configuration that the planner reads."""

    settle: timedelta = timedelta(seconds=60)
    overlap: timedelta = timedelta(minutes=5)
    window_rows: int = 150_000
    fields: tuple[str, ...] = ()  # empty: everything Zoho exports
    exclude: tuple[str, ...] = ()
    criteria: Criterion | None = None
    cvid: str = ""
    cursor: Cursor | None = None  # forced
    table: str = ""  # empty: from the module's name
    deletes: str = "each-run"  # each-run | daily | off
    full_read_every: timedelta = timedelta(days=7)
    census_every: timedelta | None = timedelta(days=7)  # None: only on request
    census_max_deleted: float = 0.1  # the share of a table that a census may mark deleted without a person's word
    rows: bool = True  # export the module as CSV rows
    calendar: bool = False  # export the module as ICS events
    expand_back: timedelta = timedelta(days=730)  # occurrences of series are listed from so long ago
    expand_ahead: timedelta = timedelta(days=550)  # to so far ahead
    probe: bool = True  # COQL COUNT before spending a job, where the scope allows


# ----------------------------------------------------------------------------------------------------------- answers


@dataclass(frozen=True, slots=True)
class AcceptedJob:
    """Zoho took the job: its id, and its created_time on Zoho's clock."""

    remote_id: str
    created_at: datetime


class RemoteState(StrEnum):
    """What a job's details say, over all spellings that Zoho uses."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReport:
    """One look at a remote job. `count`, `more_records`, `next_page_token` only mean something when COMPLETED."""

    state: RemoteState
    count: int = 0
    more_records: bool = False
    next_page_token: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Deletion:
    """One entry of the deleted-records feed."""

    record_id: int
    deleted_at: datetime


# --------------------------------------------------------------------------------------------------- tables and loads


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One line of the field map: which column holds a field. Decided once, then stored and never recomputed.

    `type` is a PostgreSQL type of `syncd.core.fields`. `partial`: rows loaded before the column came lack its value.
    `refused` is why Zoho will not export the field, or ''; a refused field has no column in the table.
    """

    field: str
    name: str
    type: str
    zoho_type: str = ""
    label: str = ""
    lookup_module: str = ""
    partial: bool = False
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A warehouse table: schema and name as in PostgreSQL (unquoted), and the module's label for its comment."""

    schema: str
    name: str
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """What one result file held.

    `header` are the field names as exported, in file order. `rows` counts data rows, structurally broken ones
    included. `digest` is a number that is equal for equal multisets of ids. `median_stamp` is the middle value of the
    window's cursor column among the rows (None: no rows or no cursor): where to cut a window that overflowed.
    """

    header: tuple[str, ...]
    rows: int
    digest: int = 0
    median_stamp: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadCounts:
    """Rows of one load or, added up, of one run. `read` = inserted + updated + unchanged + rejected rows."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    bad_values: int = 0
    deleted: int = 0

    def __add__(self, other: "LoadCounts") -> "LoadCounts":
        return LoadCounts(
            read=self.read + other.read,
            inserted=self.inserted + other.inserted,
            updated=self.updated + other.updated,
            unchanged=self.unchanged + other.unchanged,
            rejected=self.rejected + other.rejected,
            bad_values=self.bad_values + other.bad_values,
            deleted=self.deleted + other.deleted,
        )


# ------------------------------------------------------------------------------------------------------------- limits


@dataclass(frozen=True, slots=True)
class Quota:
    """At most `limit` units in any `period`; kept in the ledger so that it holds over restarts and over workers."""

    name: str
    limit: int
    period: timedelta


# ------------------------------------------------------------------------------------------------------------- status


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleStatus:
    """One line of `syncd status`: what the view `syncd.module_status` says of a stream.

    `rows` is the planner's estimate of live rows (None: no table yet). `open_jobs` and `done_jobs` belong to the run
    under way. `last_*` describe the run that ended last, `parked` and
    `trouble` are as in Stream. Local wall clock plays no part: moments are the ledger's.
    """

    stream: StreamKey
    watermark: datetime | None
    fill_until: datetime | None
    run_kind: RunKind | None
    open_jobs: int
    done_jobs: int
    rows: int | None
    last_run_id: int | None
    last_started_at: datetime | None
    last_finished_at: datetime | None
    last_outcome: str
    last_error: str
    last_counts: LoadCounts
    rejected_values: int
    partial_columns: int
    refused_fields: int
    paused: bool
    parked: str
    trouble: str = ""
