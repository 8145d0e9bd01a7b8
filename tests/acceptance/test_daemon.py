"""The daemon as a process: it fills, drains, survives kills of itself and of its database, reloads, shares the work."""

import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx2
import psycopg
import pytest

from syncd.core.model import StreamKey
from syncd.postgres.embedded import EmbeddedServer
from syncd.simulator import CLIENT_SECRET, REFRESH_TOKEN, Config, JobTiming, Simulator
from tests.acceptance.test_traffic import Differences, compare
from tests.rig import environment, write_config

pytestmark = pytest.mark.process

MODULES = {"Contacts": 60, "Deals": 40}
FAST = {"settle": "0.5s", "overlap": "2s", "poll": "0.05s..0.2s"}
PATIENCE = 60.0


class Daemon:
    """One `syncd run` process. What it prints is kept in a file; `said` is what it told the service manager."""

    def __init__(
        self, config: Path, folder: Path, *, name: str = "daemon", variables: Mapping[str, str] | None = None
    ) -> None:
        self.output = folder / f"{name}.log"
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        address = folder / f"{name}.sock"
        with contextlib.suppress(FileNotFoundError):
            address.unlink()
        self._notify.bind(str(address))
        self._notify.settimeout(0.05)
        self.said: list[str] = []
        with self.output.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "syncd", "--config", str(config), "run"],
                env=environment() | {"NOTIFY_SOCKET": str(address)} | dict(variables or {}),
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def hears(self, word: str) -> bool:
        """Whether the service manager has been told something that contains `word`."""
        with contextlib.suppress(TimeoutError):
            while True:
                self.said.append(self._notify.recv(4096).decode())
        return any(word in message for message in self.said)

    def stop(self) -> int:
        """SIGTERM; the exit code, within the ten seconds a drain may take."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=10)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        if self.process.poll() is None:
            self.kill()
        self._notify.close()


def until(condition: Callable[[], bool], what: str, daemon: Daemon | None = None) -> None:
    """Wait for a condition of another process; the deadline is generous because machines are shared."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline or (daemon and daemon.process.poll() is not None):
            raise AssertionError(f"{what}\n{daemon.output.read_text()[-4000:] if daemon else ''}")
        threading.Event().wait(0.05)


@pytest.fixture
def sim() -> Simulator:
    return Simulator(Config(rows=MODULES, rows_per_page=15, timing=JobTiming(running=0.1), downloads_per_minute=10_000))


@pytest.fixture
def place(sim: Simulator, dsn: str, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A configuration for the simulator and a database, and the database's DSN."""
    with sim.serve() as url:
        yield configured(tmp_path, url, dsn), dsn


def configured(folder: Path, url: str, dsn: str, modules: tuple[str, ...] = tuple(MODULES), web: str = "") -> Path:
    return write_config(
        folder,
        url=url,
        dsn=dsn,
        modules=dict.fromkeys(modules, '"1s"'),
        defaults=FAST,
        zoho={"downloads_per_minute": 10_000},
        web=web,
    )


@contextlib.contextmanager
def running(
    config: Path, folder: Path, *, name: str = "daemon", variables: Mapping[str, str] | None = None
) -> Iterator[Daemon]:
    daemon = Daemon(config, folder, name=name, variables=variables)
    try:
        yield daemon
    finally:
        daemon.close()


def is_whole(sim: Simulator, dsn: str, modules: tuple[str, ...] = tuple(MODULES)) -> Callable[[], bool]:
    """Whether every module's table is as at Zoho."""

    def whole() -> bool:
        try:
            return all(compare(sim, StreamKey("default", name), dsn) == Differences() for name in modules)
        except (psycopg.errors.UndefinedTable, psycopg.OperationalError):
            return False  # not made yet, or the server is coming up again

    return whole


def test_it_fills_says_so_and_drains(sim: Simulator, place: tuple[Path, str], tmp_path: Path) -> None:
    config, dsn = place
    with running(config, tmp_path) as daemon:
        until(is_whole(sim, dsn), "the tables were never filled", daemon)
        until(lambda: daemon.hears("READY=1"), "it never said READY", daemon)
        assert daemon.stop() == 0
        assert daemon.hears("STOPPING=1")
    text = daemon.output.read_text()
    for secret in (CLIENT_SECRET, REFRESH_TOKEN, "Zoho-oauthtoken"):
        assert secret not in text


def test_killed_in_the_middle_it_goes_on_where_it_was(sim: Simulator, place: tuple[Path, str], tmp_path: Path) -> None:
    config, dsn = place
    for round_, downloads in enumerate((2, 6, 11)):
        with running(config, tmp_path, name=f"killed{round_}") as daemon:
            until(lambda n=downloads: len(sim.log.entries("download")) >= n, "no downloads", daemon)  # type: ignore[misc]
            daemon.kill()
    before = loaded(dsn)
    mark = len(sim.log.entries("download"))
    with running(config, tmp_path) as daemon:
        until(is_whole(sim, dsn), "it never caught up", daemon)
        assert daemon.stop() == 0
    again = [entry.path for entry in sim.log.entries("download")[mark:]]
    assert before
    assert not [path for path in again if path.split("/")[-2] in before]


def loaded(dsn: str) -> set[str]:
    """The remote ids of the jobs whose rows are committed."""
    with psycopg.connect(dsn) as connection:
        found = connection.execute("SELECT remote_id FROM syncd.bulk_job WHERE state IN ('loaded', 'split')")
        return {row[0] for row in found if row[0]}


def test_a_reload_takes_a_configuration_whole_or_not_at_all(
    sim: Simulator, place: tuple[Path, str], tmp_path: Path
) -> None:
    config, dsn = place
    text = config.read_text()
    config.write_text("\n".join(line for line in text.splitlines() if not line.startswith("Deals")))
    with running(config, tmp_path) as daemon:
        until(is_whole(sim, dsn, ("Contacts",)), "Contacts was never filled", daemon)
        config.write_text(text.replace("[defaults]", "[defaults]\nevrey = 3"))
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: "evrey" in daemon.output.read_text(), "the bad configuration was not reported", daemon)
        config.write_text(text)
        daemon.process.send_signal(signal.SIGHUP)
        until(is_whole(sim, dsn), "Deals was never filled", daemon)
        assert daemon.stop() == 0


def test_the_database_may_crash_under_it(sim: Simulator, tmp_path: Path) -> None:
    with EmbeddedServer() as server, sim.serve() as url:
        dsn = server.ensure_database("crm")
        config = configured(tmp_path, url, dsn)
        with running(config, tmp_path) as daemon:
            until(lambda: len(sim.log.entries("download")) >= 3, "no downloads", daemon)
            server.restart(immediate=True)
            until(is_whole(sim, dsn), "it never recovered", daemon)
            assert daemon.stop() == 0


def test_two_daemons_share_the_work_and_neither_repeats_it(
    sim: Simulator, place: tuple[Path, str], tmp_path: Path
) -> None:
    config, dsn = place
    with running(config, tmp_path, name="one") as one, running(config, tmp_path, name="two") as two:
        until(is_whole(sim, dsn), "the tables were never filled", one)
        assert (one.stop(), two.stop()) == (0, 0)
    paths = [entry.path for entry in sim.log.entries("download")]
    assert len(paths) == len(set(paths))


def test_the_status_page_tells_how_fresh_each_module_is(sim: Simulator, dsn: str, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with sim.serve() as url:
        config = configured(tmp_path, url, dsn, web=f"127.0.0.1:{port}")
        with running(config, tmp_path) as daemon:
            until(is_whole(sim, dsn), "the tables were never filled", daemon)
            answers: dict[str, httpx2.Response] = {}

            def healthy() -> bool:
                with contextlib.suppress(httpx2.TransportError):
                    answers["healthz"] = httpx2.get(f"http://127.0.0.1:{port}/healthz")
                return "healthz" in answers and answers["healthz"].status_code == 200

            until(healthy, "it never called itself healthy", daemon)
            page = httpx2.get(f"http://127.0.0.1:{port}/").text
            status = httpx2.get(f"http://127.0.0.1:{port}/api/status.json").json()
            assert daemon.stop() == 0
    assert "Contacts" in page
    assert {module["module"] for module in status["modules"]} == set(MODULES)
