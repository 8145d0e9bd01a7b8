"""The long-running service: settings, fleet, schedule, status page and callback listener around one another."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from importlib.metadata import version

import structlog
from structlog.typing import FilteringBoundLogger

from syncd.bootstrap.clock import now
from syncd.bootstrap.fleet import Fleet, threads_for
from syncd.bootstrap.logs import hide_secrets
from syncd.core.model import Column, ModuleStatus, StreamKey
from syncd.core.status import ApiUse, JobView, RunDetail, RunMark, RunView
from syncd.daemon.log import Logs
from syncd.daemon.metrics import Metrics
from syncd.daemon.notify import Notifier
from syncd.daemon.observers import Observers, SignsOfLife
from syncd.daemon.plan import Plan, Surroundings
from syncd.daemon.schedule import Timing
from syncd.daemon.service import Service
from syncd.daemon.stop import StopRequest
from syncd.postgres.status import PostgresStatus
from syncd.settings.settings import Settings
from syncd.web.app import status_app
from syncd.web.callback import callback_app, callback_server, secret_path
from syncd.web.server import WebServer
from syncd.web.source import Site
from syncd.zoho.callbacks import job_of_callback

log: FilteringBoundLogger = structlog.get_logger()

Load = Callable[[], tuple[Settings, ...]]
"""Reads the configuration anew; raises ConfigWrong."""


def run_daemon(load: Load, logs: Logs, *, environ: Mapping[str, str] = os.environ) -> int:
    """Run until a stop is asked for; the exit code. Raises ConfigWrong when the configuration cannot be used."""
    configured = load()
    warn(configured)
    daemon = _Daemon(configured, load, logs)
    with daemon.listening(configured):
        return daemon.run(Notifier.from_environment(environ))


def warn(configured: Sequence[Settings]) -> None:
    """Say what works, but not as one may believe."""
    for settings in configured:
        for problem in settings.warnings:
            log.warning("configuration", where=problem.where, problem=problem.what, fix=problem.fix)


class _Daemon:
    """What outlives a reload: the stop request, the observers, the pool of threads. The fleet is replaced whole."""

    def __init__(self, configured: Sequence[Settings], load: Load, logs: Logs) -> None:
        self._load = load
        self._logs = logs
        self._stop = StopRequest()
        self._signs = SignsOfLife()
        self._metrics = Metrics(now=now)
        self._observer = Observers(self._signs, self._metrics)
        self._executor = threads_for(configured)
        self._fleet = self._open(configured)
        self._started_at = now()
        self._service: Service | None = None

    def run(self, notifier: Notifier) -> int:
        """Run the service in this thread."""
        service = self._service = Service(
            self._plan(self._fleet),
            Surroundings(
                executor=self._executor,
                stop=self._stop,
                signs=self._signs,
                metrics=self._metrics,
                notifier=notifier,
                prepare=self._prepare,
                statuses=self._statuses,
                api_use=self._api_use,
                reload=self._reload,
                now=now,
                monotonic=time.monotonic,
            ),
        )
        return service.run()

    @contextmanager
    def listening(self, configured: Sequence[Settings]) -> Iterator[None]:
        """Serve the status page and the callback listener meanwhile; their settings are those of the start."""
        with ExitStack() as servers:
            for server in self._servers(configured):
                servers.callback(server.stop)
                server.start()
            yield

    def _servers(self, configured: Sequence[Settings]) -> Iterator[WebServer]:
        first = configured[0]
        if (listen := first.web.listen) is not None:
            token = first.secrets.web_token.get_secret_value() if first.secrets.web_token else ""
            app = status_app(self._site(), host=listen.host, names=first.web.names, token=token)
            yield WebServer(app, listen.host, listen.port)
        if first.callback.url and (listen := first.callback.listen) is not None:
            path = secret_path(first.callback.url.get_secret_value())
            app = callback_app(path, on_hint=self._stop.notify, remote_id_of=lambda body: job_of_callback(body) or "")
            yield callback_server(app, listen.host, listen.port)

    def _site(self) -> Site:
        return Site(
            source=_Ledgers(lambda: self._fleet),
            deadlines=lambda: self._service.deadlines() if self._service else {},
            activities=lambda: self._service.activities() if self._service else (),
            now=now,
            metrics=self._metrics.exposition,
            version=version("syncd"),
            started_at=self._started_at,
        )

    def _open(self, configured: Sequence[Settings]) -> Fleet:
        return Fleet(configured, pause=self._stop, observer=self._observer, executor=self._executor)

    def _plan(self, fleet: Fleet) -> Plan:
        timings: dict[StreamKey, Timing] = {}
        deadlines: dict[StreamKey, timedelta] = {}
        for org in fleet.orgs.values():
            for key in org.streams():
                turns = org.settings.turns(key.module)
                timings[key] = Timing(every=turns.every, cron=turns.cron, timezone=turns.timezone)
                deadlines[key] = org.settings.deadline(key.module)
        return Plan(timings=timings, deadlines=deadlines, run=fleet.sync, close=fleet.close)

    def _prepare(self) -> None:
        self._fleet.upgrade()
        self._fleet.sweep()

    def _statuses(self) -> Iterable[ModuleStatus]:
        return [status for database in self._fleet.databases for status in database.status.module_statuses()]

    def _api_use(self) -> Iterable[ApiUse]:
        return self._fleet.api_use()

    def _reload(self) -> Plan:
        configured = self._load()
        hide_secrets(self._logs, configured)
        fleet = self._open(configured)
        self._logs.set_level(configured[0].log.level)
        warn(configured)
        self._fleet = fleet
        return self._plan(fleet)


class _Ledgers:
    """The status of all databases of a fleet as one source for the page."""

    def __init__(self, fleet: Callable[[], Fleet]) -> None:
        self._fleet = fleet

    def module_statuses(self) -> tuple[ModuleStatus, ...]:
        return tuple(status for ledger in self._ledgers() for status in ledger.module_statuses())

    def runs(
        self, *, limit: int = 20, org: str | None = None, module: str | None = None, failed: bool = False
    ) -> tuple[RunView, ...]:
        found = [
            view for one in self._ledgers() for view in one.runs(limit=limit, org=org, module=module, failed=failed)
        ]
        return tuple(sorted(found, key=lambda view: view.run.started_at, reverse=True)[:limit])

    def run(self, run_id: int) -> RunDetail | None:
        return next((found for ledger in self._ledgers() if (found := ledger.run(run_id))), None)

    def open_jobs(self) -> tuple[JobView, ...]:
        return tuple(job for ledger in self._ledgers() for job in ledger.open_jobs())

    def history(self, since: datetime) -> tuple[RunMark, ...]:
        found = [mark for ledger in self._ledgers() for mark in ledger.history(since)]
        return tuple(sorted(found, key=lambda mark: mark.finished_at))

    def api_use(self) -> tuple[ApiUse, ...]:
        return self._fleet().api_use()

    def columns(self, key: StreamKey) -> tuple[Column, ...]:
        return tuple(column for ledger in self._ledgers() for column in ledger.columns(key))

    def _ledgers(self) -> list[PostgresStatus]:
        return [database.status for database in self._fleet().databases]
