"""The parts of the demo: its configuration, its ports, its children."""

import os
import socket
import stat
import sys
import threading
from pathlib import Path

import pytest

from syncd.cli import demo_parts
from syncd.cli.demo_parts import Child
from syncd.errors import NeedsOperator
from syncd.settings.load import load
from syncd.shipped import folder
from syncd.simulator import CLIENT_SECRET, REFRESH_TOKEN

URL, DSN = "http://127.0.0.1:4711", "host=/tmp/x port=5 user=postgres dbname=crm"


def test_the_shipped_configuration_loads_as_it_is() -> None:
    secrets = {"SYNCD_ZOHO__CLIENT_SECRET": CLIENT_SECRET, "SYNCD_ZOHO__REFRESH_TOKEN": REFRESH_TOKEN, "HOME": "/x"}
    (settings,) = load(folder("config") / "demo.toml", secrets)
    assert settings.org == "demo"
    assert not [warning for warning in settings.warnings if not warning.where.startswith("$")]


def test_the_demo_writes_addresses_and_private_secrets(tmp_path: Path) -> None:
    config = demo_parts.write_config(tmp_path, url=URL, dsn=DSN, page="127.0.0.1:9")
    (settings,) = load(config, {})
    assert (settings.zoho.accounts_url, settings.zoho.api_url) == (URL, URL)
    assert settings.conninfo().get_secret_value() == DSN
    assert (settings.web.listen and settings.web.listen.port) == 9
    assert settings.state_dir == tmp_path / "state"
    for name in ("zoho-client-secret", "zoho-refresh-token"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_a_line_that_is_not_there_is_a_fault_of_ours() -> None:
    with pytest.raises(ValueError, match="one line 'b'"):
        demo_parts.filled_in("a\nc\n", {"a": "x", "b": "y"})
    with pytest.raises(ValueError, match="one line 'a'"):
        demo_parts.filled_in("a\na\n", {"a": "x"})
    assert demo_parts.filled_in("a\nb\n", {"a": "x"}) == "x\nb\n"


def test_a_taken_port_is_left_alone() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert demo_parts.free_port(port) != port
    assert demo_parts.free_port(port) == port


def test_the_environment_of_the_user_does_not_lead_the_demo_away(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SYNCD_CONFIG", "SYNCD_POSTGRES__DSN", "PGHOST", "PGPASSWORD", "NOTIFY_SOCKET", "STATE_DIRECTORY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("LANG", "C")
    kept = demo_parts.own_environment()
    assert "LANG" in kept
    assert not [name for name in kept if name.startswith(("SYNCD", "PG", "NOTIFY", "STATE"))]


def test_a_child_that_dies_says_why(tmp_path: Path) -> None:
    with Child("daemon", ["run", "--config", "nowhere.toml"], tmp_path) as child:
        with pytest.raises(NeedsOperator) as caught:
            child.address(threading.Event())
        assert caught.value.what == "the demo's daemon has ended"
        assert caught.value.where == "exit code 78"
        assert "nowhere.toml does not exist" in caught.value.why


def test_a_child_that_does_not_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stubborn = tmp_path / "syncd.py"
    stubborn.write_text(
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('http://127.0.0.1:1', flush=True)\n"
        "signal.pause()\n"
    )
    monkeypatch.setattr(demo_parts, "_STOP_SECONDS", 0.2)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Child("stubborn", ["run"], tmp_path) as child:
        assert child.address(threading.Event()) == "http://127.0.0.1:1"
        process = child._process
        assert process is not None
    assert process.returncode == -9
    assert sys.executable
    assert os.getpid() != process.pid
