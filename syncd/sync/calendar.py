"""Events as ICS: what differs from rows when a file is loaded, a job is refused, a run ends.

Jobs, resume, downloads and lanes are those of every run; only the file's content and what its end vouches for are not.
"""

from dataclasses import replace

from syncd.core.calendar.imports import ImportCounts, ImportRequest
from syncd.core.calendar.model import Horizon
from syncd.core.jobs import FileLost, Lost, Overflowed, advance, calendar_follow_ups, current_at
from syncd.core.model import Job, JobSpec, LoadCounts
from syncd.errors import BadArchive
from syncd.sync.context import RunInProgress
from syncd.sync.ports import Transaction

MOST_DOWNLOADS = 3
"""Downloads of one result before it is exported anew: a file that stays bad is bad at Zoho."""

SOURCE = "zoho"
"""Who made a calendar that this module fills: `calendar.source`. Its key is the module's API name."""


def load_events(work: RunInProgress, job: Job) -> tuple[Job, tuple[Job, ...]]:
    """Import a fetched ICS archive; return the job as it is stored now, and the jobs that carry its export on."""
    context = work.context
    path = context.archives.path(job.remote_id)
    if not context.archives.held(job.remote_id):
        return work.step(job, FileLost()), ()
    try:
        with work.transaction() as transaction:
            imported = transaction.import_events(context.schema, context.archives.blocks(path), _request(work, job))
            counts = _counts(imported)
            done, more, left = _conclude(work, transaction, job, counts)
    except BadArchive as error:
        context.archives.discard(path)
        again = job.failures + 1 < MOST_DOWNLOADS
        return work.step(job, FileLost(str(error)) if again else Lost(str(error), failed=True)), ()
    context.archives.discard(path)
    work.add(counts)
    context.observer.job_loaded(work.run, done, counts, left)
    return done, more


def settle_no_events(work: RunInProgress, job: Job) -> tuple[Job, tuple[Job, ...]]:
    """Close a job whose export has no events. An empty full export deletes nothing: it is more likely a mistake."""
    with work.transaction() as transaction:
        done, more, left = _conclude(work, transaction, job, LoadCounts())
    work.context.observer.job_loaded(work.run, done, LoadCounts(), left)
    return done, more


def give_up_windows(work: RunInProgress, job: Job) -> tuple[Job, tuple[Job, ...]]:
    """Zoho does not narrow ICS exports: remember that, and let one full export stand in for all windows of the run."""
    moved = advance(job, Overflowed())
    with work.lock, work.transaction() as transaction:
        stream = work.context.store.stream(work.key)
        specs = () if stream.calendar_windows is False else (JobSpec(window=None, parent_id=job.id),)
        transaction.record(moved)
        more = transaction.add_jobs(work.run, specs)
        transaction.update_stream(replace(stream, calendar_windows=False))
        if transaction.open_jobs(work.run) == 0:
            finish_calendar(work, transaction, job=None)
    work.context.observer.job_moved(work.run, moved)
    return moved, more


def finish_calendar(work: RunInProgress, transaction: Transaction, *, job: Job | None) -> None:
    """Close a run whose files are all imported; it vouches for its end unless too much of it is in quarantine.

    `job` is the one that ended the run, if one did: the last page of a full export is always the last of its run.
    """
    run, stream = work.run, replace(work.context.store.stream(work.key), parked="", trouble="")
    blocked = transaction.blocked_imports(work.context.schema, run)
    if not blocked and run.through is not None:
        stream = replace(
            stream,
            calendar_through=max(stream.calendar_through or run.through, run.through),
            deletes_through=stream.deletes_through or run.through - work.policy.overlap,
        )
        if job is not None and job.spec.window is None:
            stream = replace(stream, calendar_full_at=run.through)
        elif job is not None and stream.calendar_windows is None:
            stream = replace(stream, calendar_windows=True)
        if not work.policy.rows:
            stream = replace(stream, watermark=max(stream.watermark or run.through, run.through))
    transaction.finish_run(run, outcome="ok", error=blocked)
    transaction.update_stream(stream)


def _request(work: RunInProgress, job: Job) -> ImportRequest:
    evaluated_at = current_at(job)
    if evaluated_at is None:
        raise ValueError(f"job {job.id} was fetched without a moment of evaluation")
    window, today = job.spec.window, evaluated_at.date()
    return ImportRequest(
        key=work.key.module,
        source=SOURCE,
        evaluated_at=evaluated_at,
        horizon=Horizon(today - work.policy.expand_back, today + work.policy.expand_ahead),
        full=window is None,
        window=None if window is None else (window.start, window.end),
        export_id=work.run.id,
        page=job.spec.page,
        last_page=not job.more_records,
        run_id=work.run.id,
        job_id=job.remote_id,
    )


def _counts(imported: ImportCounts) -> LoadCounts:
    """An import's counts in the words of a load: read = inserted + updated + unchanged + rejected."""
    return LoadCounts(
        read=imported.events,
        inserted=imported.inserted,
        updated=imported.updated,
        unchanged=imported.unchanged + imported.older,
        rejected=imported.quarantined,
        deleted=imported.deleted,
    )


def _conclude(
    work: RunInProgress, transaction: Transaction, job: Job, counts: LoadCounts
) -> tuple[Job, tuple[Job, ...], int]:
    event, specs = calendar_follow_ups(job)
    done = advance(job, event)
    transaction.record(done)
    more = transaction.add_jobs(work.run, specs)
    transaction.add_counts(work.run, counts)
    left = transaction.open_jobs(work.run)
    if left == 0:
        finish_calendar(work, transaction, job=job)
    return done, more, left
