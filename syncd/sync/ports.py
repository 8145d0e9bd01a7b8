"""What a run needs from the outside, as Protocols that `syncd.zoho` and `syncd.postgres` satisfy.

Every method may raise `Unreachable` (the other side broke off, outcome unknown); further errors are named where they
are part of the contract.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from syncd.core.calendar.imports import ImportCounts, ImportRequest
from syncd.core.census import Census, Comparison, Scope
from syncd.core.model import (
    AcceptedJob,
    BulkQuery,
    Column,
    Deletion,
    Field,
    Job,
    JobReport,
    JobSpec,
    Lease,
    LoadCounts,
    Module,
    Run,
    RunPlan,
    Staged,
    Stream,
    StreamKey,
    Table,
    Window,
)


class ZohoApi(Protocol):
    """Zoho CRM as a run sees it. Raises TryLater, GrantRefused and Refused as `syncd.errors` says."""

    def server_time(self) -> datetime:
        """Now on Zoho's clock, from the newest Date header carried on monotonically; asks Zoho if it has none yet."""

    def modules(self) -> tuple[Module, ...]:
        """All modules of the org's metadata, those that cannot be synced included (`why_not`)."""

    def fields(self, module: str) -> tuple[Field, ...]:
        """The fields of a module as its metadata lists them; Refused when the module is unknown."""

    def count(self, module: str, window: Window) -> int | None:
        """Rows with a stamp in the window, by a COUNT query (1 credit); None where the grant has no scope for it.

        User criteria and views are not applied, so the number is an upper bound of what an export brings.
        """

    def create(self, query: BulkQuery) -> AcceptedJob:
        """Create a bulk read job (50 credits). Not idempotent: a lost reply leaves an orphan export, which is harmless.

        Refused names the field when Zoho objects to one; an expired page token is Refused with code EXPIRED_VALUE.
        """

    def poll(self, remote_id: str) -> JobReport:
        """One look at a job; a job that Zoho no longer knows is reported as GONE."""

    def download(self, remote_id: str, target: Path) -> bool:
        """Write the job's result to `target` whole or not at all (temp file, fsync, rename).

        False when the result is gone (expired or unknown). BadArchive when what came is no zip.
        """

    def deleted(self, module: str, since: datetime) -> Iterator[Deletion]:
        """Entries of the deleted-records feed with a deleted_time at or after `since`, in no order, maybe repeated."""


class Archives(Protocol):
    """The result files on local disk, named by the remote job, so that a restart finds them again."""

    def path(self, remote_id: str) -> Path:
        """Where the job's archive is or would be."""

    def held(self, remote_id: str) -> bool:
        """Whether the job's archive is on disk; one that is, is whole."""

    def blocks(self, path: Path) -> Iterable[bytes]:
        """The uncompressed bytes of the one member, in blocks of about 256 KiB, checked against size, ratio and CRC.

        May be iterated again: each iteration reads the archive anew.
        Raises BadArchive at any point of the iteration; the caller must not have committed anything by then.
        """

    def discard(self, path: Path) -> None:
        """Delete an archive that is no longer needed; missing is fine."""


class Transaction(Protocol):
    """One PostgreSQL transaction under a lease. Left normally it commits, left by an exception it rolls back.

    A lease that has moved is `Fenced`, at the latest by the commit. Several may be open for one stream at once: the
    first ledger write of each waits for the others, so `open_jobs` is exact from then on.
    """

    # -- ledger
    def start_run(self, plan: RunPlan) -> Run:
        """Store a run and its jobs as PLANNED; a stream has at most one unfinished run."""

    def add_jobs(self, run: Run, specs: Iterable[JobSpec]) -> tuple[Job, ...]:
        """Store further jobs of a run as PLANNED."""

    def record(self, job: Job) -> None:
        """Store a job's new state and facts, found by its id."""

    def replan(self, run: Run, slices: tuple[tuple[str, ...], ...]) -> Run:
        """Replace the field slices of a run (after a refusal)."""

    def open_jobs(self, run: Run) -> int:
        """How many jobs of the run are not finished, this transaction's own changes included."""

    def add_counts(self, run: Run, counts: LoadCounts) -> None:
        """Add what a load did to the run's totals."""

    def finish_run(self, run: Run, *, outcome: str, error: str = "") -> LoadCounts:
        """Close the run with `outcome` ('ok' or 'abandoned') and return its totals."""

    def update_stream(self, stream: Stream) -> None:
        """Store all fields of a stream; the watermark never goes back (a lower value is an error of the caller)."""

    def field_map(self) -> tuple[Column, ...]:
        """The stored columns of this stream, refused ones included, in the order they came."""

    def store_columns(self, columns: Iterable[Column]) -> None:
        """Insert or update lines of the field map, found by (stream, column name)."""

    # -- warehouse
    def evolve(self, table: Table, columns: tuple[Column, ...]) -> None:
        """Create the table if it is missing, add missing columns, comment on new things, refresh the live view.

        Additive DDL only. NeedsOperator when a table of that name is not ours or lacks what it needs.
        """

    def stage(self, blocks: Iterable[bytes], *, cursor: str) -> Staged:
        """COPY raw CSV bytes (re-iterable) into a temporary all-text table; broken rows become rejected rows.

        `cursor` is the field whose median stamp is wanted, '' for none. The field map says which type a value is copied
        as. Other tables are not locked meanwhile.
        """

    def merge(
        self,
        table: Table,
        staged: Staged,
        columns: tuple[Column, ...],
        *,
        job: Job,
        evaluated_at: datetime,
        whole: bool,
    ) -> LoadCounts:
        """Merge what was staged into the table by the guard, set-based, changing nothing that does not differ.

        `columns` are the lines of the field map for the staged header (names without a line are ignored). `whole`:
        the export has all fields of slice 0, so rows may be inserted and replaced if `(modified_time, evaluated_at)`
        is not older, and a tombstone older than `evaluated_at` is lifted. Not whole (a further slice, new columns):
        only existing rows whose modified_time equals the exported one are filled in; nothing is inserted, the stamp
        and the tombstone are not touched. Bad values become NULL plus a rejected row; rows without an id are rejected.
        """

    def tombstone(self, table: Table, deletions: Iterable[Deletion]) -> int:
        """Mark rows deleted unless an export evaluated after the deletion changed them; how many were newly marked."""

    # -- census
    def note_present(
        self, run: Run, staged: Staged, columns: tuple[Column, ...], *, stamp: str, evaluated_at: datetime
    ) -> LoadCounts:
        """Keep ids and the values of the field `stamp` ('' for none) of what was staged last, for the run's end.

        Nothing of the warehouse changes. An id that was noted before is noted as the later export shows it.
        """

    def compare_present(self, run: Run, table: Table, scope: Scope) -> Comparison:
        """Compare what the run noted with the table, which must exist; at least one of its exports must be loaded."""

    def tombstone_absent(self, table: Table, moment: datetime) -> int:
        """Mark the extra rows of the comparison before deleted at `moment`; how many were newly marked."""

    def close_census(self, run: Run, census: Census | None) -> None:
        """Store a census's line, None for one that is given up, and forget what the run noted."""

    # -- calendar
    def import_events(self, schema: str, blocks: Iterable[bytes], request: ImportRequest) -> ImportCounts:
        """Load an ICS stream (re-iterable) into the calendar tables of `schema`, made if missing."""

    def blocked_imports(self, schema: str, run: Run) -> str:
        """Why neither deletions nor a watermark may rest on what the run has imported, or ''."""

    def tombstone_events(self, schema: str, key: str, deletions: Iterable[Deletion]) -> int:
        """Mark the events of deleted records unless a later export brought them; how many were newly marked."""


class Store(Protocol):
    """The ledger and the warehouse, in one database so that state and data commit together."""

    def lease(self, key: StreamKey) -> AbstractContextManager[Lease | None]:
        """Hold the single-writer right for a stream; None when another process holds it. Makes the stream's row."""

    def stream(self, key: StreamKey) -> Stream:
        """The stream as committed; a fresh Stream when the ledger has none."""

    def unfinished_run(self, key: StreamKey) -> Run | None:
        """The run to resume, if any."""

    def unfinished_jobs(self, run: Run) -> tuple[Job, ...]:
        """Its jobs that are not finished, oldest first."""

    def census(self, run: Run) -> Census | None:
        """The line of a census that is done; None for a run that was none."""

    def transaction(self, lease: Lease) -> AbstractContextManager[Transaction]:
        """Begin a transaction under a lease."""


class Pause(Protocol):
    """Waiting, and being asked to stop. The only thing in a run that lets time pass."""

    def wait(self, seconds: float, *, remote_id: str = "") -> None:
        """Return after `seconds`, or earlier when a callback named `remote_id`. Raises Draining on a stop request."""

    def check(self) -> None:
        """Raises Draining on a stop request, else returns at once."""


class Observer(Protocol):
    """Who wants to see a run go by: progress bars, log lines, metrics. Must not raise and must not block."""

    def run_started(self, run: Run, jobs: int) -> None: ...

    def job_moved(self, run: Run, job: Job) -> None: ...

    def job_loaded(self, run: Run, job: Job, counts: LoadCounts, open_jobs: int) -> None: ...

    def waiting(self, key: StreamKey, why: str, seconds: float) -> None: ...

    def run_finished(self, outcome: "RunOutcome") -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """How one pass over a stream ended: the canonical log line as a value.

    `state`: ok, skipped (another process holds the lease), waiting (quota), parked, failed, drained. `fresh_to` is the
    watermark now. `seconds` is local monotonic time. `census` is what a census of this pass found. `notes`
    are sentences worth a reader's eye that stopped nothing.
    """

    stream: StreamKey
    state: str
    kinds: tuple[str, ...] = ()
    run_id: int | None = None
    jobs: int = 0
    counts: LoadCounts = LoadCounts()
    fresh_to: datetime | None = None
    seconds: float = 0.0
    error: Exception | None = None
    census: Census | None = None
    notes: tuple[str, ...] = ()
