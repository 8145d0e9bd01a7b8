"""One PostgreSQL transaction under a lease: ledger and warehouse change together or not at all.

Owns: the fence, and the ledger's writes. The warehouse's half is `syncd.postgres.warehouse`.

How the fence works. Lanes load files of one stream at the same time, so the stream's row cannot be locked for as long
as a load takes. Instead:

1. On entering, the epoch is compared without a lock: a stale holder stops before it does any work.
2. The first ledger write, or the end of the block, locks the stream's row (FOR NO KEY UPDATE) and compares again. The
   lock is held until the commit. Taking a lease updates that same row, so it waits for this commit, or comes first and
   is seen here: a transaction with an old epoch can never commit.
3. Under READ COMMITTED each statement sees what was committed before it began. Whoever has the lock therefore counts
   the open jobs with all earlier holders' changes in sight: of two lanes that finish last together, the second one
   counts zero, and only it.

So lanes stage and merge side by side and queue only for the few milliseconds between their first ledger write and
their commit. Callers keep it so by writing the ledger after the merge. The field map is apart: it is written before a
merge, is protected by step 2 like the rows themselves, and takes no lock on the stream; lanes that bring the same new
columns at the same time do wait for the first one's commit. Waiting for our own lanes is worth more patience than the
session's lock_timeout, which is there for other people's sake.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from syncd.core.calendar.imports import ImportCounts, ImportRequest
from syncd.core.census import Census, Comparison, Scope
from syncd.core.evolve import columns_of
from syncd.core.model import (
    Column,
    Deletion,
    Job,
    JobSpec,
    Lease,
    LoadCounts,
    Run,
    RunPlan,
    Staged,
    Stream,
    StreamKey,
    Table,
)
from syncd.errors import Fenced, NeedsOperator
from syncd.postgres import census, records
from syncd.postgres.pool import LOCK_TIMEOUT, Connection
from syncd.postgres.queries import query
from syncd.postgres.replay import Replayed, replay
from syncd.postgres.warehouse import Warehouse

_LOOK, _HOLD, _WROTE = query("epoch_look"), query("epoch_hold"), query("wrote_anything")
_RUN_START, _RUN_REPLAN, _RUN_FINISH = query("run_start"), query("run_replan"), query("run_finish")
_RUNS_FORGET = query("runs_forget")
_RUN_ADD_COUNTS, _JOB_ADD, _JOB_RECORD = query("run_add_counts"), query("job_add"), query("job_record")
_JOBS_OPEN, _STREAM_UPDATE, _TABLE_PUT = query("jobs_open"), query("stream_update"), query("table_put")
_PATIENT, _POLITE = b"SET LOCAL lock_timeout = '60s'", f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'".encode()
_FIELD_MAP_GET, _FIELD_MAP_PUT = query("field_map_get"), query("field_map_put")
_CENSUS_MOMENT, _CENSUS_EXPORTED = query("census_moment"), query("census_exported")
_CENSUS_PUT, _CENSUS_FORGET = query("census_put"), query("census_forget")


RUNS_KEPT_FOR = timedelta(days=90)
"""How long the ledger remembers what a run did; what is in the warehouse, and rejected rows, do not depend on it."""


class PostgresTransaction:
    """The `Transaction` of `syncd.sync.ports`, on a connection that is inside a transaction already."""

    def __init__(self, connection: Connection, lease: Lease) -> None:
        self._connection = connection
        self._lease = lease
        self._held = False
        self._warehouse = Warehouse(connection, lease.stream)

    # ----------------------------------------------------------------------------------------------------- the fence

    def begin(self) -> None:
        """Step 1: Fenced when the lease has moved already."""
        self._compare(self._one(_LOOK, self._key))

    def seal(self) -> None:
        """The last thing before the commit: step 2 for whoever wrote something and has not been through it."""
        if not self._held and self._one(_WROTE, {})["wrote"]:
            self._hold()

    def _hold(self) -> None:
        if not self._held:
            with self._patience():
                self._compare(self._one(_HOLD, self._key))
            self._held = True

    @contextmanager
    def _patience(self) -> Iterator[None]:
        """Wait longer for locks in the block; an error in it ends the transaction, and the setting with it."""
        self._connection.execute(_PATIENT)
        yield
        self._connection.execute(_POLITE)

    def _compare(self, row: records.Row) -> None:
        if row["epoch"] != self._lease.epoch:
            raise Fenced(
                "the lease has moved to another process",
                where=str(self._lease.stream),
                why=f"it is at epoch {row['epoch']}, this one holds {self._lease.epoch}",
                fix="nothing to do: the other process goes on from the last commit",
            )

    # -------------------------------------------------------------------------------------------------- runs and jobs

    def start_run(self, plan: RunPlan) -> Run:
        """Store a run and its jobs as PLANNED; a second unfinished run of a stream is refused by an index."""
        self._hold()
        self._own(plan.stream)
        row = self._one(
            _RUN_START,
            {
                **self._key,
                "kind": plan.kind,
                "through": plan.through,
                "slices": records.slices_json(plan.slices),
            },
        )
        run = records.run_of(plan.stream, row)
        self.add_jobs(run, plan.specs)
        return run

    def add_jobs(self, run: Run, specs: Iterable[JobSpec]) -> tuple[Job, ...]:
        """Store further jobs of a run as PLANNED, in the order given."""
        self._hold()
        self._own(run.stream)
        wanted = tuple(specs)
        if not wanted:
            return ()
        with self._connection.cursor() as cursor:
            cursor.executemany(_JOB_ADD, [records.spec_parameters(run.id, spec) for spec in wanted], returning=True)
            numbers = [row[0] for result in cursor.results() for row in result.fetchall()]
        return tuple(
            Job(id=number, run_id=run.id, stream=run.stream, spec=spec)
            for number, spec in zip(numbers, wanted, strict=True)
        )

    def record(self, job: Job) -> None:
        """Store a job's new state and facts. Fenced when it is finished already: its story was told by someone else."""
        self._hold()
        self._own(job.stream)
        self._change_one(_JOB_RECORD, records.job_parameters(job), f"job {job.id} is finished already, or unknown")

    def replan(self, run: Run, slices: tuple[tuple[str, ...], ...]) -> Run:
        """Replace the field slices of an unfinished run."""
        self._hold()
        self._own(run.stream)
        changed = {**self._key, "run": run.id, "slices": records.slices_json(slices)}
        return records.run_of(run.stream, self._one(_RUN_REPLAN, changed))

    def open_jobs(self, run: Run) -> int:
        """How many jobs of the run are not finished: exact until the commit, since the stream's row is held."""
        self._hold()
        return int(self._one(_JOBS_OPEN, {"run": run.id})["count"])

    def add_counts(self, run: Run, counts: LoadCounts) -> None:
        """Add what a load did to the totals of an unfinished run."""
        self._hold()
        self._own(run.stream)
        self._change_one(_RUN_ADD_COUNTS, records.counts_parameters(run, counts), f"run {run.id} is finished already")

    def finish_run(self, run: Run, *, outcome: str, error: str = "") -> LoadCounts:
        """Close the run with `outcome` ('ok' or 'abandoned') and return its totals.

        A few of the stream's runs that ended longer than RUNS_KEPT_FOR ago are forgotten with their jobs and censuses.
        """
        self._hold()
        self._own(run.stream)
        closed = {**self._key, "run": run.id, "outcome": outcome, "error": error}
        totals = records.counts_of(self._one(_RUN_FINISH, closed))
        self._connection.execute(_RUNS_FORGET, {**self._key, "kept_for": RUNS_KEPT_FOR})
        return totals

    # --------------------------------------------------------------------------------------------- stream and columns

    def update_stream(self, stream: Stream) -> None:
        """Store all of a stream but `paused`, which a person may have changed meanwhile.

        The database refuses a lower watermark.
        """
        self._hold()
        self._own(stream.key)
        self._change_one(_STREAM_UPDATE, records.stream_parameters(stream), "the stream has no row")

    def field_map(self) -> tuple[Column, ...]:
        """The stored columns of this stream, refused ones included, in the order they came."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return tuple(records.column_of(row) for row in cursor.execute(_FIELD_MAP_GET, self._key))

    def store_columns(self, columns: Iterable[Column]) -> None:
        """Insert or update lines of the field map, found by column name; takes no lock on the stream."""
        lines = [records.column_parameters(self._lease.stream, column) for column in columns]
        if lines:
            with self._patience(), self._connection.cursor() as cursor:
                cursor.executemany(_FIELD_MAP_PUT, lines)

    # ----------------------------------------------------------------------------------------------------- warehouse

    def evolve(self, table: Table, columns: tuple[Column, ...]) -> None:
        """Bring the table up to `columns`, and note in the ledger which table it is."""
        try:
            with self._patience():
                self._connection.execute(_TABLE_PUT, {**self._key, "schema": table.schema, "name": table.name})
        except psycopg.errors.UniqueViolation:
            raise NeedsOperator(
                "the table belongs to another module",
                where=f"{table.schema}.{table.name}",
                why=f"{self._lease.stream} would share it",
                fix=f'name another one in the configuration: {self._lease.stream.module} = {{ table = "..." }}',
            ) from None
        self._warehouse.evolve(table, columns)

    def stage(self, blocks: Iterable[bytes], *, cursor: str) -> Staged:
        """See `Transaction.stage`. Values are typed while they are copied, as far as the field map knows them."""
        return self._warehouse.stage(blocks, cursor=cursor, columns=self.field_map())

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
        """See `Transaction.merge`."""
        return self._warehouse.merge(table, staged, columns, job=job, evaluated_at=evaluated_at, whole=whole)

    def import_events(self, schema: str, blocks: Iterable[bytes], request: ImportRequest) -> ImportCounts:
        """See `Transaction.import_events`."""
        from syncd.postgres import calendar

        return calendar.import_calendar(self._connection, lambda: blocks, request, schema=schema)

    def blocked_imports(self, schema: str, run: Run) -> str:
        """See `Transaction.blocked_imports`."""
        from syncd.postgres import calendar

        return calendar.blocked_imports(self._connection, run.id, schema=schema)

    def tombstone_events(self, schema: str, key: str, deletions: Iterable[Deletion]) -> int:
        """See `Transaction.tombstone_events`."""
        from syncd.postgres import calendar

        return calendar.delete_records(self._connection, deletions, key=key, schema=schema)

    def tombstone(self, table: Table, deletions: Iterable[Deletion]) -> int:
        """See `Transaction.tombstone`."""
        return self._warehouse.tombstone(table, deletions)

    # -------------------------------------------------------------------------------------------------------- census

    def note_present(
        self, run: Run, staged: Staged, columns: tuple[Column, ...], *, stamp: str, evaluated_at: datetime
    ) -> LoadCounts:
        """See `Transaction.note_present`."""
        self._own(run.stream)
        return self._warehouse.note_present(run.id, staged, columns, stamp=stamp, evaluated_at=evaluated_at)

    def compare_present(self, run: Run, table: Table, scope: Scope) -> Comparison:
        """See `Transaction.compare_present`; nothing that this run loaded or noted may still be open."""
        self._hold()
        self._own(run.stream)
        moment = self._one(_CENSUS_MOMENT, {"run": run.id})["moment"]
        if moment is None:
            raise Fenced("the ledger has moved on", where=str(run.stream), why=f"run {run.id} has loaded nothing")
        exported = self._one(_CENSUS_EXPORTED, {"run": run.id})["exported"]
        found = census.Finding(table, columns_of(self.field_map()), scope, run_id=run.id, moment=moment)
        return found.compare(self._connection, exported=exported)

    def tombstone_absent(self, table: Table, moment: datetime) -> int:
        """See `Transaction.tombstone_absent`."""
        self._hold()
        return census.tombstone_extra(self._connection, table, moment)

    def close_census(self, run: Run, census: Census | None) -> None:
        """See `Transaction.close_census`."""
        self._hold()
        self._own(run.stream)
        if census is not None:
            self._connection.execute(_CENSUS_PUT, records.census_parameters(census))
        self._connection.execute(_CENSUS_FORGET, {"run": run.id})

    def replay(self, table: Table, *, dry_run: bool) -> Replayed:
        """Put rejected values back where they fit by now, or undo that again and only tell; Zoho is not asked."""
        self._hold()
        done = Replayed(stream=self._lease.stream)
        with self._connection.transaction() as inner:
            if self._warehouse.exists(table):
                done = replay(self._connection, self._lease.stream, table, self.field_map())
            if dry_run:
                raise psycopg.Rollback(inner)
        return done

    # --------------------------------------------------------------------------------------------------------- parts

    @property
    def _key(self) -> records.Parameters:
        return records.key_parameters(self._lease.stream)

    def _own(self, key: StreamKey) -> None:
        if key != self._lease.stream:
            raise ValueError(f"a transaction under the lease of {self._lease.stream} cannot write {key}")

    def _one(self, statement: bytes, parameters: records.Parameters) -> dict[str, Any]:
        """The one row of a statement; Fenced when what it is about is not there any more."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(statement, parameters).fetchone()
        if row is None:
            raise Fenced("the ledger has moved on", where=str(self._lease.stream), why="the run is finished or gone")
        return row

    def _change_one(self, statement: bytes, parameters: records.Parameters, otherwise: str) -> None:
        if self._connection.execute(statement, parameters).rowcount != 1:
            raise Fenced("the ledger has moved on", where=str(self._lease.stream), why=otherwise)
