"""The ledger and the warehouse as a run sees them: the `Store` of `syncd.sync.ports`, and what an operator may change.

Owns: which statement runs on which connection. Decides nothing about windows, jobs or runs.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from psycopg.rows import dict_row

from syncd.core.census import Census
from syncd.core.model import Job, Lease, Run, Stream, StreamKey, Table
from syncd.postgres import records
from syncd.postgres.lease import Leases
from syncd.postgres.pool import Pool
from syncd.postgres.queries import query
from syncd.postgres.replay import Replayed
from syncd.postgres.transaction import PostgresTransaction

_STREAM_GET, _STREAM_PAUSE, _STREAM_PARK = query("stream_get"), query("stream_pause"), query("stream_park")
_RUN_UNFINISHED, _JOBS_UNFINISHED = query("run_unfinished"), query("jobs_unfinished")
_CENSUS_GET = query("census_get")


class PostgresStore:
    """State and data in one database, so that they commit together. Safe for any number of threads."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._leases = Leases(pool)

    def lease(self, key: StreamKey) -> AbstractContextManager[Lease | None]:
        """Hold the single-writer right for a stream; None when another process, or this one, holds it already."""
        return self._leases.hold(key)

    @contextmanager
    def transaction(self, lease: Lease) -> Iterator[PostgresTransaction]:
        """Begin a transaction under a lease; several may be open at once, also for one stream.

        Fenced when the lease has moved or was given back, whether that is noticed at the start or at the commit.
        Unreachable at the end of the block means that the outcome is not known: read the ledger again.
        """
        self._leases.check(lease)
        with self._pool.transaction(f"syncd:{lease.stream}") as connection:
            transaction = PostgresTransaction(connection, lease)
            transaction.begin()
            yield transaction
            transaction.seal()

    def stream(self, key: StreamKey) -> Stream:
        """The stream as committed; a fresh Stream when the ledger has none."""
        return records.stream_of(key, self._row(_STREAM_GET, records.key_parameters(key)))

    def unfinished_run(self, key: StreamKey) -> Run | None:
        """The run to resume, if any."""
        row = self._row(_RUN_UNFINISHED, records.key_parameters(key))
        return records.run_of(key, row) if row else None

    def replay(self, key: StreamKey, table: Table, *, dry_run: bool) -> Replayed | None:
        """Put a stream's rejected values back where they fit by now, or only find out how many (`dry_run`).

        None when another process holds the stream.
        """
        with self.lease(key) as lease:
            if lease is None:
                return None
            with self.transaction(lease) as transaction:
                return transaction.replay(table, dry_run=dry_run)

    def census(self, run: Run) -> Census | None:
        """The line of a census that is done; None for a run that was none."""
        row = self._row(_CENSUS_GET, {**records.key_parameters(run.stream), "run": run.id})
        return records.census_of(run.stream, row) if row else None

    def unfinished_jobs(self, run: Run) -> tuple[Job, ...]:
        """The jobs of a run that are not finished, oldest first."""
        with self._pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(_JOBS_UNFINISHED, {"run": run.id})
            return tuple(records.job_of(run.stream, run.id, row) for row in rows)

    # ------------------------------------------------------------------------------------------------- operator's word

    def pause(self, key: StreamKey, *, paused: bool) -> None:
        """Ask that a stream be left alone, or take that back; a run that is under way goes on to its end."""
        with self._pool.connection() as connection:
            connection.execute(_STREAM_PAUSE, {**records.key_parameters(key), "paused": paused})

    def park(self, key: StreamKey, why: str) -> None:
        """Let a stream wait for a person because of `why`; '' lets it go on."""
        with self._pool.connection() as connection:
            connection.execute(_STREAM_PARK, {**records.key_parameters(key), "parked": why})

    def _row(self, statement: bytes, parameters: records.Parameters) -> records.Row | None:
        with self._pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement, parameters).fetchone()
