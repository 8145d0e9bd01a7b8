"""Driving the jobs of a run, several at once.

The calling thread works as the first lane; further lanes are lent by the shared executor while there are jobs for them.
A lane that never gets a thread is not missed, so one pool can serve runs and their lanes without a deadlock.
"""

import threading
from collections import deque
from collections.abc import Iterable

from syncd.core.jobs import Action, action_for
from syncd.core.model import FINISHED, Job
from syncd.errors import TryLater, Unreachable
from syncd.sync.context import RunInProgress
from syncd.sync.job import exhausted, step


def drive(work: RunInProgress, jobs: Iterable[Job]) -> int:
    """Drive jobs and all that follow from them to the end; return how many were finished.

    The first error of any lane is raised when every lane has stopped at a ledger boundary; nothing is undone.
    """
    lanes = _Lanes(work, jobs)
    lanes.lend()
    lanes.work_here()
    return lanes.join()


class _Lanes:
    """The queue that the lanes of one run share. All fields are guarded by `_changed`."""

    def __init__(self, work: RunInProgress, jobs: Iterable[Job]) -> None:
        self._work = work
        self._waiting = deque(jobs)
        self._known = {job.id for job in self._waiting}
        self._busy = 0
        self._lent = 0
        self._finished = 0
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    def lend(self) -> None:
        """Ask the executor for as many more lanes as there are waiting jobs, within the context's number."""
        context = self._work.context
        with self._changed:
            wanted = min(len(self._waiting), context.lanes) - 1 - self._lent
            self._lent += max(wanted, 0)
        for _ in range(wanted):
            try:
                context.executor.submit(self._lent_lane)
            except RuntimeError:  # the pool is shutting down: the first lane does it alone
                with self._changed:
                    self._lent -= 1

    def work_here(self) -> None:
        """Be a lane until no job is waiting and none is being worked on."""
        while job := self._take(patient=True):
            self._see_through(job)

    def join(self) -> int:
        """Raise the first lane's error, if any, once all have stopped; else the number of finished jobs."""
        with self._changed:
            self._changed.wait_for(lambda: self._busy == 0)
            if self._error is not None:
                raise self._error
            return self._finished

    def _lent_lane(self) -> None:
        try:
            while job := self._take(patient=False):
                self._see_through(job)
        finally:
            with self._changed:
                self._lent -= 1

    def _take(self, *, patient: bool) -> Job | None:
        with self._changed:
            while self._error is None:
                if self._waiting:
                    self._busy += 1
                    return self._waiting.popleft()
                if not patient or self._busy == 0:
                    return None
                self._changed.wait()
            return None

    def _see_through(self, job: Job) -> None:
        """Step one job to its end; what follows from it joins the queue."""
        try:
            self._run(job)
        except BaseException as error:  # noqa: BLE001 (re-raised by join in the run's own thread)
            with self._changed:
                self._error = self._error or error
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def _run(self, job: Job) -> None:
        looks, failures = 0, 0
        while job.state not in FINISHED:
            with self._changed:
                if self._error is not None:
                    return
            looks = looks + 1 if action_for(job) is Action.POLL else 0
            try:
                job, more = step(self._work, job, looks=max(looks - 1, 0))
            except (Unreachable, TryLater) as error:
                failures += 1
                self._wait_out(error, failures)
                found = self._read_again(job)
                if found is None:
                    break
                job = found
                continue
            failures = 0
            self._enqueue(more)
            if hopeless := next((why for one in (job, *more) if (why := exhausted(one))), None):
                raise hopeless
        with self._changed:
            self._finished += 1

    def _enqueue(self, jobs: Iterable[Job]) -> None:
        with self._changed:
            new = [job for job in jobs if job.id not in self._known]
            self._known.update(job.id for job in new)
            self._waiting.extend(new)
            if new:
                self._changed.notify_all()
        self.lend()

    def _wait_out(self, error: Unreachable | TryLater, failures: int) -> None:
        """Wait before the step is tried again, or give the error up to the run when the wait is too long for it."""
        context = self._work.context
        pace = context.retry_pace.wait(failures, context.chance())
        if pace is None:
            raise error
        seconds = max(pace, error.after) if isinstance(error, TryLater) else pace
        if seconds > context.longest_wait:
            raise error
        context.observer.waiting(self._work.key, str(error), seconds)
        context.pause.wait(seconds)

    def _read_again(self, job: Job) -> Job | None:
        """The job as the ledger has it, after a call whose outcome is unknown; None when it turns out finished."""
        unfinished = self._work.context.store.unfinished_jobs(self._work.run)
        self._enqueue(unfinished)
        return next((found for found in unfinished if found.id == job.id), None)
