"""What a pass over a stream works with: the adapters, and the run in progress that its lanes share."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from syncd.core.census import CensusCall
from syncd.core.evolve import refusal
from syncd.core.fields import without
from syncd.core.jobs import Event, advance
from syncd.core.model import Cursor, Field, Job, Lease, LoadCounts, Run, StreamKey, StreamPolicy, Table
from syncd.core.pacing import PollPace, RetryPace
from syncd.sync.ports import Archives, Observer, Pause, Store, Transaction, ZohoApi


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncContext:
    """The adapters and rates of one org; made once by bootstrap, shared by all runs of the org.

    `lanes` is how many jobs of one run may be worked on at once, `executor` where the extra lanes run. `monotonic` are
    seconds of a clock that never steps, `chance` numbers in [0, 1). `callback_url` is '' when polling is enough.
    """

    org: str
    schema: str
    api: ZohoApi
    archives: Archives
    store: Store
    pause: Pause
    observer: Observer
    executor: Executor
    lanes: int
    monotonic: Callable[[], float]
    chance: Callable[[], float]
    poll_pace: PollPace = PollPace()
    retry_pace: RetryPace = RetryPace()
    longest_wait: float = 90.0
    callback_url: str = ""


@dataclass(slots=True, kw_only=True)
class RunInProgress:
    """A run while it is driven. Its lanes share it; what changes (the field slices, the counts of
    this pass) changes under `lock`. `census`: who asked for one, if the run is one."""

    context: SyncContext
    lease: Lease
    policy: StreamPolicy
    table: Table
    fields: tuple[Field, ...]
    cursor: Cursor | None
    run: Run
    census: CensusCall = CensusCall.WHEN_DUE
    counts: LoadCounts = LoadCounts()
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def key(self) -> StreamKey:
        return self.run.stream

    def transaction(self) -> AbstractContextManager[Transaction]:
        """A transaction under this run's lease."""
        return self.context.store.transaction(self.lease)

    def refuse(self, name: str, why: str) -> None:
        """Take a field that Zoho refuses out of the run and remember why; another lane may have done it before."""
        with self.lock:
            if not any(name in part for part in self.run.slices):
                return
            with self.transaction() as transaction:
                transaction.store_columns([refusal(transaction.field_map(), name, self.fields, why)])
                self.run = transaction.replan(self.run, without(self.run.slices, name))

    def step(self, job: Job, event: Event) -> Job:
        """Store what an event makes of a job, in a commit of its own."""
        moved = advance(job, event)
        with self.transaction() as transaction:
            transaction.record(moved)
        self.context.observer.job_moved(self.run, moved)
        return moved

    def add(self, counts: LoadCounts) -> None:
        """Add what a load did to the counts of this pass."""
        with self.lock:
            self.counts += counts
