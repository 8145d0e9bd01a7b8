"""Result files of jobs: rendered once, on the first download, outside the org's lock.

Owns: which file belongs to a job and that it is made only once.
"""

import threading
from collections.abc import Iterable
from pathlib import Path

from syncd.simulator.behaviour import Behaviour
from syncd.simulator.csv_export import Snapshot, csv_blocks, write_zip
from syncd.simulator.ics_export import ics_blocks
from syncd.simulator.jobs import BulkJob
from syncd.simulator.records import Records

_rendering = threading.Lock()


def result_file(job: BulkJob, snapshot: Snapshot, records: Records, behaviour: Behaviour, folder: Path) -> Path:
    """The zip of a job's result. One rendering at a time, so that memory stays bounded."""
    with _rendering:
        if job.file is None or not job.file.exists():
            target = folder / f"{job.id}.zip"
            blocks: Iterable[bytes]
            if job.request.format == "ics":
                blocks = (block.encode() for block in ics_blocks(snapshot, records, behaviour))
            else:
                blocks = csv_blocks(snapshot, records.cells, behaviour, job.id)
            write_zip(target, f"{job.id}.{job.request.format}", blocks)
            job.file = target
        return job.file
