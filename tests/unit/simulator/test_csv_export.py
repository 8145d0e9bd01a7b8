"""CSV: every switch of the dialect, and that the file holds the truth."""

import csv
import io
from typing import Any

import pytest

from syncd.simulator import Field
from tests.unit.simulator.conftest import MakeDesk
from tests.unit.simulator.desk import Desk

DIALECTS: list[dict[str, Any]] = [
    {},
    {"line_terminator": "\r\n", "bom": True},
    {"quote_all": True, "boolean_text": "TRUE/FALSE", "csv_zone": "+05:30"},
    {"multiselect_separator": ", ", "csv_zone": "America/New_York", "boolean_text": "True/False"},
    {"column_order": "shuffled", "csv_zone": "-07:00", "row_order": "id"},
    {"column_order": "metadata"},
]


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: "+".join(dialect) or "default")
@pytest.mark.parametrize("module", ["Contacts", "Leads", "Deals", "Events"])
def test_an_export_of_everything_is_the_truth(make_desk: MakeDesk, dialect: dict[str, Any], module: str) -> None:
    desk = make_desk(dialect)
    desk.sim.edit(module, desk.sim.live_ids(module)[:7])
    desk.sim.edit(module, desk.sim.live_ids(module)[:1], {"Description": 'says "hi",\r\nand \n goes'})
    text = desk.text(desk.job({"module": {"api_name": module}}))
    assert text.startswith("\ufeff") == dialect.get("bom", False)
    assert text.endswith(dialect.get("line_terminator", "\n"))
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert {int(row["Id"]): row for row in rows} == desk.sim.truth(module)


def test_texts_are_as_nasty_as_people_are(make_desk: MakeDesk) -> None:
    desk = make_desk(rows={"Leads": 300, "Accounts": 50})
    joined = "\n".join(text for row in desk.sim.truth("Leads").values() for text in row.values())
    for token in ('"', ",", "\r\n", "👍", "太郎", "\\N", "\u200b", ";"):
        assert token in joined
    assert any(row["Phone"] == "" for row in desk.sim.truth("Leads").values())


def test_dotted_fields_show_the_parent(desk: Desk) -> None:
    accounts = {str(i): row for i, row in desk.sim.truth("Accounts").items()}
    asked = ["Account_Name", "Account_Name.Phone", "Account_Name.Account_Name", "Owner.last_name", "Owner"]
    rows = desk.export("Contacts", fields=asked)
    assert list(rows[0]) == ["Id", *asked]
    for row in rows:
        parent = accounts.get(row["Account_Name"], {"Phone": "", "Account_Name": ""})
        assert row["Account_Name.Phone"] == parent["Phone"]
        assert row["Account_Name.Account_Name"] == parent["Account_Name"]
        assert row["Owner.last_name"]
        assert row["Owner"].isdigit()
    assert any(row["Account_Name.Phone"] for row in rows)


def test_a_deleted_parent_leaves_the_dotted_text_empty(desk: Desk) -> None:
    parent = next(row["Account_Name"] for row in desk.sim.truth("Contacts").values() if row["Account_Name"])
    desk.sim.delete("Accounts", [int(parent)])
    rows = desk.export("Contacts", fields=["Account_Name", "Account_Name.Account_Name"])
    assert {row["Account_Name.Account_Name"] for row in rows if row["Account_Name"] == parent} == {""}


def test_the_header_of_dotted_fields_is_a_switch(make_desk: MakeDesk) -> None:
    desk = make_desk({"dotted_header": "last"})
    assert list(desk.export("Contacts", fields=["City", "Owner.last_name"][1:])[0]) == ["Id", "last_name"]


def test_the_id_is_added_once_and_named_id_with_a_capital(desk: Desk) -> None:
    assert list(desk.export("Contacts", fields=["Last_Name", "id", "Id", "Last_Name"])[0]) == ["Id", "Last_Name"]


def test_every_version_of_a_row_differs_and_drift_changes_formulas_only(desk: Desk) -> None:
    record_id = desk.sim.live_ids("Contacts")[0]
    first = desk.sim.truth("Contacts")[record_id]
    desk.sim.clock.advance(5)
    desk.sim.edit("Contacts", [record_id])
    second = desk.sim.truth("Contacts")[record_id]
    assert second["Description"] != first["Description"]
    assert second["Modified_Time"] == "2026-03-01T12:00:05+00:00"
    changed = {name for name in second if second[name] != first[name]}
    assert len(changed) > 8
    assert not changed & {"Id", "Created_Time", "Last_Name", "Email", "Owner", "Account_Name"}
    desk.sim.clock.advance(5)
    desk.sim.drift("Contacts", [record_id])
    third = desk.sim.truth("Contacts")[record_id]
    assert {name for name in third if third[name] != second[name]} == {"Contact_Score"}


def test_the_same_seed_gives_the_same_org(make_desk: MakeDesk) -> None:
    assert make_desk().sim.truth("Deals") == make_desk().sim.truth("Deals")
    assert make_desk(seed=2).sim.truth("Deals") != make_desk().sim.truth("Deals")


def test_an_import_shares_one_second(make_desk: MakeDesk) -> None:
    desk = make_desk(same_second=12)
    stamps = [row["Created_Time"] for row in desk.sim.truth("Contacts").values()]
    assert max(map(stamps.count, stamps)) >= 12
    assert stamps == sorted(stamps)


def test_fields_come_go_and_change_at_run_time(desk: Desk) -> None:
    catalogue = desk.sim.catalogue
    catalogue.add_field(
        "Contacts", Field(api_name="Shoe_Size", data_type="integer", source="integer", options=("30", "50"))
    )
    assert all(30 <= int(row["Shoe_Size"]) <= 50 for row in desk.export("Contacts", fields=["Shoe_Size"]))
    catalogue.retype_field("Contacts", Field(api_name="Shoe_Size", data_type="text", source="company"))
    assert not desk.export("Contacts", fields=["Shoe_Size"])[0]["Shoe_Size"].isdigit()
    catalogue.blank_field("Contacts", "Phone")
    assert {row["Phone"] for row in desk.export("Contacts", fields=["Phone"])} == {""}
    catalogue.deny_field("Contacts", "Mobile")
    catalogue.remove_field("Contacts", "Shoe_Size")
    for name in ("Mobile", "Shoe_Size"):
        assert desk.create({"module": {"api_name": "Contacts"}, "fields": [name]}).code == "FIELD_NOT_AVAILABLE"
        assert name not in desk.sim.truth("Contacts")[desk.sim.live_ids("Contacts")[0]]
    with pytest.raises(ValueError, match="has no field"):
        catalogue.remove_field("Contacts", "Shoe_Size")
    with pytest.raises(ValueError, match="already has"):
        catalogue.add_field("Contacts", Field(api_name="Phone"))


DAMAGES = ["duplicate-id", "missing-id", "bad-date", "bad-number", "nul-byte", "broken-line", "huge-cell"]


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_files(desk: Desk, name: str) -> None:
    desk.sim.faults.add(name, module="Deals")
    job = desk.job({"module": {"api_name": "Deals"}})
    rows = list(csv.reader(io.StringIO(desk.text(job), newline="")))
    header, first = rows[0], rows[1]
    truth = desk.sim.truth("Deals")
    count = desk.details(job)["result"]["count"]
    assert count == len(rows) - 1
    if name == "duplicate-id":
        assert count == 21
        assert rows.count(first) == 2
    elif name == "missing-id":
        assert "Id" not in header
    elif name == "broken-line":
        assert len(first) == len(header) - 3
    else:
        right = truth[int(first[0])]
        (wrong,) = [text for key, text in zip(header, first, strict=True) if text != right[key]]
        assert {"bad-date": ":61", "bad-number": "€", "nul-byte": "\0", "huge-cell": "ß" * 100_000}[name] in wrong
    assert desk.rows(desk.job({"module": {"api_name": "Deals"}}))[0].keys() >= {"Id", "Stage"}


def test_a_repeated_row_can_be_stale(desk: Desk) -> None:
    for record_id in desk.sim.live_ids("Deals"):
        desk.sim.edit("Deals", [record_id])
    truth = desk.sim.truth("Deals")
    desk.sim.faults.add("duplicate-id", stale=1)
    rows = desk.export("Deals")
    assert rows[0]["Id"] == rows[-1]["Id"]
    assert rows[0] == truth[int(rows[0]["Id"])]
    assert rows[-1]["Modified_Time"] < rows[0]["Modified_Time"]
    assert rows[-1]["Description"] != rows[0]["Description"]


def test_damage_can_be_aimed_at_a_field(desk: Desk) -> None:
    desk.sim.faults.add("bad-number", field="Probability")
    rows = desk.export("Deals", fields=["Amount", "Probability"])
    assert rows[0]["Probability"] == "12,50 €"
    assert "€" not in rows[0]["Amount"]
