"""A file is staged whatever shape it has, and what it holds is counted the same on every way."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg import sql

from syncd.core.model import Staged
from syncd.errors import BadArchive
from syncd.postgres import staging
from syncd.postgres.warehouse import Warehouse
from tests.integration.postgres.loader import COLUMNS, DEALS, Loader, csv_bytes

HEADER = ("Id", "Modified_Time", "Deal_Name", "Amount")
FIRST = ("1", "2026-03-01T10:00:00+05:30", "One", "1.50")
SECOND = ("2", "2026-03-01T11:00:00+05:30", "Two", "2.50")
THIRD = ("3", "2026-03-01T09:00:00+00:00", "Three", "")


@pytest.fixture
def loader(dsn: str) -> Loader:
    return Loader(dsn)


def split(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


PLAIN = csv_bytes(HEADER, [FIRST, SECOND, THIRD])


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(PLAIN, id="CRLF"),
        pytest.param(csv_bytes(HEADER, [FIRST, SECOND, THIRD], line_end="\n"), id="LF"),
        pytest.param(csv_bytes(HEADER, [FIRST, SECOND, THIRD], line_end="\r"), id="CR"),
        pytest.param(b"\xef\xbb\xbf" + PLAIN, id="BOM"),
        pytest.param(PLAIN.removesuffix(b"\r\n"), id="no line end at the end"),
        pytest.param(PLAIN.replace(b"Id,", b"id,", 1), id="id in lower case"),
        pytest.param(PLAIN.replace(b"Id,", b'"Id",', 1), id="quoted header"),
    ],
)
@pytest.mark.parametrize("size", [1, 10, 1 << 20])
def test_header_and_rows_are_found(loader: Loader, data: bytes, size: int) -> None:
    counts = loader.load(split(data, size))
    assert (loader.staged[0].rows, counts.inserted) == (3, 3)
    assert [name.lower() for name in loader.staged[0].header] == [name.lower() for name in HEADER]
    assert [(row["id"], row["deal_name"]) for row in loader.rows()] == [(1, "One"), (2, "Two"), (3, "Three")]


@pytest.mark.parametrize("data", [b"", b"\r\n", b"\xef\xbb\xbf"])
def test_a_file_of_no_bytes_is_empty(loader: Loader, data: bytes) -> None:
    assert loader.stage(data, cursor="Modified_Time") == Staged(header=(), rows=0)
    assert loader.load(data).read == 0


@pytest.mark.parametrize("blocks", [[csv_bytes(HEADER, [])], [b"", csv_bytes(HEADER, []), b""], [b"Id,Deal_Name"]])
def test_a_file_of_a_header_is_empty(loader: Loader, blocks: list[bytes]) -> None:
    staged = loader.stage(blocks, cursor="Modified_Time")
    assert (staged.header[0], staged.rows, staged.digest, staged.median_stamp) == ("Id", 0, 0, None)
    assert loader.load(blocks).read == 0


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"Deal_Name,Amount\nx,1\n", "no column for the record id"),
        (b"<html><body>Sign in</body></html>\n", "no column for the record id"),
        (b"Id,Amount,Deal_Name,Amount\n1,2,3,4\n", "names Amount twice"),
        (b"Id,id\n1,1\n", "names Id, id twice"),
        (b'Id,"Amount\n1,2\n', "no header"),
        (b"\xff\xfeI\0d\0\n", "no header"),
        (b"Id,\0\n", "no header"),
        (b"\nId,Amount\n1,2\n", "no header"),
    ],
)
def test_a_header_that_cannot_be_used_is_refused(loader: Loader, data: bytes, what: str) -> None:
    with pytest.raises(BadArchive, match=what) as caught:
        loader.stage(data)
    assert caught.value.fix


def test_names_differ_by_case(loader: Loader) -> None:
    assert loader.load(b"Id,Deal_Name,deal_name\n1,mine,other\n").inserted == 1
    assert loader.rows("deal_name") == [{"deal_name": "mine"}]


BROKEN = {
    "a field too many": b"7,2026-03-01T10:00:00Z,x,1,2\r\n",
    "a field too few": b"7,2026-03-01T10:00:00Z,x\r\n",
    "a quote that is never closed": b'7,2026-03-01T10:00:00Z,"x,1\r\n',
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_row_is_set_aside_and_the_others_are_kept(loader: Loader, fault: str) -> None:
    head, rest = PLAIN.split(b"\r\n", 2)[:2], PLAIN.split(b"\r\n", 2)[2]
    counts = loader.load(b"\r\n".join(head) + b"\r\n" + BROKEN[fault] + rest)
    assert (counts.read, counts.inserted, counts.rejected, counts.bad_values) == (4, 3, 1, 0)
    assert [row["deal_name"] for row in loader.rows()] == ["One", "Two", "Three"]
    (row,) = loader.rejected()
    assert (row["line"], row["record_id"], row["column"], row["value"]) == (2, 7, "", None)
    assert row["raw"] == BROKEN[fault].decode()
    assert (row["org"], row["module"], row["job_id"]) == ("acme", "Deals", 1)


def test_mixed_line_ends_cost_nothing(loader: Loader) -> None:
    data = PLAIN + b"4,,Four,4\n5,,Five,5\r\n"
    assert loader.load(data).inserted == 5
    assert loader.rejected() == []


def test_a_lone_backslash_dot_is_a_row_like_any_other(loader: Loader) -> None:
    """PostgreSQL 14 to 17 take it for the end of the data, without an error."""
    for size in (1, 5, 1 << 20):
        counts = loader.load(split(PLAIN + b"\\.\r\n4,,Four,4\r\n", size))
        assert (counts.read, counts.rejected) == (5, 1)
    assert [row["id"] for row in loader.rows()] == [1, 2, 3, 4]
    assert [row["raw"] for row in loader.rejected()] == ["\\.\r\n"]


def test_a_backslash_dot_in_a_cell_is_text(loader: Loader) -> None:
    assert loader.load(csv_bytes(HEADER, [("1", "", "a\n\\.\nb", ""), ("2", "", "\\.", "")])).inserted == 2
    assert [row["deal_name"] for row in loader.rows()] == ["a\n\\.\nb", "\\."]


def test_nul_is_removed_and_counted(loader: Loader) -> None:
    counts = loader.load(PLAIN.replace(b"Two", b"T\0wo"))
    assert (counts.inserted, counts.rejected, counts.bad_values) == (3, 0, 1)
    assert loader.rows("deal_name")[1] == {"deal_name": "Two"}
    (row,) = loader.rejected()
    assert (row["line"], row["record_id"], row["column"], row["value"]) == (2, 2, "deal_name", "T\\x00wo")


def test_bytes_that_are_no_text_cost_their_cell(loader: Loader) -> None:
    counts = loader.load(PLAIN.replace(b"Two", b"T\xffwo"))
    assert (counts.inserted, counts.bad_values) == (3, 1)
    assert loader.rows("deal_name", "amount")[1]["deal_name"] is None
    assert loader.rejected()[0]["reason"] == "not UTF-8"


def test_all_faults_at_once(loader: Loader) -> None:
    rows = b"4,never,Four,4\r\n5,,F\0ive,many\r\n6,x\r\nnone,,x,1\r\n"
    counts = loader.load(PLAIN + rows)
    assert (counts.read, counts.inserted, counts.rejected, counts.bad_values) == (7, 5, 2, 3)
    assert [(row["line"], row["column"]) for row in loader.rejected()] == [
        (4, "modified_time"),
        (5, "amount"),
        (5, "deal_name"),
        (6, ""),
        (7, ""),
    ]


def test_more_rows_than_go_through_python_at_once(loader: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncd.postgres.stage._BATCH_ROWS", 10)
    rows = [(str(number), "", "x" if number % 7 else "x\0", "1") for number in range(1, 96)]
    counts = loader.load(csv_bytes(HEADER, rows))
    assert (counts.inserted, counts.bad_values, len(loader.rejected())) == (95, 13, 13)


def test_the_digest_tells_multisets_of_ids_apart(loader: Loader) -> None:
    def digest(*rows: tuple[str, ...], bad: bool = False) -> int:
        data = csv_bytes(HEADER, rows)
        return loader.stage(data.replace(b"2.50", b"many") if bad else data).digest

    three = digest(FIRST, SECOND, THIRD)
    assert three == digest(THIRD, FIRST, SECOND)
    assert three == digest(FIRST, SECOND, THIRD, bad=True)
    assert len({three, digest(FIRST, SECOND), digest(FIRST, FIRST, SECOND), digest(FIRST, SECOND, SECOND)}) == 4
    assert -(2**62) < three < 2**62


def test_the_median_is_one_of_the_stamps(loader: Loader) -> None:
    data = csv_bytes(HEADER, [FIRST, SECOND, THIRD])
    assert loader.stage(data, cursor="Modified_Time").median_stamp == datetime(2026, 3, 1, 5, 30, tzinfo=UTC)
    assert loader.stage(data).median_stamp is None
    assert loader.stage(data, cursor="Created_Time").median_stamp is None
    stamps = ("2026-03-01T01:00:00Z", "nonsense", "", "2026-03-01T03:00:00Z", "2026-03-01T02:00:00Z")
    data = csv_bytes(HEADER, [(str(number), stamp, "", "") for number, stamp in enumerate(stamps, 1)])
    median = loader.stage(data, cursor="Modified_Time").median_stamp
    assert median == datetime(2026, 3, 1, 2, tzinfo=UTC)
    assert median.tzinfo is UTC


def test_a_stream_that_is_read_once_is_enough_for_a_clean_file(loader: Loader) -> None:
    assert loader.load(iter(split(PLAIN, 20))).inserted == 3
    with pytest.raises(BadArchive, match="second time"):
        loader.load(iter([PLAIN.replace(b"2.50", b"many")]))


def test_an_archive_that_breaks_off_stays_what_it_is(loader: Loader) -> None:
    def breaking() -> Iterator[bytes]:
        yield PLAIN
        raise BadArchive("the CRC is wrong")

    class Breaking:
        def __iter__(self) -> Iterator[bytes]:
            return breaking()

    with pytest.raises(BadArchive, match="CRC"):
        loader.load(Breaking())


def test_a_file_may_be_staged_after_another(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        warehouse = Warehouse(connection, DEALS)
        for data, rows in ((PLAIN, 3), (PLAIN.replace(b"2.50", b"many"), 3), (csv_bytes(HEADER, [FIRST]), 1)):
            assert warehouse.stage([data], cursor="", columns=COLUMNS).rows == rows


def test_no_other_table_is_locked(loader: Loader, dsn: str) -> None:
    loader.load(PLAIN)
    with psycopg.connect(dsn) as connection:
        Warehouse(connection, DEALS).stage([PLAIN.replace(b"2.50", b"many")], cursor="", columns=COLUMNS)
        locked = connection.execute(
            "SELECT relation::regclass::text FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation'"
            " AND relation IN (SELECT oid FROM pg_class WHERE relnamespace::regnamespace::text IN ('zoho', 'syncd'))"
        ).fetchall()
        assert locked == []


def test_nothing_is_left_after_the_commit(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        Warehouse(connection, DEALS).stage([PLAIN.replace(b"2.50", b"many")], cursor="", columns=COLUMNS)
        connection.commit()
        for relation in (staging.STAGE, staging.ROWS_AS_TEXT, staging.FAULTS):
            with pytest.raises(psycopg.errors.UndefinedTable):
                connection.execute(sql.SQL("SELECT FROM {}").format(relation))
            connection.rollback()


def test_a_hundred_kilobytes_fit_in_a_cell(loader: Loader) -> None:
    large = "ä" * 100_000
    assert loader.load(csv_bytes(HEADER, [("1", "", large, "x")])).bad_values == 1
    assert loader.rows("deal_name") == [{"deal_name": large}]


def test_two_hundred_fields(loader: Loader) -> None:
    header = ("Id", *(f"Field_{number}" for number in range(200)))
    loader.stage(csv_bytes(header, [tuple(str(number) for number in range(201))] * 3))


def test_settings_end_with_the_transaction(dsn: str) -> None:
    def shown(connection: psycopg.Connection[Any]) -> Any:
        return connection.execute("SELECT current_setting('enable_hashjoin'), current_setting('jit')").fetchone()

    with psycopg.connect(dsn) as connection:
        before = shown(connection)
        Warehouse(connection, DEALS).stage([PLAIN], cursor="", columns=COLUMNS)
        assert shown(connection) == ("off", "off")
        connection.commit()
        assert shown(connection) == before
