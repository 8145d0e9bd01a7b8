"""The accounts server: grants, HTTP-200 errors, limits, scopes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.simulator import ALL_SCOPES, SOID
from syncd.simulator.oauth import covers
from tests.unit.simulator.conftest import MakeDesk
from tests.unit.simulator.desk import Desk


def test_the_refresh_grant(desk: Desk) -> None:
    answer = desk.token()
    assert answer.status == 200
    assert answer.data["expires_in"] == 3600
    assert answer.data["token_type"] == "Bearer"
    assert answer.data["api_domain"] == "http://127.0.0.1:1"
    assert "refresh_token" not in answer.data


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_id": "1000.OTHER"}, "invalid_client"),
        ({"client_secret": "wrong"}, "invalid_client_secret"),
        ({"refresh_token": "gone"}, "invalid_code"),
        ({"grant_type": "authorization_code", "code": "old"}, "invalid_code"),
        ({"grant_type": "client_credentials", "scope": "ZohoCRM.bulk.READ"}, "invalid_soid"),
        ({"grant_type": "client_credentials", "soid": SOID, "scope": "ZohoBooks.all"}, "invalid_scope"),
        ({"grant_type": "password"}, "invalid_request"),
    ],
)
def test_errors_come_with_status_200(desk: Desk, form: dict[str, str], error: str) -> None:
    answer = desk.token(**form)
    assert (answer.status, answer.data) == (200, {"error": error})


def test_a_code_works_once_within_three_minutes(desk: Desk) -> None:
    now = desk.sim.clock.timestamp()
    code, late = desk.sim.accounts.issue_code(now), desk.sim.accounts.issue_code(now)
    answer = desk.token(grant_type="authorization_code", code=code)
    assert "access_token" in desk.token(refresh_token=answer.data["refresh_token"]).data
    assert desk.token(grant_type="authorization_code", code=code).data == {"error": "invalid_code"}
    desk.sim.clock.advance(180)
    assert desk.token(grant_type="authorization_code", code=late).data == {"error": "invalid_code"}


def test_client_credentials_narrow_the_scopes(desk: Desk) -> None:
    scope = "ZohoCRM.bulk.READ,ZohoCRM.modules.Leads.READ"
    answer = desk.token(grant_type="client_credentials", soid=SOID, scope=scope)
    desk._token = answer.data["access_token"]
    assert desk.create({"module": {"api_name": "Leads"}}).status == 201
    refused = desk.create({"module": {"api_name": "Contacts"}})
    assert (refused.status, refused.code) == (401, "OAUTH_SCOPE_MISMATCH")


def test_ten_tokens_in_ten_minutes_then_a_throttle(desk: Desk) -> None:
    for _ in range(10):
        assert "access_token" in desk.token().data
        desk.sim.clock.advance(59)
    assert desk.token().data["error"] == "Access Denied"
    desk.sim.clock.advance(10)
    assert "access_token" in desk.token().data
    assert desk.token().data["error"] == "Access Denied"


def test_the_eleventh_live_token_evicts_the_oldest(desk: Desk) -> None:
    tokens = []
    for _ in range(11):
        tokens.append(desk.token().data["access_token"])
        desk.sim.clock.advance(61)
    works = []
    for token in tokens:
        desk._token = token
        works.append(desk.ask("GET", "/crm/v8/org").status)
    assert works == [401] + [200] * 10


def test_tokens_end_after_an_hour_and_when_revoked(desk: Desk) -> None:
    assert desk.ask("GET", "/crm/v8/org").status == 200
    desk.sim.clock.advance(3599)
    assert desk.ask("GET", "/crm/v8/org").status == 200
    desk.sim.clock.advance(1)
    assert desk.ask("GET", "/crm/v8/org").code == "INVALID_TOKEN"
    desk._token = ""
    assert desk.ask("GET", "/crm/v8/org").status == 200
    desk.sim.accounts.revoke_refresh_token()
    assert desk.ask("GET", "/crm/v8/org").status == 401
    assert desk.token().data == {"error": "invalid_code"}


@pytest.mark.parametrize("header", ["", "Bearer {}", "Zoho-oauthtoken other"])
def test_the_header_must_be_zohos_own(desk: Desk, header: str) -> None:
    answer = desk.ask("GET", "/crm/v8/org", headers={"authorization": header.format(desk.access)})
    assert (answer.status, answer.code) == (401, "INVALID_TOKEN" if header else "AUTHENTICATION_FAILURE")


@pytest.mark.parametrize(
    ("missing", "method", "path"),
    [
        ("ZohoCRM.bulk.READ", "POST", "/crm/bulk/v8/read"),
        ("ZohoCRM.coql.READ", "POST", "/crm/v8/coql"),
        ("ZohoCRM.settings.fields.READ", "GET", "/crm/v8/settings/fields"),
        ("ZohoCRM.modules.ALL", "GET", "/crm/v8/Leads/deleted"),
        ("ZohoCRM.modules.ALL", "POST", "/crm/v8/coql"),
        ("ZohoSearch.securesearch.READ", "GET", "/crm/v8/Leads/actions/count"),
        ("ZohoCRM.org.READ", "GET", "/crm/v8/org"),
    ],
)
def test_a_missing_scope(make_desk: MakeDesk, missing: str, method: str, path: str) -> None:
    desk = make_desk(scopes=tuple(scope for scope in ALL_SCOPES if scope != missing))
    value = {"select_query": "select COUNT(id) from Leads where id is not null"} if method == "POST" else None
    answer = desk.ask(method, path, value)
    assert (answer.status, answer.code) == (401, "OAUTH_SCOPE_MISMATCH")


def test_scopes_can_be_taken_away_while_tokens_live(desk: Desk) -> None:
    assert desk.ask("GET", "/crm/v8/org").status == 200
    desk.sim.accounts.set_scopes(["ZohoCRM.bulk.READ"])
    assert desk.ask("GET", "/crm/v8/org").code == "OAUTH_SCOPE_MISMATCH"


@given(operation=st.sampled_from(["READ", "ALL"]), module=st.sampled_from(["Leads", "Contacts"]))
def test_broad_scopes_cover_narrow_ones(operation: str, module: str) -> None:
    wanted = f"ZohoCRM.modules.{module}.READ"
    for granted in (
        f"ZohoCRM.modules.{module}.{operation}",
        f"ZohoCRM.modules.{operation}",
        f"zohocrm.modules.{operation.lower()}",
    ):
        assert covers([granted], wanted)
    assert not covers(["ZohoCRM.modules.Deals.ALL", "ZohoCRM.settings.ALL", "ZohoCRM.modules.Leads.CREATE"], wanted)
