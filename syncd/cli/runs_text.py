"""Runs and their jobs as tables."""

import click

from syncd.cli.ledgers import Ledgers
from syncd.cli.tables import Coloured, Value, show
from syncd.core.limits import BEGINNING
from syncd.core.model import FINISHED
from syncd.core.status import JobView, RunDetail, RunView

_RUN_TITLES = (
    *("RUN", "MODULE", "KIND", "STARTED", "TOOK", "OUTCOME", "JOBS"),
    *("READ", "NEW", "CHANGED", "DELETED", "REJECTED", "THROUGH"),
)
_JOB_TITLES = ("JOB", "STATE", "CURSOR", "FROM", "TO", "PAGE", "SLICE", "ZOHO ID", "ROWS", "TOOK", "FAILURES", "ERROR")


def newest(ledgers: Ledgers, names: tuple[str, ...], *, failed: bool, limit: int) -> list[RunView]:
    """The newest runs of the module of that name, or of all; ConfigWrong for a name that is not configured."""
    found: list[RunView] = []
    for database in ledgers.databases:
        if not names:
            found += database.status.runs(limit=limit, failed=failed)
            continue
        for key in ledgers.chosen(names):
            if ledgers.by_org[key.org] is database:
                found += database.status.runs(limit=limit, org=key.org, module=key.module, failed=failed)
    return sorted(found, key=lambda view: view.run.started_at, reverse=True)[:limit]


def found(ledgers: Ledgers, number: str) -> RunDetail:
    """The run of that number; UsageError when there is none."""
    details = [
        detail
        for database in ledgers.databases
        if number.isdecimal() and (detail := database.status.run(int(number))) is not None
    ]
    if not details:
        raise click.UsageError(f"there is no run {number!r}\nfix: syncd runs lists them")
    return details[0]


def print_runs(ledgers: Ledgers, views: list[RunView]) -> None:
    """A row per run."""
    show(_RUN_TITLES, [_run_row(ledgers, view) for view in views])


def print_detail(ledgers: Ledgers, detail: RunDetail) -> None:
    """One run and a row per job."""
    print_runs(ledgers, [detail.view])
    if detail.view.error:
        click.echo(f"error: {detail.view.error}")
    fields = sum(len(part) for part in detail.view.run.slices)
    click.echo(f"asks for {fields} fields in {len(detail.view.run.slices)} slice(s)\n")
    show(_JOB_TITLES, [_job_row(view) for view in detail.jobs])


def _run_row(ledgers: Ledgers, view: RunView) -> list[Value]:
    run, counts = view.run, view.counts
    return [
        str(run.id),
        ledgers.name(run.stream),
        run.kind.value,
        run.started_at,
        None if view.finished_at is None else view.finished_at - run.started_at,
        Coloured(view.outcome, "green" if view.outcome == "ok" else "red") if view.outcome else "running",
        view.jobs,
        counts.read,
        counts.inserted,
        counts.updated,
        counts.deleted,
        counts.rejected,
        run.through,
    ]


def _job_row(view: JobView) -> list[Value]:
    job, window = view.job, view.job.spec.window
    return [
        str(job.id),
        job.state.value,
        window.cursor.value if window else "whole module",
        None if window is None else ("beginning" if window.start == BEGINNING else window.start),
        None if window is None else window.end,
        job.spec.page,
        job.spec.slice,
        job.remote_id or None,
        job.count,
        view.changed_at - view.planned_at if job.state in FINISHED else None,
        job.failures or None,
        job.last_error or None,
    ]
