"""What must hold, checked against the simulator's truth: the invariants of the design, by their names.

Reads the database with plain SQL and the simulator by its truth; shares no query with what it checks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, Protocol

from psycopg import sql

from syncd.core.model import StreamKey
from syncd.simulator import Simulator
from syncd.simulator.cells import CellStyle

Query = Callable[..., list[tuple[Any, ...]]]
Texts = dict[int, dict[str, str]]

_READERS: dict[str, Callable[[str], object]] = {
    "timestamptz": datetime.fromisoformat,
    "bigint": int,
    "numeric": Decimal,
    "double precision": float,
    "boolean": lambda text: {"true": True, "false": False}[text.lower()],
    "date": date.fromisoformat,
    "text": str,
}


class Broken(AssertionError):
    """An invariant does not hold."""


@dataclass(frozen=True)
class CopyColumn:
    """A column of the copy: the field it shows, its name and type; `partial` while older rows lack its values."""

    field: str
    name: str
    type: str
    partial: bool


@dataclass
class Copy:
    """A module as the database has it at one moment."""

    watermark: datetime | None = None
    busy: bool = False
    columns: list[CopyColumn] = field(default_factory=list)
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    rejected: set[tuple[int | None, str]] = field(default_factory=set)

    def excuses(self, number: int, name: str = "") -> bool:
        """Whether the ledger says that this row or value could not be taken as it came."""
        return bool({(number, ""), (number, name), (None, "")} & self.rejected)


def read_copy(query: Query, key: StreamKey) -> Copy:
    """The module's state as committed, in one snapshot."""
    copy, names = Copy(), (key.org, key.module)
    for (copy.watermark,) in query("SELECT watermark FROM syncd.stream WHERE org = %s AND module = %s", names):
        pass
    open_runs = "SELECT count(*) FROM syncd.sync_run WHERE org = %s AND module = %s AND finished_at IS NULL"
    copy.busy = bool(query(open_runs, names)[0][0])
    lines = query(
        "SELECT field, name, type, partial, refused FROM syncd.field_map"
        " WHERE org = %s AND module = %s ORDER BY position",
        names,
    )
    current = {line[0]: line for line in lines if not line[4] and not line[1].startswith("-")}
    copy.columns = [CopyColumn(*line[:4]) for line in current.values()]
    for number, column in query(
        "SELECT record_id, coalesce(\"column\", '') FROM syncd.rejected_row WHERE org = %s AND module = %s", names
    ):
        copy.rejected.add((number, column))
    table = key.module.lower()
    present = query(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped",
        [f"zoho.{table}"],
    )
    if not present:
        return copy
    known = {name for (name,) in present}
    copy.columns = [column for column in copy.columns if column.name in known]
    wanted = ["id", "_deleted_at", "_synced_at", *(column.name for column in copy.columns)]
    statement = sql.SQL("SELECT {} FROM zoho.{}").format(
        sql.SQL(", ").join(map(sql.Identifier, wanted)), sql.Identifier(table)
    )
    copy.rows = {row[0]: dict(zip(wanted, row, strict=True)) for row in query(statement)}
    return copy


def visible(sim: Simulator, module: str) -> Texts:
    """What queries of Zoho show at this moment, by id: the texts of an export of all fields."""
    with sim.moment():
        found, store = sim.catalogue[module], sim.records.store(module)
        block, style = store.block(store.live_indexes()), CellStyle.of(sim.behaviour)
        fields = [field for field in sim.catalogue.exported_fields(module) if field.api_name != "id"]
        columns = [sim.records.cells.texts(found, field, block, style) for field in fields]
        names = [field.api_name for field in fields]
        return {
            store.id_of(index): dict(zip(names, texts, strict=True))
            for index, *texts in zip(block.indexes, *columns, strict=True)
        }


class Twice(Protocol):
    """Whether a record was changed twice within the second of its stamp, so that one stamp means two versions."""

    def __call__(self, module: str, number: int, stamp: datetime) -> bool: ...


@dataclass
class Watch:
    """The checks of one module over a life: it remembers what it has seen, so that nothing may go back."""

    key: StreamKey
    stamp: str = "Modified_Time"
    seen: dict[int, tuple[datetime, datetime]] = field(default_factory=dict)
    watermark: datetime | None = None

    def nothing_lost(self, copy: Copy, shown: Mapping[int, Mapping[str, str]], twice: Twice, *, at_rest: bool) -> None:
        """W2, W3, A3; `at_rest` (no run is open): also that no row carries a stamp whose values it does not have."""
        if self.watermark is not None and (copy.watermark is None or copy.watermark < self.watermark):
            raise Broken(f"W3 {self.key}: the watermark went back from {self.watermark} to {copy.watermark}")
        self.watermark = copy.watermark
        stamp = next((column.name for column in copy.columns if column.field == self.stamp), None)
        if stamp is not None:
            self._never_older(copy, stamp)
        if copy.watermark is None or stamp is None:
            return
        for number, texts in shown.items():
            moment = datetime.fromisoformat(texts[self.stamp])
            row = copy.rows.get(number)
            if moment <= copy.watermark:
                self._arrived(copy, number, texts, row)
            elif at_rest and not copy.busy and row is not None and row[stamp] == moment:
                ambiguous = twice(self.key.module, number, moment)
                self._values(copy, number, {} if ambiguous else texts, row, "A")

    def _never_older(self, copy: Copy, stamp: str) -> None:
        for number, row in copy.rows.items():
            guard = (row[stamp] or datetime.min.replace(tzinfo=UTC), row["_synced_at"])
            if guard < self.seen.get(number, guard):
                raise Broken(f"A3 {self.key} {number}: went back from {self.seen[number]} to {guard}")
            self.seen[number] = guard

    def _arrived(self, copy: Copy, number: int, texts: Mapping[str, str], row: Mapping[str, Any] | None) -> None:
        moment = datetime.fromisoformat(texts[self.stamp])
        stamp = self.stamp.lower()
        if copy.excuses(number):
            return
        if row is None:
            raise Broken(f"W2 {self.key} {number}: stamped {moment}, below {copy.watermark}, and missing")
        if row["_deleted_at"] is not None:
            raise Broken(f"W2 {self.key} {number}: stamped {moment}, below {copy.watermark}, and marked deleted")
        if row[stamp] is None or row[stamp] < moment:
            raise Broken(f"W2 {self.key} {number}: stamped {moment}, below {copy.watermark}, and {row[stamp]} here")
        if row[stamp] == moment:
            self._values(copy, number, texts, row, "W2")

    def _values(self, copy: Copy, number: int, texts: Mapping[str, str], row: Mapping[str, Any], rule: str) -> None:
        wrong = differing(copy, number, texts, row)
        if wrong:
            raise Broken(f"{rule} {self.key} {number} at {texts[self.stamp]}: {wrong} (watermark {copy.watermark})")

    def equals(self, copy: Copy, truth: Mapping[int, Mapping[str, str]], *, excused: bool) -> None:
        """W1: the live rows are the truth, all of them and nothing else, content too."""
        live = {number for number, row in copy.rows.items() if row["_deleted_at"] is None}
        missing = {n for n in truth.keys() - live if not (excused and copy.excuses(n))}
        extra = live - truth.keys()
        if missing or extra:
            raise Broken(f"W1 {self.key}: missing {sorted(missing)}, too many {sorted(extra)}")
        for number, texts in truth.items():
            if excused and copy.excuses(number):
                continue
            wrong = differing(copy, number, texts, copy.rows[number], excused=excused)
            if wrong:
                raise Broken(f"W1 {self.key} {number}: {wrong}")


def differing(
    copy: Copy, number: int, texts: Mapping[str, str], row: Mapping[str, Any], *, excused: bool = True
) -> dict[str, tuple[object, str]]:
    """The columns in which a row differs from the texts of an export: stored value and text."""
    return {
        column.name: (row[column.name], texts[column.field])
        for column in copy.columns
        if column.field in texts
        and not column.partial
        and not (excused and copy.excuses(number, column.name))
        and not _same(row[column.name], texts[column.field], column.type)
    }


def _same(stored: Any, text: str, kind: str) -> bool:
    return stored is None if text == "" else bool(stored == _READERS[kind](text))


# ------------------------------------------------------------------------------------------------ ledger and quotas


def windows_are_whole(query: Query, key: StreamKey, *, settle: timedelta, counted: bool) -> None:
    """W4 and W5 of all finished runs: every window behind Zoho's clock, cut windows tiled by their parts, no gap."""
    names = (key.org, key.module)
    early = query(
        "SELECT j.id FROM syncd.bulk_job AS j JOIN syncd.sync_run AS r ON r.id = j.run_id"
        " WHERE r.org = %s AND r.module = %s AND j.evaluated_at < j.window_end + %s",
        [*names, settle],
    )
    if early:
        raise Broken(f"W4 {key}: jobs {early} were evaluated before their windows had settled")
    before: datetime | None = None
    for run, kind, through, slices in query(
        "SELECT id, kind, through, jsonb_array_length(slices::jsonb) FROM syncd.sync_run"
        " WHERE org = %s AND module = %s AND outcome = 'ok' ORDER BY id",
        names,
    ):
        jobs = query(
            "SELECT id, parent_id, window_start, window_end, state, slice, chain IS NOT NULL FROM syncd.bulk_job"
            " WHERE run_id = %s ORDER BY id",
            [run],
        )
        _tiled(key, jobs, slices)
        roots = sorted((job[2], job[3]) for job in jobs if job[1] is None and job[2] is not None)
        if not counted:
            _contiguous(key, run, roots)
        if kind == "catch-up" and roots and not counted:
            if roots[-1][1] != through:
                raise Broken(f"W5 {key}: run {run} vouches for {through} and read to {roots[-1][1]}")
            if before is not None and roots[0][0] > before - timedelta(seconds=2):
                raise Broken(f"W5 {key}: run {run} starts at {roots[0][0]}, the one before ended at {before}")
        before = max(filter(None, (before, through)), default=None)


def _tiled(key: StreamKey, jobs: list[tuple[Any, ...]], slices: int) -> None:
    by_parent: dict[int, list[tuple[Any, ...]]] = {}
    for job in jobs:
        if job[1] is not None:
            by_parent.setdefault(job[1], []).append(job)
    for number, _, start, end, state, part, chained in jobs:
        children = by_parent.get(number, [])
        if state not in {"loaded", "split"}:
            raise Broken(f"W5 {key}: job {number} of a finished run is {state}")
        if state == "split" and start is not None and not chained:
            bounds = sorted((child[2], child[3]) for child in children)
            _contiguous(key, number, bounds)
            if not bounds or (bounds[0][0], bounds[-1][1]) != (start, end):
                raise Broken(f"W5 {key}: job {number} [{start}, {end}] was cut into {bounds}")
        if state == "loaded" and part + 1 < slices and not children:
            raise Broken(f"W5 {key}: job {number} brought slice {part} of {slices} and nothing follows it")


def _contiguous(key: StreamKey, what: int, bounds: list[tuple[datetime, datetime]]) -> None:
    for one, other in pairwise(bounds):
        if other[0] > one[1] + timedelta(seconds=1):
            raise Broken(f"W5 {key}: a gap between {one} and {other} in {what}")


def quota_is_kept(sim: Simulator, operation: str, *, limit: int, seconds: float) -> None:
    """J4: no stretch of so many seconds holds more requests than the limit, by the simulator's own log."""
    moments = sorted(entry.at for entry in sim.log.entries(operation))
    for first, last in zip(moments, moments[limit:], strict=False):
        if last - first < seconds:
            raise Broken(f"J4 {limit + 1} requests of {operation} within {last - first:.1f} s at {first}")
