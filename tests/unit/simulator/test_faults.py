"""Faults: arming, matching, and the answers they give."""

import io
import zipfile

import pytest

from syncd.simulator.faults import KINDS, OPERATIONS, Faults
from syncd.simulator.routes import OPERATIONS as ROUTES
from tests.unit.simulator.desk import Desk

LEADS = {"module": {"api_name": "Leads"}}


def test_a_fault_strikes_as_often_as_it_is_told() -> None:
    faults = Faults()
    faults.add("500", path="create", times=2, after=1)
    struck = [bool(faults.take("request", "create")) for _ in range(5)]
    assert struck == [False, True, True, False, False]
    assert faults.armed() == []
    faults.add("500", times=None)
    assert all(faults.take("request", "details") for _ in range(5))
    assert not faults.take("request", "token"), "the token endpoint must be named"
    faults.clear()
    assert not faults.take("request", "details")


def test_a_share_of_requests_is_struck() -> None:
    faults = Faults(seed=3)
    faults.add("500", times=None, share=0.25)
    assert 150 < sum(bool(faults.take("request", "create")) for _ in range(1000)) < 350


def test_faults_match_by_path_and_module() -> None:
    faults = Faults()
    faults.add("500", path="/crm/v2/")
    assert not faults.take("request", "org", "/crm/v8/org")
    assert faults.take("request", "org", "/crm/v2/org")
    faults.add("job-failure", module="Leads")
    assert not faults.take("job", "create", module="Deals")
    assert faults.take("job", "create", module="Leads")
    with pytest.raises(ValueError, match="no fault named 'boom'"):
        faults.add("boom")


def test_the_operations_of_faults_are_those_of_the_routes() -> None:
    assert set(OPERATIONS) == {operation.name for operation in ROUTES}
    assert {kind.operation for kind in KINDS.values()} <= {"", *OPERATIONS}


@pytest.mark.parametrize(
    ("name", "status", "content"),
    [
        ("429", 429, "TOO_MANY_REQUESTS"),
        ("400-throttle", 400, "TOO_MANY_REQUESTS"),
        ("500", 500, "INTERNAL_ERROR"),
        ("502", 502, "<html>"),
        ("503", 503, "<html>"),
        ("html", 200, "<html>"),
        ("empty-body", 200, ""),
        ("scope", 401, "OAUTH_SCOPE_MISMATCH"),
        ("no-permission", 403, "NO_PERMISSION"),
        ("not-found", 404, "RESOURCE_NOT_FOUND"),
        ("json-for-zip", 200, "INTERNAL_SERVER_ERROR"),
        ("redirect", 302, ""),
    ],
)
def test_answers_of_request_faults(desk: Desk, name: str, status: int, content: str) -> None:
    desk.sim.faults.add(name, path="download")
    job = desk.job(LEADS)
    reply = desk.download(job)
    assert reply.status == status
    assert content in reply.body.decode()
    assert desk.download(job).status == 200
    assert desk.sim.log.entries("download")[0].fault == name


def test_retry_after_is_sent_if_asked_for(desk: Desk) -> None:
    desk.sim.faults.add("429", path="org", retry_after=7)
    assert desk.ask("GET", "/crm/v8/org").headers["Retry-After"] == "7"


def test_a_redirect_leads_to_another_host(desk: Desk) -> None:
    desk.sim.faults.add("redirect")
    job = desk.job(LEADS)
    assert desk.download(job).headers["Location"] == f"https://files.example.invalid/crm/bulk/v8/read/{job}/result"


def test_token_faults(desk: Desk) -> None:
    for name, error in (
        ("access-denied", "Access Denied"),
        ("invalid-client", "invalid_client"),
        ("revoked", "invalid_code"),
    ):
        desk.sim.faults.add(name)
        assert desk.token().data["error"] == error
    assert desk.token().data == {"error": "invalid_code"}, "revoked for good"
    desk.sim.accounts.restore_refresh_token()
    assert desk.ask("GET", "/crm/v8/org").status == 200
    desk.sim.faults.add("expired-token", path="org")
    assert [desk.ask("GET", "/crm/v8/org").code for _ in range(2)] == ["INVALID_TOKEN"] * 2
    desk._token = ""
    assert desk.ask("GET", "/crm/v8/org").status == 200


@pytest.mark.parametrize("name", ["truncated-zip", "corrupt-zip", "two-members", "no-members", "zip-bomb"])
def test_damaged_zips(desk: Desk, name: str) -> None:
    desk.sim.faults.add(name, megabytes=8)
    job = desk.job({"module": {"api_name": "Contacts"}})
    data = desk.download(job).body
    if name == "truncated-zip":
        with pytest.raises(zipfile.BadZipFile):
            zipfile.ZipFile(io.BytesIO(data))
    else:
        archive = zipfile.ZipFile(io.BytesIO(data))
        members = archive.infolist()
        assert len(members) == {"two-members": 2, "no-members": 0}.get(name, 1)
        if name == "corrupt-zip":
            assert archive.testzip() is not None or _unreadable(archive)
        if name == "zip-bomb":
            assert members[0].file_size == 8 * 2**20 > 500 * len(data)
    assert len(desk.rows(job)) == 40, "the next download is whole"


def _unreadable(archive: zipfile.ZipFile) -> bool:
    try:
        archive.read(archive.namelist()[0])
    except (zipfile.BadZipFile, zipfile.zlib.error):  # type: ignore[attr-defined]  # zlib is what zipfile uses
        return True
    return False


@pytest.mark.parametrize("word", ["FAILURE", "FAILED"])
def test_failed_jobs(desk: Desk, word: str) -> None:
    desk.sim.faults.add("job-failure", state=word)
    job = desk.job(LEADS)
    details = desk.details(job)
    assert details["state"] == word
    assert details["result"]["error_message"]["code"] == "INTERNAL_SERVER_ERROR"
    assert desk.download(job).status == 404
    assert desk.details(desk.job(LEADS))["state"] == "COMPLETED"


def test_unknown_states_pass_and_stuck_jobs_do_not(desk: Desk) -> None:
    desk.sim.faults.add("unknown-state", polls=2)
    job = desk.job(LEADS)
    assert [desk.details(job)["state"] for _ in range(3)] == ["PAUSED", "PAUSED", "COMPLETED"]
    desk.sim.faults.add("stuck-job")
    job = desk.job(LEADS)
    desk.sim.clock.advance(3000)
    assert desk.details(job)["state"] == "IN PROGRESS"


def test_wrong_counts_and_lost_results(desk: Desk) -> None:
    desk.sim.faults.add("wrong-count", by=-2)
    assert desk.details(desk.job(LEADS))["result"]["count"] == 28
    desk.sim.faults.add("expired-result")
    job = desk.job(LEADS)
    assert desk.details(job)["state"] == "COMPLETED"
    assert desk.download(job).status == 404


def test_a_lost_reply_has_done_its_work(desk: Desk) -> None:
    desk.sim.faults.add("lost-reply", path="create")
    headers = {"authorization": f"Zoho-oauthtoken {desk.access}", "content-type": "application/json"}
    body = b'{"query":{"module":{"api_name":"Leads"}}}'
    delivery = desk.deliver("POST", "/crm/bulk/v8/read", body=body, headers=headers)
    assert delivery.how == "lost-reply"
    assert len(desk.sim.jobs.by_id) == 1
    assert desk.sim.log.entries("create")[0].status == 0
