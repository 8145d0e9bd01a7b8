"""The passes in the pool: at most one of each stream at a time, every end noted, every bug caught here and logged.

This is the outermost boundary of a pass: an exception that comes out of one is a bug in it, and must stop neither the
other streams nor this stream's next turn.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from syncd.core.model import ModuleStatus, StreamKey
from syncd.core.status import Activity
from syncd.daemon.journal import Journal
from syncd.daemon.plan import Plan, Surroundings
from syncd.daemon.roster import Place, Roster
from syncd.daemon.runlog import RunLog
from syncd.sync.ports import RunOutcome


@dataclass(slots=True)
class _Generation:
    """A plan in use; it is closed when it was replaced and its last pass has ended."""

    plan: Plan
    passes: int = 0
    retired: bool = False


class Passes:
    """Submits passes and takes their ends. Any method may be called from any thread.

    `ended` is called after each end, in the pass's thread; it must not block.
    """

    def __init__(self, plan: Plan, around: Surroundings, *, ended: Callable[[], None]) -> None:
        self._ended = ended
        self._around = around
        self._generation = _Generation(plan)
        self._roster = Roster()
        self._roster.apply(plan.timings)
        self._journal = Journal()
        self._log = RunLog()
        self._closed = False
        self._changed = threading.Condition()
        self._last_sign = around.monotonic()

    # ------------------------------------------------------------------------------------------------------ beginnings

    def submit(self, key: StreamKey) -> bool:
        """A stream's turn has come; True when a pass was put into the pool because of it."""
        with self._changed:
            if self._closed or not self._roster.ask(key, self._around.monotonic()):
                return False
            self._last_sign = self._around.monotonic()
            future = self._around.executor.submit(self._run, key)
        future.add_done_callback(partial(self._end, key))
        return True

    def submit_ripe(self) -> None:
        """Submit every stream whose retry is due."""
        with self._changed:
            ripe = self._roster.ripe(self._around.monotonic())
        for key in ripe:
            self.submit(key)

    def submit_overdue(self) -> tuple[StreamKey, ...]:
        """Submit every stream whose turn was lost, and return them."""
        with self._changed:
            overdue = self._roster.overdue(self._around.monotonic())
        return tuple(key for key in overdue if self.submit(key))

    def learn(self, statuses: Iterable[ModuleStatus]) -> None:
        """Take over what the ledger says, and submit what is due because of it."""
        with self._changed:
            due = self._roster.learn(statuses, mono=self._around.monotonic(), now=self._around.now())
        for key in due:
            self.submit(key)

    def replace(self, plan: Plan) -> None:
        """Run by another plan from now on. Passes in flight end by the plan they began with."""
        with self._changed:
            old, self._generation = self._generation, _Generation(plan)
            old.retired = True
            idle = old.passes == 0
            self._roster.apply(plan.timings)
            self._journal.keep(self._roster.configured())
        if idle:
            old.plan.close()

    # ---------------------------------------------------------------------------------------------------------- a pass

    def _run(self, key: StreamKey) -> RunOutcome | None:
        """One pass, in a thread of the pool; None when its stream was taken off the configuration meanwhile."""
        with self._changed:
            if not self._roster.begin(key, self._around.monotonic()):
                return None
            self._last_sign = self._around.monotonic()
            self._journal.began(key, self._around.now())
            generation = self._generation
            generation.passes += 1
        try:
            return generation.plan.run(key)
        finally:
            with self._changed:
                generation.passes -= 1
                last = generation.retired and generation.passes == 0
            if last:
                generation.plan.close()

    def _end(self, key: StreamKey, future: Future[RunOutcome | None]) -> None:
        if future.cancelled():
            outcome: RunOutcome | None = RunOutcome(stream=key, state="drained")
        elif bug := future.exception():
            outcome = RunOutcome(stream=key, state="failed", error=bug if isinstance(bug, Exception) else None)
            self._around.signs.run_finished(outcome)
            self._around.metrics.run_finished(outcome)
        else:
            outcome = future.result()
        with self._changed:
            self._last_sign = self._around.monotonic()
            if outcome is not None:
                now = self._around.now()
                before = self._roster.end(key, outcome, mono=self._last_sign, now=now)
                self._journal.ended(outcome, now)
                if not future.cancelled():
                    self._log.write(outcome, failed_before=before)
            self._changed.notify_all()
        self._ended()

    # ----------------------------------------------------------------------------------------------------------- looks

    def next_moment(self) -> float | None:
        """When the earliest retry is due, in monotonic seconds; None without one."""
        with self._changed:
            return self._roster.next_moment()

    def stuck(self, seconds: float) -> bool:
        """Whether passes are queued or running, and nothing has shown any life for so long."""
        with self._changed:
            if not self._roster.in_place(Place.QUEUED, Place.RUNNING):
                return False
            last = max(self._last_sign, self._around.signs.last, self._around.stop.last_used)
        return self._around.monotonic() - last > seconds

    def activities(self, turns: Mapping[StreamKey, datetime]) -> tuple[Activity, ...]:
        """What each configured stream is doing; `turns` are their next turns by the schedule."""
        with self._changed:
            return tuple(self._activity(key, turns.get(key)) for key in self._roster.configured())

    def _activity(self, key: StreamKey, turn: datetime | None) -> Activity:
        entry, now = self._roster[key], self._around.now()
        next_at = turn
        if self._roster.held(key):
            next_at = None
        elif entry.retry_at is not None:
            next_at = now + timedelta(seconds=max(entry.retry_at - self._around.monotonic(), 0.0))
        activity = self._journal.activity(
            key,
            now=now,
            queued=entry.place is Place.QUEUED,
            failures=entry.failures,
            waiting_for=self._around.signs.waiting_for(key),
            next_at=next_at,
        )
        refused = self._roster.refused_by(key.org)
        if refused is not None and refused != key:
            why, fix = self._journal.error_of(refused)
            activity = replace(activity, error=f"all of {key.org} waits since {refused.module} failed: {why}", fix=fix)
        return activity

    # --------------------------------------------------------------------------------------------------------- the end

    def close(self) -> None:
        """Submit nothing any more; passes in flight go on."""
        with self._changed:
            self._closed = True

    def wait_until_idle(self, seconds: float) -> tuple[StreamKey, ...]:
        """Wait for the running passes to end; return those that had not after so long.

        Only after `close`. When none is left the plan is closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._roster.in_place(Place.RUNNING), seconds)
            left = self._roster.in_place(Place.RUNNING)
            generation = self._generation
            last = not generation.retired and generation.passes == 0 and not left
            generation.retired = True
        if last:
            generation.plan.close()
        return left
