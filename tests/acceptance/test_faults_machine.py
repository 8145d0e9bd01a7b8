"""The faults of the machine that syncd runs on: its clock is set, its disk is full."""

import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from textwrap import dedent

import psycopg
import pytest

from syncd.simulator import Config, JobTiming, Simulator
from tests.acceptance.test_daemon import configured, is_whole, running, until
from tests.rig import environment

pytestmark = pytest.mark.process

HOUR, DAY = 3_600, 86_400

SET_CLOCK = dedent(
    """
    import os, threading
    from datetime import UTC, datetime
    from pathlib import Path
    import time_machine

    def follow(clock, path, said):
        seen = 0
        while True:
            offset = int(path.read_text() or seen)
            clock.shift(offset - seen)
            said.write_text(str(seen := offset))
            threading.Event().wait(0.05)

    path = Path(os.environ["CLOCK_OFFSET"])
    clock = time_machine.travel(datetime.now(UTC), tick=True).start()
    threading.Thread(target=follow, args=(clock, path, path.with_suffix(".said")), daemon=True).start()
    """
)
"""Runs inside of the daemon: its clock goes wrong by as many seconds as a file says, as often as it changes."""


def test_a_clock_that_is_set_back_and_forth_changes_nothing(dsn: str, tmp_path: Path) -> None:
    """Windows, watermarks and the age of tokens do not hang on the local clock, nor does the schedule."""
    sim = Simulator(
        Config(rows={"Contacts": 20}, rows_per_page=15, timing=JobTiming(running=0.1), downloads_per_minute=10_000)
    )
    (tmp_path / "sitecustomize.py").write_text(SET_CLOCK)
    offset = tmp_path / "offset"
    offset.write_text("0")
    variables = {"PYTHONPATH": str(tmp_path), "CLOCK_OFFSET": str(offset)}
    with sim.serve() as url:
        config = configured(tmp_path, url, dsn, modules=("Contacts",))
        with running(config, tmp_path, variables=variables) as daemon:
            until(is_whole(sim, dsn, ("Contacts",)), "not filled", daemon)
            for seconds in (-HOUR, DAY):
                offset.write_text(str(seconds))
                until(partial(is_set, tmp_path / "offset.said", seconds), "the clock was not set", daemon)
                sim.edit("Contacts", sim.live_ids("Contacts")[:3])
                sim.delete("Contacts", sim.live_ids("Contacts")[:1])
                until(is_whole(sim, dsn, ("Contacts",)), f"stuck with a clock that is {seconds} s off", daemon)
            assert daemon.stop() == 0
        assert len(sim.log.entries("token")) <= 3  # one more whenever nobody can tell how old the token is
        with psycopg.connect(dsn) as connection:
            ahead = connection.execute("SELECT count(*) FROM syncd.stream WHERE watermark > clock_timestamp()")
            assert ahead.fetchone() == (0,)


def is_set(said: Path, seconds: int) -> bool:
    return said.read_text() == str(seconds)


OWN_MOUNTS = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]


def own_mounts() -> bool:
    """Whether this machine lets a test mount something that nobody else sees."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*OWN_MOUNTS, "true"], check=False, stderr=subprocess.DEVNULL).returncode == 0


@pytest.mark.skipif(not own_mounts(), reason="this machine lets nobody mount a small disk")
def test_a_full_disk_stops_a_pass_and_loses_nothing(dsn: str, tmp_path: Path) -> None:
    sim = Simulator(Config(rows={"Contacts": 3_000}, timing=JobTiming(running=0.1)))
    with sim.serve() as url:
        config = configured(tmp_path, url, dsn, modules=("Contacts",))
        (tmp_path / "state").mkdir(mode=0o700)
        sync = f"{sys.executable} -m syncd --config {config} sync"
        script = f"""
            mount -t tmpfs -o size=64k,mode=700 none {tmp_path}/state || exit 90
            {sync} && exit 91
            mount -o remount,size=64m {tmp_path}/state || exit 92
            {sync}
        """
        done = subprocess.run(
            [*OWN_MOUNTS, "sh", "-c", script],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "the spool has no room" in done.stdout
        assert "fix: make room on the disk" in done.stderr
        assert is_whole(sim, dsn, ("Contacts",))()
