"""Selections, slices and column types."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.fields import COLUMN_TYPES, column_slices, column_type, cursor_of, selection, slices, walk_of, without
from syncd.core.model import Cursor, Field

STAMPS = (
    Field(api_name="Created_Time", data_type="datetime"),
    Field(api_name="Modified_Time", data_type="datetime"),
)


@pytest.mark.parametrize(
    ("data_type", "return_type", "expected"),
    [
        ("text", "", "text"),
        ("textarea", "", "text"),
        ("picklist", "", "text"),
        ("multiselectpicklist", "", "text"),
        ("autonumber", "", "text"),
        ("integer", "", "bigint"),
        ("bigint", "", "bigint"),
        ("lookup", "", "bigint"),
        ("ownerlookup", "", "bigint"),
        ("currency", "", "numeric"),
        ("double", "", "double precision"),
        ("percent", "", "double precision"),
        ("boolean", "", "boolean"),
        ("date", "", "date"),
        ("datetime", "", "timestamptz"),
        ("formula", "currency", "numeric"),
        ("formula", "datetime", "timestamptz"),
        ("rollup_summary", "integer", "bigint"),
        ("formula", "", "text"),
        ("something_new", "", "text"),
    ],
)
def test_column_types(data_type: str, return_type: str, expected: str) -> None:
    assert column_type(Field(api_name="F", data_type=data_type, return_type=return_type)) == expected
    assert expected in COLUMN_TYPES


def test_the_cursor_is_the_best_stamp_the_module_has_unless_one_is_forced() -> None:
    assert cursor_of(STAMPS) is Cursor.MODIFIED
    assert cursor_of(STAMPS[:1]) is Cursor.CREATED
    assert cursor_of([]) is None
    assert cursor_of(STAMPS, Cursor.CREATED) is Cursor.CREATED
    assert (walk_of(STAMPS), walk_of(STAMPS[1:]), walk_of([])) == (Cursor.CREATED, Cursor.MODIFIED, None)


def test_a_selection_has_the_stamps_but_neither_the_id_nor_what_no_export_can_hold() -> None:
    fields = (
        Field(api_name="id", data_type="bigint"),
        Field(api_name="Name", data_type="text"),
        Field(api_name="Items", data_type="subform"),
        *STAMPS,
        Field(api_name="Address", data_type="text"),
    )
    assert selection(fields) == ("Created_Time", "Modified_Time", "Name", "Address")
    assert selection(fields, refused=["Address"]) == ("Created_Time", "Modified_Time", "Name")
    assert selection(fields, exclude=["Name"]) == ("Created_Time", "Modified_Time", "Address")
    assert selection(fields, wanted=["Owner.email", "Name", "Owner.email"]) == (
        "Created_Time",
        "Modified_Time",
        "Owner.email",
        "Name",
    )


@given(st.integers(0, 700), st.integers(3, 200), st.booleans())
def test_slices_hold_every_field_once_and_each_can_be_guarded(count: int, most: int, stamped: bool) -> None:
    names = (["Created_Time", "Modified_Time"] if stamped else []) + [f"F{n}" for n in range(count)]
    parts = slices(names, most)
    assert all(len(part) <= most for part in parts)
    assert not stamped or all("Modified_Time" in part for part in parts)
    brought = [name for part in parts for name in part]
    assert set(brought) == set(names)
    assert len(brought) == len(names) + (len(parts) - 1 if stamped else 0)


def test_new_columns_travel_with_the_stamp_that_guards_them() -> None:
    assert column_slices(["A", "B", "C"], stamped=True, most=3) == (("Modified_Time", "A", "B"), ("Modified_Time", "C"))
    assert column_slices(["A"], stamped=False) == (("A",),)


def test_a_refused_field_leaves_every_slice() -> None:
    assert without([("A", "B"), ("A", "C")], "A") == (("B",), ("C",))
