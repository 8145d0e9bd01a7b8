"""The daemon's main thread: comes up, keeps every stream running at its turn, reloads, watches itself, and drains.

It only waits for news (signals, ends of passes, looks at the ledger), and never for a database or for Zoho once it is
up, so it hears a stop at once. What a pass does is not its business.
"""

import queue
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import structlog
from structlog.typing import FilteringBoundLogger

from syncd.core.health import assess_all, headline
from syncd.core.model import ModuleStatus, StreamKey
from syncd.core.status import Activity
from syncd.daemon import signals
from syncd.daemon.look import Look, Lookout, look
from syncd.daemon.passes import Passes
from syncd.daemon.plan import Patience, Plan, Surroundings
from syncd.daemon.runlog import worth_a_line
from syncd.daemon.schedule import Schedule
from syncd.errors import ConfigWrong, SyncdError, Unreachable

_CLOCK_STEP = timedelta(seconds=5)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

log: FilteringBoundLogger = structlog.get_logger()


class _News(StrEnum):
    STOP = "stop"
    RELOAD = "reload"
    WAKE = "wake"


class Service:
    """One daemon. `run` belongs into the main thread; all other methods may be called from any thread."""

    def __init__(self, plan: Plan, around: Surroundings, patience: Patience | None = None) -> None:
        self._around = around
        self._patience = patience = patience or Patience()
        self._plan = plan
        self._news: queue.SimpleQueue[_News | Look] = queue.SimpleQueue()
        self._passes = Passes(plan, around, ended=lambda: self._news.put(_News.WAKE))
        self._schedule = Schedule(self._passes.submit, monotonic=around.monotonic)
        self._lookout = Lookout(self._look, self._news.put, every=patience.watch)
        self._statuses: tuple[ModuleStatus, ...] = ()
        self._stopping = False
        self._told = False
        self._failed_looks = 0
        self._next_watch = around.monotonic() + patience.watch
        self._wall_ahead = self._ahead()
        self._well = True

    def run(self) -> int:
        """Run until a stop is asked for; the exit code. Raises what `prepare` raises, except Unreachable.

        SIGTERM and SIGINT drain, a second one leaves at once; SIGHUP reloads.
        """
        with signals.handled(self._receive):
            try:
                if self._come_up():
                    self._attend()
            finally:
                self._drain()
        return 0

    def stop(self) -> None:
        """Ask for a drain, as SIGTERM does."""
        self._news.put(_News.STOP)

    def reload(self) -> None:
        """Ask for the configuration to be read again, as SIGHUP does."""
        self._news.put(_News.RELOAD)

    def submit(self, key: StreamKey) -> bool:
        """Give a stream its turn now; False when it may not run, or is busy already."""
        return self._passes.submit(key)

    def activities(self) -> tuple[Activity, ...]:
        """What each configured stream is doing, for the status page."""
        return self._passes.activities(self._schedule.next_turns())

    def deadlines(self) -> dict[StreamKey, timedelta]:
        """The configured streams, and how late each may be."""
        return dict(self._plan.deadlines)

    # ------------------------------------------------------------------------------------------------------------ news

    def _receive(self, number: int) -> None:
        """A signal, in the thread that listens for them: it is heard whatever the main thread is waiting for."""
        if number == signals.RELOADING:
            self._news.put(_News.RELOAD)
        elif self._told:
            log.warning("second signal, leaving at once; the next start resumes from the ledger")
            self._around.leave(128 + number)
        else:
            self._told = True
            self._news.put(_News.STOP)

    def _listen(self, seconds: float) -> None:
        """Wait for one piece of news, at most so long, and act on it."""
        try:
            news = self._news.get(timeout=max(seconds, 0.0))
        except queue.Empty:
            return
        if news is _News.STOP:
            self._stopping = True
        elif news is _News.RELOAD:
            self._reload()
        elif isinstance(news, Look):
            self._learn(news)

    # ------------------------------------------------------------------------------------------------------- coming up

    def _come_up(self) -> bool:
        """Wait for the database, then start the schedule; False when a stop came first."""
        tries = 0
        while not self._stopping:
            try:
                self._around.prepare()
                seen = look(self._around.statuses, self._around.api_use)
                if seen.error is not None:
                    raise seen.error
            except Unreachable as error:
                tries += 1
                wait = min(self._patience.database, 0.5 * 2.0 ** min(tries, 16))
                log.warning("waiting for the database", error=str(error), fix=error.fix, tries=tries, next_try_in=wait)
                self._around.notifier.starting(f"waiting for the database: {error.what}", seconds=wait + 60.0)
                self._wait_listening(wait)
                continue
            self._schedule.apply(self._plan.timings)
            self._schedule.start()
            log.info("ready", modules=len(self._plan.timings), database_tries=tries + 1)
            self._learn(seen)
            self._lookout.start()
            self._around.notifier.ready(self._sentence())
            self._around.ready()
            return True
        return False

    def _wait_listening(self, seconds: float) -> None:
        until = self._around.monotonic() + seconds
        while not self._stopping and (left := until - self._around.monotonic()) > 0:
            self._listen(left)

    # -------------------------------------------------------------------------------------------------------- being up

    def _attend(self) -> None:
        while not self._stopping:
            self._listen(self._until_next())
            self._passes.submit_ripe()
            if self._around.monotonic() >= self._next_watch or not self._schedule.alive():
                self._next_watch = self._around.monotonic() + self._patience.watch
                self._watch_over()
            if self._alive():
                self._around.notifier.alive()

    def _until_next(self) -> float:
        """Seconds until something must be done without any news."""
        moments = [self._next_watch]
        if (retry := self._passes.next_moment()) is not None:
            moments.append(retry)
        if self._around.notifier.watchdog is not None:
            moments.append(self._around.monotonic() + self._around.notifier.watchdog / 2)
        return min(moments) - self._around.monotonic()

    def _look(self) -> Look:
        return look(self._around.statuses, self._around.api_use)

    def _learn(self, seen: Look) -> None:
        if seen.error is not None:
            self._failed_looks += 1
            if worth_a_line(self._failed_looks):
                log.warning("the ledger cannot be read", error=str(seen.error), fix=seen.error.fix)
            self._around.notifier.status(f"the ledger cannot be read: {seen.error.what}")
            return
        if self._failed_looks:
            log.info("the ledger can be read again", after_failures=self._failed_looks)
            self._failed_looks = 0
        self._statuses = seen.statuses
        self._around.metrics.learn(seen.statuses)
        self._around.metrics.learn_api_use(seen.api_use)
        self._passes.learn(seen.statuses)
        self._around.notifier.status(self._sentence())

    def _sentence(self) -> str:
        deadlines = self._plan.deadlines
        return headline(assess_all(self._statuses, deadlines, self._around.now(), self.activities()))

    # -------------------------------------------------------------------------------------------------------- watchdog

    def _watch_over(self) -> None:
        """Find what the scheduler has missed, whether its thread has died or the wall clock was set."""
        metrics = self._around.metrics
        step = self._ahead() - self._wall_ahead
        self._wall_ahead += step
        if abs(step) >= _CLOCK_STEP:
            metrics.clock_steps.inc()
            log.warning("the wall clock was set", step_seconds=round(step.total_seconds(), 3))
            self._schedule.revive()
        elif not self._schedule.alive():
            metrics.scheduler_restarts.inc()
            log.error("the scheduler does not answer and is replaced")
            self._schedule.revive()
        if lost := self._passes.submit_overdue():
            metrics.lost_turns.inc(len(lost))
            log.warning("turns were lost and made up for", modules=[str(key) for key in lost])

    def _ahead(self) -> timedelta:
        """How far the wall clock is ahead of the monotonic one: constant while nobody sets it."""
        return self._around.now() - _EPOCH - timedelta(seconds=self._around.monotonic())

    def _alive(self) -> bool:
        """Whether scheduler, pool and lookout are seen alive: only then is the service manager told so."""
        well = self._schedule.alive() and self._lookout.alive() and not self._passes.stuck(self._patience.stuck)
        if self._well and not well:
            log.error("something in this process is stuck; the watchdog is not fed any more")
            self._around.notifier.status("stuck: waiting to be restarted")
        elif well and not self._well:
            log.warning("nothing is stuck any more")
        self._well = well
        return well

    # ---------------------------------------------------------------------------------------------------------- reload

    def _reload(self) -> None:
        """Take over a new configuration whole, or keep the old one."""
        self._around.notifier.reloading()
        before = self._plan
        try:
            plan = self._around.reload()
        except SyncdError as error:
            _log_refusal(error)
        else:
            self._plan = plan
            self._passes.replace(plan)
            self._schedule.apply(plan.timings)
            log.info("reloaded", **_difference(before, plan))
            self._lookout.ask()
        self._around.notifier.ready(self._sentence())

    # ----------------------------------------------------------------------------------------------------------- drain

    def _drain(self) -> None:
        """Stop what is running at its next ledger boundary. Leaves the process when that takes too long."""
        started = self._around.monotonic()
        self._around.notifier.stopping("stopping at the next ledger boundary")
        self._passes.close()
        self._schedule.stop()
        self._lookout.stop()
        self._around.stop.stop()
        self._around.executor.shutdown(wait=False, cancel_futures=True)
        left = self._passes.wait_until_idle(self._patience.drain)
        seconds = round(self._around.monotonic() - started, 3)
        if left:
            names = [str(key) for key in left]
            log.warning("stopped in the middle of runs; the next start resumes them", modules=names, seconds=seconds)
            self._around.leave(0)
        else:
            log.info("stopped", seconds=seconds)


def _log_refusal(error: SyncdError) -> None:
    log.error("reload refused, the old configuration stays", error=str(error), fix=error.fix)
    for problem in error.problems if isinstance(error, ConfigWrong) else ():
        log.error("configuration", where=problem.where, problem=problem.what, fix=problem.fix)


def _difference(before: Plan, after: Plan) -> dict[str, Sequence[str]]:
    """What a reload changed in the schedule, by name; empty parts left out."""
    old, new = before.timings, after.timings
    parts = {
        "added": [str(key) for key in new if key not in old],
        "removed": [str(key) for key in old if key not in new],
        "rescheduled": [str(key) for key in new if key in old and old[key] != new[key]],
    }
    return {name: keys for name, keys in parts.items() if keys}
