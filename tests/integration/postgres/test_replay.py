"""Rejected values come back where they fit by now, into the very version they came with, and nowhere else."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

import psycopg
import pytest

from syncd.core.model import Column
from syncd.postgres.ledger import PostgresStore
from syncd.postgres.pool import Pool
from syncd.postgres.replay import Replayed
from tests.integration.postgres.loader import COLUMNS, DEALS, TABLE, Loader, csv_bytes, minutes

HEADER = ("Id", "Modified_Time", "Amount", "Deal_Name")
OLD, NEW = "2026-03-01T10:00:00+00:00", "2026-03-01T11:00:00+00:00"
WIDER = Column(field="Amount", name="amount__text", type="text", zoho_type="text", label="Amount")


@dataclass
class Desk:
    """A loader, the store, and how a replay goes."""

    loader: Loader
    store: PostgresStore

    def widen(self) -> None:
        """The field became text: a new column beside the old one, as evolution makes it."""
        self.loader.columns = (*COLUMNS, WIDER)
        self.remember()

    def remember(self) -> None:
        with self.store.lease(DEALS) as lease:
            assert lease is not None
            with self.store.transaction(lease) as transaction:
                transaction.store_columns(self.loader.columns)
                transaction.evolve(TABLE, self.loader.columns)

    def replay(self, *, dry_run: bool = False) -> tuple[int, int]:
        done = self.store.replay(DEALS, TABLE, dry_run=dry_run)
        assert isinstance(done, Replayed)
        return done.put_back, done.left

    def amounts(self) -> list[str | None]:
        return [row["amount__text"] for row in self.loader.rows("amount__text")]


@pytest.fixture
def desk(dsn: str) -> Iterator[Desk]:
    pool = Pool(dsn, size=2)
    made = Desk(Loader(dsn), PostgresStore(pool))
    made.remember()
    yield made
    pool.close()


def test_values_go_to_the_column_that_their_field_has_now(desk: Desk) -> None:
    lines = [("1", OLD, "much", "a"), ("2", OLD, "2.5", "b"), ("3", OLD, "more", "c")]
    assert desk.loader.load(csv_bytes(HEADER, lines)).bad_values == 2
    desk.widen()
    before = [(row["_synced_at"], row["_run_id"]) for row in desk.loader.rows()]
    assert desk.replay(dry_run=True) == (2, 0)
    assert desk.amounts() == [None, None, None]
    assert len(desk.loader.rejected()) == 2
    assert desk.replay() == (2, 0)
    assert desk.amounts() == ["much", None, "more"]
    assert desk.loader.rejected() == []
    assert [(row["_synced_at"], row["_run_id"]) for row in desk.loader.rows()] == before
    assert desk.replay() == (0, 0)


def test_what_still_does_not_fit_stays(desk: Desk) -> None:
    desk.loader.load(csv_bytes(HEADER, [("1", OLD, "much", "a")]))
    assert desk.replay() == (0, 1)
    assert desk.loader.rows("amount") == [{"amount": None}]


def test_a_value_of_an_older_version_stays_out(desk: Desk) -> None:
    desk.loader.load(csv_bytes(HEADER, [("1", OLD, "much", "a"), ("2", OLD, "lots", "b")]))
    desk.loader.load(csv_bytes(HEADER, [("1", NEW, "", "a")]), minutes(5))
    desk.widen()
    assert desk.replay() == (1, 1)
    assert desk.amounts() == [None, "lots"]


def test_a_row_that_has_a_value_keeps_it(desk: Desk) -> None:
    desk.loader.load(csv_bytes(HEADER, [("1", OLD, "much", "a")]))
    desk.widen()
    with psycopg.connect(desk.loader.dsn) as connection:
        connection.execute("UPDATE zoho.deals SET amount__text = 'mine'")
    assert desk.replay() == (0, 1)
    assert desk.amounts() == ["mine"]


def test_of_two_values_of_one_version_the_later_one_counts(desk: Desk) -> None:
    desk.loader.load(csv_bytes(HEADER, [("1", OLD, "first", "a")]))
    desk.loader.load(csv_bytes(HEADER, [("1", OLD, "second", "a")]), minutes(5))
    desk.widen()
    assert desk.replay() == (1, 1)
    assert desk.amounts() == ["second"]


def test_values_that_are_read_better_by_now_go_to_the_same_column(desk: Desk) -> None:
    desk.loader.load(csv_bytes(HEADER, [("1", OLD, "much", "a"), ("2", OLD, "lots", "b")]))
    with psycopg.connect(desk.loader.dsn) as connection:
        connection.execute("UPDATE syncd.rejected_row SET value = '7.5' WHERE record_id = 1")
    assert desk.replay() == (1, 1)
    assert [str(row["amount"]) for row in desk.loader.rows("amount")] == ["7.5", "None"]


def test_without_modified_time_only_a_row_that_no_export_changed_since(desk: Desk) -> None:
    desk.loader.columns = tuple(column for column in COLUMNS if column.field != "Modified_Time")
    with psycopg.connect(desk.loader.dsn) as connection:
        connection.execute("DELETE FROM syncd.field_map WHERE field = 'Modified_Time'")
        run = connection.execute(
            "INSERT INTO syncd.sync_run (org, module, kind, slices) VALUES ('acme', 'Deals', 'full-read', '[]')"
            " RETURNING id"
        ).fetchone()
        assert run is not None
        jobs = [
            row[0]
            for at in (0, 5)
            for row in connection.execute(
                "INSERT INTO syncd.bulk_job (run_id, evaluated_at) VALUES (%s, %s) RETURNING id", [run[0], minutes(at)]
            )
        ]
    header = ("Id", "Amount", "Deal_Name")
    desk.loader.load(csv_bytes(header, [("1", "much", "a"), ("2", "lots", "b")]), job_id=jobs[0])
    desk.loader.load(csv_bytes(header, [("1", "", "changed"), ("2", "lots", "b")]), minutes(5), job_id=jobs[1])
    desk.loader.columns = (*desk.loader.columns, WIDER)
    desk.remember()
    assert desk.replay() == (1, 1)
    assert desk.amounts() == [None, "lots"]


def test_rows_and_texts_of_broken_files_are_left_alone(desk: Desk) -> None:
    data = csv_bytes(HEADER, [("none", OLD, "1", "a"), ("2", OLD, "1", "b")]) + b'3,"' + OLD.encode() + b'",\xff,c\r\n'
    desk.loader.load(data)
    found = len(desk.loader.rejected())
    assert found >= 2
    desk.widen()
    assert desk.replay() == (0, found)


def test_a_table_that_is_not_there_and_a_stream_that_is_busy(desk: Desk) -> None:
    other = replace(TABLE, name="nowhere")
    done = desk.store.replay(DEALS, other, dry_run=False)
    assert done == Replayed(stream=DEALS)
    with desk.store.lease(DEALS):
        assert desk.store.replay(DEALS, TABLE, dry_run=False) is None


def test_many_values_pass_in_batches(desk: Desk) -> None:
    lines = [(str(number), OLD, f"v{number}", json.dumps({"a": number})) for number in range(1, 4501)]
    assert desk.loader.load(csv_bytes(HEADER, lines)).bad_values == 4500
    desk.widen()
    assert desk.replay() == (4500, 0)
    assert desk.amounts()[:2] == ["v1", "v2"]
