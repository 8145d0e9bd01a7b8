"""Create requests: what is taken in each dialect, and what is refused with which code."""

from typing import Any

import pytest

from tests.unit.simulator.conftest import MakeDesk
from tests.unit.simulator.desk import EVER, Desk, between

NOT_FITTING = "FIELD_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE"
LEADS = {"api_name": "Leads"}


def leaf(field: str = "Last_Name", comparator: str = "equal", value: object = "x") -> dict[str, Any]:
    return {"field": {"api_name": field}, "comparator": comparator, "value": value}


def group(*members: object, operator: object = "and") -> dict[str, Any]:
    return {"group": list(members), "group_operator": operator}


def query(**more: object) -> dict[str, Any]:
    return {"query": {"module": LEADS, **more}}


REFUSED: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("no object", [], "REQUEST_BODY_NOT_SUPPORTED", {}),  # type: ignore[list-item]  # wrong on purpose
    ("no query", {"file_type": "csv"}, "QUERY_NOT_SUPPORTED", {}),
    ("module as string", {"query": {"module": "Leads"}}, "INVALID_DATA", {"api_name": "module"}),
    ("unknown module", {"query": {"module": {"api_name": "Leeds"}}}, "MODULE_NOT_AVAILABLE", {"module": "Leeds"}),
    ("web module", {"query": {"module": {"api_name": "Home"}}}, "MODULE_NOT_AVAILABLE", {"module": "Home"}),
    ("Notes", {"query": {"module": {"api_name": "Notes"}}}, "MODULE_NOT_SUPPORTED", {"module": "Notes"}),
    ("file type", {**query(), "file_type": "xml"}, "INVALID_DATA", {"supported_values": ["ics", "csv"]}),
    ("ics of Leads", {**query(), "file_type": "ics"}, "MODULE_NOT_SUPPORTED", {"module": "Leads"}),
    (
        "ics with fields",
        {"query": {"module": {"api_name": "Events"}, "fields": ["Venue"]}, "file_type": "ics"},
        "FIELDS_NOT_SUPPORTED",
        {},
    ),
    ("callback url", {**query(), "callback": {"url": "ftp://x/", "method": "post"}}, "INVALID_CALLBACK_URL", {}),
    (
        "callback method",
        {**query(), "callback": {"url": "https://x/", "method": "get"}},
        "INVALID_CALLBACK_METHOD",
        {"supported_callback_methods": ["post"]},
    ),
    ("page zero", query(page=0), "PAGE_RANGE_EXCEEDED", {"max_limit": 500}),
    ("page 501", query(page=501), "PAGE_RANGE_EXCEEDED", {"max_limit": 500}),
    ("page word", query(page="1"), "PAGE_NOT_SUPPORTED", {}),
    ("view", query(cvid="7"), "CVID_NOT_SUPPORTED", {"cvid": "7"}),
    ("no fields", query(fields=[]), "INVALID_DATA", {"api_name": "fields"}),
    ("unknown field", query(fields=["Shoe_Size"]), "FIELD_NOT_AVAILABLE", {"api_name": "Shoe_Size", "module": "Leads"}),
    ("compound field", query(fields=["City", "Address"]), "FIELD_NOT_SUPPORTED", {"api_name": "Address"}),
    ("coordinates", query(fields=["Coordinates"]), "FIELD_NOT_SUPPORTED", {"api_name": "Coordinates"}),
    ("image", query(fields=["Record_Image"]), "FIELD_NOT_SUPPORTED", {"api_name": "Record_Image"}),
    ("dots on no lookup", query(fields=["City.x"]), "FIELD_NOT_SUPPORTED", {"api_name": "City.x"}),
    ("unknown parent field", query(fields=["Owner.x"]), "FIELD_NOT_AVAILABLE", {"api_name": "Owner.x"}),
    ("criteria list", query(criteria=[]), "INVALID_CRITERIA", {}),
    ("group of one", query(criteria=group(leaf())), "AMBIGUOUS_GROUP_IN_CRITERIA", {}),
    ("inner group of one", query(criteria=group(leaf(), group(leaf()))), "AMBIGUOUS_GROUP_IN_CRITERIA", {}),
    ("both forms", query(criteria={**leaf(), **group(leaf(), leaf())}), "AMBIGUOUS_CRITERIA", {}),
    ("operator", query(criteria=group(leaf(), leaf(), operator="AND")), "GROUP_OPERATOR_NOT_SUPPORTED", {}),
    ("26 leaves", query(criteria=group(*[leaf()] * 26)), "CRITERIA_LIMIT_EXCEEDED", {"max_limit": 25}),
    ("flat leaf", query(criteria={"api_name": "City", "comparator": "equal", "value": "x"}), "INVALID_CRITERIA", {}),
    ("no value", query(criteria={"field": LEADS, "comparator": "equal"}), "INVALID_CRITERIA", {}),
    ("unknown in criteria", query(criteria=leaf("Nope")), "FIELD_IN_CRITERIA_NOT_AVAILABLE", {"api_name": "Nope"}),
    ("text area", query(criteria=leaf("Description")), "FIELD_IN_CRITERIA_NOT_SUPPORTED", {"api_name": "Description"}),
    ("id", query(criteria=leaf("id", "greater_than", "5")), "FIELD_IN_CRITERIA_NOT_SUPPORTED", {"api_name": "id"}),
    (
        "comparator",
        query(criteria=leaf("$converted", "not_equal", True)),
        "FIELD_COMPARATOR_IN_CRITERIA_NOT_SUPPORTED",
        {"api_name": "$converted", "comparator": "not_equal", "supported": ["equal"]},
    ),
    (
        "21 values",
        query(criteria=leaf(comparator="in", value=["x"] * 21)),
        "VALUE_LIMIT_EXCEEDED_IN_CRITERIA",
        {"max_limit": 20},
    ),
    ("in without list", query(criteria=leaf(comparator="in")), "COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE", {}),
    ("three ends", query(criteria=leaf("Created_Time", "between", EVER[:1])), "VALUE_IN_CRITERIA_NOT_SUPPORTED", {}),
    ("word for number", query(criteria=leaf("No_of_Employees", value="many")), NOT_FITTING, {}),
    ("long text", query(criteria=leaf(value="x" * 256)), NOT_FITTING, {}),
]


@pytest.mark.parametrize(("body", "code", "details"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_refused(desk: Desk, body: dict[str, Any], code: str, details: dict[str, Any]) -> None:
    answer = desk.ask("POST", "/crm/bulk/v8/read", body)
    assert (answer.status, answer.code) == (400, code)
    assert details.items() <= answer.data["details"].items()
    assert answer.data["message"]


@pytest.mark.parametrize("end", ["2026-03-01T12:00:00Z", "2026-03-01T12:00:00.123+00:00", "2026-03-01T12:00:00"])
def test_moments_need_a_numeric_offset_and_whole_seconds(desk: Desk, end: str) -> None:
    answer = desk.create({"module": LEADS, "criteria": between("Modified_Time", EVER[0], end)})
    assert answer.code == "FIELD_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE"


def test_bodies_must_be_json(desk: Desk) -> None:
    headers = {"authorization": f"Zoho-oauthtoken {desk.access}", "content-type": "application/json"}
    for body, code in ((b"", b"REQUEST_BODY_IS_EMPTY"), (b"{", b"REQUEST_BODY_NOT_READABLE")):
        reply = desk.deliver("POST", "/crm/bulk/v8/read", body=body, headers=headers).reply
        assert reply.status == 400
        assert code in reply.body
    plain = {**headers, "content-type": "text/plain"}
    assert desk.deliver("POST", "/crm/bulk/v8/read", body=b"{}", headers=plain).reply.status == 415


def test_v2_speaks_the_flat_dialect_only(desk: Desk) -> None:
    flat = {"api_name": "Modified_Time", "comparator": "between", "value": EVER}
    assert len(desk.rows(desk.job({"module": "Leads", "criteria": flat}, "v2"), "v2")) == 30
    later = {"module": "Leads", "criteria": between("Modified_Time", *EVER)}
    assert desk.create(later, "v2").code == "INVALID_CRITERIA"
    assert desk.create({"module": LEADS}, "v2").code == "INVALID_DATA"
    over = {"module": "Leads", "criteria": {**flat, "comparator": "greater_than", "value": EVER[0]}}
    answer = desk.create(over, "v2")
    assert answer.code == "FIELD_COMPARATOR_IN_CRITERIA_NOT_SUPPORTED"
    assert "between" in answer.data["details"]["supported"]
    assert desk.create({"page_token": "abc"}, "v2").code == "INVALID_DATA"
    details = desk.details(desk.job({"module": "Leads", "criteria": flat}, "v2"), "v2")
    assert details["query"] == {"module": "Leads", "criteria": flat, "page": 1}
    assert details["result"]["download_url"].startswith("/crm/bulk/v2/read/")


def test_the_echo_is_expanded(desk: Desk) -> None:
    criteria = group(leaf(), leaf("City"))
    echo = desk.details(desk.job({"module": LEADS, "fields": ["City"], "criteria": criteria}))["query"]
    assert echo["module"]["id"].isdigit()
    assert echo["fields"] == ["City"]
    assert [member["field"] for member in echo["criteria"]["group"]] == [
        {"id": None, "api_name": "Last_Name"},
        {"id": None, "api_name": "City"},
    ]


def test_a_view_restricts_rows_and_takes_room_among_the_criteria(desk: Desk) -> None:
    views = desk.ask("GET", "/crm/v8/settings/custom_views", query={"module": "Leads"})
    cvid = views.data["custom_views"][0]["id"]
    desk.sim.convert("Leads", desk.sim.live_ids("Leads")[:4])
    truth = desk.sim.truth("Leads")
    expected = {i for i, r in truth.items() if r["Record_Status__s"] == "Available" and r["$converted"] == "false"}
    assert 0 < len(expected) < 26
    rows = desk.export("Leads", fields=["City"], cvid=cvid)
    assert {int(row["Id"]) for row in rows} == expected
    assert (
        desk.create({"module": LEADS, "cvid": cvid, "criteria": group(*[leaf()] * 25)}).code
        == "CRITERIA_LIMIT_EXCEEDED"
    )
    assert desk.create({"module": LEADS, "cvid": cvid, "criteria": group(*[leaf()] * 24)}).status == 201


def test_more_than_200_fields_silently_become_all(make_desk: MakeDesk) -> None:
    desk = make_desk(rows={"Measurements": 3})
    names = [
        f["api_name"]
        for f in desk.ask("GET", "/crm/v8/settings/fields", query={"module": "Measurements"}).data["fields"]
    ]
    assert len(names) > 200
    asked = ["Not_A_Field", *names[:200]]
    assert len(asked) == 201
    (row, *_) = desk.export("Measurements", fields=asked)
    assert set(row) == {"Id", *names} - {"id"}
    (row, *_) = desk.export("Measurements", fields=names[:200])
    assert len(row) == 200


def test_switches_of_create(make_desk: MakeDesk) -> None:
    desk = make_desk(
        {
            "id_in_criteria": True, "ics_criteria": False, "value_limit": 200, "dotted_fields": False, "page_limit": 50,
            "create_errors_in_data": True, "notes_exportable": True, "bulk_jobs_at_once": 3,
            "callback_requires_https": True,
        }
    )  # fmt: skip
    record_id = desk.sim.live_ids("Leads")[3]
    criteria = leaf("id", "in", [str(record_id)] * 150)
    assert [row["Id"] for row in desk.export("Leads", fields=["City"], criteria=criteria)] == [str(record_id)]
    events = {"module": {"api_name": "Events"}, "criteria": between("Created_Time", *EVER)}
    refused = desk.create(events, file_type="ics")
    assert refused.code == "CRITERIA_NOT_SUPPORTED"
    assert refused.data["data"][0]["status"] == "error"
    assert desk.create({"module": LEADS, "fields": ["Owner.last_name"]}).code == "FIELD_NOT_SUPPORTED"
    assert desk.create({"module": LEADS, "page": 51}).code == "PAGE_RANGE_EXCEEDED"
    assert desk.create({"module": {"api_name": "Notes"}}).status == 201
    plain = {"url": "http://127.0.0.1/x", "method": "post"}
    assert desk.create({"module": LEADS}, callback=plain).code == "INVALID_CALLBACK_URL"
    desk.sim.jobs.timing = type(desk.sim.jobs.timing)(queued=60)
    assert [desk.create({"module": LEADS}).status for _ in range(4)] == [201, 201, 201, 429]


def test_the_number_of_parents_is_limited(make_desk: MakeDesk) -> None:
    desk = make_desk({"join_limit": 1})
    two = ["Owner.last_name", "Account_Name.Phone"]
    assert desk.create({"module": {"api_name": "Contacts"}, "fields": two[:1]}).status == 201
    answer = desk.create({"module": {"api_name": "Contacts"}, "fields": two})
    assert (answer.code, answer.data["details"]) == ("JOIN_LIMIT_EXCEEDED", {"max_limit": 1})
