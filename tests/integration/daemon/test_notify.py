import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncd.daemon.notify import Notifier


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """A socket like the one that systemd listens on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5)
        yield listening


def test_what_the_manager_hears(manager: socket.socket) -> None:
    notifier = Notifier(manager.getsockname())
    notifier.ready("7 modules,\nall fresh")
    assert manager.recv(4096) == b"READY=1\nSTATUS=7 modules, all fresh"
    notifier.starting("waiting", seconds=61.5)
    assert manager.recv(4096) == b"STATUS=waiting\nEXTEND_TIMEOUT_USEC=61500000"
    notifier.reloading()
    state, microseconds = manager.recv(4096).decode().split("\n")
    assert state == "RELOADING=1"
    assert int(microseconds.removeprefix("MONOTONIC_USEC=")) > 0
    notifier.alive()
    assert manager.recv(4096) == b"WATCHDOG=1"
    notifier.status("fine")
    assert manager.recv(4096) == b"STATUS=fine"
    notifier.stopping("draining")
    assert manager.recv(4096) == b"STOPPING=1\nSTATUS=draining"


def test_an_abstract_socket() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        name = f"syncd-test-{os.getpid()}"
        listening.bind("\0" + name)
        listening.settimeout(5)
        Notifier("@" + name).alive()
        assert listening.recv(4096) == b"WATCHDOG=1"


def test_no_manager_or_a_dead_one_is_no_trouble(tmp_path: Path) -> None:
    Notifier().alive()
    Notifier(str(tmp_path / "gone")).alive()


def test_a_manager_that_does_not_read_blocks_nothing(manager: socket.socket) -> None:
    notifier = Notifier(manager.getsockname())
    for _ in range(10_000):
        notifier.alive()


@pytest.mark.parametrize(
    ("environ", "watchdog"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "120000000"}, 120.0),
        ({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": str(os.getpid())}, 120.0),
        ({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_of_the_environment(environ: dict[str, str], watchdog: float | None) -> None:
    assert Notifier.from_environment(environ).watchdog == watchdog
