"""When each stream's turn comes: the only home of APScheduler.

A turn only submits the stream's key, so the scheduler holds no state worth losing: the job store is in memory, triggers
come from the configuration at each start, and what was missed is worked out from the ledger (`due_at`). Intervals are
counted in UTC; a cron line is read in its configured zone, UTC unless stated.

In a zone with summer time a cron line in the repeated hour of autumn fires twice; a sync that runs twice is harmless.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol, cast
from zoneinfo import ZoneInfo

from apscheduler.executors.debug import DebugExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from syncd.core.cron import parse_cron
from syncd.core.model import StreamKey
from syncd.daemon.backoff import start_offset

_ANCHOR = datetime(2000, 1, 1, tzinfo=UTC)
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_BEAT = "heartbeat"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When a stream is to run: `every` so often, or at the minutes of a standard cron line if `cron` is not ''.

    With a cron line `every` is only the measure for retries and overdue turns. `timezone` is an IANA name.
    """

    every: timedelta
    cron: str = ""
    timezone: str = "UTC"


class Trigger(Protocol):
    """The part of an APScheduler trigger that is used here."""

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None: ...


def trigger_for(key: StreamKey, timing: Timing) -> Trigger:
    """The APScheduler trigger of a stream. ValueError for a cron line that is none, or an unknown zone."""
    if not timing.cron:
        start = _ANCHOR + start_offset(key, timing.every)
        seconds = timing.every.total_seconds()
        return cast("Trigger", IntervalTrigger(seconds=seconds, start_date=start, timezone=UTC))
    cron, zone = parse_cron(timing.cron), ZoneInfo(timing.timezone)

    def fire(*, day: str, weekday: str) -> CronTrigger:
        # Names, because numbered weekdays begin with Monday in APScheduler and with Sunday in cron.
        return CronTrigger(
            minute=_listed(cron.minutes),
            hour=_listed(cron.hours),
            day=day,
            month=_listed(cron.months),
            day_of_week=weekday,
            second=0,
            timezone=zone,
        )

    days, weekdays = _listed(cron.days), ",".join(_WEEKDAYS[number] for number in cron.weekdays)
    if cron.either:
        return cast("Trigger", OrTrigger([fire(day=days, weekday="*"), fire(day="*", weekday=weekdays)]))
    return cast("Trigger", fire(day=days, weekday=weekdays))


def _listed(numbers: tuple[int, ...]) -> str:
    return ",".join(str(number) for number in numbers)


def due_at(key: StreamKey, timing: Timing, *, last_finished: datetime | None, now: datetime) -> datetime:
    """When a stream's next pass is due, worked out from when its last one ended (None: never).

    An interval counts from the end of the last pass; a stream that never ran is due now. A cron turn that passed since
    then is due now; without an earlier pass the next turn counts. A `last_finished` in the future (a clock that was set
    back) counts as now.
    """
    if not timing.cron:
        return now if last_finished is None else min(last_finished, now) + timing.every
    after = now if last_finished is None else min(last_finished, now)
    # A trigger answers with `after` itself when that is a turn; the pass that ended then has already served it.
    turn = trigger_for(key, timing).get_next_fire_time(None, after + timedelta(microseconds=1))
    return now + timing.every if turn is None else turn.astimezone(UTC)


class Schedule:
    """Calls `submit` with a stream's key whenever its turn comes, in the scheduler's own thread; it must not block.

    `apply` may be called at any time. A beat every `beat` seconds shows that the thread is alive; `revive` puts a dead
    one or one with a wrong idea of the time right.
    """

    def __init__(
        self,
        submit: Callable[[StreamKey], object],
        *,
        beat: timedelta = timedelta(seconds=10),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._submit = submit
        self._beat = beat
        self._monotonic = monotonic
        self._timings: dict[StreamKey, Timing] = {}
        self._scheduler: BackgroundScheduler | None = None
        self._beaten = monotonic()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin; what was applied before counts from now."""
        with self._lock:
            self._start()

    def stop(self) -> None:
        """Stop calling `submit`. Safe when it was never started, or has died."""
        with self._lock:
            self._stop()

    def apply(self, timings: Mapping[StreamKey, Timing]) -> None:
        """Replace the timings. Streams whose timing is unchanged keep their turn."""
        with self._lock:
            scheduler, before = self._scheduler, self._timings
            self._timings = dict(timings)
            if scheduler is None:
                return
            for gone in before.keys() - timings.keys():
                scheduler.remove_job(str(gone))
            for key, timing in timings.items():
                if before.get(key) != timing:
                    self._add(scheduler, key, timing)

    def alive(self) -> bool:
        """Whether the scheduler's thread has shown itself within the last three beats."""
        return self._monotonic() - self._beaten <= 3 * self._beat.total_seconds()

    def revive(self) -> None:
        """Replace the scheduler by a fresh one: every turn is worked out anew from the wall clock."""
        with self._lock:
            if self._scheduler is not None:
                self._stop()
                self._start()

    def next_turns(self) -> dict[StreamKey, datetime]:
        """When each stream's next turn is, in UTC; empty when not started."""
        with self._lock:
            scheduler = self._scheduler
            jobs = [] if scheduler is None else scheduler.get_jobs()
        turns = {job.id: job.next_run_time for job in jobs}
        return {key: turns[str(key)].astimezone(UTC) for key in self._timings if turns.get(str(key)) is not None}

    def _start(self) -> None:
        scheduler = BackgroundScheduler(
            timezone=UTC,
            jobstores={"default": MemoryJobStore()},
            # Runs a job body in the scheduler's thread: ours only put a key on a queue.
            executors={"default": DebugExecutor()},
            # The library's default of one second would drop a turn whenever the machine is busy.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._scheduler = scheduler
        self._beaten = self._monotonic()
        scheduler.add_job(self._note_beat, IntervalTrigger(seconds=self._beat.total_seconds(), timezone=UTC), id=_BEAT)
        for key, timing in self._timings.items():
            self._add(scheduler, key, timing)
        scheduler.start()

    def _stop(self) -> None:
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
            self._scheduler = None

    def _add(self, scheduler: BackgroundScheduler, key: StreamKey, timing: Timing) -> None:
        scheduler.add_job(
            self._submit, trigger_for(key, timing), args=[key], id=str(key), name=str(key), replace_existing=True
        )

    def _note_beat(self) -> None:
        self._beaten = self._monotonic()
