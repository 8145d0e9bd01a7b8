"""The launcher: a real server of our own, what it needs, and what is left of it."""

import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from syncd.errors import NeedsOperator, Unreachable
from syncd.postgres import embedded
from syncd.postgres.embedded import THROWAWAY, EmbeddedServer

BINARIES = Path(chosen) if (chosen := os.environ.get("SYNCD_TEST_POSTGRES_BIN")) else None


def _server(data_dir: Path | None = None, *, tcp: bool = False) -> EmbeddedServer:
    return EmbeddedServer(data_dir, options=THROWAWAY, binaries=BINARIES, tcp=tcp)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the server's user can reach, which pytest's own are not when it runs as root."""
    with tempfile.TemporaryDirectory(prefix="syncd-test-", dir="/tmp") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def _one(dsn: str, statement: str) -> object:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(statement.encode()).fetchone()
        return row[0] if row else None


def test_a_server_starts_from_nothing_and_leaves_nothing() -> None:
    with _server() as server:
        pid, folder = server.pid, server.socket_dir.parent
        assert pid is not None
        assert _one(server.dsn(), "SHOW server_encoding") == "UTF8"
        assert _one(server.dsn(), "SELECT 'a' < 'B'") is False  # collation C: by bytes
        assert _one(server.dsn(), "SHOW fsync") == "off"
        assert _one(server.dsn(), "SHOW listen_addresses") == ""
    assert not folder.exists()
    assert not Path(f"/proc/{pid}").exists()
    with pytest.raises(Unreachable):
        server.dsn()


def test_only_the_owner_can_reach_the_socket() -> None:
    with _server() as server:
        assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700
        assert len(os.fsencode(server.socket_dir / ".s.PGSQL.65535.lock")) <= 107


def test_data_given_by_the_caller_stays(folder: Path) -> None:
    with _server(folder / "data") as server:
        _one(server.ensure_database("crm"), "SELECT 1")
        assert server.ensure_database("crm") == server.dsn("crm")
    with _server(folder / "data") as server:
        assert _one(server.dsn("crm"), "SELECT 1") == 1


def test_tcp_takes_the_password_and_nothing_else() -> None:
    with _server(tcp=True) as server:
        assert _one(server.tcp_dsn(), "SELECT inet_server_addr()::text") == "127.0.0.1/32"
        wrong = make_conninfo(server.tcp_dsn(), password="guess")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)


def test_a_restart_keeps_data_and_address(folder: Path) -> None:
    with _server(tcp=True) as server:
        dsn, before = server.tcp_dsn(), server.pid
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept ()")
            server.restart()
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
        assert server.pid != before
        assert _one(dsn, "SELECT to_regclass('public.kept') IS NOT NULL") is True


def test_a_data_folder_in_use_is_refused(folder: Path) -> None:
    with _server(folder / "data"):
        other = _server(folder / "data")
        with pytest.raises(NeedsOperator, match="another process") as raised:
            other.start()
        assert raised.value.fix


def test_a_folder_that_is_not_empty_is_refused(folder: Path) -> None:
    (folder / "letter.txt").write_text("dear reader")
    with pytest.raises(NeedsOperator) as raised:
        _server(folder).start()
    assert "not empty" in raised.value.why
    assert (folder / "letter.txt").read_text() == "dear reader"


def test_a_server_that_refuses_its_settings_says_why() -> None:
    with pytest.raises(NeedsOperator, match="did not start") as raised:
        EmbeddedServer(options={"shared_buffers": "many"}, binaries=BINARIES).start()
    assert "shared_buffers" in raised.value.why


def test_without_the_wheel_the_fix_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(NeedsOperator) as raised:
        EmbeddedServer().start()
    assert "syncd[demo]" in raised.value.fix


@pytest.mark.process
def test_what_a_killed_process_left_is_cleared_away_by_the_next(folder: Path) -> None:
    script = (
        "import sys, signal; from pathlib import Path\n"
        "from syncd.postgres.embedded import *\n"
        "binaries = Path(sys.argv[1]) if sys.argv[1] else None\n"
        "a = EmbeddedServer(options=THROWAWAY, binaries=binaries); a.start()\n"
        "b = EmbeddedServer(Path(sys.argv[2]), options=THROWAWAY, binaries=binaries); b.start()\n"
        "print(a.pid, b.pid, a.socket_dir.parent, b.socket_dir.parent, flush=True); signal.pause()\n"
    )
    command = [sys.executable, "-c", script, str(BINARIES or ""), str(folder / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        words = process.stdout.readline().split()
        process.send_signal(signal.SIGKILL)
    pids, run_dirs = [int(word) for word in words[:2]], [Path(word) for word in words[2:]]
    assert all(_alive(pid) for pid in pids)
    with _server(folder / "data") as server:
        assert _one(server.dsn(), "SELECT 1") == 1
    _until(lambda: not any(_alive(pid) for pid in pids))
    assert not any(run_dir.exists() for run_dir in run_dirs)


def _alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        assert time.monotonic() < deadline
        pause.wait(0.02)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")
def test_as_root_programs_out_of_reach_are_copied_and_data_out_of_reach_is_refused(folder: Path) -> None:
    install = (BINARIES or embedded.binaries()).parent
    hidden = folder / "hidden"
    hidden.mkdir(mode=0o700)
    package = install.parent
    shutil.copytree(install, hidden / package.name / install.name, symlinks=True)
    if (libraries := package.with_name(f"{package.name}.libs")).is_dir():
        shutil.copytree(libraries, hidden / libraries.name)
    with EmbeddedServer(options=THROWAWAY, binaries=hidden / package.name / install.name / "bin") as server:
        assert _one(server.dsn(), "SELECT 1") == 1
    with pytest.raises(NeedsOperator, match="out of reach"):
        _server(hidden / "data").start()
