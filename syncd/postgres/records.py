"""Between the ledger's rows and the values of `syncd.core.model`, both ways. Knows no SQL and no connection."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from syncd.core.census import Census
from syncd.core.model import (
    Column,
    Cursor,
    Job,
    JobSpec,
    JobState,
    LoadCounts,
    PageChain,
    Run,
    RunKind,
    Stream,
    StreamKey,
    Window,
)

Row = Mapping[str, Any]
Parameters = dict[str, Any]


def key_parameters(key: StreamKey) -> Parameters:
    """The two parameters that nearly every statement has."""
    return {"org": key.org, "module": key.module}


def stream_of(key: StreamKey, row: Row | None) -> Stream:
    """A row of stream_get; a fresh stream when there is none."""
    if row is None:
        return Stream(key=key)
    return Stream(
        key=key,
        cursor=Cursor(row["cursor"]) if row["cursor"] else None,
        watermark=row["watermark"],
        fill_until=row["fill_until"],
        deletes_through=row["deletes_through"],
        last_full_at=row["last_full_at"],
        census_at=row["census_at"],
        calendar_through=row["calendar_through"],
        calendar_full_at=row["calendar_full_at"],
        calendar_windows=row["calendar_windows"],
        paused=row["paused"],
        parked=row["parked"],
        trouble=row["trouble"],
    )


def stream_parameters(stream: Stream) -> Parameters:
    """The parameters of stream_update."""
    return {
        **key_parameters(stream.key),
        "cursor": stream.cursor,
        "watermark": stream.watermark,
        "fill_until": stream.fill_until,
        "deletes_through": stream.deletes_through,
        "last_full_at": stream.last_full_at,
        "census_at": stream.census_at,
        "calendar_through": stream.calendar_through,
        "calendar_full_at": stream.calendar_full_at,
        "calendar_windows": stream.calendar_windows,
        "parked": stream.parked,
        "trouble": stream.trouble,
    }


def run_of(key: StreamKey, row: Row) -> Run:
    """A row of run_start, run_unfinished, run_replan or runs_recent."""
    return Run(
        id=row["id"],
        stream=key,
        kind=RunKind(row["kind"]),
        through=row["through"],
        slices=tuple(tuple(names) for names in row["slices"]),
        started_at=row["started_at"],
    )


def slices_json(slices: Sequence[Sequence[str]]) -> Jsonb:
    """Field slices as an array of arrays."""
    return Jsonb([list(names) for names in slices])


def job_of(key: StreamKey, run_id: int, row: Row) -> Job:
    """A row of jobs_unfinished or run_jobs."""
    window = Window(Cursor(row["cursor"]), row["window_start"], row["window_end"]) if row["cursor"] else None
    spec = JobSpec(
        window=window,
        slice=row["slice"],
        page=row["page"],
        page_token=row["page_token"],
        chain=_chain_of(row["chain"]),
        parent_id=row["parent_id"],
    )
    return Job(
        id=row["id"],
        run_id=run_id,
        stream=key,
        spec=spec,
        state=JobState(row["state"]),
        remote_id=row["remote_id"],
        evaluated_at=row["evaluated_at"],
        count=row["row_count"],
        more_records=row["more_records"],
        next_page_token=row["next_page_token"],
        failures=row["failures"],
        last_error=row["last_error"],
    )


def spec_parameters(run_id: int, spec: JobSpec) -> Parameters:
    """The parameters of job_add."""
    window = spec.window
    return {
        "run": run_id,
        "parent": spec.parent_id,
        "cursor": window.cursor if window else None,
        "start": window.start if window else None,
        "end": window.end if window else None,
        "slice": spec.slice,
        "page": spec.page,
        "page_token": spec.page_token,
        "chain": _chain_json(spec.chain),
    }


def job_parameters(job: Job) -> Parameters:
    """The parameters of job_record."""
    return {
        **key_parameters(job.stream),
        "job": job.id,
        "state": job.state,
        "remote_id": job.remote_id,
        "evaluated_at": job.evaluated_at,
        "count": job.count,
        "more_records": job.more_records,
        "next_page_token": job.next_page_token,
        "failures": job.failures,
        "last_error": job.last_error,
    }


def column_of(row: Row) -> Column:
    """A row of field_map_get."""
    return Column(**row)


def column_parameters(key: StreamKey, column: Column) -> Parameters:
    """The parameters of field_map_put."""
    return {
        **key_parameters(key),
        "name": column.name,
        "field": column.field,
        "type": column.type,
        "zoho_type": column.zoho_type,
        "label": column.label,
        "lookup_module": column.lookup_module,
        "partial": column.partial,
        "refused": column.refused,
    }


def counts_of(row: Row, prefix: str = "") -> LoadCounts:
    """The seven totals of a run, whose columns may carry a prefix."""
    return LoadCounts(
        read=row[f"{prefix}rows_read"] or 0,
        inserted=row[f"{prefix}rows_inserted"] or 0,
        updated=row[f"{prefix}rows_updated"] or 0,
        unchanged=row[f"{prefix}rows_unchanged"] or 0,
        rejected=row[f"{prefix}rows_rejected"] or 0,
        bad_values=row[f"{prefix}bad_values"] or 0,
        deleted=row[f"{prefix}rows_deleted"] or 0,
    )


def counts_parameters(run: Run, counts: LoadCounts) -> Parameters:
    """The parameters of run_add_counts."""
    return {
        **key_parameters(run.stream),
        "run": run.id,
        "read": counts.read,
        "inserted": counts.inserted,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "rejected": counts.rejected,
        "bad_values": counts.bad_values,
        "deleted": counts.deleted,
    }


def census_of(key: StreamKey, row: Row) -> Census:
    """A row of census_get."""
    return Census(stream=key, **row)


def census_parameters(census: Census) -> Parameters:
    """The parameters of census_put."""
    return {
        **key_parameters(census.stream),
        "run": census.run_id,
        "at": census.at,
        "compared": census.compared,
        "missing": census.missing,
        "extra": census.extra,
        "stale": census.stale,
        "tombstoned": census.tombstoned,
        "refused_deletes": census.refused_deletes,
        "reason": census.reason,
        "reread_run": census.reread_run,
    }


def _chain_of(stored: Mapping[str, Any] | None) -> PageChain | None:
    if stored is None:
        return None
    previous = stored["previous"]
    return PageChain(
        round=stored["round"],
        rows=stored["rows"],
        digest=stored["digest"],
        previous=(previous[0], previous[1]) if previous else None,
        since=datetime.fromisoformat(stored["since"]) if stored.get("since") else None,
    )


def _chain_json(chain: PageChain | None) -> Jsonb | None:
    if chain is None:
        return None
    return Jsonb(
        {
            "round": chain.round,
            "rows": chain.rows,
            "digest": chain.digest,
            "previous": chain.previous,
            "since": chain.since.isoformat() if chain.since else None,
        }
    )
