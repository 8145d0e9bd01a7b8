"""No secret survives being shown."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.zoho.redaction import Secret, redact, redactor

TOKEN = "1000.0123456789abcdef.fedcba9876543210"


def test_a_secret_shows_itself_only_when_asked() -> None:
    secret = Secret("hunter2-hunter2")
    shown = f"{secret} {secret!r} {secret!s} {[secret]} { ({'key': secret}) }"
    assert "hunter2" not in shown
    assert secret.reveal() == "hunter2-hunter2"
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(secret)


def test_secrets_compare_by_value_and_know_when_they_are_empty() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1
    assert not Secret("")
    assert Secret("x")


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Zoho-oauthtoken {TOKEN}",
        f"authorization: zoho-oauthtoken  {TOKEN}",
        "Bearer canary-canary",
        f"the token {TOKEN} is old",
        "client_secret=canary-canary&grant_type=refresh_token",
        '{"client_secret": "canary-canary", "x": 1}',
        '{\\"refresh_token\\": \\"canary-canary\\"}',
        "{'access_token': 'canary canary'}",
        "refresh_token: canary-canary",
        "grant_type=authorization_code&code=canary-canary",
        "code=canary-canary",
        "postgresql://me:canary-canary@db.example/crm",
        "host=db password=canary-canary dbname=crm",
        "SYNCD_ZOHO__CLIENT_SECRET=canary-canary",
        "Invalid URL 'https://sync.example/zoho/canary-canary-canary-canary' for callback.",
        "https://sync.example/hook?key=canary-canary-canary-canary",
    ],
)
def test_what_is_secret_is_masked(text: str) -> None:
    shown = redact(text)
    assert "canary" not in shown
    assert "0123456789abcdef" not in shown
    assert "fedcba9876543210" not in shown
    assert "***" in shown


@pytest.mark.parametrize(
    "text",
    [
        '{"code": "INVALID_TOKEN", "message": "invalid oauth token"}',
        "POST https://www.zohoapis.eu/crm/bulk/v8/read/4150868000004717002/result",
        "exit code 5, HTTP status=400",
        "postgresql:///crm",
        "/var/lib/syncd/spool/4150868000004717002.zip",
        "",
    ],
)
def test_what_is_not_secret_stays_readable(text: str) -> None:
    assert redact(text) == text


@given(st.text(alphabet="0123456789abcdef", min_size=8), st.text(max_size=20), st.text(max_size=20))
def test_a_token_is_masked_wherever_it_stands(word: str, before: str, after: str) -> None:
    token = f"1000.{word}.{word}"
    assert word not in redact(f"{before} {token} {after}").replace(before, "").replace(after, "")


@given(st.text())
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    assert redact(redact(text)) == redact(text)


def test_known_secrets_are_masked_literally_and_short_ones_are_left() -> None:
    shown = redactor(Secret("plainword-secret"), Secret("plainword"), Secret("id"))("the id is plainword-secret")
    assert shown == "the id is ***"
    assert redactor(Secret("id"))("the id") == "the id"
