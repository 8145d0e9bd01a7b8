"""What the ledger says for people: modules, runs, jobs, rejected rows, API use.

Owns: reading only, and only schema `syncd` and the catalogue: a status page must answer while somebody's DDL has the
warehouse's tables locked. Every statement has a short timeout.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow, dict_row

from syncd.core.model import Column, ModuleStatus, RunKind, StreamKey
from syncd.core.status import ApiUse, JobView, RunDetail, RunMark, RunView
from syncd.postgres import records
from syncd.postgres.pool import Pool
from syncd.postgres.queries import query

_STATUSES, _USE, _RUNS = query("module_statuses"), query("api_use_totals"), query("runs_recent")
_JOBS, _OPEN_JOBS, _FINISHED = query("run_jobs"), query("jobs_open_everywhere"), query("runs_finished")
_COLUMNS, _REJECTED = query("field_map_get"), query("rejected_rows")
_PATIENCE = b"SET LOCAL statement_timeout = '5s'"


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRow:
    """A value or a row that could not be loaded. `column` is '' when the whole row was rejected."""

    stream: StreamKey
    job_id: int | None
    line: int | None
    record_id: int | None
    column: str
    value: str | None
    reason: str
    raw: str | None
    rejected_at: datetime


class PostgresStatus:
    """The ledger, to look at."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def module_statuses(self) -> tuple[ModuleStatus, ...]:
        """All streams of all orgs, by org and module."""
        with self._cursor() as cursor:
            return tuple(_module_status(row) for row in cursor.execute(_STATUSES))

    def runs(
        self, *, limit: int = 20, org: str | None = None, module: str | None = None, failed: bool = False
    ) -> tuple[RunView, ...]:
        """The newest runs first; `failed` leaves out those that went well or are under way."""
        wanted = {"run": None, "limit": limit, "org": org, "module": module, "failed": failed}
        with self._cursor() as cursor:
            return tuple(_run_view(row) for row in cursor.execute(_RUNS, wanted))

    def run(self, run_id: int) -> RunDetail | None:
        """One run with all its jobs in the order they were planned; None when there is no such run."""
        wanted = {"run": run_id, "limit": 1, "org": None, "module": None, "failed": False}
        with self._cursor() as cursor:
            found = cursor.execute(_RUNS, wanted).fetchone()
            if found is None:
                return None
            view = _run_view(found)
            jobs = tuple(
                _job_view(view.run.stream, run_id, view.run.kind, row) for row in cursor.execute(_JOBS, {"run": run_id})
            )
        return RunDetail(view=view, jobs=jobs)

    def open_jobs(self) -> tuple[JobView, ...]:
        """The jobs of all runs under way that are not finished, oldest first."""
        with self._cursor() as cursor:
            return tuple(
                _job_view(_key_of(row), row["run_id"], RunKind(row["kind"]), row) for row in cursor.execute(_OPEN_JOBS)
            )

    def history(self, since: datetime) -> tuple[RunMark, ...]:
        """The runs of all streams that finished at or after `since` on PostgreSQL's clock, oldest first."""
        with self._cursor() as cursor:
            return tuple(_run_mark(row) for row in cursor.execute(_FINISHED, {"since": since}))

    def columns(self, key: StreamKey) -> tuple[Column, ...]:
        """The field map of a stream, refused fields included, in the order they came."""
        with self._cursor() as cursor:
            return tuple(records.column_of(row) for row in cursor.execute(_COLUMNS, records.key_parameters(key)))

    def rejected(
        self, *, limit: int = 100, org: str | None = None, module: str | None = None
    ) -> tuple[RejectedRow, ...]:
        """The newest rejected values and rows first."""
        with self._cursor() as cursor:
            rows = cursor.execute(_REJECTED, {"limit": limit, "org": org, "module": module})
            return tuple(_rejected_row(row) for row in rows)

    def api_use(self, period: timedelta = timedelta(days=1)) -> tuple[ApiUse, ...]:
        """What was spent of each quota of each org in the period that ends now; the ledger knows no limits.

        Entries are kept for 25 hours, or for as long as their quota's period if that is longer.
        """
        with self._cursor() as cursor:
            return tuple(
                ApiUse(name=row["quota"].replace("_", " "), used=row["used"], limit=None, period=period, org=row["org"])
                for row in cursor.execute(_USE, {"period": period})
            )

    @contextmanager
    def _cursor(self) -> Iterator[Cursor[DictRow]]:
        with self._pool.transaction("syncd:status") as connection, connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(_PATIENCE)
            yield cursor


def _key_of(row: dict[str, Any]) -> StreamKey:
    return StreamKey(row["org"], row["module"])


def _module_status(row: dict[str, Any]) -> ModuleStatus:
    return ModuleStatus(
        stream=_key_of(row),
        watermark=row["watermark"],
        fill_until=row["fill_until"],
        run_kind=RunKind(row["run_kind"]) if row["run_kind"] else None,
        open_jobs=row["open_jobs"],
        done_jobs=row["done_jobs"],
        rows=row["row_estimate"],
        last_run_id=row["last_run_id"],
        last_started_at=row["last_started_at"],
        last_finished_at=row["last_finished_at"],
        last_outcome=row["last_outcome"] or "",
        last_error=row["last_error"] or "",
        last_counts=records.counts_of(row, prefix="last_"),
        rejected_values=row["rejected_values"],
        partial_columns=row["partial_columns"],
        refused_fields=row["refused_fields"],
        paused=row["paused"],
        parked=row["parked"],
        trouble=row["trouble"],
    )


def _run_view(row: dict[str, Any]) -> RunView:
    return RunView(
        run=records.run_of(_key_of(row), row),
        finished_at=row["finished_at"],
        outcome=row["outcome"],
        error=row["error"],
        counts=records.counts_of(row),
        jobs=row["jobs"],
        open_jobs=row["open_jobs"],
    )


def _job_view(key: StreamKey, run_id: int, kind: RunKind, row: dict[str, Any]) -> JobView:
    job = records.job_of(key, run_id, row)
    return JobView(job=job, kind=kind, planned_at=row["created_at"], changed_at=row["changed_at"])


def _run_mark(row: dict[str, Any]) -> RunMark:
    facts = {name: value for name, value in row.items() if name not in {"org", "module"}}
    return RunMark(stream=_key_of(row), **facts)


def _rejected_row(row: dict[str, Any]) -> RejectedRow:
    facts = {name: value for name, value in row.items() if name not in {"org", "module"}}
    return RejectedRow(stream=_key_of(row), **facts)
