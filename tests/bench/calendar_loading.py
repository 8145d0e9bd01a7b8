"""The process that a calendar benchmark times: import one ICS file, print what it took as JSON.

With `--parse` it gives the whole file to icalendar first, and times that too.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import icalendar
import psycopg

from syncd.core.calendar.imports import ImportRequest, default_horizon
from syncd.postgres.calendar import ensure_tables, import_calendar

AT = datetime(2025, 11, 1, tzinfo=UTC)


def processor_seconds() -> float:
    """CPU seconds of this process, and of the one it had help from once that has ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def main() -> None:
    dsn, path = sys.argv[1], Path(sys.argv[2])
    told: dict[str, object] = {}
    if "--parse" in sys.argv:
        data = path.read_bytes()
        began, used = time.perf_counter(), processor_seconds()
        icalendar.Calendar.from_ical(data)
        told |= {"parse_seconds": time.perf_counter() - began, "parse_cpu": processor_seconds() - used}

    def blocks() -> Iterator[bytes]:
        with path.open("rb") as file:
            while block := file.read(256 * 1024):
                yield block

    request = ImportRequest(key="bench", evaluated_at=AT, horizon=default_horizon(date(2025, 11, 1)), full=True)
    with psycopg.connect(dsn, autocommit=True) as connection:
        ensure_tables(connection, "zoho")
        began, used = time.perf_counter(), processor_seconds()
        counts = import_calendar(connection, blocks, request, schema="zoho")
        told |= {"seconds": time.perf_counter() - began, "cpu": processor_seconds() - used, **counts.as_dict()}
    # Its own peak and that of the process it had help from, as if both had come at once.
    told["peak_mib"] = sum(
        resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(json.dumps(told))


if __name__ == "__main__":
    main()
