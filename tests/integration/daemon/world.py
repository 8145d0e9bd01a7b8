"""A service in a thread, over passes and a ledger that a test controls; pool, scheduler and threads are real."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from syncd.core.model import ModuleStatus, StreamKey
from syncd.daemon.metrics import Metrics
from syncd.daemon.notify import Notifier
from syncd.daemon.observers import SignsOfLife
from syncd.daemon.plan import Plan, Surroundings
from syncd.daemon.schedule import Timing
from syncd.daemon.service import Service
from syncd.daemon.stop import StopRequest
from syncd.errors import ConfigWrong, Problem, SyncdError
from syncd.sync.ports import RunOutcome

LEADS, DEALS, TASKS = (StreamKey("default", module) for module in ("Leads", "Deals", "Tasks"))
SELDOM = timedelta(days=300)


def wall() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)


def until(reached: Callable[[], object], seconds: float = 10.0) -> None:
    """Return when `reached` answers with something true; fail when it does not within so many seconds."""
    end, idle = time.monotonic() + seconds, threading.Event()
    while not reached():
        assert time.monotonic() < end, "not reached in time"
        idle.wait(0.005)


@dataclass(kw_only=True)
class World:
    """What the service is surrounded by. `passes` records each pass; `behave` is what one does."""

    stop: StopRequest = field(default_factory=StopRequest)
    signs: SignsOfLife = field(default_factory=SignsOfLife)
    executor: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(3))
    statuses: tuple[ModuleStatus, ...] = ()
    ledger_error: SyncdError | None = None
    prepare_errors: list[SyncdError] = field(default_factory=list)
    passes: list[StreamKey] = field(default_factory=list)
    behave: Callable[[StreamKey], RunOutcome] | None = None
    next_plan: Plan | None = None
    closed: list[str] = field(default_factory=list)
    ready: threading.Event = field(default_factory=threading.Event)
    left: list[int] = field(default_factory=list)
    now: Callable[[], datetime] = wall
    monotonic: Callable[[], float] = time.monotonic
    notifier: Notifier = field(default_factory=Notifier)
    metrics: Metrics = field(default_factory=lambda: Metrics(now=wall))

    def run(self, key: StreamKey) -> RunOutcome:
        self.passes.append(key)
        return self.behave(key) if self.behave else RunOutcome(stream=key, state="ok")

    def plan(self, *keys: StreamKey, every: timedelta = SELDOM, name: str = "plan") -> Plan:
        return Plan(
            timings={key: Timing(every=every) for key in keys},
            deadlines={key: timedelta(minutes=45) for key in keys},
            run=self.run,
            close=lambda: self.closed.append(name),
        )

    def around(self) -> Surroundings:
        return Surroundings(
            executor=self.executor,
            stop=self.stop,
            signs=self.signs,
            metrics=self.metrics,
            notifier=self.notifier,
            prepare=self._prepare,
            statuses=self._statuses,
            reload=self._reload,
            now=self.now,
            ready=self.ready.set,
            leave=self.left.append,
            monotonic=self.monotonic,
        )

    def _prepare(self) -> None:
        if self.prepare_errors:
            raise self.prepare_errors.pop(0)

    def _statuses(self) -> tuple[ModuleStatus, ...]:
        if self.ledger_error:
            raise self.ledger_error
        return self.statuses

    def _reload(self) -> Plan:
        if self.next_plan is None:
            raise ConfigWrong((Problem(where="syncd.toml:7", what="unknown key", fix="did you mean every?"),))
        return self.next_plan


class Running:
    """A service in its thread; `finish` stops it and hands over what `run` returned or raised."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._end: list[int | BaseException] = []
        self._thread = threading.Thread(target=self._run, name="service-under-test")
        self._thread.start()

    def _run(self) -> None:
        try:
            self._end.append(self.service.run())
        except SyncdError as error:
            self._end.append(error)

    def finish(self, seconds: float = 20.0) -> int | BaseException:
        self.service.stop()
        self._thread.join(seconds)
        assert not self._thread.is_alive(), "the service does not end"
        return self._end[0]

    @property
    def over(self) -> bool:
        return not self._thread.is_alive()
