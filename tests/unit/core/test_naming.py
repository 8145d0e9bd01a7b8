"""Names: the contract's examples, and properties that any name must have."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.naming import MAX_BYTES, RESERVED, SYSTEM_COLUMNS, column_name, table_name

names = st.text(min_size=1, max_size=120)


@pytest.mark.parametrize(
    ("api_name", "column"),
    [
        ("Last_Name", "last_name"),
        ("Audit_Trail__c", "audit_trail__c"),
        ("$converted", "converted"),
        ("Account_Name.Phone", "account_name__phone"),
        ("Order", "order_"),
        ("To", "to_"),
        ("ctid", "ctid_"),
        ("_Private", "private"),
        ("$", "field"),
        ("Straße & Ort", "stra_e_ort"),
        ("a-b--c", "a_b_c"),
    ],
)
def test_the_rules_by_example(api_name: str, column: str) -> None:
    assert column_name(api_name) == column


@given(names, st.sets(names.map(column_name), max_size=5))
def test_a_name_is_short_plain_free_and_stable(api_name: str, taken: set[str]) -> None:
    name = column_name(api_name, taken)
    assert re.fullmatch(r"[a-z0-9][a-z0-9_]*", name)
    assert len(name.encode()) <= MAX_BYTES
    assert name not in taken | RESERVED | SYSTEM_COLUMNS
    assert column_name(api_name, taken) == name


def test_long_names_that_differ_only_at_the_end_stay_apart() -> None:
    first, second = column_name("x" * 80 + "a"), column_name("x" * 80 + "b")
    assert first != second
    assert len(first) == len(second) == MAX_BYTES


def test_collisions_are_numbered_in_the_order_they_come() -> None:
    taken: set[str] = set()
    for api_name in ("Amount", "amount", "AMOUNT"):
        taken.add(column_name(api_name, taken))
    assert taken == {"amount", "amount_2", "amount_3"}
    long = "y" * 90
    assert column_name(long, {column_name(long)}).endswith("_2")


def test_tables_keep_clear_of_the_calendar() -> None:
    assert [table_name(m) for m in ("Contacts", "User", "Calendar_Event")] == ["contacts", "user_", "calendar_event_"]
