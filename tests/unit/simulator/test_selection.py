"""Criteria are really evaluated: against a plain reading of the exported texts."""

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.simulator.behaviour import Between
from syncd.simulator.cells import CANONICAL
from syncd.simulator.criteria import EMPTY, Criterion, Group, Leaf
from syncd.simulator.selection import Selector
from tests.unit.simulator.conftest import MakeDesk
from tests.unit.simulator.desk import START, Desk, at, between, small

DESK = Desk(small())
CONTACTS = DESK.sim.catalogue["Contacts"]
TRUTH = DESK.sim.truth("Contacts")
IDS = list(TRUTH)
STAMPS = sorted(
    {
        datetime.fromisoformat(row[name]).timestamp()
        for row in TRUTH.values()
        for name in ("Created_Time", "Modified_Time")
    }
)


def chosen(criterion: Criterion | None, ends: Between = "closed") -> set[int]:
    store = DESK.sim.records.store("Contacts")
    return {store.id_of(index) for index in Selector(CONTACTS, DESK.sim.records, ends).select(criterion)}


def stamp(row: dict[str, str], name: str) -> int:
    return int(datetime.fromisoformat(row[name]).timestamp())


bound = st.sampled_from(STAMPS).map(int).flatmap(lambda moment: st.integers(moment - 1, moment + 1))
windows = st.builds(
    lambda field, low, high: Leaf(field, "between", (low, high)),
    st.sampled_from(["Created_Time", "Modified_Time", "Last_Activity_Time"]),
    bound,
    bound,
)
other = st.sampled_from(
    [
        Leaf("Visits", "greater_than", (2500,)),
        Leaf("Visits", "equal", (EMPTY,)),
        Leaf("Email_Opt_Out", "equal", (True,)),
        Leaf("Last_Name", "contains", ("a",)),
        Leaf("Lead_Source", "in", ("Cold Call", "Trade Show")),
        Leaf("Date_of_Birth", "less_equal", ("2020-01-01",)),
    ]
)
criteria = st.recursive(
    windows | other,
    lambda inner: st.builds(
        lambda operator, members: Group(operator, tuple(members)),
        st.sampled_from(["and", "or"]),
        st.lists(inner, min_size=2, max_size=3),
    ),
    max_leaves=5,
)


def holds(criterion: Criterion, row: dict[str, str], ends: Between) -> bool:  # noqa: PLR0911  # one per comparator
    """A second, slow reading of the same criteria."""
    if isinstance(criterion, Group):
        results = [holds(member, row, ends) for member in criterion.members]
        return all(results) if criterion.operator == "and" else any(results)
    text, first = row[criterion.field], criterion.values[0]
    match criterion.comparator:
        case "between":
            low, high = (int(value) for value in criterion.values)
            moment = stamp(row, criterion.field)
            left = low < moment if ends in {"open", "half-open-left"} else low <= moment
            right = moment < high if ends in {"open", "half-open-right"} else moment <= high
            return left and right
        case "greater_than":
            return text != "" and int(text) > int(first)
        case "less_equal":
            return text != "" and text <= str(first)
        case "contains":
            return str(first) in text
        case "in":
            return text in criterion.values
        case _:
            return text == {True: "true", EMPTY: ""}.get(first, first)


@settings(max_examples=60)
@given(criterion=criteria, ends=st.sampled_from(["closed", "open", "half-open-left", "half-open-right"]))
def test_selection_and_count_agree_with_the_texts(criterion: Criterion, ends: Between) -> None:
    expected = {record_id for record_id, row in TRUTH.items() if holds(criterion, row, ends)}
    assert chosen(criterion, ends) == expected
    assert Selector(CONTACTS, DESK.sim.records, ends).count(criterion) == len(expected)


@pytest.mark.parametrize("ends", ["closed", "open", "half-open-left", "half-open-right"])
def test_the_ends_of_between_are_a_switch(make_desk: MakeDesk, ends: str) -> None:
    desk = make_desk({"between": ends}, rows={"Accounts": 0})
    ids = []
    for _ in range(3):
        ids += desk.sim.create("Accounts")
        desk.sim.clock.advance(1)
    desk.sim.clock.advance(10)
    window = between("Modified_Time", at(START.timestamp()), at(START.timestamp() + 2))
    found = {int(row["Id"]) for row in desk.export("Accounts", fields=["Modified_Time"], criteria=window)}
    expected = {"closed": ids, "open": ids[1:2], "half-open-left": ids[1:], "half-open-right": ids[:2]}[ends]
    assert found == set(expected)


def test_criteria_may_reach_into_the_parent(desk: Desk) -> None:
    names = {str(i): row["Account_Name"] for i, row in desk.sim.truth("Accounts").items()}
    wanted = next(iter(names.values()))
    criterion = {"field": {"api_name": "Account_Name.Account_Name"}, "comparator": "equal", "value": wanted}
    found = {row["Id"] for row in desk.export("Contacts", fields=["Account_Name"], criteria=criterion)}
    truth = desk.sim.truth("Contacts")
    assert found == {str(i) for i, row in truth.items() if names.get(row["Account_Name"]) == wanted}
    assert found


def test_a_row_with_overridden_text_is_found_by_it(desk: Desk) -> None:
    record_id = desk.sim.live_ids("Contacts")[5]
    desk.sim.edit("Contacts", [record_id], {"Last_Name": "Nobody Else"})
    criterion = {"field": {"api_name": "Last_Name"}, "comparator": "equal", "value": "Nobody Else"}
    assert [row["Id"] for row in desk.export("Contacts", fields=["Last_Name"], criteria=criterion)] == [str(record_id)]


def test_the_canonical_style_is_what_criteria_compare() -> None:
    assert CANONICAL.zone == "+00:00"
    assert CANONICAL.true == "true"
