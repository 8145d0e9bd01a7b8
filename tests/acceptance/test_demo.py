"""The demo as its user sees it: tables in seconds, and nothing left behind however it ends."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psycopg
import pytest

pytestmark = pytest.mark.process

PATIENCE = 120.0


class Demo:
    """A `syncd demo` process, its temporary files in a folder of the test's own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.temporary = folder / "t"
        self.temporary.mkdir(exist_ok=True)
        self.temporary.chmod(0o755)
        self._out, self._err = folder / "out", folder / "err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "syncd", "demo", *arguments],
                env=os.environ | {"TMPDIR": str(self.temporary)},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,  # its process group is what a terminal's Ctrl-C would reach
            )

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    def until(self, text: str) -> None:
        """Wait until stdout or stderr has a text."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.out + self.err:
            assert self.process.poll() is None, self.out + self.err
            assert time.monotonic() < deadline, self.out + self.err
            threading.Event().wait(0.1)

    def children(self) -> dict[str, int]:
        """Its child processes: the first words of their command lines, and their numbers."""
        task = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        found = {}
        for number in map(int, task.read_text().split()):
            words = Path(f"/proc/{number}/cmdline").read_bytes().decode().split("\0")
            found["postgres" if words[0].endswith("postgres") else words[3]] = number
        return found

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)

    def left_nothing(self) -> bool:
        """Whether its temporary files are gone, and with them the sockets of its server."""
        return not [path for path in self.temporary.iterdir() if path.name.startswith("syncd-")]


@contextmanager
def demo(folder: Path, *arguments: str) -> Iterator[Demo]:
    run = Demo(folder, *arguments)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.end(signal.SIGTERM)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the server's user may enter when the tests run as root."""
    made = Path(tempfile.mkdtemp(prefix="syncd-test-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def alive(number: int) -> bool:
    return Path(f"/proc/{number}").is_dir() and "State:\tZ" not in Path(f"/proc/{number}/status").read_text()


def test_one_pass(folder: Path) -> None:
    started = time.monotonic()
    with demo(folder, "--once") as run:
        assert run.process.wait(PATIENCE) == 0, run.err
        assert time.monotonic() - started < 60
    for table in ("accounts", "audit_trail__c", "contacts", "deals", "events", "leads", "tasks"):
        assert re.search(rf"^zoho\.{table} +[0-9 ]+[1-9]", run.out, re.MULTILINE), run.out
    assert "FROM zoho_live.deals AS d" in run.out
    assert "account " in run.out
    assert "syncd demo" in run.out.splitlines()[-1]
    assert run.left_nothing()


def test_it_stays_fresh_can_be_looked_at_and_leaves_nothing(folder: Path) -> None:
    with demo(folder) as run:
        run.until("Ctrl-C stops and removes everything")
        dsn = re.search(r"'(postgresql://[^']+)'", run.out)
        page = re.search(r"http://127\.0\.0\.1:\d+/", run.out)
        config = re.search(r"--config (\S+) status", run.out)
        assert dsn
        assert page
        assert config
        with psycopg.connect(dsn[1]) as connection:
            row = connection.execute("SELECT max(watermark) FROM syncd.module_status").fetchone()
            assert row is not None
            first = row[0]
            assert connection.execute("SELECT count(*) > 15000 FROM zoho_live.leads").fetchone() == (True,)
        assert httpx2.get(page[0]).status_code == 200
        status = subprocess.run(
            [sys.executable, "-m", "syncd", "--config", config[1], "status", "--check", "5m"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (status.returncode, status.stdout[:21]) == (0, "OK: all 7 modules are")
        deadline = time.monotonic() + PATIENCE
        while True:
            with psycopg.connect(dsn[1]) as connection:
                if connection.execute("SELECT max(watermark) > %s FROM syncd.module_status", [first]).fetchone() == (
                    True,
                ):
                    break
            assert time.monotonic() < deadline
            threading.Event().wait(0.2)
        children = run.children()
        assert children.keys() == {"postgres", "simulator", "run"}
        os.killpg(run.process.pid, signal.SIGINT)
        assert run.process.wait(60) == 0
        assert "has ended" not in run.err
    assert not [name for name, number in children.items() if alive(number)]
    assert run.left_nothing()


def test_a_child_that_dies_is_named_and_everything_else_stops(folder: Path) -> None:
    with demo(folder) as run:
        run.until("starting the daemon")
        run.until("modules loaded")
        children = run.children()
        os.kill(children["simulator"], signal.SIGKILL)
        assert run.process.wait(60) == 1
    assert "syncd: the demo's simulated Zoho has ended\n  where: exit code -9" in run.err
    assert "fix: start the demo again" in run.err
    assert not [name for name, number in children.items() if alive(number)]
    assert run.left_nothing()


def test_killed_itself_it_takes_its_verbs_along(folder: Path) -> None:
    with demo(folder) as run:
        run.until("modules loaded")
        children = run.children()
        run.process.kill()
        run.process.wait()
        deadline = time.monotonic() + 60
        while [name for name in ("simulator", "run") if alive(children[name])]:
            assert time.monotonic() < deadline
            threading.Event().wait(0.1)
        # The server is swept away by the next start.
        with demo(folder, "--once") as following:
            assert following.process.wait(PATIENCE) == 0
    assert not alive(children["postgres"])


def test_stopped_early_it_stops(folder: Path) -> None:
    with demo(folder) as run:
        run.until("starting a PostgreSQL server")
        assert run.end(signal.SIGTERM) == 0
    assert run.left_nothing()
