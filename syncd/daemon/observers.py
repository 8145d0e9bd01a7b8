"""Who watches the runs of a process: a fan-out, and the signs of life by which a hung pool is told from a busy one.

Owns nothing but what it was told. Observers are called in the threads of runs: they must not block and must not raise.
"""

# ruff: noqa: ARG002 (the port names what an observer may use; a sign of life uses little of it)

import threading
import time
from collections.abc import Callable

from syncd.core.model import Job, LoadCounts, Run, StreamKey
from syncd.sync.ports import Observer, RunOutcome


class Observers:
    """Passes everything on to each of several observers, in their order."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def run_started(self, run: Run, jobs: int) -> None:
        for observer in self._observers:
            observer.run_started(run, jobs)

    def job_moved(self, run: Run, job: Job) -> None:
        for observer in self._observers:
            observer.job_moved(run, job)

    def job_loaded(self, run: Run, job: Job, counts: LoadCounts, open_jobs: int) -> None:
        for observer in self._observers:
            observer.job_loaded(run, job, counts, open_jobs)

    def waiting(self, key: StreamKey, why: str, seconds: float) -> None:
        for observer in self._observers:
            observer.waiting(key, why, seconds)

    def run_finished(self, outcome: RunOutcome) -> None:
        for observer in self._observers:
            observer.run_finished(outcome)


class SignsOfLife:
    """When any run last did something, and why each stream that waits does."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._last = monotonic()
        self._waits: dict[StreamKey, str] = {}
        self._lock = threading.Lock()

    @property
    def last(self) -> float:
        """Monotonic seconds of the last sign."""
        return self._last

    def waiting_for(self, key: StreamKey) -> str:
        """Why the stream's run waits, or ''."""
        with self._lock:
            return self._waits.get(key, "")

    def run_started(self, run: Run, jobs: int) -> None:
        self._saw(run.stream)

    def job_moved(self, run: Run, job: Job) -> None:
        self._saw(run.stream)

    def job_loaded(self, run: Run, job: Job, counts: LoadCounts, open_jobs: int) -> None:
        self._saw(run.stream)

    def waiting(self, key: StreamKey, why: str, seconds: float) -> None:
        self._last = self._monotonic()
        with self._lock:
            self._waits[key] = why

    def run_finished(self, outcome: RunOutcome) -> None:
        self._saw(outcome.stream)

    def _saw(self, key: StreamKey) -> None:
        self._last = self._monotonic()
        with self._lock:
            self._waits.pop(key, None)
