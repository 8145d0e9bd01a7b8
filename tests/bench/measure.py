"""What the benchmarks share: a server with its durability on, files, processes that are timed, tables of figures.

Owns: how things are measured and printed. Must not judge: a script prints its target beside the figure.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from syncd.postgres import migrate
from syncd.postgres.embedded import EmbeddedServer, binaries
from tests.bench import contacts

ROWS = int(os.environ.get("SYNCD_BENCH_ROWS", "200000"))
ROUNDS = int(os.environ.get("SYNCD_BENCH_ROUNDS", "5"))
ROOT = Path(__file__).resolve().parents[2]

_OPTIONS = {"max_wal_size": "8GB", "checkpoint_timeout": "30min"}
"""Only that no checkpoint falls into one of two runs that are compared; fsync and all the rest are PostgreSQL's own."""


@dataclass(frozen=True, slots=True)
class Database:
    """Where to load: the dsn, and the process whose children are the sessions."""

    dsn: str
    pid: int

    def processor_seconds(self) -> float:
        """CPU seconds of all sessions that have ended so far (cutime and cstime of proc(5))."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def server() -> Iterator[Database]:
    """A fresh PostgreSQL on this machine's disk with an up-to-date ledger.

    $SYNCD_TEST_POSTGRES_BIN names the programs of another version.
    """
    chosen = os.environ.get("SYNCD_TEST_POSTGRES_BIN")
    with EmbeddedServer(options=_OPTIONS, binaries=Path(chosen) if chosen else None) as running:
        dsn = running.ensure_database("bench")
        migrate.upgrade(dsn)
        database = Database(dsn, running.pid or 0)
        version = query(database, "SHOW server_version")[0][0]
        print(f"PostgreSQL {version}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {ROWS} rows a page\n")
        yield database


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for files that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="syncd-bench-") as name:
        yield Path(name)


def page(place: Path, number: int, *, rows: int = ROWS, changed: float = 0.0, keep_csv: bool = True) -> Path:
    """Make one page as a zip (and, beside it, the CSV); return the zip."""
    source = place / f"page{number}-{changed}-{rows}.csv"
    contacts.write_csv(source, contacts.page(number, rows, changed=changed))
    target = source.with_suffix(".zip")
    contacts.write_zip(source, target)
    if not keep_csv:
        source.unlink()
    return target


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A process that ended well: wall seconds from start to end, CPU seconds of it and of its sessions.

    `told` is what the process says of itself (see `loading`).
    """

    seconds: float
    client_cpu: float
    server_cpu: float
    told: dict[str, Any]


def syncd(database: Database, archives: Sequence[Path], at: datetime, *, lanes: int = 1) -> Outcome:
    """Load archives in a process of their own."""
    module = [sys.executable, "-m", "tests.bench.loading"]
    return _timed(database, [*module, database.dsn, str(lanes), at.isoformat(), *map(str, archives)], "")


def psql(database: Database, script: str) -> Outcome:
    """Run a script in psql."""
    settings = conninfo_to_dict(database.dsn)
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "dbname": "PGDATABASE"}
    os.environ.update({names[key]: str(value) for key, value in settings.items() if key in names})
    return _timed(database, [str(binaries() / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1"], script)


def _timed(database: Database, command: list[str], script: str) -> Outcome:
    threading.Event().wait(0.2)  # until the sessions before this one are counted
    sessions, children = database.processor_seconds(), os.times()
    began = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, input=script, check=True, stdout=subprocess.PIPE, text=True)
    seconds, after = time.perf_counter() - began, os.times()
    return Outcome(
        seconds=seconds,
        client_cpu=after.children_user + after.children_system - children.children_user - children.children_system,
        server_cpu=_settled(database, sessions) - sessions,
        told=json.loads(done.stdout) if done.stdout else {},
    )


def _settled(database: Database, before: float) -> float:
    """The sessions' CPU seconds once the server has noticed that the session is over, within two seconds."""
    pause = threading.Event()
    for _ in range(100):
        pause.wait(0.02)
        if database.processor_seconds() > before + 0.05:
            break
    pause.wait(0.1)
    return database.processor_seconds()


def query(database: Database, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements, each committed by itself; the rows of the last one, if it has any."""
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def drop_table(database: Database) -> None:
    """Begin anew: no table, nothing waiting to be written."""
    table = f"{contacts.TABLE.schema}.{contacts.TABLE.name}"
    query(database, "SET client_min_messages = error", f"DROP TABLE IF EXISTS {table} CASCADE", "CHECKPOINT")


def settle(database: Database) -> None:
    """What a database has done by the time of the next load: vacuumed, and written."""
    query(database, "VACUUM ANALYZE", "CHECKPOINT")


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Median and range of some measurements."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def show(title: str, lines: Sequence[Sequence[str]]) -> None:
    """Print a small table; the first line is its head."""
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    print(title)
    for line in lines:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    print(flush=True)
