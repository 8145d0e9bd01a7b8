"""Real `syncd run` processes under fire: kills, power cuts of their database, bad networks, second daemons, reloads.

Everything is real but Zoho: processes, signals, sockets, PostgreSQL. Between a daemon and both its sides stands a fault
proxy. A siege ends in peace, and in peace the copy must become the truth.
"""

import contextlib
import random
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import psycopg

from syncd.core.model import StreamKey
from syncd.errors import SyncdError
from syncd.postgres.embedded import THROWAWAY, EmbeddedServer
from syncd.simulator import Config, JobTiming, Simulator
from tests.acceptance.test_daemon import Daemon
from tests.acceptance.test_traffic import Differences, compare
from tests.campaign.ground import memory_folder
from tests.campaign.proxy import FaultProxy
from tests.rig import write_config

MODULES = {"Contacts": 60, "Deals": 40}
PATIENCE = 90.0
BLOWS = (
    "kill", "kill", "kill", "kill", "kill", "power-cut", "cut", "storm", "second", "stop", "reload", "expire", "revoke",
    "forge", "lock", "ddl", "jump", "standby",
)  # fmt: skip

TAKES_TOKENS = frozenset({"expire", "revoke"})


@dataclass
class Siege:
    """One daemon's bad day: `blow` after `blow`, then `peace`."""

    folder: Path
    rng: random.Random
    server: EmbeddedServer
    sim: Simulator
    zoho: FaultProxy
    database: FaultProxy
    dsn: str
    config: Path
    callback: str = ""
    daemons: list[Daemon] = field(default_factory=list)
    blows: Counter[str] = field(default_factory=Counter)
    slowest_stop: float = 0.0
    slowest_start: float = 0.0
    _started: int = 0
    _log: int = 0

    def start(self) -> Daemon:
        """Another daemon process, with a callback listener of its own."""
        self._started += 1
        port = _free_port(self.rng)
        self.callback = f"http://127.0.0.1:{port}/" + "c" * 40
        config = self.folder / f"daemon{self._started}.toml"
        listener = f'[callback]\nurl = "{self.callback}"\nlisten = "127.0.0.1:{port}"\n'
        config.write_text(self.config.read_text() + listener)
        daemon = Daemon(config, self.folder, name=f"daemon{self._started}")
        self.daemons.append(daemon)
        return daemon

    def blow(self, kind: str) -> None:
        """Strike once, at this very moment."""
        if kind in TAKES_TOKENS and sum(self.blows[name] for name in TAKES_TOKENS) >= 2:
            kind = "kill"  # ten tokens in ten minutes are all that a daemon may ask for, and peace is shorter
        self.blows[kind] += 1
        getattr(self, "_" + kind.replace("-", "_"))()
        for dead in [daemon for daemon in self.daemons if daemon.process.poll() is not None]:
            if dead.process.returncode not in {0, -signal.SIGKILL}:
                raise AssertionError(
                    f"a daemon ended with {dead.process.returncode}:\n{dead.output.read_text()[-3000:]}"
                )
            dead.close()
            self.daemons.remove(dead)
        if not self.daemons:
            self.start()

    def pause(self, most: float) -> None:
        threading.Event().wait(self.rng.uniform(0.0, most))

    def _kill(self) -> None:
        self.rng.choice(self.daemons).kill()

    def _power_cut(self) -> None:
        self.server.restart(immediate=True)

    def _cut(self) -> None:
        for proxy in (self.zoho, self.database):
            proxy.cut_all()

    def _storm(self) -> None:
        for proxy in (self.zoho, self.database):
            proxy.share = 0.0 if proxy.share else self.rng.choice([0.1, 0.4])

    def _second(self) -> None:
        if len(self.daemons) < 2:
            self.start()

    def _stop(self) -> None:
        daemon, began = self.rng.choice(self.daemons), time.monotonic()
        if daemon.hears("READY=1"):  # before, the signal may find Python itself still starting
            code = daemon.stop()
            self.slowest_stop = max(self.slowest_stop, time.monotonic() - began)
            if code:
                raise AssertionError(f"SIGTERM: exit code {code}\n{daemon.output.read_text()[-3000:]}")

    def _reload(self) -> None:
        for daemon in self.daemons:
            if daemon.hears("READY=1"):
                daemon.process.send_signal(signal.SIGHUP)

    def _expire(self) -> None:
        self.sim.accounts.expire_tokens()

    def _revoke(self) -> None:
        self.sim.accounts.revoke_refresh_token()
        self.pause(1.0)
        self.sim.accounts.restore_refresh_token()
        self._reload()

    def _forge(self) -> None:
        for number in (*list(self.sim.jobs.by_id)[-3:], "1", "../../etc"):
            with contextlib.suppress(httpx2.HTTPError):
                body = {"job_id": str(number), "state": "COMPLETED", "result": {"count": 0, "more_records": False}}
                httpx2.post(self.callback, json=body, timeout=2)

    def _lock(self) -> None:
        with contextlib.suppress(psycopg.Error), psycopg.connect(self.server.dsn("crm")) as dba:
            dba.execute("SET lock_timeout = '200ms'")
            dba.execute("LOCK TABLE zoho.contacts IN ACCESS EXCLUSIVE MODE")
            self.pause(2.0)

    def _ddl(self) -> None:
        with contextlib.suppress(psycopg.Error), psycopg.connect(self.server.dsn("crm"), autocommit=True) as dba:
            dba.execute("SET lock_timeout = '200ms'")
            dba.execute(f"ALTER TABLE zoho.deals ADD COLUMN note_{self.blows['ddl']} text".encode())

    def _standby(self) -> None:
        """A failover ended on a server that takes no writes yet, which lasts a moment."""
        with contextlib.suppress(psycopg.Error), psycopg.connect(self.server.dsn("postgres"), autocommit=True) as dba:
            try:
                dba.execute("ALTER DATABASE crm SET default_transaction_read_only = on")
                self.database.cut_all()
                self.pause(2.0)
            finally:
                dba.execute("ALTER DATABASE crm RESET default_transaction_read_only")
                self.database.cut_all()

    def _jump(self) -> None:
        self.sim.clock.advance(self.rng.choice([3600, 90_000]))

    # ----------------------------------------------------------------------------------------------------------- peace

    def peace(self) -> float:
        """Nothing strikes any more; the seconds until the copy is the truth. AssertionError when it never is."""
        self.sim.traffic.stop()
        self.zoho.share = self.database.share = 0.0
        self.sim.accounts.restore_refresh_token()
        for daemon in self.daemons:
            daemon.kill()
            daemon.close()
        self.daemons.clear()
        asked = len(self.sim.log.entries())
        daemon, began = self.start(), time.monotonic()
        while len(self.sim.log.entries()) == asked and time.monotonic() - began < PATIENCE:
            threading.Event().wait(0.02)
        self.slowest_start = max(self.slowest_start, time.monotonic() - began)
        while not self._whole():
            if time.monotonic() - began > PATIENCE or daemon.process.poll() is not None:
                different = {name: self._differences(name) for name in MODULES}
                raise AssertionError(f"no peace: {different}\n{daemon.output.read_text()[-5000:]}")
            threading.Event().wait(0.1)
        seconds = time.monotonic() - began
        self._stop()
        return seconds

    def _differences(self, name: str) -> Differences | None:
        with contextlib.suppress(psycopg.Error, SyncdError):  # the ledger is not made yet, or the server is down
            return compare(self.sim, StreamKey("default", name), self.server.dsn("crm"))
        return None

    def _whole(self) -> bool:
        return all(self._differences(name) == Differences() for name in MODULES)

    def close(self) -> None:
        for daemon in self.daemons:
            daemon.close()


@contextlib.contextmanager
def siege(folder: Path, seed: int) -> Iterator[Siege]:
    """A daemon with traffic at Zoho, a fault proxy on either side, and its first process started."""
    sim = Simulator(
        Config(seed=seed, rows=MODULES, rows_per_page=15, timing=JobTiming(running=0.1), downloads_per_minute=10_000)
    )
    sim.behave(restore_moves_modified_time=True, merge_losers_in_deleted_feed=True)
    sim.traffic.weights["drift"] = 0.0
    sim.traffic.late_seconds = 0.2
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(EmbeddedServer(options=THROWAWAY, tcp=True, parent=memory_folder()))
        server.ensure_database("crm")
        url = stack.enter_context(sim.serve())
        zoho = stack.enter_context(FaultProxy(("127.0.0.1", urlsplit(url).port or 0), seed=seed))
        database = stack.enter_context(FaultProxy(("127.0.0.1", server.port), seed=seed + 1))
        dsn = server.tcp_dsn("crm").replace(f":{server.port}/", f":{database.port}/")
        config = write_config(
            folder,
            url=f"http://127.0.0.1:{zoho.port}",
            dsn=dsn,
            modules=dict.fromkeys(MODULES, '"1s"'),
            defaults={"settle": "0.5s", "overlap": "2s", "poll": "0.05s..0.2s"},
            zoho={"downloads_per_minute": 10_000},
        )
        sim.traffic.start(6.0, seed=seed)
        began = Siege(
            folder=folder,
            rng=random.Random(seed),
            server=server,
            sim=sim,
            zoho=zoho,
            database=database,
            dsn=dsn,
            config=config,
        )
        stack.callback(began.close)
        began.start()
        yield began


def _free_port(chance: random.Random) -> int:
    """A port nobody has, below those that systems give to outgoing connections: it must stay free between daemons."""
    while True:
        port = chance.randrange(20_000, 30_000)
        with contextlib.closing(socket.socket()) as free, contextlib.suppress(OSError):
            free.bind(("127.0.0.1", port))
            return port
