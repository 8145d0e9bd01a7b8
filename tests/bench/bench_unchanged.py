"""A page that brings nothing new must cost the database nothing: no row written, no dead tuple, hardly any WAL."""

from datetime import UTC, datetime
from pathlib import Path

from tests.bench import contacts, measure

RELATION = f"{contacts.TABLE.schema}.{contacts.TABLE.name}"
FIRST, AGAIN = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)


def reload(database: measure.Database, archive: Path) -> tuple[float, float, int, int]:
    """Load the page again: seconds, MiB of WAL, rows whose version changed, dead tuples."""
    measure.settle(database)
    digest = f"SELECT sum(hashtextextended(ctid::text || xmin::text || xmax::text, 0)), count(*) FROM {RELATION}"
    before = measure.query(database, digest)
    start = measure.query(database, "SELECT pg_current_wal_insert_lsn()")[0][0]
    done = measure.syncd(database, [archive], AGAIN)
    written = measure.query(database, f"SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '{start}')")[0][0]
    dead = measure.query(database, f"SELECT dead_tuple_count FROM pgstattuple('{RELATION}')")[0][0]
    touched = 0 if measure.query(database, digest) == before else 1
    return done.seconds, float(written) / 2**20, done.told["inserted"] + done.told["updated"] + touched, dead


def main() -> None:
    with measure.folder() as place, measure.server() as database:
        archive = measure.page(place, 0)
        measure.query(database, "CREATE EXTENSION pgstattuple")
        measure.syncd(database, [archive], FIRST)
        found = [reload(database, archive) for _ in range(measure.ROUNDS)]
        seconds, wal, rows, dead = (list(values) for values in zip(*found, strict=True))
        measure.show(
            f"the same page again, {len(found)} times after VACUUM and CHECKPOINT: median (range)",
            [
                ["", "measured", "target"],
                ["seconds, whole process", measure.spread(seconds), ""],
                ["rows per second", f"{measure.ROWS / sorted(seconds)[len(seconds) // 2]:,.0f}", ""],
                ["rows written or locked", measure.spread(rows, 0), "0"],
                ["dead tuples", measure.spread(dead, 0), "0"],
                ["MiB of WAL", measure.spread(wal), "< 1"],
            ],
        )


if __name__ == "__main__":
    main()
