"""The warehouse's half of a transaction as a run uses it: counts, tombstones, several steps on one connection."""

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from syncd.core.model import Deletion, Job, JobSpec, LoadCounts, Staged
from syncd.postgres import warehouse as subject
from syncd.postgres.warehouse import Warehouse
from tests.integration.postgres.loader import COLUMNS, DEALS, TABLE, Loader, csv_bytes, minutes

HEADER = ("Id", "Modified_Time", "Deal_Name")
JOB = Job(id=1, run_id=7, stream=DEALS, spec=JobSpec(window=None))


@pytest.fixture
def loader(dsn: str) -> Loader:
    return Loader(dsn)


def rows(*numbers: int) -> bytes:
    return csv_bytes(HEADER, [(str(number), minutes(0).isoformat(), "x") for number in numbers])


def test_rows_that_an_earlier_export_brought_are_marked(loader: Loader) -> None:
    loader.load(rows(1, 2, 3), at=minutes(10))
    assert loader.delete((1, minutes(10)), (2, minutes(9)), (3, minutes(11)), (99, minutes(20))) == 2
    assert [row["_deleted_at"] for row in loader.rows()] == [minutes(10), None, minutes(11)]
    versions = loader.versions()
    assert loader.delete((1, minutes(12)), (3, minutes(11))) == 0
    assert loader.versions() == versions


def test_of_several_deletions_of_one_id_the_last_one_counts(loader: Loader) -> None:
    loader.load(rows(1), at=minutes(10))
    assert loader.delete((1, minutes(5)), (1, minutes(30)), (1, minutes(20))) == 1
    assert loader.rows("_deleted_at") == [{"_deleted_at": minutes(30)}]


def test_a_table_that_does_not_exist_has_nothing_to_mark(loader: Loader) -> None:
    assert loader.delete((1, minutes(1))) == 0


def test_no_deletions_mark_nothing(loader: Loader) -> None:
    loader.load(rows(1))
    assert loader.delete() == 0


def test_deletions_go_in_batches(loader: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "_DELETIONS_AT_ONCE", 3)
    loader.load(rows(*range(1, 11)))

    def feed() -> Iterator[Deletion]:
        for number in range(9):
            yield Deletion(number, minutes(0) + timedelta(seconds=number))

    with psycopg.connect(loader.dsn) as connection:
        assert Warehouse(connection, DEALS).tombstone(TABLE, feed()) == 8
    assert sum(row["_deleted_at"] is None for row in loader.rows()) == 2


def test_two_files_in_one_transaction(loader: Loader) -> None:
    with psycopg.connect(loader.dsn) as connection:
        warehouse = Warehouse(connection, DEALS)
        warehouse.evolve(TABLE, COLUMNS)
        for data, counts in (
            (rows(1, 2), LoadCounts(read=2, inserted=2)),
            (rows(2, 3).replace(b",x", b",\0y"), LoadCounts(read=2, inserted=1, updated=1, bad_values=2)),
            (csv_bytes(HEADER, []), LoadCounts()),
            (rows(3, 1), LoadCounts(read=2, updated=1, unchanged=1)),
        ):
            staged = warehouse.stage([data], cursor="", columns=COLUMNS)
            assert warehouse.merge(TABLE, staged, COLUMNS, job=JOB, evaluated_at=minutes(1), whole=True) == counts
        other = Staged(header=HEADER, rows=2)
        with pytest.raises(ValueError, match="staged last"):
            warehouse.merge(TABLE, other, COLUMNS, job=JOB, evaluated_at=minutes(1), whole=True)


def test_what_a_load_did_is_undone_with_its_transaction(loader: Loader) -> None:
    loader.load(rows(1))
    before = loader.rows()
    with psycopg.connect(loader.dsn) as connection:
        warehouse = Warehouse(connection, DEALS)
        staged = warehouse.stage([rows(2, 3).replace(b",x", b",\0y") + b"bad\r\n"], cursor="", columns=COLUMNS)
        warehouse.merge(TABLE, staged, COLUMNS, job=JOB, evaluated_at=minutes(1), whole=True)
        connection.rollback()
    assert loader.rows() == before
    assert loader.rejected() == []
