"""A bad value costs its cell and is kept with its reason; a row without an id is kept whole; good ones are exact."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from syncd.core.model import Column
from tests.integration.postgres.loader import COLUMNS, Loader, csv_bytes, minutes

HEADER = ("Id", *(column.field for column in COLUMNS))
GOOD = ("2026-03-01T10:00:00+05:30", "Fine", "1.50", "7", "0.25", "2026-04-01", "true", "4876876000000100000")


@pytest.fixture
def loader(dsn: str) -> Loader:
    return Loader(dsn)


def row(number: int, **cells: str) -> tuple[str, ...]:
    values = dict(zip(HEADER[1:], GOOD, strict=True)) | cells
    return (str(number), *values.values())


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("Deal_Name", "=1+1", "=1+1"),
        ("Deal_Name", "a\r\nb\rc\nd", "a\r\nb\rc\nd"),
        ("Deal_Name", ' "quoted", 客户 🍰\t\\N \\. ', ' "quoted", 客户 🍰\t\\N \\. '),
        ("Deal_Name", "NULL", "NULL"),
        ("Amount", "12345678901234567890.123456789012345678901234567890", None),
        ("Amount", "1.50", None),
        ("Amount", "-0.001", None),
        ("Stage_Number", "-9223372036854775808", -(2**63)),
        ("Stage_Number", "9223372036854775807", 2**63 - 1),
        ("Probability", "0.1", 0.1),
        ("Probability", "1e-300", 1e-300),
        ("Closing_Date", "0001-01-01", date(1, 1, 1)),
        ("Closing_Date", "9999-12-31", date(9999, 12, 31)),
        ("Closing_Date", "2024-02-29", date(2024, 2, 29)),
        ("Modified_Time", "2026-03-01T10:00:00-07:00", datetime(2026, 3, 1, 17, tzinfo=UTC)),
        ("Modified_Time", "2026-03-01T10:00:00+05:45", datetime(2026, 3, 1, 4, 15, tzinfo=UTC)),
        ("Modified_Time", "2026-03-01T10:00:00Z", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("Modified_Time", "2026-03-01 10:00:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        *(("Won", word, True) for word in ("true", "TRUE", "True", "1", "yes", "Yes", "t", "T")),
        *(("Won", word, False) for word in ("false", "FALSE", "0", "no", "NO", "f")),
        *((column.field, "", None) for column in COLUMNS),
    ],
)
def test_good_values_are_exact_on_both_ways(loader: Loader, field: str, text: str, value: Any) -> None:
    name = next(column.name for column in COLUMNS if column.field == field)
    if field == "Amount" and text:
        value = Decimal(text)
    data = csv_bytes(HEADER, [row(1, **{field: text})])
    other = "Amount" if field != "Amount" else "Probability"
    slow = csv_bytes(HEADER, [row(2, **{field: text}), row(3, **{other: "bad"})])
    assert (loader.load(data).bad_values, loader.load(slow).bad_values) == (0, 1)
    found = [stored[name] for stored in loader.rows(name)]
    assert [str(one) for one in found[:2]] == [str(value)] * 2


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("Amount", "12,50 EUR"),
        ("Amount", "1.5.0"),
        ("Stage_Number", "9223372036854775808"),
        ("Stage_Number", "1.5"),
        ("Stage_Number", "1e3"),
        ("Probability", "1e999"),
        ("Probability", "half"),
        ("Closing_Date", "0000-00-00"),
        ("Closing_Date", "0000-01-01"),
        ("Closing_Date", "2026-02-30"),
        ("Closing_Date", "31/12/2026"),
        ("Closing_Date", "01/02/2026"),
        ("Closing_Date", "soon"),
        ("Closing_Date", "infinity"),
        ("Closing_Date", "-Infinity"),
        ("Closing_Date", "99999999-01-01"),
        ("Modified_Time", "2026-03-01T25:00:00Z"),
        ("Modified_Time", "2026-03-01T10:00:00+99:00"),
        ("Modified_Time", "infinity"),
        ("Won", "maybe"),
        ("Won", "2"),
        ("Account_Name", "Acme Ltd"),
    ],
)
def test_a_bad_value_becomes_null_and_is_reported(loader: Loader, field: str, text: str) -> None:
    column = next(column for column in COLUMNS if column.field == field)
    counts = loader.load(csv_bytes(HEADER, [row(1), row(2, **{field: text}), row(3)]))
    assert (counts.read, counts.inserted, counts.rejected, counts.bad_values) == (3, 3, 0, 1)
    good = loader.rows()[0]
    bad = loader.rows()[1]
    assert bad[column.name] is None
    assert {k: v for k, v in bad.items() if k not in {"id", column.name}} == {
        k: v for k, v in good.items() if k not in {"id", column.name}
    }
    (reject,) = loader.rejected()
    assert (reject["line"], reject["record_id"], reject["column"]) == (2, 2, column.name)
    assert reject["value"] == text
    assert reject["reason"]
    assert json.loads(reject["raw"]) == dict(zip(HEADER, row(2, **{field: text}), strict=True))


@pytest.mark.parametrize("text", ["", "abc", "9223372036854775808", "1.5"])
def test_a_row_without_a_usable_id_is_reported_whole(loader: Loader, text: str) -> None:
    counts = loader.load(csv_bytes(HEADER, [row(1), (text, *GOOD), row(3)]))
    assert (counts.read, counts.inserted, counts.rejected, counts.bad_values) == (3, 2, 1, 0)
    (reject,) = loader.rejected()
    assert (reject["line"], reject["record_id"], reject["column"], reject["value"]) == (2, None, "", None)
    assert reject["reason"].startswith("record id: ")
    assert json.loads(reject["raw"])["Deal_Name"] == "Fine"
    assert json.loads(reject["raw"])["Id"] == (text or None)


def test_only_bad_rows_are_still_a_load(loader: Loader) -> None:
    counts = loader.load(csv_bytes(HEADER, [("x", *GOOD), ("y", *GOOD)]))
    assert (counts.read, counts.rejected, counts.inserted, counts.unchanged) == (2, 2, 0, 0)
    assert len(loader.rejected()) == 2


def test_a_row_without_an_id_has_no_values_to_report(loader: Loader) -> None:
    counts = loader.load(csv_bytes(HEADER, [("x", *row(1, Amount="many")[1:]), row(2)]))
    assert (counts.inserted, counts.rejected, counts.bad_values, len(loader.rejected())) == (1, 1, 0, 1)


def test_the_same_value_is_reported_once(loader: Loader) -> None:
    data = csv_bytes(HEADER, [row(1, Amount="many", Won="maybe"), ("x", *GOOD)])
    first = loader.load(data)
    versions = loader.versions()
    again = loader.load(data, at=minutes(5), job_id=2)
    assert (first.inserted, again.inserted, again.updated, again.unchanged, again.rejected) == (1, 0, 0, 1, 1)
    assert first.bad_values == again.bad_values == 2
    assert loader.versions() == versions
    assert [(one["line"], one["column"], one["job_id"]) for one in loader.rejected()] == [
        (1, "amount", 1),
        (1, "won", 1),
        (2, "", 1),
    ]


def test_a_bad_value_replaces_an_older_good_one(loader: Loader) -> None:
    loader.load(csv_bytes(HEADER, [row(1)]))
    counts = loader.load(csv_bytes(HEADER, [row(1, Amount="many")]), at=minutes(1))
    assert (counts.updated, counts.bad_values) == (1, 1)
    assert loader.rows("amount") == [{"amount": None}]


def test_a_row_whose_stamp_is_bad_never_replaces_a_stamped_one(loader: Loader) -> None:
    loader.load(csv_bytes(HEADER, [row(1)]))
    counts = loader.load(csv_bytes(HEADER, [row(1, Modified_Time="never", Deal_Name="Other"), row(2)]), at=minutes(1))
    assert (counts.inserted, counts.updated, counts.unchanged, counts.bad_values) == (1, 0, 1, 1)
    assert loader.rows("deal_name")[0] == {"deal_name": "Fine"}


def test_a_column_without_a_place_cannot_be_bad(loader: Loader) -> None:
    data = csv_bytes(("Id", "Nobody_Knows", "Amount"), [("1", "x", "1"), ("2", "y", "many")])
    assert loader.load(data).bad_values == 1
    assert json.loads(loader.rejected()[0]["raw"]) == {"Id": "2", "Nobody_Knows": "y", "Amount": "many"}


def test_every_value_of_a_column_may_be_bad(loader: Loader) -> None:
    rows = [row(number, Amount=f"{number} EUR") for number in range(1, 301)]
    counts = loader.load(csv_bytes(HEADER, rows))
    assert (counts.inserted, counts.bad_values, len(loader.rejected())) == (300, 300, 300)


def test_the_session_decides_nothing(dsn: str) -> None:
    """A role may come with its own DateStyle and TimeZone; a file means the same under any."""
    loader = Loader(f"{dsn} options='-c datestyle=SQL,DMY -c timezone=America/New_York'")
    loader.load(csv_bytes(HEADER, [row(1, Modified_Time="2026-03-01 10:00:00", Closing_Date="03/04/2026")]))
    stored = Loader(dsn).rows("modified_time", "closing_date")[0]
    assert stored == {"modified_time": datetime(2026, 3, 1, 10, tzinfo=UTC), "closing_date": None}


def test_types_that_no_hint_announced_come_out_the_same(dsn: str) -> None:
    hinted, unhinted = Loader(dsn), Loader(dsn, hinted=False)
    data = csv_bytes(HEADER, [row(1), row(2, Amount="many", Closing_Date="soon"), ("x", *GOOD)])
    first = hinted.load(data)
    expected = hinted.rows()
    versions = hinted.versions()
    again = unhinted.load(data, at=minutes(1))
    assert (first.bad_values, again.bad_values, again.unchanged, again.rejected) == (2, 2, 2, 1)
    assert (unhinted.rows(), unhinted.versions()) == (expected, versions)


def test_a_type_that_changed_after_staging_keeps_the_exact_text(dsn: str) -> None:
    loader = Loader(dsn, columns=(Column(field="Code", name="code", type="text"),))
    loader.columns = (Column(field="Code", name="code", type="bigint"),)
    staged = loader.stage(b"Id,Code\n1,007\n")
    assert staged.rows == 1
    loader.hinted = False
    loader.columns = (Column(field="Code", name="code__text", type="text"),)
    loader.load(b"Id,Code\n1,007\n")
    assert loader.rows("code__text") == [{"code__text": "007"}]
