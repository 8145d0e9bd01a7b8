"""One step of one bulk read job: the action its stored state calls for, and the new state stored before the next.

Intent is in the ledger before the effect, so a process that dies between two steps loses the step in hand at most.
"""

from datetime import datetime

from syncd.core.criteria import export_criterion
from syncd.core.jobs import (
    MOST_FAILURES,
    MOST_ROUNDS,
    Accepted,
    Action,
    Completed,
    Event,
    Fetched,
    FileLost,
    Lost,
    Overflowed,
    action_for,
    advance,
    failed_too_often,
    restarted_chain,
)
from syncd.core.limits import FIELD_NOT_EXPORTED, PAGE_TOKEN_EXPIRED, RESULT_KEPT_FOR, SCOPE_MISSING
from syncd.core.model import BulkQuery, FileType, Job, JobReport, JobSpec, JobState, RemoteState, RunKind
from syncd.core.pacing import JOB_DEADLINE
from syncd.errors import BadArchive, Refused, TryLater
from syncd.sync.calendar import give_up_windows, load_events, settle_no_events
from syncd.sync.context import RunInProgress
from syncd.sync.load import MOST_DOWNLOADS, load_job, settle_empty

_HOPELESS_WAIT = 900.0


def step(work: RunInProgress, job: Job, *, looks: int) -> tuple[Job, tuple[Job, ...]]:
    """Do what is next for `job`; return it as stored now, and the jobs that were added to the run.

    `looks` is how often this job has been polled in a row. Raises Draining between effects, never in the middle of one.
    """
    work.context.pause.check()
    action = action_for(job)
    if action is Action.CREATE:
        return _create(work, job)
    if action is Action.POLL:
        return _poll(work, job, looks), ()
    if action is Action.DOWNLOAD:
        return _download(work, job)
    return load_events(work, job) if _is_calendar(work) else load_job(work, job)


def _replace_by(work: RunInProgress, job: Job, event: Event, specs: tuple[JobSpec, ...]) -> tuple[Job, tuple[Job, ...]]:
    """Close a job in favour of others, in one commit."""
    moved = advance(job, event)
    with work.transaction() as transaction:
        transaction.record(moved)
        more = transaction.add_jobs(work.run, specs)
    work.context.observer.job_moved(work.run, moved)
    return moved, more


# -------------------------------------------------------------------------------------------------------- create


def _is_calendar(work: RunInProgress) -> bool:
    return work.run.kind is RunKind.CALENDAR


def _create(work: RunInProgress, job: Job) -> tuple[Job, tuple[Job, ...]]:
    if halved := failed_too_often(job):
        return _replace_by(work, job, *halved)
    try:
        accepted = _accepted(work, job)
    except Refused as error:
        if not _is_calendar(work) or job.spec.window is None or error.code == SCOPE_MISSING:
            raise
        return give_up_windows(work, job)
    if accepted is None:
        return _replace_by(work, job, Overflowed(), (restarted_chain(job.spec),))
    return work.step(job, accepted), ()


def _accepted(work: RunInProgress, job: Job) -> Accepted | None:
    """Ask Zoho until it takes the query, without the fields it refuses; None when the page token is too old."""
    while True:
        query = _query(work, job)
        try:
            accepted = work.context.api.create(query)
        except Refused as error:
            if error.code == PAGE_TOKEN_EXPIRED and job.spec.page_token:
                return None
            if error.code not in FIELD_NOT_EXPORTED or error.field not in query.fields or error.field == _stamp_of(job):
                raise
            work.refuse(error.field, str(error))
            continue
        early = _seconds_too_early(work, job, accepted.created_at)
        if early <= 0:
            return Accepted(accepted.remote_id, accepted.created_at)
        # Zoho's job clock is behind its Date header: an export made now could miss what has not settled yet. The
        # one just made is left to expire.
        work.context.pause.wait(early)


def _query(work: RunInProgress, job: Job) -> BulkQuery:
    spec = job.spec
    if _is_calendar(work):
        return BulkQuery(
            module=work.key.module,
            criterion=export_criterion(spec.window, None),
            page=spec.page,
            page_token=spec.page_token,
            file_type=FileType.ICS,
            callback_url=work.context.callback_url,
        )
    return BulkQuery(
        module=work.key.module,
        fields=work.run.slices[spec.slice],
        criterion=export_criterion(spec.window, work.policy.criteria),
        cvid=work.policy.cvid,
        page=spec.page,
        page_token=spec.page_token,
        callback_url=work.context.callback_url,
    )


def _stamp_of(job: Job) -> str:
    return job.spec.window.cursor.value if job.spec.window else ""


def _seconds_too_early(work: RunInProgress, job: Job, created_at: datetime) -> float:
    """How much earlier than its window's settled end a job was made; not positive when all is well."""
    if job.spec.window is None:
        return 0.0
    return (job.spec.window.end + work.policy.settle - created_at).total_seconds()


# --------------------------------------------------------------------------------------------- poll and download


def _poll(work: RunInProgress, job: Job, looks: int) -> Job:
    context = work.context
    context.pause.wait(context.poll_pace.wait(looks), remote_id=job.remote_id)
    event = _event_of(context.api.poll(job.remote_id), job, context.api.server_time())
    return job if event is None else work.step(job, event)


def _event_of(report: JobReport, job: Job, now: datetime) -> Event | None:
    """What a look at a job means for it; None: it is still running."""
    if report.state is RemoteState.COMPLETED:
        return Completed(count=report.count, more_records=report.more_records, next_page_token=report.next_page_token)
    if report.state is RemoteState.FAILED:
        return Lost(report.error or "Zoho says the export failed", failed=True)
    if report.state is RemoteState.GONE:
        return _gone(job, now)
    if job.evaluated_at is not None and now - job.evaluated_at > JOB_DEADLINE:
        return Lost(f"still running after {JOB_DEADLINE}", failed=True)
    return None


def _gone(job: Job, now: datetime) -> Lost:
    """A result Zoho no longer has. After a day that is its rule; earlier it counts as a failure, so it cannot spin."""
    expired = job.evaluated_at is not None and now - job.evaluated_at >= RESULT_KEPT_FOR
    return Lost("the result has expired" if expired else "Zoho does not know the job", failed=not expired)


def _download(work: RunInProgress, job: Job) -> tuple[Job, tuple[Job, ...]]:
    if job.count == 0 and not job.more_records:
        return settle_no_events(work, job) if _is_calendar(work) else settle_empty(work, job)
    context = work.context
    if context.archives.held(job.remote_id):  # written whole before the process that fetched it died
        return work.step(job, Fetched()), ()
    try:
        found = context.api.download(job.remote_id, context.archives.path(job.remote_id))
    except BadArchive as error:
        again = job.failures + 1 < MOST_DOWNLOADS
        return work.step(job, FileLost(str(error)) if again else Lost(str(error), failed=True)), ()
    return work.step(job, Fetched() if found else _gone(job, context.api.server_time())), ()


def exhausted(job: Job) -> TryLater | None:
    """The error that ends a run over a window that Zoho cannot export; None while there is something left to try.

    The next run takes the job up where it stands, so what failed may succeed later and nothing is skipped.
    """
    window, chain = job.spec.window, job.spec.chain
    if job.state is not JobState.PLANNED:
        return None
    if job.failures >= MOST_FAILURES and (window is None or window.seconds == 1):
        what, why = f"Zoho failed this export {job.failures} times", job.last_error
    elif chain is not None and chain.round > MOST_ROUNDS and job.spec.page == 1:
        what, why = f"{MOST_ROUNDS} rounds over the pages of one window brought different rows", "the rows keep moving"
    else:
        return None
    return TryLater(what, after=_HOPELESS_WAIT, where=str(job.stream), why=why)
