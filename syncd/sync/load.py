"""From an archive on disk to committed rows: one transaction per file, ledger and watermark included."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from syncd.core.evolve import columns_of, new_columns, restored, whole
from syncd.core.jobs import FileLost, Lost, advance, current_at, follow_ups, is_complete
from syncd.core.model import Column, Field, Job, LoadCounts, RunKind, Staged, Stream
from syncd.errors import BadArchive
from syncd.sync import census
from syncd.sync.calendar import finish_calendar
from syncd.sync.context import RunInProgress
from syncd.sync.ports import Transaction

MOST_DOWNLOADS = 3
"""Downloads of one result before it is exported anew: a file that stays bad is bad at Zoho."""

_BRINGS_ALL_ROWS = frozenset({RunKind.FILL, RunKind.FULL_READ, RunKind.COLUMNS})


def load_job(work: RunInProgress, job: Job) -> tuple[Job, tuple[Job, ...]]:
    """Load a fetched archive; return the job as it is stored now, and the jobs that carry its window on.

    A file that must not be loaded changes nothing: the job goes back a step in the ledger, with the reason.
    """
    path = work.context.archives.path(job.remote_id)
    if not work.context.archives.held(job.remote_id):
        return work.step(job, FileLost()), ()
    try:
        with work.transaction() as transaction:
            staged = transaction.stage(work.context.archives.blocks(path), cursor=_median_of(job))
            _check_count(staged, job)
            counts = _merge(work, transaction, staged, job)
            done, more, left = _conclude(work, transaction, job, staged, counts)
    except BadArchive as error:
        work.context.archives.discard(path)
        again = job.failures + 1 < MOST_DOWNLOADS
        return work.step(job, FileLost(str(error)) if again else Lost(str(error), failed=True)), ()
    work.context.archives.discard(path)
    work.add(counts)
    work.context.observer.job_loaded(work.run, done, counts, left)
    return done, more


def settle_empty(work: RunInProgress, job: Job) -> tuple[Job, tuple[Job, ...]]:
    """Close a job whose export has no rows, without spending a download on it."""
    with work.transaction() as transaction:
        done, more, left = _conclude(work, transaction, job, Staged(header=(), rows=0), LoadCounts())
    work.context.observer.job_loaded(work.run, done, LoadCounts(), left)
    return done, more


def finish(work: RunInProgress, transaction: Transaction, *, complete: bool) -> None:
    """Close a run whose windows are all loaded, and move what its end vouches for. Part of the last load's commit.

    `complete`: nothing was left out of what was read. What a census found missing becomes a run in the same commit.
    """
    run = work.run
    if run.kind is RunKind.CALENDAR:
        finish_calendar(work, transaction, job=None)
        return
    stream = _vouched(work, replace(work.context.store.stream(work.key), cursor=work.cursor, parked="", trouble=""))
    if run.kind in {RunKind.FILL, RunKind.FULL_READ, RunKind.CENSUS}:
        # A module without rows gets its table and columns too: people write queries before the first record.
        _columns_for(work, transaction, [name for part in run.slices for name in part])
    if run.kind in _BRINGS_ALL_ROWS:
        transaction.store_columns(whole(transaction.field_map(), [name for part in run.slices for name in part]))
    counted = census.count(work, transaction, complete=complete) if census.is_noted(work) else None
    transaction.finish_run(run, outcome="ok")
    if counted is not None:
        stream = replace(stream, census_at=counted.comparison.moment)
        reread = transaction.start_run(counted.reread) if counted.reread else None
        if reread is not None:
            names = [name for part in reread.slices for name in part]
            name_columns(transaction, stream, names, work.fields)
        transaction.close_census(run, counted.line(reread))
    transaction.update_stream(stream)


def _vouched(work: RunInProgress, stream: Stream) -> Stream:
    """The stream with what the run's end vouches for."""
    run = work.run
    if run.through is None or run.kind is RunKind.CENSUS:
        return stream
    if run.kind in {RunKind.FILL, RunKind.FULL_READ}:
        stream = replace(
            stream, fill_until=run.through, last_full_at=run.through, census_at=stream.census_at or run.through
        )
    return replace(
        stream,
        watermark=max(stream.watermark or run.through, run.through),
        deletes_through=stream.deletes_through or run.through - work.policy.overlap,
    )


def _check_count(staged: Staged, job: Job) -> None:
    if staged.rows != job.count:
        raise BadArchive(
            f"the file holds {staged.rows} rows and Zoho counted {job.count}", where=f"job {job.remote_id}"
        )


def _median_of(job: Job) -> str:
    """The stamp whose middle value is worth knowing: only a window that overflowed and can be cut needs it."""
    window = job.spec.window
    return window.cursor.value if window and job.more_records and window.seconds > 1 else ""


def _merge(work: RunInProgress, transaction: Transaction, staged: Staged, job: Job) -> LoadCounts:
    columns = _columns_for(work, transaction, staged.header)
    evaluated_at = current_at(job)
    if evaluated_at is None:
        raise ValueError(f"job {job.id} was fetched without a moment of evaluation")
    noted = LoadCounts()
    if census.is_noted(work):
        stamp = work.cursor.value if work.cursor else ""
        noted = transaction.note_present(work.run, staged, columns, stamp=stamp, evaluated_at=evaluated_at)
    if work.run.kind is RunKind.CENSUS:
        return noted
    return transaction.merge(
        work.table,
        staged,
        columns,
        job=job,
        evaluated_at=evaluated_at,
        whole=job.spec.slice == 0 and work.run.kind is not RunKind.COLUMNS,
    )


def name_columns(
    transaction: Transaction, stream: Stream, names: Iterable[str], fields: Sequence[Field]
) -> tuple[Column, ...]:
    """Give every field among `names` its column in the field map, new lines where there is none; return the whole map.

    The lines of a run are stored with the run, before its lanes load side by side, so that two lanes never choose the
    same name for two fields.
    """
    known = transaction.field_map()
    added = new_columns(known, names, fields, partial=_is_partial(stream))
    if added:
        transaction.store_columns(added)
    return (*known, *added)


def _is_partial(stream: Stream) -> bool:
    """Whether a column that is new now lacks the values of rows that people read already.

    A run that reads every row makes it whole, but only at its end: until then most rows are yet to come.
    """
    return stream.watermark is not None


def _columns_for(work: RunInProgress, transaction: Transaction, names: Sequence[str]) -> tuple[Column, ...]:
    """The columns that exported names go to, made in the table where they are missing."""
    stream = work.context.store.stream(work.key)
    # Even in the first fill: files that were exported while the field was refused are loaded before or after this one.
    back = restored(transaction.field_map(), names, partial=True)
    if back:
        transaction.store_columns(back)
    current = columns_of(name_columns(transaction, stream, names, work.fields))
    columns = tuple(current[name] for name in names if name in current)
    transaction.evolve(work.table, columns)
    return columns


def _conclude(
    work: RunInProgress, transaction: Transaction, job: Job, staged: Staged, counts: LoadCounts
) -> tuple[Job, tuple[Job, ...], int]:
    """Store how the job ended and what follows; the run's last job also finishes the run."""
    event, specs = follow_ups(job, staged, slices=len(work.run.slices))
    done = advance(job, event)
    transaction.record(done)
    more = transaction.add_jobs(work.run, specs)
    transaction.add_counts(work.run, counts)
    left = transaction.open_jobs(work.run)
    if left == 0:
        finish(work, transaction, complete=is_complete(job, staged))
    return done, more, left
