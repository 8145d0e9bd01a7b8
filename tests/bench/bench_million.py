"""A million rows in five pages: how far above Zoho's ceiling of 10 downloads x 200,000 rows a minute the loads are."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from syncd.core.limits import DOWNLOADS_PER_MINUTE, ROWS_PER_PAGE
from tests.bench import measure

PAGES = 5
CEILING = DOWNLOADS_PER_MINUTE * ROWS_PER_PAGE / 60
AT = datetime(2026, 1, 1, tzinfo=UTC)
TARGET = {1: "2x", 2: "3x"}


def passes(database: measure.Database, lanes: int, steps: list[tuple[str, list[Path]]]) -> dict[str, measure.Outcome]:
    """A fill and what comes after it, each in a fresh process."""
    measure.drop_table(database)
    done = {}
    for number, (name, archives) in enumerate(steps):
        measure.settle(database)
        done[name] = measure.syncd(database, archives, AT + timedelta(days=number), lanes=lanes)
    return done


def main() -> None:
    with measure.folder() as place, measure.server() as database:
        first = [measure.page(place, number, keep_csv=False) for number in range(PAGES)]
        again = [measure.page(place, number, changed=0.1, keep_csv=False) for number in range(PAGES)]
        steps = [("fill", first), ("10 % changed", again), ("nothing new", again)]
        found = {lanes: [passes(database, lanes, steps) for _ in range(min(measure.ROUNDS, 3))] for lanes in (1, 2)}
        lines = [
            ["", "lanes", "rows/s, median (range)", f"x {CEILING:,.0f}", "target", "CPU s a page: client", "server"]
        ]
        for name, _ in steps:
            for lanes, rounds in found.items():
                done = [outcomes[name] for outcomes in rounds]
                speeds = [PAGES * measure.ROWS / outcome.seconds for outcome in done]
                lines.append(
                    [
                        name,
                        str(lanes),
                        measure.spread(speeds, 0),
                        measure.spread([speed / CEILING for speed in speeds]),
                        TARGET[lanes],
                        measure.spread([outcome.client_cpu / PAGES for outcome in done]),
                        measure.spread([outcome.server_cpu / PAGES for outcome in done]),
                    ]
                )
        measure.show(f"{PAGES} pages of {measure.ROWS} rows, whole process, {len(found[1])} rounds", lines)


if __name__ == "__main__":
    main()
