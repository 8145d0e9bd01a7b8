"""Access tokens: one fetch for all, kept over restarts, never asked for in vain."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs

import httpx2
import pytest
from structlog.testing import capture_logs

from syncd.errors import GrantRefused, NeedsOperator, TryLater, Unreachable
from syncd.zoho.auth import ClientCredentialsGrant, RefreshTokenGrant, exchange_code, token_state
from syncd.zoho.redaction import Secret
from syncd.zoho.regions import REGIONS, custom_region
from tests.unit.zoho.mock_zoho import EU, GRANT, MockZoho, Rig, reply, token_reply

TOKEN = "/oauth/v2/token"


def form(request: httpx2.Request) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(request.content.decode()).items()}


def test_a_refresh_token_buys_an_access_token(rig: Rig) -> None:
    token = rig.authorizer.token()
    assert token.header() == "Zoho-oauthtoken 1000.0000000001.bbbbbbbbbb"
    assert token.api_url == "https://www.zohoapis.eu"
    request = rig.zoho.requests[0]
    assert str(request.url) == "https://accounts.zoho.eu/oauth/v2/token"
    assert form(request) == {
        "grant_type": "refresh_token",
        "refresh_token": "1000.abcdef0123.fedcba3210",
        "client_id": "1000.CLIENT",
        "client_secret": "canary-secret",
    }


def test_client_credentials_need_no_refresh_token(tmp_path: Path) -> None:
    grant = ClientCredentialsGrant(
        client_id="1000.CLIENT",
        client_secret=Secret("canary-secret"),
        scopes=("ZohoCRM.bulk.READ", "ZohoCRM.modules.READ"),
        org_id="5000",
    )
    rig = Rig(tmp_path, grant=grant)
    rig.authorizer.token()
    assert form(rig.zoho.requests[0]) == {
        "grant_type": "client_credentials",
        "client_id": "1000.CLIENT",
        "client_secret": "canary-secret",
        "scope": "ZohoCRM.bulk.READ,ZohoCRM.modules.READ",
        "soid": "ZohoCRM.5000",
    }


def test_threads_share_one_fetch(rig: Rig) -> None:
    barrier = threading.Barrier(8)

    def ask() -> str:
        barrier.wait(5)
        return rig.authorizer.token().header()

    with ThreadPoolExecutor(8) as pool:
        headers = {future.result() for future in [pool.submit(ask) for _ in range(8)]}
    assert len(headers) == 1
    assert rig.zoho.tokens == 1
    assert rig.quotas.total("token_grants") == 1


def test_threads_that_were_refused_the_same_token_share_one_renewal(rig: Rig) -> None:
    old = rig.authorizer.token()
    barrier = threading.Barrier(8)

    def renew() -> str:
        barrier.wait(5)
        return rig.authorizer.renew(old).header()

    with ThreadPoolExecutor(8) as pool:
        headers = {future.result() for future in [pool.submit(renew) for _ in range(8)]}
    assert len(headers) == 1
    assert old.header() not in headers
    assert rig.zoho.tokens == 2


def test_a_restart_spends_no_grant(tmp_path: Path) -> None:
    zoho = MockZoho()
    first = Rig(tmp_path, zoho=zoho).authorizer.token()
    for _ in range(20):
        assert Rig(tmp_path, zoho=zoho).authorizer.token() == first
    assert zoho.tokens == 1


def test_a_token_that_another_process_renewed_is_taken_over(tmp_path: Path) -> None:
    zoho = MockZoho()
    one, other = Rig(tmp_path, zoho=zoho), Rig(tmp_path, zoho=zoho)
    old = one.authorizer.token()
    assert other.authorizer.token() == old
    new = other.authorizer.renew(old)
    assert one.authorizer.renew(old) == new
    assert zoho.tokens == 2


@pytest.mark.parametrize(
    ("told", "life"),
    [
        ({"expires_in": 3600}, 3600),
        ({"expires_in": "3600"}, 3600),
        ({"expires_in": 3600000}, 3600),
        ({"expires_in": 3600000, "expires_in_sec": 1800}, 1800),
        ({"expires_in": None}, 3600),
        ({"expires_in": "soon"}, 3600),
        ({"expires_in": 30}, 30),
    ],
)
def test_a_token_is_used_until_shortly_before_its_end(rig: Rig, told: dict[str, object], life: float) -> None:
    rig.zoho.script(TOKEN, token_reply("1000.first12345.bbbbbbbbbb", **told))
    first = rig.authorizer.token()
    rig.clock.now += life * 0.85
    assert rig.authorizer.token() == first
    rig.clock.now += life * 0.15
    assert rig.authorizer.token() != first


def test_a_clock_that_was_set_back_does_not_make_a_token_immortal(rig: Rig) -> None:
    first = rig.authorizer.token()
    rig.clock.now -= 3 * 24 * 3600
    assert rig.authorizer.token() != first


@pytest.mark.parametrize("word", ["invalid_code", "invalid_client", "invalid_client_secret", "brand_new_word"])
def test_a_refusal_is_not_asked_about_again_for_ten_minutes(rig: Rig, word: str) -> None:
    for _ in range(3):
        rig.zoho.script(TOKEN, reply(200, {"error": word}))
    for _ in range(5):
        with pytest.raises(GrantRefused, match=word) as caught:
            rig.authorizer.token()
        assert caught.value.fix
    assert len(rig.zoho.requests) == 1
    rig.clock.now += 601
    with pytest.raises(GrantRefused):
        rig.authorizer.token()
    assert len(rig.zoho.requests) == 2


def test_access_denied_closes_the_endpoint_for_ten_minutes_and_over_restarts(tmp_path: Path) -> None:
    zoho = MockZoho()
    rig = Rig(tmp_path, zoho=zoho)
    zoho.script(TOKEN, reply(200, {"error": "Access Denied", "error_description": "too many requests"}))
    with pytest.raises(TryLater) as caught:
        rig.authorizer.token()
    assert 600 <= caught.value.after <= 660
    for process in (rig, Rig(tmp_path, zoho=zoho)):
        with pytest.raises(TryLater) as caught:
            process.authorizer.token()
        assert 600 <= caught.value.after <= 660
    assert len(zoho.requests) == 1
    rig.clock.now += 661
    rig.authorizer.token()
    assert len(zoho.requests) == 2


def test_an_endpoint_in_trouble_is_asked_ever_less_often(rig: Rig) -> None:
    for _ in range(200):
        rig.zoho.script(TOKEN, reply(502, body=b"<html>", headers={"Content-Type": "text/html"}))
    for _ in range(600):
        with pytest.raises(Unreachable):
            rig.authorizer.token()
        rig.clock.now += 1
    assert 10 <= len(rig.zoho.requests) <= 16


def test_an_endpoint_that_cannot_be_reached_is_unreachable(rig: Rig) -> None:
    rig.zoho.script(TOKEN, *[httpx2.ConnectError("refused")] * 3)
    with pytest.raises(Unreachable, match="ConnectError"):
        rig.authorizer.token()
    assert rig.quotas.total("token_grants") == 1  # what nobody received is not counted thrice
    rig.clock.now += 2
    rig.authorizer.token()


def test_a_lost_answer_is_not_asked_for_twice_in_one_call(rig: Rig) -> None:
    rig.zoho.script(TOKEN, httpx2.ReadError("lost"))
    with pytest.raises(Unreachable):
        rig.authorizer.token()
    assert len(rig.zoho.requests) == 1


def test_the_budget_is_taken_before_asking(rig: Rig) -> None:
    rig.quotas.waits["token_grants"] = [300.0]
    with pytest.raises(TryLater, match="token grants"):
        rig.authorizer.token()
    assert rig.zoho.requests == []


@pytest.mark.parametrize(
    ("named", "used"),
    [
        ("https://sandbox.zohoapis.eu", "https://sandbox.zohoapis.eu"),
        ("https://evil.example", "https://www.zohoapis.eu"),
        ("http://www.zohoapis.eu", "https://www.zohoapis.eu"),
        ("", "https://www.zohoapis.eu"),
        (None, "https://www.zohoapis.eu"),
        (5, "https://www.zohoapis.eu"),
    ],
)
def test_the_api_domain_is_pinned(rig: Rig, named: object, used: str) -> None:
    rig.zoho.script(TOKEN, token_reply(api_domain=named))
    with capture_logs() as logs:
        assert rig.authorizer.token().api_url == used
    assert any(entry["event"] == "zoho.api_domain_ignored" for entry in logs) == (
        isinstance(named, str) and bool(named) and named != used
    )


def test_the_stored_token_is_private_and_its_host_is_pinned_too(rig: Rig, tmp_path: Path) -> None:
    rig.authorizer.token()
    rig.state.path.chmod(0o644)
    with pytest.raises(NeedsOperator):
        Rig(tmp_path / "state").authorizer.token()
    rig.state.path.chmod(0o600)
    document = json.loads(rig.state.path.read_text())
    rig.state.path.write_text(json.dumps({**document, "api_url": "https://evil.example"}))
    again = Rig(tmp_path / "state")
    assert again.authorizer.token().api_url == "https://www.zohoapis.eu"
    assert again.zoho.tokens == 1


def test_another_grant_or_place_has_another_file(tmp_path: Path) -> None:
    other = RefreshTokenGrant(client_id="x", client_secret=Secret("y"), refresh_token=Secret("z"))
    local = custom_region("http://127.0.0.1:1", "http://127.0.0.1:1")
    paths = {
        token_state(tmp_path, org, region, grant).path
        for org in ("acme", "../../x")
        for region in (EU, REGIONS["us"], local)
        for grant in (GRANT, other)
    }
    assert len(paths) == 12
    assert {path.parent for path in paths} == {tmp_path}
    assert not any("abcdef0123" in path.name or "canary" in path.name for path in paths)


def test_no_secret_in_logs_or_errors(rig: Rig) -> None:
    rig.zoho.script(
        TOKEN, reply(200, {"error": "invalid_code", "error_description": "refresh_token=1000.abcdef0123.x"})
    )
    with capture_logs() as logs:
        with pytest.raises(GrantRefused) as caught:
            rig.authorizer.token()
        rig.clock.now += 601
        rig.authorizer.token()
    shown = f"{logs} {caught.value} {caught.value.fix} {rig.authorizer._current!r} {GRANT!r}"
    for secret in ("canary", "abcdef0123", "fedcba3210", "0000000001"):
        assert secret not in shown


def test_a_code_is_exchanged_for_a_refresh_token() -> None:
    zoho = MockZoho()
    zoho.script(
        TOKEN, token_reply(refresh_token="1000.new1234567.refresh890", scope="ZohoCRM.bulk.READ ZohoCRM.org.READ")
    )
    consent = exchange_code(
        zoho.transport(), EU, client_id="1000.CLIENT", client_secret=Secret("canary"), code=Secret("1000.code")
    )
    assert consent.refresh_token == Secret("1000.new1234567.refresh890")
    assert consent.scopes == ("ZohoCRM.bulk.READ", "ZohoCRM.org.READ")
    assert consent.api_url == "https://www.zohoapis.eu"
    assert form(zoho.requests[0])["grant_type"] == "authorization_code"


@pytest.mark.parametrize(
    "answer", [{"error": "invalid_code"}, {"error": "invalid_client"}, {"access_token": "only", "expires_in": 3600}]
)
def test_a_code_that_brings_no_refresh_token_is_refused(answer: dict[str, object]) -> None:
    zoho = MockZoho()
    zoho.script(TOKEN, reply(200, answer))
    with pytest.raises(GrantRefused) as caught:
        exchange_code(
            zoho.transport(), EU, client_id="1000.CLIENT", client_secret=Secret("canary"), code=Secret("1000.code")
        )
    assert caught.value.fix
