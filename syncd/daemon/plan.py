"""What the service is given: the plan it keeps running, the world it runs in, and how patient it is."""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta

from syncd.core.model import ModuleStatus, StreamKey
from syncd.core.status import ApiUse
from syncd.daemon.metrics import Metrics
from syncd.daemon.notify import Notifier
from syncd.daemon.observers import SignsOfLife
from syncd.daemon.schedule import Timing
from syncd.daemon.stop import StopRequest
from syncd.sync.ports import RunOutcome


def nothing() -> None:
    """Does nothing: the default of a hook."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to keep running, made from one reading of the configuration.

    `run` makes one pass over a stream, in a thread of the pool; it raises nothing but bugs. `timings` and `deadlines`
    have the same streams. `close` is called once, when the plan was replaced or the service stops and no pass of it is
    in flight any more; it must not raise.
    """

    timings: Mapping[StreamKey, Timing]
    deadlines: Mapping[StreamKey, timedelta]
    run: Callable[[StreamKey], RunOutcome]
    close: Callable[[], None] = nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the service waits for what, in seconds.

    `watch`: between two looks at itself and at the ledger. `drain`: for passes to reach a ledger boundary on a stop;
    must be below the unit's TimeoutStopSec. `stuck`: without any sign of life while passes are in flight before the
    watchdog is no longer fed. `database`: the longest wait between two tries of the database at the start.
    """

    watch: float = 60.0
    drain: float = 75.0
    stuck: float = 3600.0
    database: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the service uses of the world; made by bootstrap.

    `prepare` brings the database up to date; Unreachable while it does not answer, other errors end the service.
    `statuses` and `api_use` read the ledger. `reload` reads the configuration anew and answers with a whole plan, or
    raises an error and the old plan stays. `ready` is called once, when everything is up. `leave` ends the process at
    once with an exit code. `executor` runs the passes; the service shuts it down.
    """

    executor: Executor
    stop: StopRequest
    signs: SignsOfLife
    metrics: Metrics
    notifier: Notifier
    prepare: Callable[[], None]
    statuses: Callable[[], Iterable[ModuleStatus]]
    reload: Callable[[], Plan]
    now: Callable[[], datetime]
    api_use: Callable[[], Iterable[ApiUse]] = tuple
    ready: Callable[[], None] = nothing
    leave: Callable[[int], object] = os._exit
    monotonic: Callable[[], float] = time.monotonic
