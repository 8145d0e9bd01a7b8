"""Command lines as processes of their own: signals, two at once, closed pipes."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from syncd.simulator import Config, JobTiming
from tests.command import ROWS, Desk, desk
from tests.rig import environment

pytestmark = pytest.mark.process


@pytest.fixture
def at(tmp_path: Path, dsn: str) -> Iterator[Desk]:
    with desk(tmp_path, dsn) as made:
        yield made


@pytest.fixture
def slow(tmp_path: Path, dsn: str) -> Iterator[Desk]:
    """An organisation whose exports take their time."""
    config = Config(rows=ROWS, downloads_per_minute=10_000, timing=JobTiming(running=600.0))
    with desk(tmp_path, dsn, config) as made:
        yield made


def until(condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        threading.Event().wait(0.05)


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def exports_under_way(at: Desk) -> Callable[[], bool]:
    return lambda: len(at.sim.log.entries("details")) >= 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_drains_a_sync_and_the_next_one_resumes(
    slow: Desk, connection: psycopg.Connection[Any], number: signal.Signals, code: int
) -> None:
    process = slow.process("sync", "Contacts")
    until(exports_under_way(slow), "no export was asked for")
    process.send_signal(number)
    left, out, err = ended(process)
    assert left == code, err
    assert "drained" in out
    assert "stopping at the next safe point" in err
    assert err.splitlines()[-1] == f"syncd: stopped by {number.name}"
    states = connection.execute("SELECT DISTINCT state FROM syncd.bulk_job").fetchall()
    assert states == [("accepted",)]
    created = len(slow.sim.log.entries("create"))
    slow.sim.clock.advance(700)
    assert slow.run("sync", "Contacts").code == 0
    assert connection.execute("SELECT count(*) FROM zoho.contacts").fetchone() == (60,)
    fills = connection.execute("SELECT count(*) FROM syncd.sync_run WHERE kind = 'fill'").fetchone()
    assert fills == (1,)
    assert created >= 1


def test_while_another_process_syncs_a_module_it_is_skipped(slow: Desk) -> None:
    process = slow.process("sync", "Contacts")
    try:
        until(exports_under_way(slow), "no export was asked for")
        told = slow.run("sync", "Contacts", "--json")
        assert told.code == 75
        assert told.document()["state"] == "skipped"
        said = slow.run("sync", "Contacts").out
        assert "skipped  another process is syncing this module right now; nothing was done here" in said
    finally:
        process.send_signal(signal.SIGINT)
        assert ended(process)[0] == 130


def test_a_reader_that_goes_away_does_not_stop_a_sync(at: Desk, connection: psycopg.Connection[Any]) -> None:
    with at.process("sync") as process:
        assert process.stdout is not None
        process.stdout.close()
        err = process.stderr.read() if process.stderr else ""
    assert process.returncode in {0, 1}, err
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    assert connection.execute("SELECT count(*) FROM syncd.sync_run WHERE outcome = 'ok'").fetchone() == (2,)


def test_exit_codes_of_processes(at: Desk) -> None:
    def code(*arguments: str) -> int:
        return ended(at.process(*arguments))[0]

    assert code("frobnicate") == 2
    at.configure({"Deals": '"15m"', "Dealz": '"15m"'})
    assert code("sync") == 3
    at.configure(dsn="postgresql://127.0.0.1:1/crm")
    assert code("status") == 69
    at.config.write_text("[zoho]\n")
    assert code("check") == 78


def test_json_errors_are_one_object_on_stderr(at: Desk) -> None:
    at.config.write_text("[zoho]\n")
    left, out, err = ended(at.process("runs", "--json"))
    assert (left, out) == (78, "")
    assert json.loads(err)["error"]["kind"] == "ConfigWrong"


def test_the_simulator_announces_itself_and_stops(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "syncd", "simulator", "--port", "0", "--rows", "leads=12", "--switch", "bom=true"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("simulated Zoho CRM on http://127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        out, err = process.stdout.read(), process.stderr.read()
    assert process.returncode == 0
    assert "client_id 1000.SIMULATEDCLIENT" in out
    assert "Leads 12" in out
    assert err == "\nsyncd: stopping\n"


def test_the_simulator_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "syncd", "simulator", "--port", "0", "--with-parent"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=tmp_path,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert process.stdin is not None
        process.stdin.close()
        process.stdout.read()
    assert process.returncode == 0


def test_wrong_options_of_the_simulator(tmp_path: Path) -> None:
    from tests.command import ran

    for arguments, said in (
        (("--rows", "leeds=3"), "write MODULE=NUMBER"),
        (("--traffic", "fast"), "write changes a second"),
        (("--faults", "gremlins"), "gremlins"),
        (("--switch", "between"), "write NAME=VALUE"),
        (("--switch", "between=sideways"), "choose from"),
    ):
        told = ran("simulator", "--port", "0", *arguments)
        assert told.code == 2, arguments
        assert said in told.err
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        told = ran("simulator", "--port", str(taken.getsockname()[1]))
    assert told.code == 1
    assert "fix: choose another --port, or 0 for any" in told.err


def test_run_tells_a_wrong_configuration_and_does_not_start(at: Desk) -> None:
    at.config.write_text(at.config.read_text().replace("[modules]", "[moduels]"))
    left, _, err = ended(at.process("run"))
    assert left == 78
    assert "did you mean modules?" in err
    assert environment()["SYNCD_ZOHO__REFRESH_TOKEN"] not in err
