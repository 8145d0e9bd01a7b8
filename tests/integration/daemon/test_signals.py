"""Real signals to a real process: a drain, a reload, and a second signal that does not wait."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncd.daemon.signals import handled
from tests.integration.daemon.world import until

ROOT = Path(__file__).parents[3]

SCRIPT = """
import os, sys, threading
from datetime import timedelta
from syncd.daemon.plan import Patience
from syncd.daemon.service import Service
from syncd.errors import Draining
from syncd.sync.ports import RunOutcome
from tests.integration.daemon.world import LEADS, World
import dataclasses

def say(text):
    print(text, flush=True)

world, deaf = World(), sys.argv[1] == "deaf"

def behave(key):
    say("pass")
    if deaf:
        threading.Event().wait()
    try:
        world.stop.wait(3600)
    except Draining as error:
        say("boundary")
        return RunOutcome(stream=key, state="drained", error=error)

world.behave = behave
around = dataclasses.replace(world.around(), reload=lambda: say("reload") or world.plan(LEADS), leave=os._exit)
sys.exit(Service(world.plan(LEADS), around, Patience(drain=30.0)).run())
"""


class Process:
    def __init__(self, mode: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", SCRIPT, mode],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def hears(self, text: str) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            if text in line:
                return
        pytest.fail(f"{text!r} was never said: {self.process.stderr.read() if self.process.stderr else ''}")

    def end(self) -> int:
        return self.process.wait(20)


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    started: list[Process] = []
    yield started
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_drains_and_exits_with_zero(processes: list[Process], number: signal.Signals) -> None:
    processes.append(one := Process("kind"))
    one.hears("pass")
    one.process.send_signal(signal.SIGHUP)
    one.hears("reload")
    one.process.send_signal(number)
    one.hears("boundary")
    assert one.end() == 0


@pytest.mark.process
def test_a_second_signal_leaves_at_once(processes: list[Process]) -> None:
    processes.append(one := Process("deaf"))
    one.hears("pass")
    one.process.send_signal(signal.SIGTERM)
    one.process.send_signal(signal.SIGINT)
    assert one.end() in {128 + signal.SIGINT, 128 + signal.SIGTERM}
    assert one.process.stdout
    assert "leaving at once" in one.process.stdout.read()


def test_handlers_come_back_and_other_threads_install_none() -> None:
    before = signal.getsignal(signal.SIGHUP)
    heard: list[int] = []
    with handled(heard.append):
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.raise_signal(number)
        until(lambda: len(heard) == 4)
    assert heard == [signal.SIGHUP, signal.SIGTERM, signal.SIGHUP, signal.SIGINT]
    assert not any(thread.name == "syncd-signals" for thread in threading.enumerate())
    assert signal.getsignal(signal.SIGHUP) is before

    def elsewhere() -> None:
        with handled(heard.append):
            heard.append(0)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert heard[-1] == 0
