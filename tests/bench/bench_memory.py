"""The memory of the loading process must not grow with the page, nor with what is wrong with it."""

import zipfile
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import measure

AT = datetime(2026, 1, 1, tzinfo=UTC)
SMALL = 1000


def damaged(archive: Path) -> Path:
    """The same page with a NUL and a row cut short near its end, so that every record goes through Python."""
    target = archive.with_name("damaged.zip")
    with (
        zipfile.ZipFile(archive) as source,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed,
        source.open(source.namelist()[0]) as content,
        packed.open("damaged.csv", "w") as copy,
    ):
        while block := content.read(1 << 20):
            copy.write(block)
        copy.write(b"1,never\0,2\r\n")
    return target


def main() -> None:
    with measure.folder() as place, measure.server() as database:
        small, large = (measure.page(place, 0, rows=rows, keep_csv=False) for rows in (SMALL, measure.ROWS))
        lines, peaks = [["peak resident MiB", "median (range)", "growth", "target", "seconds"]], {}
        for name, archive in (
            (f"{SMALL} rows", small),
            (f"{measure.ROWS} rows", large),
            (f"{measure.ROWS} rows, damaged", damaged(large)),
        ):
            found, seconds = [], []
            for _ in range(min(measure.ROUNDS, 3)):
                measure.drop_table(database)
                done = measure.syncd(database, [archive], AT)
                found.append(done.told["peak_kib"] / 1024)
                seconds.append(done.seconds)
            peaks[name] = sorted(found)[len(found) // 2]
            growth = peaks[name] - next(iter(peaks.values()))
            target = "< 100" if archive is small else "growth < 10, < 100"
            lines.append([name, measure.spread(found, 1), f"{growth:+.1f}", target, measure.spread(seconds)])
        measure.show("one page in one process, table empty before", lines)


if __name__ == "__main__":
    main()
