"""What comes in: both versions' forms are read, what lacks its form is Unreachable."""

import contextlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.model import Deletion, Field, JobReport, Module, RemoteState
from syncd.errors import Unreachable
from syncd.zoho import replies

JOB = "5725767000000859031"
CREATED = {
    "data": [
        {
            "status": "success",
            "code": "ADDED_SUCCESSFULLY",
            "message": "Added successfully.",
            "details": {
                "id": JOB,
                "operation": "read",
                "state": "ADDED",
                "created_by": {"id": "5725767000000411001", "name": "Patricia Boyle"},
                "created_time": "2021-07-25T02:13:17-07:00",
            },
        }
    ],
    "info": {},
}


def job(state: str, **more: object) -> dict[str, Any]:
    return {"data": [{"id": JOB, "operation": "read", "state": state, **more}], "info": {}}


def test_an_accepted_job() -> None:
    accepted = replies.accepted_job(CREATED, "create")
    assert accepted.remote_id == JOB
    assert accepted.created_at == datetime(2021, 7, 25, 9, 13, 17, tzinfo=UTC)


@pytest.mark.parametrize("details", [{}, {"id": "x", "created_time": "2021-07-25T02:13:17Z"}, {"id": JOB}, None])
def test_a_create_without_an_id_or_a_time_has_not_its_form(details: object) -> None:
    with pytest.raises(Unreachable, match="does not have its form"):
        replies.accepted_job({"data": [{"status": "success", "details": details}]}, "create")


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("ADDED", RemoteState.RUNNING),
        ("QUEUED", RemoteState.RUNNING),
        ("IN PROGRESS", RemoteState.RUNNING),
        ("IN_PROGRESS", RemoteState.RUNNING),
        ("PAUSED", RemoteState.RUNNING),
        ("", RemoteState.RUNNING),
        ("FAILURE", RemoteState.FAILED),
        ("FAILED", RemoteState.FAILED),
        ("COMPLETED", RemoteState.COMPLETED),
    ],
)
def test_a_job_is_decided_by_its_state_alone(word: str, state: RemoteState) -> None:
    """A ghost of a result stands in the samples of unfinished jobs."""
    ghost = {"page": 1, "count": 26, "download_url": "//evil.example/x", "more_records": False}
    report = replies.job_report(job(word, result=ghost), "poll")
    assert report.state is state
    assert report.count == (26 if state is RemoteState.COMPLETED else 0)


def test_a_completed_job_in_both_dialects() -> None:
    v2 = job("COMPLETED", result={"page": 1, "per_page": 200000, "count": 0, "more_records": False})
    assert replies.job_report(v2, "poll") == JobReport(state=RemoteState.COMPLETED)
    v8 = job("COMPLETED", result={"count": "200000", "more_records": True, "next_page_token": "bca6"})
    assert replies.job_report(v8, "poll") == JobReport(
        state=RemoteState.COMPLETED, count=200_000, more_records=True, next_page_token="bca6"
    )


@pytest.mark.parametrize(
    "result", [None, {}, {"count": 5}, {"count": -1, "more_records": False}, {"count": True, "more_records": False}]
)
def test_a_completed_job_without_its_numbers_is_still_running(result: object) -> None:
    """A job that never gets them is lost after a while, and made anew."""
    assert replies.job_report(job("COMPLETED", result=result), "poll") == JobReport(state=RemoteState.RUNNING)


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (
            {"error_message": {"code": "INTERNAL_SERVER_ERROR", "message": "Internal server error occurred."}},
            "INTERNAL_SERVER_ERROR: Internal server error occurred.",
        ),
        ({"error_message": "it broke"}, "it broke"),
        ({"error_message": {}}, "no reason given"),
        (None, "no reason given"),
    ],
)
def test_a_failed_job_says_why(result: object, error: str) -> None:
    report = replies.job_report(job("FAILURE", result=result), "poll")
    assert (report.state, report.error) == (RemoteState.FAILED, error)


@pytest.mark.parametrize("document", [None, [], {}, {"data": {}}, {"data": []}, {"data": ["x"]}])
def test_an_answer_without_data_has_not_its_form(document: object) -> None:
    for read in (replies.accepted_job, replies.job_report):
        with pytest.raises(Unreachable):
            read(document, "call")


@pytest.mark.parametrize(
    ("document", "count"),
    [
        ({"data": [{"COUNT(id)": 123}], "info": {}}, 123),
        ({"data": [{"count": "0"}]}, 0),
        ({"data": [{"COUNT(id)": 12, "note": "x"}]}, 12),
        ({"data": []}, None),
        ({"data": [{"COUNT(id)": True}]}, None),
        ({"data": [{"COUNT(id)": -1}]}, None),
        ({"data": [{"a": 1, "b": 2}]}, None),
        ({"data": [{"COUNT(id)": 1}, {"COUNT(id)": 2}]}, None),
        (None, None),
        ([], None),
    ],
)
def test_a_count_is_a_number_or_nothing(document: object, count: int | None) -> None:
    assert replies.count_of(document) == count


def test_modules_and_why_some_cannot_be_synced() -> None:
    document = {
        "modules": [
            {
                "api_name": "Leads",
                "plural_label": "Interested",
                "generated_type": "default",
                "api_supported": True,
                "viewable": True,
                "status": "visible",
            },
            {"api_name": "Home", "api_supported": False, "generated_type": "default"},
            {"api_name": "Web", "api_supported": True, "generated_type": "web"},
            {"api_name": "Activities", "api_supported": True},
            {"api_name": "Old__c", "api_supported": True, "status": "scheduled_for_deletion"},
            {"api_name": "Hidden__c", "api_supported": True, "viewable": False},
            {"api_name": "Skills_X", "api_supported": True, "generated_type": "linking", "module_name": "Links"},
        ]
    }
    found = replies.modules(document, "modules")
    assert found[0] == Module(api_name="Leads", label="Interested", kind="default")
    assert found[6] == Module(api_name="Skills_X", label="Links", kind="linking")
    assert [module.api_name for module in found if module.why_not] == [
        "Home",
        "Web",
        "Activities",
        "Old__c",
        "Hidden__c",
    ]
    assert replies.modules(None, "modules") == ()
    with pytest.raises(Unreachable):
        replies.modules({"modules": [{"module_name": "x"}]}, "modules")


def test_fields_of_both_versions() -> None:
    document = {
        "fields": [
            {
                "api_name": "Amount",
                "data_type": "currency",
                "display_label": "Betrag",
                "field_label": "Amount",
                "length": 16,
                "decimal_place": 2,
                "lookup": {},
                "formula": {},
            },
            {
                "api_name": "Account_Name",
                "data_type": "lookup",
                "field_label": "Account",
                "lookup": {"module": {"api_name": "Accounts", "id": "1"}},
            },
            {"api_name": "Contact_Name", "data_type": "lookup", "lookup": {"module": "Contacts"}},
            {"api_name": "Score", "data_type": "formula", "formula": {"return_type": "double"}, "decimal_place": None},
            {"api_name": "Total", "data_type": "rollup_summary", "rollup_summary": {"return_type": "currency"}},
        ]
    }
    assert replies.fields(document, "fields") == (
        Field(api_name="Amount", data_type="currency", label="Betrag", length=16, decimal_places=2),
        Field(api_name="Account_Name", data_type="lookup", label="Account", lookup_module="Accounts"),
        Field(api_name="Contact_Name", data_type="lookup", label="Contact_Name", lookup_module="Contacts"),
        Field(api_name="Score", data_type="formula", label="Score", return_type="double"),
        Field(api_name="Total", data_type="rollup_summary", label="Total", return_type="currency"),
    )


def test_deletions_and_whether_more_follow() -> None:
    document = {
        "data": [
            {
                "deleted_by": None,
                "id": "410888000000680013",
                "type": "permanent",
                "deleted_time": "2016-10-26T11:44:15+05:30",
            },
            {"id": 410888000000099071, "display_name": "Ms Doe", "deleted_time": "2015-06-19T11:19:38Z"},
        ],
        "info": {"per_page": 200, "count": 2, "page": 1, "more_records": True},
    }
    page, more = replies.deletions(document, "deleted")
    assert page == (
        Deletion(410888000000680013, datetime(2016, 10, 26, 6, 14, 15, tzinfo=UTC)),
        Deletion(410888000000099071, datetime(2015, 6, 19, 11, 19, 38, tzinfo=UTC)),
    )
    assert more is True
    assert replies.deletions(None, "deleted") == ((), False)


@pytest.mark.parametrize(
    "document",
    [
        {"data": []},
        {"data": [], "info": {"more_records": "no"}},
        {"data": [{"id": None, "deleted_time": "2015-06-19T11:19:38Z"}], "info": {"more_records": False}},
        {"data": [{"id": "5", "deleted_time": None}], "info": {"more_records": False}},
        {"data": [{"id": "5", "deleted_time": "2015-06-19T11:19:38"}], "info": {"more_records": False}},
        {"data": [{"id": "5", "deleted_time": "0001-01-01T00:00:00+05:30"}], "info": {"more_records": False}},
    ],
)
def test_a_feed_without_its_form_deletes_nothing(document: object) -> None:
    with pytest.raises(Unreachable) as caught:
        replies.deletions(document, "GET /crm/v8/Leads/deleted")
    assert caught.value.where == "GET /crm/v8/Leads/deleted"


def test_the_organisation() -> None:
    document = {"org": [{"company_name": "ACME", "zgid": "5000", "id": "1", "time_zone": "Europe/Berlin"}]}
    assert replies.organisation(document, "org") == replies.Organisation(
        org_id="5000", name="ACME", time_zone="Europe/Berlin"
    )
    with pytest.raises(Unreachable):
        replies.organisation({"org": []}, "org")


@given(st.integers(0, 4_000_000_000), st.integers(-840, 840))
def test_a_moment_is_read_in_any_offset(seconds: int, minutes: int) -> None:
    aware = datetime.fromtimestamp(seconds, timezone(timedelta(minutes=minutes)))
    read = replies.moment(aware.isoformat(), "call")
    assert read == aware
    assert read.utcoffset() == timedelta(0)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["data", "modules", "fields", "org", "info", "state", "id", "result"]), inner)
    ),
    max_leaves=12,
)


@given(anything)
def test_nothing_that_comes_in_raises_anything_else(document: object) -> None:
    for read in (
        replies.accepted_job,
        replies.job_report,
        replies.modules,
        replies.fields,
        replies.organisation,
        replies.deletions,
    ):
        with contextlib.suppress(Unreachable):
            read(document, "call")
    replies.count_of(document)
