"""One syncd process that loads result files and ends: what the benchmarks start and measure from outside.

Owns: the path from zip to committed rows through the warehouse code that the daemon runs. The zip is read as
`syncd.zoho.archive` reads it, without importing that: it would bring the HTTP client along, a quarter of a second that
a daemon spends once in its life. Prints one line of JSON: seconds inside the process, counts, peak memory.

    python -m tests.bench.loading DSN LANES EVALUATED_AT ZIP [ZIP ...]
"""

import json
import sys
import time
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import psycopg

from syncd.core.model import Job, JobSpec, LoadCounts, StreamKey
from syncd.postgres.warehouse import Warehouse
from tests.bench.contacts import COLUMNS, TABLE

STREAM = StreamKey("default", "Contacts")
BLOCK = 256 * 1024


class Member:
    """The bytes of a zip's one member, again at every iteration."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[bytes]:
        with zipfile.ZipFile(self._path) as archive, archive.open(archive.namelist()[0]) as content:
            while block := content.read(BLOCK):
                yield block


def load(dsn: str, archive: Path, evaluated_at: datetime) -> LoadCounts:
    """One file in one transaction, as `syncd.sync.load` does it, without the ledger."""
    job = Job(id=1, run_id=1, stream=STREAM, spec=JobSpec(window=None))
    with psycopg.connect(dsn) as connection:
        warehouse = Warehouse(connection, STREAM)
        staged = warehouse.stage(Member(archive), cursor="", columns=COLUMNS)
        warehouse.evolve(TABLE, COLUMNS)
        return warehouse.merge(TABLE, staged, COLUMNS, job=job, evaluated_at=evaluated_at, whole=True)


def peak_kib() -> int:
    """The most memory this process ever had resident (VmHWM of proc(5)); getrusage would tell the parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def main(arguments: Sequence[str]) -> None:
    dsn, lanes, moment, *archives = arguments
    began, processor = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(int(lanes)) as executor:
        at = datetime.fromisoformat(moment)
        counts = sum(executor.map(lambda name: load(dsn, Path(name), at), archives), LoadCounts())
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - began,
                "cpu": time.process_time() - processor,
                "peak_kib": peak_kib(),
                "inserted": counts.inserted,
                "updated": counts.updated,
                "unchanged": counts.unchanged,
                "rejected": counts.rejected,
                "bad_values": counts.bad_values,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1:])
