"""Criteria: TOML tables to the core's values, every form and every fault."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.criteria import leaves
from syncd.core.model import Comparison, Criterion, Group
from syncd.settings.criteria import MOST_LEAVES, read_criteria, write_criteria
from syncd.settings.toml_text import toml_value

LEAF = {"api_name": "Stage", "comparator": "equal", "value": "Won"}

names = st.from_regex(r"[A-Z][A-Za-z0-9_]{0,8}(\.[A-Z][a-z]{1,4})?", fullmatch=True)
numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False, width=32)
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8)
comparisons = (
    st.builds(
        Comparison, names, st.sampled_from(["equal", "not_equal", "starts_with"]), texts | numbers | st.booleans()
    )
    | st.builds(Comparison, names, st.just("between"), st.tuples(texts, texts))
    | st.builds(Comparison, names, st.just("in"), st.lists(texts | numbers, min_size=1, max_size=20).map(tuple))
)


def groups(members: st.SearchStrategy[Criterion]) -> st.SearchStrategy[Criterion]:
    return st.builds(Group, st.sampled_from(["and", "or"]), st.lists(members, min_size=2, max_size=4).map(tuple))


criteria = st.recursive(comparisons, groups, max_leaves=MOST_LEAVES).filter(lambda one: leaves(one) <= MOST_LEAVES)


def read(text: str) -> tuple[Criterion | None, list[str]]:
    found, findings = read_criteria(tomllib.loads(f"c = {text}")["c"])
    return found, [f"{'.'.join(map(str, one.path))}: {one.what} | {one.fix}" for one in findings]


@given(criteria)
def test_what_is_written_as_toml_is_read_back_the_same(criterion: Criterion) -> None:
    found, findings = read_criteria(tomllib.loads(f"c = {toml_value(write_criteria(criterion))}")["c"])
    assert (found, findings) == (criterion, ())


@pytest.mark.parametrize(
    "text",
    [
        '{ api_name = "Stage", comparator = "equal", value = "Won" }',
        '{ field = "Stage", comparator = "equal", value = "Won" }',
        '{ field = { api_name = "Stage" }, comparator = "equal", value = "Won" }',
        '{ group = [{ api_name = "Stage", comparator = "equal", value = "Won" }], group_operator = "or" }',
        '[{ group = [{ group = [{ api_name = "Stage", comparator = "equal", value = "Won" }] }] }]',
    ],
)
def test_all_notations_of_one_comparison(text: str) -> None:
    assert read(text) == (Comparison("Stage", "equal", "Won"), [])


def test_a_list_means_that_all_must_hold() -> None:
    leaf = '{ api_name = "A", comparator = "equal", value = 1 }'
    assert read(f"[{leaf}, {leaf}]")[0] == Group("and", (Comparison("A", "equal", 1),) * 2)
    assert read(f"{{ group = [{leaf}, {leaf}] }}")[0] == Group("and", (Comparison("A", "equal", 1),) * 2)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("2026-01-31T09:00:00+01:00", "2026-01-31T08:00:00+00:00"),
        ("2026-01-31T09:00:00.75Z", "2026-01-31T09:00:00+00:00"),
        ("2026-01-31", "2026-01-31"),
    ],
)
def test_moments_become_what_zoho_reads(value: str, said: str) -> None:
    found, _ = read(f'{{ api_name = "A", comparator = "greater_than", value = {value} }}')
    assert found == Comparison("A", "greater_than", said)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('"Stage = Won"', ': "Stage = Won" is not a criterion'),
        ("[]", ": a group is a list of criteria, and not an empty one"),
        ("{ group = [] }", "group: a group is a list of criteria"),
        ('{ group_operator = "or" }', ": group is missing"),
        ('{ group = [{ api_name = "A", comparator = "equal", value = 1 }], group_operator = "xor" }', "group_operator"),
        ('{ comparator = "equal", value = 1 }', "api_name: is missing"),
        ('{ api_name = "a b", comparator = "equal", value = 1 }', 'api_name: "a b" is not a field'),
        ('{ api_name = "A", field = "A", comparator = "equal", value = 1 }', "field: names the field a second time"),
        ('{ api_name = "A", comparator = "eqal", value = 1 }', "did you mean equal?"),
        ('{ api_name = "A", comparator = "~", value = 1 }', "use equal, not_equal"),
        ('{ api_name = "A", value = 1 }', "comparator: is missing"),
        ('{ api_name = "A", comparator = "equal" }', "value: is missing"),
        (
            '{ api_name = "A", comparator = "equal", value = 1, values = 2 }',
            "values: unknown key | did you mean value?",
        ),
        ('{ api_name = "A", comparator = "between", value = ["x"] }', "value = [FIRST, LAST]"),
        ('{ api_name = "A", comparator = "in", value = [] }', "at most 20 values"),
        (f'{{ api_name = "A", comparator = "in", value = {list(range(21))} }}', "at most 20 values"),
        ('{ api_name = "A", comparator = "equal", value = ["x"] }', 'use "in" instead of "equal"'),
        ('{ api_name = "A", comparator = "in", value = [true] }', "holds no booleans"),
        ('{ api_name = "A", comparator = "equal", value = { a = 1 } }', "a table is not a value"),
        ('{ api_name = "A", comparator = "equal", value = 2026-01-31T09:00:00 }', "without an offset"),
        ('{ api_name = "A", comparator = "equal", value = 09:00:00 }', "without an offset"),
        ('{ api_name = "A", comparator = "equal", value = inf }', "is not a number to compare with"),
        ('{ api_name = "A", comparator = "in", value = ["x", nan] }', "value.1: nan is not a number"),
        ('{ api_name = "A", group = [] }', "api_name: unknown key"),
    ],
)
def test_every_fault_is_named_with_its_place(text: str, complaint: str) -> None:
    found, findings = read(text)
    assert found is None
    assert complaint in " / ".join(findings)


def test_all_faults_are_told_at_once() -> None:
    _, findings = read('[{ api_name = "A" }, { comparator = "is", value = 1 }, "x"]')
    assert [one.partition(":")[0] for one in findings] == ["0.comparator", "0.value", "1.api_name", "1.comparator", "2"]


def test_one_comparison_is_left_for_the_window() -> None:
    leaf: dict[str, Any] = dict(LEAF)
    assert leaves(read_criteria([leaf] * 24)[0]) == 24
    found, (finding,) = read_criteria([{"group": [leaf] * 5}] * 5)
    assert found is None
    assert "25 comparisons" in finding.what
