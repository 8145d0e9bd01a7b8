"""What `--json` prints: one function per thing. The shapes are the contract of docs/json.md.

Ids are strings (they exceed what a double holds), moments ISO 8601 in UTC ending in `Z`, lengths seconds.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from syncd.cli import failure
from syncd.cli.wording import stamp
from syncd.core.model import Comparison, Criterion, LoadCounts, Window
from syncd.core.status import JobView, RunDetail, RunView
from syncd.sync.ports import RunOutcome
from syncd.sync.preview import PlannedWindow, Preview

if TYPE_CHECKING:
    from syncd.bootstrap.database import RejectedRow

Document = dict[str, Any]


def outcome_document(outcome: RunOutcome) -> Document:
    """How a pass over a stream ended: a line of `sync --json`."""
    return {
        "org": outcome.stream.org,
        "module": outcome.stream.module,
        "state": outcome.state,
        "kinds": list(outcome.kinds),
        "run_id": _id(outcome.run_id),
        "jobs": outcome.jobs,
        "counts": counts_document(outcome.counts),
        "fresh_to": _moment(outcome.fresh_to),
        "seconds": round(outcome.seconds, 3),
        "error": None if outcome.error is None else failure.document(outcome.error),
        "notes": list(outcome.notes),
    }


def counts_document(counts: LoadCounts) -> Document:
    """The rows of a run."""
    return {
        "read": counts.read,
        "inserted": counts.inserted,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "rejected": counts.rejected,
        "bad_values": counts.bad_values,
        "deleted": counts.deleted,
    }


def run_document(view: RunView) -> Document:
    """A run of the ledger."""
    run = view.run
    return {
        "run_id": str(run.id),
        "org": run.stream.org,
        "module": run.stream.module,
        "kind": run.kind.value,
        "started_at": stamp(run.started_at),
        "finished_at": _moment(view.finished_at),
        "through": _moment(run.through),
        "outcome": view.outcome or None,
        "error": view.error,
        "jobs": view.jobs,
        "open_jobs": view.open_jobs,
        "counts": counts_document(view.counts),
    }


def run_detail_document(detail: RunDetail) -> Document:
    """A run with its jobs and the fields that they ask for."""
    return {
        **run_document(detail.view),
        "slices": [list(fields) for fields in detail.view.run.slices],
        "job_list": [job_document(view) for view in detail.jobs],
    }


def job_document(view: JobView) -> Document:
    """A bulk read job of the ledger."""
    job = view.job
    return {
        "job_id": str(job.id),
        "parent_id": _id(job.spec.parent_id),
        "state": job.state.value,
        "window": window_document(job.spec.window),
        "slice": job.spec.slice,
        "page": job.spec.page,
        "remote_id": job.remote_id or None,
        "evaluated_at": _moment(job.evaluated_at),
        "rows": job.count,
        "more_records": job.more_records,
        "failures": job.failures,
        "error": job.last_error,
        "planned_at": stamp(view.planned_at),
        "changed_at": stamp(view.changed_at),
    }


def window_document(window: Window | None) -> Document | None:
    """A window; None means the whole module."""
    if window is None:
        return None
    return {"cursor": window.cursor.value, "start": stamp(window.start), "end": stamp(window.end)}


def rejected_document(row: "RejectedRow") -> Document:
    """A value or a row that could not be loaded."""
    return {
        "org": row.stream.org,
        "module": row.stream.module,
        "rejected_at": stamp(row.rejected_at),
        "job_id": _id(row.job_id),
        "line": row.line,
        "record_id": _id(row.record_id),
        "column": row.column or None,
        "value": row.value,
        "reason": row.reason,
        "raw": row.raw,
    }


def preview_document(preview: Preview) -> Document:
    """The next pass of a stream."""
    return {
        "org": preview.stream.org,
        "module": preview.stream.module,
        "kind": preview.kind.value if preview.kind else None,
        "cursor": preview.cursor.value if preview.cursor else None,
        "watermark": _moment(preview.watermark),
        "through": _moment(preview.through),
        "fields": preview.fields,
        "unfinished_jobs": preview.unfinished,
        "windows": [_planned_document(window) for window in preview.windows],
        "credits": preview.credits,
    }


def _planned_document(planned: PlannedWindow) -> Document:
    return {
        "window": window_document(planned.window),
        "criteria": criterion_document(planned.criterion),
        "rows": planned.rows,
        "jobs": planned.jobs,
        "credits": planned.credits,
    }


def criterion_document(criterion: Criterion | None) -> Document | None:
    """A criterion in the words that a configuration uses."""
    match criterion:
        case None:
            return None
        case Comparison():
            value = list(criterion.value) if isinstance(criterion.value, tuple) else criterion.value
            return {"api_name": criterion.field, "comparator": criterion.comparator, "value": value}
    return {
        "group_operator": criterion.operator,
        "group": [criterion_document(member) for member in criterion.members],
    }


def _id(number: int | None) -> str | None:
    return None if number is None else str(number)


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else stamp(moment)
