"""A first load end to end: a million rows from the simulated Zoho to a committed table, and where the time goes.

    python3 dev.py bench fill            ROWS=200000 python3 dev.py bench fill

Real processes: the simulator, PostgreSQL with its default durability, and `syncd sync`. Downloads are not limited, so
the machine is the limit. CPU seconds are the kernel's own accounting of each process; with two cores the three together
can use twice the wall time. Sums of other load on the machine are in the wall time, not in the CPU seconds.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from syncd.postgres.embedded import EmbeddedServer  # noqa: E402 (the checkout has to be found first)
from tests.rig import environment, write_config  # noqa: E402

ROWS = int(os.environ.get("ROWS", "1000000"))
MODULE = "Leads"
TICK = os.sysconf("SC_CLK_TCK")

SIMULATOR = """
import sys
from syncd.simulator import Config, Simulator
sim = Simulator(Config(rows={sys.argv[1]: int(sys.argv[2])}, downloads_per_minute=1_000_000))
with sim.serve() as url:
    print(url, flush=True)
    sys.stdin.read()
"""


def cpu_of(pid: int, *, with_ended_children: bool = False) -> float:
    """CPU seconds of a process so far, user and system; optionally those of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    utime, stime, cutime, cstime = (int(value) for value in fields[11:15])
    return (utime + stime + (cutime + cstime if with_ended_children else 0)) / TICK


def cpu_of_server(pid: int) -> float:
    """CPU seconds of a PostgreSQL server: the postmaster, its living children, and those that have ended."""
    total = cpu_of(pid, with_ended_children=True)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == pid:
            total += (int(fields[11]) + int(fields[12])) / TICK
    return total


def fill(folder: Path, url: str, dsn: str, lanes: int) -> tuple[float, float, int, str]:
    """Run `syncd sync` once: wall seconds, CPU seconds, peak RSS in bytes, and what it printed."""
    config = write_config(
        folder,
        url=url,
        dsn=dsn,
        modules={MODULE: '"15m"'},
        defaults={"settle": "1s", "overlap": "2s", "poll": "0.1s..0.5s", "deletes": "off"},
        zoho={"downloads_per_minute": 1_000_000, "concurrent_jobs": lanes},
    )
    command = [sys.executable, "-m", "syncd", "--config", str(config), "sync", MODULE]
    started = time.perf_counter()
    with (folder / "sync.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    text = (folder / "sync.log").read_text()
    if process.returncode:
        sys.exit(text)
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, text


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="syncd-bench-") as name, EmbeddedServer() as server:
        simulator = subprocess.Popen(
            [sys.executable, "-c", SIMULATOR, MODULE, str(ROWS)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            assert simulator.stdout is not None
            url = simulator.stdout.readline().decode().strip()
            print(f"{ROWS:,} rows of {MODULE}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} from elsewhere")
            print("lanes   wall s    rows/s   syncd CPU s   PostgreSQL CPU s   simulator CPU s   cores busy   peak MiB")
            for lanes in (1, 2, 4):
                folder = Path(name) / str(lanes)
                folder.mkdir()
                dsn = server.ensure_database(f"fill{lanes}")
                assert server.pid is not None
                before = cpu_of_server(server.pid), cpu_of(simulator.pid)
                wall, ours, peak, _ = fill(folder, url, dsn, lanes)
                database, zoho = cpu_of_server(server.pid) - before[0], cpu_of(simulator.pid) - before[1]
                with psycopg.connect(dsn) as connection:
                    row = connection.execute("SELECT count(*) FROM zoho.leads").fetchone()
                assert row == (ROWS,), row
                busy = (ours + database + zoho) / wall
                print(
                    f"{lanes:>5} {wall:>8.1f} {ROWS / wall:>9,.0f} {ours:>13.1f} {database:>18.1f} {zoho:>17.1f}"
                    f" {busy:>12.2f} {peak / 2**20:>10.0f}"
                )
        finally:
            simulator.communicate(b"")


if __name__ == "__main__":
    main()
