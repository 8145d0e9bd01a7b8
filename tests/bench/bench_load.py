"""One page, from zip to committed typed table: syncd as a whole process against psql, pair by pair.

psql does the least that could be called the same: \\copy of the unzipped CSV into a typed temporary table, then an
upsert with a guard, in one transaction. It loses the page at the first bad value, and takes equal stamps for equal
rows. syncd unzips, checks the archive, and compares every column (the exact rule).
"""

import statistics
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import contacts, measure

THEIRS = "public.contacts"
FIRST, AGAIN = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
NAMES = [column.name for column in contacts.COLUMNS]
SHAPE = ", ".join(["id bigint", *(f"{column.name} {column.type}" for column in contacts.COLUMNS)])


def their_script(source: Path, at: datetime) -> str:
    names = ", ".join(["id", *NAMES])
    changes = ", ".join(f"{name} = excluded.{name}" for name in [*NAMES, "_synced_at"])
    return (
        "BEGIN;\n"
        f"CREATE TEMP TABLE staged ({SHAPE}) ON COMMIT DROP;\n"
        f"\\copy staged FROM '{source}' WITH (FORMAT csv, HEADER)\n"
        f"INSERT INTO {THEIRS} AS t ({names}, _synced_at) SELECT {names}, '{at.isoformat()}' FROM staged"
        f" ON CONFLICT (id) DO UPDATE SET {changes} WHERE t.modified_time < excluded.modified_time;\n"
        "COMMIT;\n"
    )


def compare(database: measure.Database) -> None:
    """Both tables hold the same rows, or the comparison means nothing."""
    names = ", ".join(["id", *NAMES])
    ours = f"{contacts.TABLE.schema}.{contacts.TABLE.name}"
    found = measure.query(
        database,
        f"SELECT count(*) FROM (SELECT {names} FROM {ours} EXCEPT ALL SELECT {names} FROM {THEIRS}) AS differing",
    )
    if found != [(0,)]:
        raise SystemExit(f"the tables differ in {found[0][0]} rows")


def round_of(
    database: measure.Database, number: int, first: Path, again: Path
) -> list[tuple[measure.Outcome, measure.Outcome]]:
    """One round: (psql, syncd) for either load; who begins alternates."""
    measure.drop_table(database)
    own = "_synced_at timestamptz NOT NULL, _deleted_at timestamptz, _run_id bigint"
    table = f"CREATE TABLE {THEIRS} ({SHAPE}, {own}, PRIMARY KEY (id))"
    measure.query(database, f"DROP TABLE IF EXISTS {THEIRS}", table)
    pairs = []
    for archive, at in ((first, FIRST), (again, AGAIN)):
        done: dict[str, measure.Outcome] = {}
        for who in ("psql", "syncd") if number % 2 else ("syncd", "psql"):
            measure.settle(database)
            if who == "psql":
                done[who] = measure.psql(database, their_script(archive.with_suffix(".csv"), at))
            else:
                done[who] = measure.syncd(database, [archive], at)
        pairs.append((done["psql"], done["syncd"]))
        compare(database)
    return pairs


def lines_of(name: str, target: float, pairs: list[tuple[measure.Outcome, measure.Outcome]]) -> list[list[str]]:
    lines = []
    for who, at in (("psql", 0), ("syncd", 1)):
        seconds = [pair[at].seconds for pair in pairs]
        lines.append(
            [
                name,
                who,
                measure.spread(seconds),
                measure.spread([pair[at].client_cpu for pair in pairs]),
                measure.spread([pair[at].server_cpu for pair in pairs]),
                f"{measure.ROWS / statistics.median(seconds):,.0f}",
            ]
        )
    walls = [ours.seconds / theirs.seconds for theirs, ours in pairs]
    work = [(o.client_cpu + o.server_cpu) / (t.client_cpu + t.server_cpu) for t, o in pairs]
    servers = [ours.server_cpu / theirs.server_cpu for theirs, ours in pairs]
    lines.append([name, "ratio", measure.spread(walls), measure.spread(work) + " both", measure.spread(servers), ""])
    lines.append([name, "target", f"<= {target}", "", "", ""])
    return lines


def main() -> None:
    with measure.folder() as place, measure.server() as database:
        first, again = measure.page(place, 0), measure.page(place, 0, changed=0.1)
        rounds = [round_of(database, number, first, again) for number in range(measure.ROUNDS + 1)][1:]
        lines = [["", "", "wall s", "client CPU s", "server CPU s", "rows/s"]]
        lines += lines_of("first load", 1.5, [pairs[0] for pairs in rounds])
        lines += lines_of("10 % changed", 1.3, [pairs[1] for pairs in rounds])
        measure.show(f"median (range) of {len(rounds)} rounds after one to warm up; ratios are those of pairs", lines)


if __name__ == "__main__":
    main()
