"""What the page asks others for, as Protocols, and one consistent reading of it that all pages of a moment share."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol

from syncd.core.health import Health, assess_all
from syncd.core.model import Column, ModuleStatus, StreamKey
from syncd.core.status import Activity, ApiUse, JobView, RunDetail, RunMark, RunView
from syncd.errors import SyncdError

DAY = timedelta(days=1)


class StatusSource(Protocol):
    """The ledger, read only. Every method may raise Unreachable."""

    def module_statuses(self) -> tuple[ModuleStatus, ...]:
        """All streams of all orgs."""

    def runs(
        self, *, limit: int = 20, org: str | None = None, module: str | None = None, failed: bool = False
    ) -> tuple[RunView, ...]:
        """The newest runs first; `failed` leaves out those that went well or are under way."""

    def run(self, run_id: int) -> RunDetail | None:
        """One run with all its jobs; None when there is no such run."""

    def open_jobs(self) -> tuple[JobView, ...]:
        """The jobs that are not finished, oldest first."""

    def history(self, since: datetime) -> tuple[RunMark, ...]:
        """The runs of all streams that finished at or after `since`, oldest first."""

    def api_use(self) -> tuple[ApiUse, ...]:
        """How much of each quota is used."""

    def columns(self, key: StreamKey) -> tuple[Column, ...]:
        """The field map of a stream, refused fields included, in the order they came."""


def _no_metrics() -> tuple[bytes, str]:
    return b"", "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Everything the pages are made from; bootstrap makes it.

    `deadlines` are the configured streams, `activities` what the daemon knows of them, `metrics` the exposition and its
    content type. `now` is the wall clock; `zone` the zone that times are shown in.
    """

    source: StatusSource
    deadlines: Callable[[], Mapping[StreamKey, timedelta]]
    now: Callable[[], datetime]
    activities: Callable[[], Iterable[Activity]] = tuple
    metrics: Callable[[], tuple[bytes, str]] = _no_metrics
    zone: tzinfo = UTC
    version: str = ""
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All that the overview shows, as of one moment. `trouble` is why a newer one could not be had, or ''."""

    at: datetime
    healths: tuple[Health, ...] = ()
    open_jobs: tuple[JobView, ...] = ()
    runs: tuple[RunView, ...] = ()
    history: tuple[RunMark, ...] = ()
    api_use: tuple[ApiUse, ...] = ()
    trouble: str = ""


class Readings:
    """Reads the ledger at most once in `keep` seconds, whoever asks how often; others wait for the one who reads."""

    def __init__(self, site: Site, *, keep: float = 1.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._site = site
        self._keep = keep
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._last: Reading | None = None
        self._until = 0.0

    def latest(self) -> Reading:
        """The newest reading; while the ledger cannot be read the last one, with the trouble said."""
        with self._lock:
            if self._last is None or self._monotonic() >= self._until:
                self._last = self._read(self._last)
                self._until = self._monotonic() + self._keep
            return self._last

    def _read(self, before: Reading | None) -> Reading:
        site = self._site
        now = site.now()
        try:
            statuses = site.source.module_statuses()
            return Reading(
                at=now,
                healths=assess_all(statuses, site.deadlines(), now, site.activities()),
                open_jobs=site.source.open_jobs(),
                runs=site.source.runs(limit=15),
                history=site.source.history(now - DAY),
                api_use=site.source.api_use(),
            )
        except SyncdError as error:
            return replace(before or Reading(at=now), trouble=str(error))
