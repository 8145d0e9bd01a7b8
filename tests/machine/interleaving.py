"""Parallel lanes without threads: the jobs of a run are stepped one at a time, always some random one."""

import random
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future

from syncd.core.jobs import Action, action_for
from syncd.core.model import FINISHED, Job
from syncd.errors import TryLater, Unreachable
from syncd.sync.context import RunInProgress
from syncd.sync.job import exhausted, step


class NoExecutor(Executor):
    """A pool that never has a thread to spare: the first lane does everything."""

    def submit(self, fn, /, *args, **kwargs) -> Future[object]:  # type: ignore[no-untyped-def, override]
        raise RuntimeError("no thread to spare")


def shuffled_drive(rng: random.Random) -> Callable[[RunInProgress, Iterable[Job]], int]:
    """In place of `syncd.sync.lanes.drive`."""

    def drive(work: RunInProgress, jobs: Iterable[Job]) -> int:
        waiting, looks, finished = deque(jobs), dict[int, int](), 0
        failures = 0
        while waiting:
            waiting.rotate(rng.randrange(len(waiting)))
            job = waiting.popleft()
            looks[job.id] = looks.get(job.id, 0) + 1 if action_for(job) is Action.POLL else 0
            try:
                moved, more = step(work, job, looks=max(looks[job.id] - 1, 0))
            except (Unreachable, TryLater) as error:
                failures += 1
                if failures > 20 or (isinstance(error, TryLater) and error.after > 90):
                    raise
                work.context.pause.wait(1)
                waiting = deque(work.context.store.unfinished_jobs(work.run))
                continue
            if hopeless := next((found for one in (moved, *more) if (found := exhausted(one))), None):
                raise hopeless
            waiting.extend(more)
            if moved.state in FINISHED:
                finished += 1
            else:
                waiting.append(moved)
        return finished

    return drive
