"""Who may replace whom: the guard, against a dictionary that obeys it one row after the other."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql

from syncd.core.model import Column, Deletion, Job, JobSpec, LoadCounts
from syncd.postgres.embedded import EmbeddedServer
from syncd.postgres.warehouse import Warehouse
from tests.integration.postgres.loader import COLUMNS, DEALS, NOON, TABLE, Loader, csv_bytes, minutes

HEADER = ("Id", "Modified_Time", "Deal_Name", "Amount")


@pytest.fixture
def loader(dsn: str) -> Loader:
    return Loader(dsn)


def stamp(number: float) -> str:
    return minutes(number).isoformat()


def one(number: int, at: float, name: str = "x", amount: str = "1") -> tuple[str, str, str, str]:
    return (str(number), stamp(at), name, amount)


def deals(*rows: tuple[str, ...]) -> bytes:
    return csv_bytes(HEADER, rows)


def test_absent_rows_are_inserted_and_marked(loader: Loader) -> None:
    counts = loader.load(deals(one(2, 0, "b"), one(1, 0, "a")), at=minutes(5), run_id=42)
    assert counts == LoadCounts(read=2, inserted=2)
    assert loader.rows("id", "deal_name", "_synced_at", "_deleted_at", "_run_id") == [
        {"id": 1, "deal_name": "a", "_synced_at": minutes(5), "_deleted_at": None, "_run_id": 42},
        {"id": 2, "deal_name": "b", "_synced_at": minutes(5), "_deleted_at": None, "_run_id": 42},
    ]


def test_unchanged_rows_are_not_touched(loader: Loader, connection: psycopg.Connection[Any]) -> None:
    data = deals(*(one(number, 0) for number in range(1, 50)))
    loader.load(data)
    versions = loader.versions()
    counts = loader.load(data, at=minutes(5))
    assert counts == LoadCounts(read=49, unchanged=49)
    assert loader.versions() == versions
    # Not even locked: a lock would have left its mark in xmax.
    assert connection.execute("SELECT DISTINCT xmax::text FROM zoho.deals").fetchall() == [("0",)]


def test_a_newer_row_replaces_and_an_older_one_does_not(loader: Loader) -> None:
    loader.load(deals(one(1, 10, "first"), one(2, 10, "first"), one(3, 10, "first")), at=minutes(20))
    counts = loader.load(deals(one(1, 11, "newer"), one(2, 9, "older"), one(3, 10, "same stamp")), at=minutes(30))
    assert counts == LoadCounts(read=3, updated=2, unchanged=1)
    assert [row["deal_name"] for row in loader.rows()] == ["newer", "first", "same stamp"]
    assert [row["_synced_at"] for row in loader.rows()] == [minutes(30), minutes(20), minutes(30)]


def test_with_equal_stamps_the_export_evaluated_later_wins(loader: Loader) -> None:
    loader.load(deals(one(1, 10, "late")), at=minutes(30))
    assert loader.load(deals(one(1, 10, "early")), at=minutes(29)).unchanged == 1
    assert loader.load(deals(one(1, 10, "same moment")), at=minutes(30)).updated == 1
    assert loader.rows("deal_name") == [{"deal_name": "same moment"}]


def test_a_newer_stamp_wins_over_a_later_evaluation(loader: Loader) -> None:
    loader.load(deals(one(1, 10, "stale")), at=minutes(30))
    assert loader.load(deals(one(1, 12, "fresh")), at=minutes(20)).updated == 1
    assert loader.rows("deal_name", "_synced_at") == [{"deal_name": "fresh", "_synced_at": minutes(20)}]


def test_rows_without_a_stamp_can_be_replaced(loader: Loader) -> None:
    loader.load(deals(("1", "", "first", "")))
    assert loader.load(deals(("1", "", "second", "")), at=minutes(1)).updated == 1
    assert loader.load(deals(one(1, 0, "stamped")), at=minutes(2)).updated == 1
    assert loader.load(deals(("1", "", "bare", "")), at=minutes(3)).unchanged == 1
    assert loader.rows("deal_name") == [{"deal_name": "stamped"}]


def test_without_a_stamp_in_the_table_the_evaluation_decides(dsn: str) -> None:
    loader = Loader(dsn, columns=tuple(column for column in COLUMNS if column.name != "modified_time"))
    loader.load(deals(one(1, 99, "first")), at=minutes(10))
    assert loader.load(deals(one(1, 100, "earlier")), at=minutes(9)).unchanged == 1
    assert loader.load(deals(one(1, 1, "later")), at=minutes(11)).updated == 1
    assert loader.rows("deal_name") == [{"deal_name": "later"}]


def test_of_one_id_in_one_file_the_newest_is_loaded_and_the_others_count_as_unchanged(loader: Loader) -> None:
    rows = one(2, 1, "z"), one(1, 1, "old"), one(1, 3, "new, first"), one(1, 3, "new, last"), one(1, 2, "between")
    counts = loader.load(deals(*rows))
    assert counts == LoadCounts(read=5, inserted=2, unchanged=3)
    assert [row["deal_name"] for row in loader.rows()] == ["new, last", "z"]
    assert loader.load(deals(*rows), at=minutes(1)) == LoadCounts(read=5, unchanged=5)


def test_columns_come_in_any_order_and_missing_ones_stay(loader: Loader) -> None:
    loader.load(deals(one(1, 1, "name", "5")))
    data = csv_bytes(("Amount", "Unknown", "Id", "Modified_Time"), [("6", "?", "1", stamp(2))])
    assert loader.load(data, at=minutes(5)).updated == 1
    assert loader.rows("deal_name", "amount") == [{"deal_name": "name", "amount": 6}]


def test_a_file_of_ids_alone(loader: Loader) -> None:
    assert loader.load(b"Id\n1\n2\n").inserted == 2
    assert loader.load(b"Id\n2\n3\n", at=minutes(1)) == LoadCounts(read=2, inserted=1, unchanged=1)
    assert loader.load(b"Id\n1\n", at=minutes(2), whole=False) == LoadCounts(read=1, unchanged=1)


def test_a_value_that_became_empty_is_emptied(loader: Loader) -> None:
    loader.load(deals(one(1, 1)))
    assert loader.load(deals(one(1, 1, "", "")), at=minutes(5)).updated == 1
    assert loader.rows("deal_name", "amount") == [{"deal_name": None, "amount": None}]


def test_text_that_differs_only_in_bytes_is_different(loader: Loader) -> None:
    loader.load(deals(one(1, 1, "cafe\u0301")))
    assert loader.load(deals(one(1, 1, "caf\u00e9")), at=minutes(5)).updated == 1


def test_names_that_need_quotes(dsn: str) -> None:
    columns = (
        Column(field="Modified_Time", name='mod"ified', type="timestamptz"),
        Column(field="%s", name="%s {}", type="text"),
    )
    loader = Loader(dsn, columns=columns, table=replace(TABLE, schema='Zo"ho', name="select %s"))
    data = csv_bytes(("Id", "Modified_Time", "%s"), [("1", stamp(1), "x")])
    assert loader.load(data).inserted == 1
    assert loader.load(data.replace(b"x", b"y"), at=minutes(1)).updated == 1
    assert loader.load(data.replace(b"x", b"z"), at=minutes(2), whole=False).updated == 1
    assert loader.delete((1, minutes(3))) == 1
    assert loader.rows("%s {}") == [{"%s {}": "z"}]


# ------------------------------------------------------------------------------------------------------- tombstones


def test_a_tombstone_is_lifted_only_by_an_export_evaluated_after_the_delete(loader: Loader) -> None:
    data = deals(one(1, 0))
    loader.load(data)
    assert loader.delete((1, minutes(10))) == 1
    for earlier in (9, 10):
        assert loader.load(data, at=minutes(earlier)).unchanged == 1
        assert loader.rows("_deleted_at") == [{"_deleted_at": minutes(10)}]
    assert loader.load(data, at=minutes(11)).updated == 1
    assert loader.rows("_deleted_at", "_synced_at") == [{"_deleted_at": None, "_synced_at": minutes(11)}]


def test_a_newer_version_evaluated_before_the_delete_does_not_lift_it(loader: Loader) -> None:
    loader.load(deals(one(1, 0, "old")))
    loader.delete((1, minutes(10)))
    assert loader.load(deals(one(1, 5, "new")), at=minutes(9)).updated == 1
    assert loader.rows("deal_name", "_deleted_at") == [{"deal_name": "new", "_deleted_at": minutes(10)}]


def test_an_older_version_lifts_nothing(loader: Loader) -> None:
    loader.load(deals(one(1, 5)))
    loader.delete((1, minutes(10)))
    assert loader.load(deals(one(1, 4)), at=minutes(20)).unchanged == 1
    assert loader.rows("_deleted_at") == [{"_deleted_at": minutes(10)}]


# ------------------------------------------------------------------------------------------------ what is not whole


def fill(*rows: tuple[str, str, str]) -> bytes:
    return csv_bytes(("Id", "Modified_Time", "Amount"), rows)


def test_a_further_slice_fills_in_rows_of_the_same_version_only(loader: Loader) -> None:
    loader.load(deals(one(1, 1, "a", ""), one(2, 1, "b", "")), at=minutes(5))
    rows = ("1", stamp(1), "10"), ("2", stamp(2), "20"), ("3", stamp(1), "30")
    counts = loader.load(fill(*rows), at=minutes(6), whole=False)
    assert counts == LoadCounts(read=3, updated=1, unchanged=2)
    assert [(row["id"], row["amount"]) for row in loader.rows()] == [(1, 10), (2, None)]
    assert [row["modified_time"] for row in loader.rows()] == [minutes(1), minutes(1)]
    versions = loader.versions()
    assert loader.load(fill(*rows), at=minutes(7), whole=False).updated == 0
    assert loader.versions() == versions


def test_a_further_slice_leaves_the_tombstone(loader: Loader) -> None:
    loader.load(deals(one(1, 1, "a", "")), at=minutes(5))
    loader.delete((1, minutes(6)))
    assert loader.load(fill(("1", stamp(1), "10")), at=minutes(7), whole=False).updated == 1
    assert loader.rows("_deleted_at") == [{"_deleted_at": minutes(6)}]


def test_a_slice_evaluated_earlier_does_not_undo_a_later_one(loader: Loader) -> None:
    loader.load(deals(one(1, 1, "a", "5")), at=minutes(5))
    assert loader.load(fill(("1", stamp(1), "4")), at=minutes(4), whole=False).unchanged == 1


def test_a_slice_of_rows_without_stamps(dsn: str) -> None:
    loader = Loader(dsn, columns=tuple(column for column in COLUMNS if column.name != "modified_time"))
    loader.load(deals(one(1, 1, "a", "")), at=minutes(5))
    counts = loader.load(fill(("1", stamp(9), "10"), ("2", stamp(9), "20")), at=minutes(6), whole=False)
    assert counts == LoadCounts(read=2, updated=1, unchanged=1)


# --------------------------------------------------------------------------------------------------- side by side


@contextmanager
def half_done(loader: Loader, data: bytes, at: datetime) -> Iterator[LoadCounts]:
    """A load that another lane meets before its commit."""
    job = Job(id=9, run_id=9, stream=DEALS, spec=JobSpec(window=None))
    with psycopg.connect(loader.dsn) as connection:
        warehouse = Warehouse(connection, DEALS)
        staged = warehouse.stage([data], cursor="", columns=COLUMNS)
        yield warehouse.merge(TABLE, staged, COLUMNS, job=job, evaluated_at=at, whole=True)


@pytest.mark.parametrize("first_is_newer", [True, False])
@pytest.mark.parametrize("present", [True, False])
def test_two_lanes_with_the_same_id_end_with_the_newest(loader: Loader, first_is_newer: bool, present: bool) -> None:
    loader.load(deals(one(1, 0, "old") if present else one(99, 0)))
    stamps = (20, 10) if first_is_newer else (10, 20)
    with ThreadPoolExecutor(1) as executor:
        with half_done(loader, deals(one(1, stamps[0], "first"), one(2, 1)), minutes(30)):
            other = executor.submit(loader.load, deals(one(1, stamps[1], "second"), one(3, 1)), minutes(31))
            wait_for_a_lock(loader)
        counts = other.result(20)
    assert counts.read == counts.inserted + counts.updated + counts.unchanged == 2
    names = {row["id"]: row["deal_name"] for row in loader.rows()}
    assert names[1] == ("first" if first_is_newer else "second")
    assert {2, 3} <= names.keys()


def wait_for_a_lock(loader: Loader) -> None:
    """Until some session waits for a transaction, for at most 20 s."""
    pause = threading.Event()
    with psycopg.connect(loader.dsn, autocommit=True) as connection:
        for _ in range(2000):
            waiting = connection.execute("SELECT FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'")
            if waiting.rowcount:
                return
            pause.wait(0.01)
    raise AssertionError("no lane came to wait")


def test_lanes_never_wait_in_a_circle(loader: Loader) -> None:
    rows = [one(number, 1, "x" * 50) for number in range(1, 2001)]
    loader.load(deals(*rows))
    backwards = [one(number, 2, "y" * 50) for number in range(2000, 0, -1)]
    forwards = [one(number, 3, "z" * 50) for number in range(1, 2001)]
    with ThreadPoolExecutor(2) as executor:
        for _ in range(3):
            both = [
                executor.submit(loader.load, deals(*backwards), minutes(30)),
                executor.submit(loader.load, deals(*forwards), minutes(31)),
            ]
            for done in both:
                done.result(60)
    assert {row["deal_name"] for row in loader.rows()} == {"z" * 50}


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_big_table_is_probed_and_not_scanned(loader: Loader, shuffled: bool) -> None:
    loader.load(deals(*(one(number, 1, "x" * 100) for number in range(1, 20_001))))
    rows = [one(number, 2, "y") for number in (range(500, 0, -1) if shuffled else range(1, 501))]
    job = Job(id=1, run_id=1, stream=DEALS, spec=JobSpec(window=None))
    plans: list[str] = []
    with psycopg.connect(loader.dsn) as connection:
        connection.execute("ANALYZE zoho.deals")
        warehouse = Warehouse(connection, DEALS)
        staged = warehouse.stage([deals(*rows)], cursor="", columns=COLUMNS)
        connection.cursor_factory = explaining(plans)
        for whole in (True, False):
            warehouse.merge(TABLE, staged, COLUMNS, job=job, evaluated_at=minutes(5), whole=whole)
    assert len(plans) == 3
    assert all("deals_pkey" in plan and "Seq Scan on deals" not in plan for plan in plans)


def explaining(plans: list[str]) -> type[psycopg.Cursor[Any]]:
    """A kind of cursor that writes down the plan of each statement."""

    class Explaining(psycopg.Cursor[Any]):
        def execute(self, query: Any, *arguments: Any, **options: Any) -> Any:
            if isinstance(query, sql.Composed):
                plan = super().execute(sql.SQL("EXPLAIN ") + query, *arguments, **options).fetchall()
                plans.append("\n".join(line for (line,) in plan))
            return super().execute(query, *arguments, **options)

    return Explaining


# ------------------------------------------------------------------------------------------------- against a dictionary


@dataclass(frozen=True)
class Stored:
    """A row of the model."""

    stamp: int | None
    name: str
    synced: int
    deleted: int | None = None


@dataclass(frozen=True)
class Load:
    """A step: a file, in the order its rows stand in it."""

    rows: tuple[tuple[int, int | None, str], ...]
    at: int
    whole: bool = True


@dataclass(frozen=True)
class Delete:
    """A step: entries of the feed."""

    entries: tuple[tuple[int, int], ...]


ids, moments, names = st.integers(1, 5), st.integers(0, 6), st.sampled_from("ab")
files = st.lists(st.tuples(ids, st.none() | moments, names), max_size=6).map(tuple)
steps = st.lists(
    st.builds(Load, files, moments, st.sampled_from([True, True, False]))
    | st.builds(Delete, st.lists(st.tuples(ids, moments), max_size=3).map(tuple)),
    max_size=8,
)


def order(moment: int | None) -> int:
    return -1 if moment is None else moment


def apply(model: dict[int, Stored], step: Load | Delete) -> None:
    """The rule, row by row."""
    if isinstance(step, Delete):
        apply_delete(model, step)
        return
    newest: dict[int, tuple[int | None, str]] = {}
    for number, moment, name in step.rows:
        if number not in newest or order(moment) >= order(newest[number][0]):
            newest[number] = (moment, name)
    for number, (moment, name) in newest.items():
        row = model.get(number)
        if row is None:
            if step.whole:
                model[number] = Stored(moment, name, step.at)
        elif not step.whole:
            if moment == row.stamp and step.at >= row.synced and name != row.name:
                model[number] = replace(row, name=name, synced=step.at)
        elif (order(moment), step.at) >= (order(row.stamp), row.synced):
            lifts = row.deleted is not None and row.deleted < step.at
            if (moment, name) != (row.stamp, row.name) or lifts:
                model[number] = Stored(moment, name, step.at, None if lifts else row.deleted)


def apply_delete(model: dict[int, Stored], step: Delete) -> None:
    latest: dict[int, int] = {}
    for number, at in step.entries:
        latest[number] = max(at, latest.get(number, -1))
    for number, at in latest.items():
        row = model.get(number)
        if row and row.deleted is None and row.synced <= at:
            model[number] = replace(row, deleted=at)


def file_of(step: Load) -> bytes:
    header = ("Modified_Time", "Id", "Deal_Name")
    return csv_bytes(header, [("" if at is None else stamp(at), str(number), name) for number, at, name in step.rows])


@pytest.fixture(scope="module")
def shared(postgres_server: EmbeddedServer, _template: str) -> Iterator[Loader]:
    """One database for many examples: each example empties the table."""
    from tests.conftest import _database

    with _database(postgres_server, _template) as name:
        loader = Loader(postgres_server.dsn(name))
        loader.load(deals(one(1, 1)))
        yield loader


@given(sequence=steps)
@settings(max_examples=40)
def test_any_sequence_of_loads_and_deletes_ends_as_the_model_does(
    shared: Loader, sequence: list[Load | Delete]
) -> None:
    model: dict[int, Stored] = {}
    with psycopg.connect(shared.dsn) as connection:
        warehouse = Warehouse(connection, DEALS)
        connection.execute("TRUNCATE zoho.deals")
        job = Job(id=1, run_id=1, stream=DEALS, spec=JobSpec(window=None))
        for step in sequence:
            before = dict(model)
            apply(model, step)
            if isinstance(step, Delete):
                marked = warehouse.tombstone(TABLE, [Deletion(number, minutes(at)) for number, at in step.entries])
                assert marked == sum(before.get(number) != row for number, row in model.items())
                continue
            staged = warehouse.stage([file_of(step)], cursor="", columns=COLUMNS)
            counts = warehouse.merge(TABLE, staged, COLUMNS, job=job, evaluated_at=minutes(step.at), whole=step.whole)
            inserted = len(model.keys() - before.keys())
            changed = sum(before[number] != model[number] for number in before)
            assert counts == LoadCounts(
                read=len(step.rows),
                inserted=inserted,
                updated=changed,
                unchanged=len(step.rows) - inserted - changed,
            )
        found = connection.execute("SELECT id, modified_time, deal_name, _synced_at, _deleted_at FROM zoho.deals")
        assert {row[0]: row[1:] for row in found} == {
            number: (
                None if row.stamp is None else minutes(row.stamp),
                row.name,
                minutes(row.synced),
                None if row.deleted is None else minutes(row.deleted),
            )
            for number, row in model.items()
        }
        connection.rollback()


@given(data=st.data())
@settings(max_examples=25)
def test_files_in_any_order_and_repeated_end_with_the_same_rows(shared: Loader, data: st.DataObject) -> None:
    """A2: as long as a version's content is its stamp's alone, order and repetition show in no value."""
    versions = st.tuples(ids, moments).map(lambda pair: (pair[0], pair[1], f"version {pair[1]}"))
    loads = data.draw(st.lists(st.builds(Load, st.lists(versions, max_size=5).map(tuple), moments), max_size=4))
    again = data.draw(st.permutations([*loads, *loads]))
    contents = []
    for sequence in (loads, again):
        with psycopg.connect(shared.dsn) as connection:
            warehouse = Warehouse(connection, DEALS)
            connection.execute("TRUNCATE zoho.deals")
            job = Job(id=1, run_id=1, stream=DEALS, spec=JobSpec(window=None))
            for step in sequence:
                staged = warehouse.stage([file_of(step)], cursor="", columns=COLUMNS)
                warehouse.merge(TABLE, staged, COLUMNS, job=job, evaluated_at=NOON, whole=True)
            contents.append(
                connection.execute("SELECT id, modified_time, deal_name FROM zoho.deals ORDER BY id").fetchall()
            )
            connection.rollback()
    assert contents[0] == contents[1]
