"""COQL: counts and lists, and what it refuses."""

from typing import Any

import pytest

from tests.unit.simulator.conftest import MakeDesk
from tests.unit.simulator.desk import Desk, at


def run(desk: Desk, text: object) -> Any:
    return desk.ask("POST", "/crm/v8/coql", {"select_query": text})


def count(desk: Desk, where: str, module: str = "Contacts") -> int:
    answer = run(desk, f"select COUNT(id) from {module} where {where}")
    assert answer.status == 200, answer
    assert answer.data["info"] == {"count": 1, "more_records": False}
    return int(answer.data["data"][0]["COUNT(id)"])


@pytest.mark.parametrize("field", ["Created_Time", "Modified_Time"])
def test_counts_of_windows_match_the_truth(desk: Desk, field: str) -> None:
    stamps = sorted(row[field] for row in desk.sim.truth("Contacts").values())
    low, high = stamps[5], stamps[30]
    expected = sum(low <= stamp <= high for stamp in stamps)
    assert count(desk, f"{field} between '{low}' and '{high}'") == expected
    assert count(desk, f"({field} >= '{low}' and {field} <= '{high}')") == expected
    assert count(desk, f"{field} < '{low}' or {field} > '{high}'") == 40 - expected


def test_counts_follow_deletes_and_late_changes(desk: Desk) -> None:
    assert count(desk, "id is not null") == 40
    desk.sim.delete("Contacts", desk.sim.live_ids("Contacts")[:3])
    desk.sim.create("Contacts", 2, late=5)
    assert count(desk, "id is not null") == 37
    now = desk.sim.clock.timestamp()
    window = f"Created_Time between '{at(now)}' and '{at(now + 1)}'"
    assert count(desk, window) == 0
    desk.sim.clock.advance(5)
    assert count(desk, window) == 2


def test_lists_come_in_order_of_id_with_limit_and_offset(desk: Desk) -> None:
    ids = desk.sim.live_ids("Contacts")
    answer = run(desk, "SELECT id, Last_Name FROM Contacts WHERE id is not null ORDER BY id LIMIT 3 OFFSET 2")
    assert [int(row["id"]) for row in answer.data["data"]] == ids[2:5]
    assert answer.data["info"] == {"count": 3, "more_records": True}
    keyset = run(desk, f"select id from Contacts where id > '{ids[-2]}' order by id limit 200")
    assert [row["id"] for row in keyset.data["data"]] == [str(ids[-1])]
    assert run(desk, "select id from Contacts where Last_Name = 'No One'").status == 204


def test_conditions(desk: Desk) -> None:
    truth = desk.sim.truth("Contacts").values()
    some = next(row["Last_Name"] for row in truth if "'" not in row["Last_Name"])
    assert count(desk, f"Last_Name = '{some}'") == sum(row["Last_Name"] == some for row in truth)
    assert count(desk, f"Last_Name in ('{some}', 'x')") == sum(row["Last_Name"] == some for row in truth)
    assert count(desk, f"Last_Name not in ('{some}')") == sum(row["Last_Name"] != some for row in truth)
    assert count(desk, "Phone is null") == sum(row["Phone"] == "" for row in truth)
    assert count(desk, "Last_Name = 'O\\'Brien'") == sum(row["Last_Name"] == "O'Brien" for row in truth)
    assert count(desk, "Email_Opt_Out = true and (Visits > 100 or Visits is null)") <= 40


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("select COUNT(id) from Contacts", "SYNTAX_ERROR"),
        ("delete from Contacts where id is not null", "SYNTAX_ERROR"),
        ("select COUNT(id) from Contacts where Created_Time between 'a'", "INVALID_QUERY"),
        ("select COUNT(id) from Contacts where Created_Time =", "SYNTAX_ERROR"),
        ("select COUNT(id) from Contacts where (id is not null", "SYNTAX_ERROR"),
        ("select COUNT(id) from Nowhere where id is not null", "INVALID_QUERY"),
        ("select COUNT(id) from Contacts where Shoe = '1'", "INVALID_QUERY"),
        ("select Shoe from Contacts where id is not null", "INVALID_QUERY"),
        ("select id from Contacts where id is not null limit 2001", "INVALID_QUERY"),
        (None, "SYNTAX_ERROR"),
    ],
)
def test_refused(desk: Desk, text: object, code: str) -> None:
    answer = run(desk, text)
    assert (answer.status, answer.code) == (400, code)


def test_switches(make_desk: MakeDesk) -> None:
    desk = make_desk({"coql_count_key": "count", "coql_zero_as_204": True, "between": "open"})
    assert run(desk, "select COUNT(id) from Contacts where id is not null").data["data"] == [{"count": 40}]
    assert run(desk, "select COUNT(id) as total from Contacts where id is not null").data["data"] == [{"total": 40}]
    stamp = next(iter(desk.sim.truth("Contacts").values()))["Created_Time"]
    assert run(desk, f"select COUNT(id) from Contacts where Created_Time between '{stamp}' and '{stamp}'").status == 204
