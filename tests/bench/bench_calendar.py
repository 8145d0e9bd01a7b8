"""An ICS export into calendar tables: first load, unchanged reload, memory, and beside icalendar's own parser.

$SYNCD_BENCH_ROWS events (200,000) are about 280 MB.
"""

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.bench import measure, meetings

FEW = 5_000


def load(database: measure.Database, path: Path, *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.calendar_loading", database.dsn, str(path), *options]
    done = subprocess.run(command, cwd=measure.ROOT, check=True, stdout=subprocess.PIPE, text=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def begin_anew(database: measure.Database) -> None:
    measure.query(database, "SET client_min_messages = error", "DROP SCHEMA IF EXISTS zoho CASCADE", "CHECKPOINT")


def beside_icalendar(database: measure.Database, place: Path) -> None:
    path = place / "few.ics"
    meetings.write(path, FEW)
    walls, cpus, found = [], [], []
    for _ in range(measure.ROUNDS):
        begin_anew(database)
        told = load(database, path, "--parse")
        found.append(told)
        walls.append(told["parse_seconds"] / told["seconds"])
        cpus.append(told["parse_cpu"] / told["cpu"])
    middle = statistics.median(told["seconds"] for told in found)
    measure.show(
        f"{FEW} events, both in one process: icalendar.Calendar.from_ical, and all the way to committed tables",
        [
            ["", "median (range)", "target"],
            ["from_ical, s", measure.spread([told["parse_seconds"] for told in found]), ""],
            ["import, s", measure.spread([told["seconds"] for told in found]), ""],
            ["events per second, import", f"{FEW / middle:,.0f}", ""],
            ["times faster", measure.spread(walls), ">= 5"],
            ["times less CPU", measure.spread(cpus), ""],
        ],
    )


def main() -> None:
    with measure.folder() as place, measure.server() as database:
        beside_icalendar(database, place)
        path = place / "many.ics"
        size = meetings.write(path, measure.ROWS)
        begin_anew(database)
        first = load(database, path)
        again = load(database, path)
        occurrences = measure.query(database, "SELECT count(*) FROM zoho.calendar_occurrence")[0][0]
        measure.show(
            f"{measure.ROWS} events, {size / 1e6:.0f} MB, {occurrences} occurrences",
            [
                ["", "first", "target", "unchanged", "target"],
                ["seconds", f"{first['seconds']:.1f}", "< 60", f"{again['seconds']:.1f}", "< 20"],
                ["CPU of the client, s", f"{first['cpu']:.1f}", "", f"{again['cpu']:.1f}", ""],
                ["peak resident MiB", f"{first['peak_mib']:.0f}", "< 150", f"{again['peak_mib']:.0f}", "< 150"],
                ["inserted", str(first["inserted"]), str(measure.ROWS), str(again["inserted"]), "0"],
                ["unchanged", str(first["unchanged"]), "0", str(again["unchanged"]), str(measure.ROWS)],
            ],
        )


if __name__ == "__main__":
    main()
