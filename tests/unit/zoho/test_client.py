"""The port of a run over a scripted Zoho: every endpoint, every error, what is paid for."""

import errno
import io
import json
import os
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from structlog.testing import capture_logs

from syncd.core.model import BulkQuery, Comparison, Cursor, Deletion, JobReport, RemoteState, Window
from syncd.errors import BadArchive, Draining, GrantRefused, NeedsOperator, Refused, TryLater, Unreachable
from syncd.sync.ports import ZohoApi
from syncd.zoho import client as client_module
from tests.unit.zoho.mock_zoho import DATE, Rig, Waits, bodies, refusal, reply

MODULES, FIELDS, ORG = "/crm/v8/settings/modules", "/crm/v8/settings/fields", "/crm/v8/org"
JOBS, COQL, DELETED = "/crm/bulk/v8/read", "/crm/v8/coql", "/crm/v8/Leads/deleted"
JOB = "5725767000000859031"
RESULT = f"{JOBS}/{JOB}/result"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WINDOW = Window(Cursor.MODIFIED, NOON - timedelta(hours=1), NOON)
CREATED = {
    "data": [
        {
            "status": "success",
            "code": "ADDED_SUCCESSFULLY",
            "details": {"id": JOB, "state": "ADDED", "created_time": "2026-03-01T13:00:00+01:00"},
        }
    ]
}


def archive() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(f"{JOB}.csv", "Id,Last_Name\n" + "1,Doe\n" * 50_000)
    return target.getvalue()


def zipped(content: bytes | None = None, status: int = 200) -> httpx2.Response:
    return reply(status, body=archive() if content is None else content, headers={"Content-Type": "application/zip"})


def test_it_satisfies_the_port_of_a_run(rig: Rig) -> None:
    api: ZohoApi = rig.client
    rig.zoho.script(MODULES, reply(200, {"modules": []}))
    assert api.modules() == ()


# -- authorisation


def test_calls_carry_the_token_and_go_to_the_pinned_host(rig: Rig) -> None:
    rig.zoho.script(MODULES, reply(200, {"modules": []}))
    rig.client.modules()
    request = rig.zoho.sent(MODULES)[0]
    assert request.url.host == "www.zohoapis.eu"
    assert request.headers["authorization"] == "Zoho-oauthtoken 1000.0000000001.bbbbbbbbbb"


@pytest.mark.parametrize(
    ("code", "status"), [("INVALID_TOKEN", 401), ("INVALID_TOKEN", 400), ("INVALID_OAUTHTOKEN", 401)]
)
def test_a_refused_token_is_renewed_once(rig: Rig, code: str, status: int) -> None:
    rig.zoho.script(MODULES, refusal(code, status), reply(200, {"modules": []}))
    rig.client.modules()
    tokens = [request.headers["authorization"] for request in rig.zoho.sent(MODULES)]
    assert tokens == ["Zoho-oauthtoken 1000.0000000001.bbbbbbbbbb", "Zoho-oauthtoken 1000.0000000002.bbbbbbbbbb"]


def test_a_new_token_that_is_refused_parks_the_org(rig: Rig) -> None:
    rig.zoho.script(MODULES, refusal("INVALID_TOKEN", 401), refusal("INVALID_TOKEN", 401))
    with pytest.raises(GrantRefused, match="just granted"):
        rig.client.modules()
    assert rig.zoho.tokens == 2


def test_a_user_without_api_access_parks_the_org(rig: Rig) -> None:
    rig.zoho.script(MODULES, refusal("NO_PERMISSION", 403, permissions=["Crm_Implied_Api_Access"]))
    with pytest.raises(GrantRefused, match="refuses the user"):
        rig.client.modules()


def test_a_missing_scope_is_named_and_parks_only_the_call(rig: Rig) -> None:
    rig.zoho.script(FIELDS, refusal("OAUTH_SCOPE_MISMATCH", 401))
    with pytest.raises(Refused) as caught:
        rig.client.fields("Leads")
    assert caught.value.code == "OAUTH_SCOPE_MISMATCH"
    assert "ZohoCRM.settings.fields.READ" in caught.value.fix
    assert "Leads" in caught.value.where
    assert rig.zoho.tokens == 1


# -- clock


def test_zohos_clock_comes_from_any_answer_and_is_asked_for_if_there_was_none(rig: Rig) -> None:
    rig.zoho.script(MODULES, reply(200, {"modules": []}))
    now = rig.client.server_time()
    assert timedelta(0) <= now - NOON < timedelta(seconds=5)
    assert rig.client.server_time() >= now
    assert len(rig.zoho.sent(MODULES)) == 1


def test_the_clock_of_a_middlebox_is_not_zohos(rig: Rig) -> None:
    wrong = {"Date": "Mon, 01 Mar 2027 12:00:00 GMT", "Content-Type": "text/html"}
    rig.zoho.script(MODULES, reply(502, body=b"<html>", headers=wrong), reply(200, {"modules": []}))
    with pytest.raises(Unreachable):
        rig.client.modules()
    assert rig.client.server_time() - NOON < timedelta(seconds=5)


def test_an_error_of_zohos_own_shows_its_clock(rig: Rig) -> None:
    rig.zoho.script(FIELDS, refusal("INVALID_MODULE"))
    with pytest.raises(Refused):
        rig.client.fields("Nothing")
    assert rig.client.server_time() - NOON < timedelta(seconds=5)
    assert rig.zoho.sent(MODULES) == []


def test_without_any_date_there_is_no_clock(rig: Rig) -> None:
    rig.zoho.script(MODULES, reply(200, {"modules": []}, headers={"Date": "never"}))
    with pytest.raises(Unreachable, match="clock is not known"):
        rig.client.server_time()


# -- limits


def test_what_each_call_costs(rig: Rig, tmp_path: Path) -> None:
    rig.zoho.script(MODULES, reply(200, {"modules": []}))
    rig.zoho.script(JOBS, reply(201, CREATED))
    rig.zoho.script(COQL, reply(200, {"data": [{"COUNT(id)": 5}]}))
    rig.zoho.script(DELETED, reply(204))
    rig.zoho.script(RESULT, zipped())
    rig.client.modules()
    rig.client.create(BulkQuery(module="Leads"))
    rig.client.count("Leads", WINDOW)
    list(rig.client.deleted("Leads", NOON))
    rig.client.download(JOB, tmp_path / "1.zip")
    taken = [entry for entry in rig.quotas.taken if entry[0] != "token_grants"]
    assert taken == [("credits", 1), ("credits", 50), ("credits", 1), ("credits", 2), ("credits", 1), ("downloads", 1)]


def test_a_repeated_attempt_pays_again_and_counts_as_a_download(rig: Rig, tmp_path: Path) -> None:
    rig.zoho.script(RESULT, httpx2.ReadError("x"), zipped())
    assert rig.client.download(JOB, tmp_path / "1.zip")
    assert rig.quotas.total("downloads") == 2


def test_a_download_connects_within_the_limiters_margin(rig: Rig, tmp_path: Path) -> None:
    rig.zoho.script(RESULT, zipped())
    rig.client.download(JOB, tmp_path / "1.zip")
    assert rig.zoho.sent(RESULT)[0].extensions["timeout"]["connect"] < 5.0


@pytest.mark.parametrize("status", [429, 400])
def test_a_limit_without_a_wait_backs_off_exponentially_with_jitter(rig: Rig, status: int) -> None:
    waits = []
    for _ in range(8):
        rig.zoho.script(MODULES, refusal("TOO_MANY_REQUESTS", status))
        with pytest.raises(TryLater) as caught:
            rig.client.modules()
        waits.append(caught.value.after)
    assert waits == [30.5, 60.5, 120.5, 240.5, 450.5, 450.5, 450.5, 450.5]  # half of 60, 120 ... 900
    rig.zoho.script(MODULES, reply(200, {"modules": []}), refusal("TOO_MANY_REQUESTS", status))
    rig.client.modules()
    with pytest.raises(TryLater) as caught:
        rig.client.modules()
    assert caught.value.after == 30.5


def test_zohos_own_wait_is_obeyed_by_all_calls_and_capped(rig: Rig) -> None:
    body = json.dumps({"code": "TOO_MANY_REQUESTS", "details": {}, "status": "error"}).encode()
    rig.zoho.script(MODULES, reply(429, body=body, headers={"Retry-After": "86400"}))
    with pytest.raises(TryLater) as caught:
        rig.client.modules()
    assert caught.value.after == 900.0
    with pytest.raises(TryLater):
        rig.client.fields("Leads")
    assert rig.zoho.sent(FIELDS) == []


def test_a_wait_of_nothing_is_a_second(rig: Rig) -> None:
    body = json.dumps({"code": "TOO_MANY_REQUESTS", "details": {}, "status": "error"}).encode()
    rig.zoho.script(MODULES, reply(429, body=body, headers={"Retry-After": "0"}))
    with pytest.raises(TryLater) as caught:
        rig.client.modules()
    assert caught.value.after == 1.0


def test_a_drain_ends_the_attempts(rig: Rig) -> None:
    def drain(_: float) -> None:
        raise Draining("stop")

    rig.authorizer.token()
    rig.waits._action = drain
    rig.zoho.script(MODULES, httpx2.ReadError("x"), reply(200, {"modules": []}))
    with pytest.raises(Draining):
        rig.client.modules()
    assert len(rig.zoho.sent(MODULES)) == 1


def test_a_refused_download_closes_all_downloads_for_a_minute(rig: Rig, tmp_path: Path) -> None:
    rig.zoho.script(RESULT, refusal("TOO_MANY_REQUESTS", 429), zipped())
    with pytest.raises(TryLater) as caught:
        rig.client.download(JOB, tmp_path / "1.zip")
    assert 60 <= caught.value.after <= 66

    def pass_time(seconds: float) -> None:
        rig.clock.now += seconds

    rig.waits._action = pass_time
    assert rig.client.download(JOB, tmp_path / "1.zip")
    assert sum(rig.waits.seconds) >= 60


def test_the_header_of_remaining_credits_is_heeded(rig: Rig) -> None:
    rig.zoho.script(MODULES, reply(200, {"modules": []}, headers={"X-API-CREDITS-REMAINING": "12"}))
    rig.client.modules()
    with pytest.raises(TryLater, match="credits are used up"):
        rig.client.create(BulkQuery(module="Leads"))
    assert rig.zoho.sent(JOBS) == []


def test_ten_broken_calls_open_the_circuit(rig: Rig) -> None:
    rig.zoho.script(MODULES, *[httpx2.ConnectError("x")] * 30)
    for _ in range(10):
        assert not rig.client.circuit_open
        with pytest.raises(Unreachable, match="does not answer"):
            rig.client.modules()
    assert rig.client.circuit_open
    with pytest.raises(Unreachable, match="not being called"):
        rig.client.modules()
    assert len(rig.zoho.sent(MODULES)) == 30


# -- answers that are none


@pytest.mark.parametrize(
    "answer",
    [
        lambda: reply(200, body=b"<html>We are sorry</html>", headers={"Content-Type": "text/html"}),
        lambda: reply(200, body=b""),
        lambda: reply(200, body=b'{"modules": ['),
        lambda: reply(200, {"unexpected": 1}),
        lambda: reply(302, headers={"Location": "https://evil.example"}),
        lambda: refusal("INTERNAL_ERROR", 500),
        lambda: reply(503, body=b"<html>", headers={"Content-Type": "text/html"}),
    ],
)
def test_what_is_not_zohos_word_is_unreachable_and_says_what_came(rig: Rig, answer: object) -> None:
    assert callable(answer)
    rig.zoho.script(MODULES, answer())
    with pytest.raises(Unreachable) as caught:
        rig.client.modules()
    assert caught.value.why
    assert MODULES in caught.value.where


# -- counting


def test_a_count_is_asked_in_coql(rig: Rig) -> None:
    rig.zoho.script(COQL, reply(200, {"data": [{"COUNT(id)": 5}]}))
    assert rig.client.count("Leads", WINDOW) == 5
    assert bodies(rig.zoho.sent(COQL)) == [
        {
            "select_query": "select COUNT(id) from Leads where Modified_Time"
            " between '2026-03-01T10:59:59+00:00' and '2026-03-01T12:00:01+00:00'"
        }
    ]


def test_a_missing_scope_is_remembered_for_all_modules(rig: Rig) -> None:
    rig.zoho.script(COQL, refusal("OAUTH_SCOPE_MISMATCH", 401))
    assert rig.client.count("Leads", WINDOW) is None
    assert rig.client.count("Leads", WINDOW) is None
    assert rig.client.count("Deals", WINDOW) is None
    assert len(rig.zoho.sent(COQL)) == 1


def test_a_module_that_coql_does_not_know_is_remembered_alone(rig: Rig) -> None:
    rig.zoho.script(COQL, refusal("INVALID_QUERY"), reply(200, {"data": [{"COUNT(id)": 5}]}))
    assert rig.client.count("Links", WINDOW) is None
    assert rig.client.count("Links", WINDOW) is None
    assert rig.client.count("Leads", WINDOW) == 5


def test_silence_is_not_zero(rig: Rig) -> None:
    rig.zoho.script(COQL, reply(204), reply(200, {"data": [{"COUNT(id)": 0}]}))
    assert rig.client.count("Leads", WINDOW) is None
    assert rig.client.count("Leads", WINDOW) == 0


def test_a_limit_is_not_a_missing_scope(rig: Rig) -> None:
    rig.zoho.script(COQL, refusal("TOO_MANY_REQUESTS", 429))
    with pytest.raises(TryLater):
        rig.client.count("Leads", WINDOW)


# -- bulk read


def test_a_job_is_created(rig: Rig) -> None:
    rig.zoho.script(JOBS, reply(201, CREATED))
    leaf = Comparison("Modified_Time", "between", ("2026-03-01T11:00:00+00:00", "2026-03-01T12:00:00+00:00"))
    accepted = rig.client.create(BulkQuery(module="Leads", fields=("Last_Name",), criterion=leaf))
    assert (accepted.remote_id, accepted.created_at) == (JOB, NOON)
    request = rig.zoho.sent(JOBS)[0]
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.content)["query"]["module"] == {"api_name": "Leads"}


def test_v2_speaks_to_v2(tmp_path: Path) -> None:
    rig = Rig(tmp_path, version="v2")
    rig.zoho.script("/crm/bulk/v2/read", reply(201, CREATED))
    rig.client.create(BulkQuery(module="Leads"))
    assert json.loads(rig.zoho.sent("/crm/bulk/v2/read")[0].content)["query"]["module"] == "Leads"


@pytest.mark.parametrize("inside", [False, True])
def test_a_refused_field_is_named(rig: Rig, inside: bool) -> None:
    error = {
        "code": "FIELD_NOT_SUPPORTED",
        "details": {"api_name": "Mailing_Address", "module": "Contacts"},
        "message": "Field api name 'Mailing_Address' is not supported for this module 'Contacts'.",
        "status": "error",
    }
    rig.zoho.script(JOBS, reply(400, {"data": [error]} if inside else error))
    with pytest.raises(Refused) as caught:
        rig.client.create(BulkQuery(module="Contacts", fields=("Mailing_Address",)))
    assert (caught.value.code, caught.value.field) == ("FIELD_NOT_SUPPORTED", "Mailing_Address")
    assert "Mailing_Address" in caught.value.fix


def test_an_expired_page_token_is_refused_by_its_code(rig: Rig) -> None:
    rig.zoho.script(JOBS, refusal("EXPIRED_VALUE"))
    with pytest.raises(Refused) as caught:
        rig.client.create(BulkQuery(module="Leads", page_token="abc"))
    assert caught.value.code == "EXPIRED_VALUE"


@pytest.mark.parametrize("error", [httpx2.ReadError("lost"), httpx2.ReadTimeout("late"), httpx2.WriteError("cut")])
def test_a_create_whose_reply_is_lost_is_not_repeated(rig: Rig, error: Exception) -> None:
    rig.zoho.script(JOBS, error, reply(201, CREATED))
    with pytest.raises(Unreachable):
        rig.client.create(BulkQuery(module="Leads"))
    assert len(rig.zoho.sent(JOBS)) == 1


def test_a_create_that_was_never_sent_is_tried_again_for_one_price(rig: Rig) -> None:
    rig.zoho.script(JOBS, httpx2.ConnectError("x"), reply(201, CREATED))
    rig.client.create(BulkQuery(module="Leads"))
    assert rig.quotas.total("credits") == 50


def test_polling(rig: Rig) -> None:
    path = f"{JOBS}/{JOB}"
    rig.zoho.script(
        path,
        reply(200, {"data": [{"id": JOB, "state": "QUEUED"}]}),
        httpx2.ReadError("x"),
        reply(200, {"data": [{"id": JOB, "state": "COMPLETED", "result": {"count": 3, "more_records": False}}]}),
        refusal("RESOURCE_NOT_FOUND", 404),
        refusal("RESOURCE_NOT_FOUND", 400),
        refusal("OAUTH_SCOPE_MISMATCH", 401),
    )
    assert rig.client.poll(JOB) == JobReport(state=RemoteState.RUNNING)
    assert rig.client.poll(JOB) == JobReport(state=RemoteState.COMPLETED, count=3)
    assert rig.client.poll(JOB) == JobReport(state=RemoteState.GONE)
    assert rig.client.poll(JOB) == JobReport(state=RemoteState.GONE)
    with pytest.raises(Refused):
        rig.client.poll(JOB)


@pytest.mark.parametrize("remote_id", ["", "../x", "//evil.example", "1?x"])
def test_a_job_that_is_no_number_is_never_asked_about(rig: Rig, remote_id: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a job id"):
        rig.client.poll(remote_id)
    with pytest.raises(ValueError, match="not a job id"):
        rig.client.download(remote_id, tmp_path / "1.zip")
    assert rig.zoho.requests == []


def test_a_download_is_there_whole(rig: Rig, tmp_path: Path) -> None:
    rig.zoho.script(RESULT, zipped())
    target = tmp_path / "spool.zip"
    assert rig.client.download(JOB, target) is True
    assert zipfile.ZipFile(target).testzip() is None
    assert list(tmp_path.glob("*.zip*")) == [target]
    assert target.stat().st_mode & 0o777 == 0o600
    assert rig.zoho.sent(RESULT)[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("status", [404, 400])
def test_a_result_that_is_gone_is_no_error(rig: Rig, tmp_path: Path, status: int) -> None:
    rig.zoho.script(RESULT, refusal("RESOURCE_NOT_FOUND", status))
    assert rig.client.download(JOB, tmp_path / "1.zip") is False


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda: zipped(archive()[:-100]), BadArchive),
        (lambda: zipped(archive()[: len(archive()) // 2]), BadArchive),
        (lambda: zipped(b""), Unreachable),
        (lambda: zipped(b"PK"), Unreachable),
        (lambda: zipped(b"Id,Name\n1,Ms Doe\n"), Unreachable),
        (lambda: reply(200, body=b"<html>", headers={"Content-Type": "text/html"}), Unreachable),
        (lambda: reply(200, {"data": []}), Unreachable),
        (lambda: refusal("INTERNAL_SERVER_ERROR", 200), Unreachable),
        (lambda: reply(302, headers={"Location": "https://evil.example/x.zip"}), Unreachable),
        (lambda: zipped(status=206), Unreachable),
        (lambda: refusal("OAUTH_SCOPE_MISMATCH", 401), Refused),
    ],
)
def test_a_download_that_is_no_archive_leaves_nothing_behind(
    rig: Rig, tmp_path: Path, answer: object, error: type[Exception]
) -> None:
    assert callable(answer)
    rig.zoho.script(RESULT, answer())
    folder = tmp_path / "spool"
    folder.mkdir()
    with pytest.raises(error) as caught:
        rig.client.download(JOB, folder / "1.zip")
    assert "Ms Doe" not in str(caught.value)
    assert list(folder.iterdir()) == []


def test_a_download_over_the_cap_is_refused(rig: Rig, tmp_path: Path) -> None:
    rig.client._largest_archive = 100
    rig.zoho.script(RESULT, zipped())
    with pytest.raises(BadArchive, match="too large"):
        rig.client.download(JOB, tmp_path / "1.zip")


def test_a_failed_download_does_not_touch_the_file_that_is_there(rig: Rig, tmp_path: Path) -> None:
    target = tmp_path / "1.zip"
    target.write_bytes(b"the old one")
    rig.zoho.script(RESULT, zipped(archive()[:-100]))
    with pytest.raises(BadArchive):
        rig.client.download(JOB, target)
    assert target.read_bytes() == b"the old one"


def test_a_spool_that_cannot_be_written_needs_the_operator(rig: Rig, tmp_path: Path) -> None:
    rig.zoho.script(RESULT, zipped())
    with pytest.raises(NeedsOperator, match="spool cannot be written"):
        rig.client.download(JOB, tmp_path / "missing" / "1.zip")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_pauses_and_leaves_nothing_behind(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def full(_: int) -> None:
        raise OSError(code, os.strerror(code))

    rig.authorizer.token()
    monkeypatch.setattr(os, "fsync", full)
    rig.zoho.script(RESULT, zipped())
    folder = tmp_path / "spool"
    folder.mkdir()
    with pytest.raises(TryLater, match="no room"):
        rig.client.download(JOB, folder / "1.zip")
    assert list(folder.iterdir()) == []


def test_a_drain_ends_a_download(rig: Rig, tmp_path: Path) -> None:
    def drain(_: float) -> None:
        raise Draining("stop")

    rig.client._wait = Waits(drain)
    rig.zoho.script(RESULT, zipped())
    folder = tmp_path / "spool"
    folder.mkdir()
    with pytest.raises(Draining):
        rig.client.download(JOB, folder / "1.zip")
    assert list(folder.iterdir()) == []


# -- deletes


def feed(*ids: int, more: bool = False, at: str = "2026-03-01T12:30:00+00:00") -> httpx2.Response:
    entries = [{"id": str(number), "deleted_time": at, "type": "recycle", "display_name": "Ms Doe"} for number in ids]
    return reply(200, {"data": entries, "info": {"more_records": more}})


def test_the_feed_is_paged_to_its_end(rig: Rig) -> None:
    rig.zoho.script(DELETED, feed(1, 2, more=True), feed(2, 3, more=True), feed(4))
    found = list(rig.client.deleted("Leads", NOON))
    assert [entry.record_id for entry in found] == [1, 2, 2, 3, 4]
    assert found[0] == Deletion(1, NOON + timedelta(minutes=30))
    requests = rig.zoho.sent(DELETED)
    assert [request.url.params["page"] for request in requests] == ["1", "2", "3"]
    assert {request.headers["if-modified-since"] for request in requests} == {"2026-03-01T12:00:00+00:00"}
    assert {request.url.params["type"] for request in requests} == {"all"}


def test_the_feed_is_lazy_and_filters_what_is_older(rig: Rig) -> None:
    rig.zoho.script(
        DELETED, feed(1, at="2026-03-01T11:59:59+00:00", more=True), feed(2, at="2026-03-01T12:00:00+00:00")
    )
    assert [entry.record_id for entry in rig.client.deleted("Leads", NOON)] == [2]


@pytest.mark.parametrize("status", [204, 304])
def test_no_content_is_no_deletes(rig: Rig, status: int) -> None:
    rig.zoho.script(DELETED, reply(status))
    assert list(rig.client.deleted("Leads", NOON)) == []


def test_a_feed_that_stands_still_is_not_read_for_ever(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.zoho.script(DELETED, feed(1, more=True), feed(1, more=True))
    with pytest.raises(Unreachable, match="does not move on"):
        list(rig.client.deleted("Leads", NOON))
    monkeypatch.setattr(client_module, "MOST_DELETED_PAGES", 3)
    rig.zoho.script(DELETED, *(feed(number, more=True) for number in range(4)))
    with pytest.raises(NeedsOperator, match="too long"):
        list(rig.client.deleted("Leads", NOON))


# -- secrets


def test_no_secret_and_no_record_in_what_is_logged(rig: Rig) -> None:
    rig.zoho.script(DELETED, feed(1))
    rig.zoho.script(JOBS, reply(201, CREATED))
    with capture_logs() as logs:
        list(rig.client.deleted("Leads", NOON))
        rig.client.create(
            BulkQuery(
                module="Leads",
                criterion=Comparison("Email", "equal", "doe@example.org"),
                callback_url="https://me.example/callback/canary-canary-canary-canary",
            )
        )
    assert logs
    for word in ("canary", "bbbbbbbbbb", "Ms Doe", "doe@example.org", "abcdef0123"):
        assert word not in str(logs)
    assert DATE not in str(logs)
