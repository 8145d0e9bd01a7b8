"""Metadata, unknown paths, and what stands around every answer."""

import pytest

from tests.unit.simulator.conftest import MakeDesk
from tests.unit.simulator.desk import Desk


def test_modules(desk: Desk) -> None:
    modules = {m["api_name"]: m for m in desk.ask("GET", "/crm/v8/settings/modules").data["modules"]}
    assert {"Leads", "Contacts", "Accounts", "Deals", "Tasks", "Events", "Audit_Trail__c", "Measurements"} <= set(
        modules
    )
    assert modules["Home"]["api_supported"] is False
    assert modules["Contacts_X_Skills"]["generated_type"] == "linking"
    assert modules["Old_Surveys"]["status"] == "user_hidden"
    assert all(module["id"].isdigit() and len(module["id"]) == 19 for module in modules.values())


def test_fields(desk: Desk) -> None:
    answer = desk.ask("GET", "/crm/v8/settings/fields", query={"module": "Contacts"})
    fields = {field["api_name"]: field for field in answer.data["fields"]}
    assert fields["Account_Name"]["lookup"]["module"]["api_name"] == "Accounts"
    assert fields["Contact_Score"]["formula"]["return_type"] == "double"
    assert fields["Mailing_Address"]["json_type"] == "jsonobject"
    assert [value["actual_value"] for value in fields["Salutation"]["pick_list_values"]][:2] == ["Mr.", "Mrs."]
    assert fields["Tag"]["json_type"] == "jsonarray"
    assert fields["id"]["data_type"] == "bigint"
    assert len(fields) > 40


def test_the_id_may_be_missing_from_the_fields(make_desk: MakeDesk) -> None:
    desk = make_desk({"metadata_lists_id": False})
    names = [
        f["api_name"] for f in desk.ask("GET", "/crm/v8/settings/fields", query={"module": "Leads"}).data["fields"]
    ]
    assert "id" not in names


def test_denied_fields_are_not_listed(desk: Desk) -> None:
    desk.sim.catalogue.deny_field("Leads", "Phone")
    fields = desk.ask("GET", "/crm/v8/settings/fields", query={"module": "Leads"}).data["fields"]
    assert "Phone" not in [field["api_name"] for field in fields]
    desk.sim.catalogue.deny_field("Leads", "Phone", denied=False)
    fields = desk.ask("GET", "/crm/v8/settings/fields", query={"module": "Leads"}).data["fields"]
    assert "Phone" in [field["api_name"] for field in fields]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/crm/v8/settings/fields", 400, "REQUIRED_PARAM_MISSING"),
        ("GET", "/crm/v8/settings/nothing", 404, "INVALID_URL_PATTERN"),
        ("GET", "/crm/v8/bulk/read", 404, "INVALID_URL_PATTERN"),
        ("GET", "/crm/bulk/v8/read", 400, "INVALID_REQUEST_METHOD"),
        ("DELETE", "/crm/v8/org", 400, "INVALID_REQUEST_METHOD"),
        ("GET", "/crm/v9/org", 404, "INVALID_URL_PATTERN"),
    ],
)
def test_wrong_calls(desk: Desk, method: str, path: str, status: int, code: str) -> None:
    answer = desk.ask(method, path)
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize("version", ["v2", "v2.1", "v5", "v8"])
def test_all_versions_answer(desk: Desk, version: str) -> None:
    assert desk.ask("GET", f"/crm/{version}/org").data["org"][0]["id"] == "5725767"
    assert desk.ask("GET", f"/crm/{version}/users").data["info"]["count"] == 8


def test_every_answer_has_the_simulators_date(desk: Desk) -> None:
    desk.sim.clock.advance(86400 * 30)
    for path in ("/crm/v8/org", "/nowhere"):
        assert desk.ask("GET", path).headers["Date"] == "Tue, 31 Mar 2026 12:00:00 GMT"


def test_counts(desk: Desk) -> None:
    path = "/crm/v8/Contacts/actions/count"
    assert desk.ask("GET", path).data == {"count": 40}
    some = next(iter(desk.sim.truth("Contacts").values()))["Last_Name"]
    expected = sum(row["Last_Name"] == some for row in desk.sim.truth("Contacts").values())
    assert desk.ask("GET", path, query={"criteria": f"(Last_Name:equal:{some})"}).data == {"count": expected}
