"""The answer table, line by line: what each answer of Zoho makes syncd do."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.zoho.answers import BY_CODE, Answer, Remedy, Verdict, excerpt, judge, judge_grant, retry_after

TAKE, RENEW, WAIT, AGAIN = Remedy.TAKE, Remedy.RENEW, Remedy.WAIT, Remedy.AGAIN
GONE, REFUSE, PARK = Remedy.GONE, Remedy.REFUSE, Remedy.PARK


def error(code: str, status: int = 400, message: str = "text", **details: object) -> Answer:
    return answer(status, {"code": code, "details": details, "message": message, "status": "error"})


def answer(status: int, document: object, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(
        status=status, headers={"content-type": "application/json", **named}, body=json.dumps(document).encode()
    )


def page(status: int, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, headers={"content-type": "text/html", **named}, body=b"<html>We are sorry</html>")


# Every code that Zoho documents for these calls, with the status it is documented or reported under.
CODES = [
    ("INVALID_TOKEN", 401, RENEW),
    ("INVALID_TOKEN", 400, RENEW),
    ("INVALID_OAUTHTOKEN", 401, RENEW),
    ("AUTHENTICATION_FAILURE", 401, RENEW),
    ("OAUTH_SCOPE_MISMATCH", 401, REFUSE),
    ("AUTHORIZATION_FAILED", 400, REFUSE),
    ("NO_PERMISSION", 403, REFUSE),
    ("NO_PERMISSION", 400, REFUSE),
    ("TOO_MANY_REQUESTS", 429, WAIT),
    ("TOO_MANY_REQUESTS", 400, WAIT),
    ("LIMIT_REACHED", 400, WAIT),
    ("INTERNAL_ERROR", 500, AGAIN),
    ("INTERNAL_SERVER_ERROR", 500, AGAIN),
    ("INTERNAL_SERVER_ERROR", 200, AGAIN),
    ("RESOURCE_NOT_FOUND", 404, GONE),
    ("RESOURCE_NOT_FOUND", 400, GONE),
    ("MEDIA_TYPE_NOT_SUPPORTED", 415, REFUSE),
    ("INVALID_URL_PATTERN", 404, REFUSE),
    ("INVALID_URL_PATTERN", 400, REFUSE),
    ("INVALID_REQUEST_METHOD", 400, REFUSE),
    ("INVALID_SERVICE_NAME", 400, REFUSE),
    ("INVALID_BULK_OPERATION", 400, REFUSE),
    ("REQUEST_BODY_NOT_READABLE", 400, REFUSE),
    ("REQUEST_BODY_IS_EMPTY", 400, REFUSE),
    ("REQUEST_BODY_NOT_SUPPORTED", 400, REFUSE),
    ("MODULE_NOT_AVAILABLE", 400, REFUSE),
    ("MODULE_NOT_SUPPORTED", 400, REFUSE),
    ("INVALID_MODULE", 400, REFUSE),
    ("NOT_SUPPORTED_FEATURE", 400, REFUSE),
    ("JOB_NOT_SUPPORTED", 400, REFUSE),
    ("QUERY_NOT_SUPPORTED", 400, REFUSE),
    ("INVALID_CALLBACK_URL", 400, REFUSE),
    ("INVALID_CALLBACK_METHOD", 400, REFUSE),
    ("JOIN_LIMIT_EXCEEDED", 400, REFUSE),
    ("CRITERIA_NOT_SUPPORTED", 400, REFUSE),
    ("INVALID_CRITERIA", 400, REFUSE),
    ("AMBIGUOUS_CRITERIA", 400, REFUSE),
    ("AMBIGUOUS_GROUP_IN_CRITERIA", 400, REFUSE),
    ("CRITERIA_LIMIT_EXCEEDED", 400, REFUSE),
    ("FIELD_IN_CRITERIA_NOT_SUPPORTED", 400, REFUSE),
    ("FIELD_IN_CRITERIA_NOT_AVAILABLE", 400, REFUSE),
    ("FIELD_AND_COMPARATOR_IN_CRITERIA_NOT_COMPATIBLE", 400, REFUSE),
    ("FIELD_COMPARATOR_IN_CRITERIA_NOT_SUPPORTED", 400, REFUSE),
    ("VALUE_IN_CRITERIA_NOT_SUPPORTED", 400, REFUSE),
    ("FIELD_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE", 400, REFUSE),
    ("COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE", 400, REFUSE),
    ("COMPARATOR_AND_ENCRYPTED_VALUE_IN_CRITERIA_NOT_COMPATIBLE", 400, REFUSE),
    ("GROUP_OPERATOR_NOT_SUPPORTED", 400, REFUSE),
    ("FIELD_NOT_AVAILABLE", 400, REFUSE),
    ("FIELD_NOT_SUPPORTED", 400, REFUSE),
    ("FIELDS_NOT_SUPPORTED", 400, REFUSE),
    ("VALUE_LIMIT_EXCEEDED_IN_CRITERIA", 400, REFUSE),
    ("PAGE_NOT_SUPPORTED", 400, REFUSE),
    ("PAGE_RANGE_EXCEEDED", 400, REFUSE),
    ("CALLBACK_FAILURE", 400, REFUSE),
    ("CVID_NOT_SUPPORTED", 400, REFUSE),
    ("VALUE_TYPE_NOT_SUPPORTED", 400, REFUSE),
    ("EXPIRED_VALUE", 400, REFUSE),
    ("INVALID_DATA", 400, REFUSE),
    ("INVALID_REQUEST", 400, REFUSE),
    ("BAD_REQUEST", 400, REFUSE),
    ("NOT_ALLOWED", 400, REFUSE),
    ("INVALID_HOST", 400, REFUSE),
    ("PATTERN_NOT_MATCHED", 400, REFUSE),
    # codes nobody has seen: the status decides
    ("SOMETHING_NEW", 400, REFUSE),
    ("SOMETHING_NEW", 404, REFUSE),
    ("SOMETHING_NEW", 200, REFUSE),
    ("SOMETHING_NEW", 401, RENEW),
    ("SOMETHING_NEW", 408, AGAIN),
    ("SOMETHING_NEW", 410, GONE),
    ("SOMETHING_NEW", 429, WAIT),
    ("SOMETHING_NEW", 500, AGAIN),
    ("SOMETHING_NEW", 302, AGAIN),
]


@pytest.mark.parametrize(("code", "status", "remedy"), CODES)
def test_a_code_decides_before_the_status(code: str, status: int, remedy: Remedy) -> None:
    body = {"code": code, "details": {}, "message": "text", "status": "error"}
    for document in (body, {"data": [body], "info": {}}):
        verdict = judge(answer(status, document))
        assert verdict.remedy is remedy
        assert verdict.code == code
        assert verdict.why == f"{code} (HTTP {status}): text"


def test_every_code_of_the_table_has_its_line_here() -> None:
    assert set(BY_CODE) == {code for code, _, _ in CODES} - {"SOMETHING_NEW"}


@pytest.mark.parametrize(
    ("given", "remedy"),
    [
        (answer(200, {"modules": []}), TAKE),
        (answer(201, {"data": [{"status": "success", "code": "ADDED_SUCCESSFULLY", "details": {}}]}), TAKE),
        (answer(200, {"data": [{"id": "1", "state": "FAILURE", "result": {"error_message": {"code": "X"}}}]}), TAKE),
        (answer(200, {"code": "SUCCESS", "status": "success"}), TAKE),
        (Answer(status=204), TAKE),
        (Answer(status=304), TAKE),
        (Answer(status=200), AGAIN),
        (page(200), AGAIN),
        (page(302, location="https://evil.example"), AGAIN),
        (page(400), AGAIN),
        (page(403), AGAIN),
        (page(404), AGAIN),
        (answer(404, {"nothing": "known"}), GONE),
        (Answer(status=404), GONE),
        (Answer(status=410), GONE),
        (page(401), RENEW),
        (page(429), WAIT),
        (page(500), AGAIN),
        (page(502), AGAIN),
        (page(503), AGAIN),
        (page(503, retry_after="7"), WAIT),
        (Answer(status=200, body=b'{"data": [{"id": '), AGAIN),
        (Answer(status=200, body=b"[" * 100_000), AGAIN),
        (error("NO_PERMISSION", 403, permissions=["Crm_Implied_Api_Access"]), PARK),
    ],
)
def test_answers_without_a_known_code(given: Answer, remedy: Remedy) -> None:
    assert judge(given).remedy is remedy


def test_silence_is_taken_without_a_document() -> None:
    assert judge(Answer(status=204)).document is None
    assert judge(answer(200, {"org": []})).document == {"org": []}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (error("FIELD_NOT_SUPPORTED", api_name="Mailing_Address", module="Contacts"), "Mailing_Address"),
        (error("FIELD_NOT_AVAILABLE", field={"api_name": "Secret_Field", "id": "1"}), "Secret_Field"),
        (error("FIELD_NOT_SUPPORTED", message="Field api name 'Coordinates' is not supported"), "Coordinates"),
        (error("FIELD_NOT_SUPPORTED"), ""),
        (error("FIELDS_NOT_SUPPORTED", api_name="Events"), ""),
        (error("MODULE_NOT_AVAILABLE", api_name="Leads"), ""),
        (answer(400, {"code": "FIELD_NOT_SUPPORTED", "details": None, "message": None}), ""),
    ],
)
def test_the_field_that_is_objected_to_is_named(given: Answer, field: str) -> None:
    assert judge(given).field == field


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "86400"}, 900.0),
        ({"retry-after": "9" * 400}, 900.0),
        ({"retry-after": "Sun, 01 Mar 2026 12:00:30 GMT", "date": "Sun, 01 Mar 2026 12:00:00 GMT"}, 30.0),
        ({"retry-after": "Sun, 01 Mar 2026 13:00:30 GMT", "date": "Sun, 01 Mar 2026 12:00:00 GMT"}, 900.0),
        ({"retry-after": "Sun, 01 Mar 2026 11:00:30 GMT", "date": "Sun, 01 Mar 2026 12:00:00 GMT"}, 0.0),
        ({"retry-after": "Sun, 01 Mar 2026 12:00:30 GMT"}, None),
        ({"retry-after": "soon", "date": "Sun, 01 Mar 2026 12:00:00 GMT"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1.5"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_obeyed_in_both_forms_and_capped(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_a_limit_carries_its_own_wait() -> None:
    body = {"code": "TOO_MANY_REQUESTS", "details": {}, "message": "text", "status": "error"}
    assert judge(answer(429, body, retry_after="12")).after == 12.0
    assert judge(answer(400, body)).after is None


@pytest.mark.parametrize(
    ("given", "remedy", "after"),
    [
        (answer(200, {"access_token": "x", "expires_in": 3600}), TAKE, None),
        (answer(400, {"access_token": "x"}), TAKE, None),
        (answer(200, {"error": "invalid_code"}), PARK, None),
        (answer(200, {"error": "invalid_client"}), PARK, None),
        (answer(200, {"error": "invalid_client_secret"}), PARK, None),
        (answer(200, {"error": "invalid_redirect_uri"}), PARK, None),
        (answer(400, {"error": "invalid_client"}), PARK, None),
        (answer(200, {"error": "something_new"}), PARK, None),
        (answer(200, {"error": "Access Denied", "error_description": "too many requests"}), WAIT, 600.0),
        (answer(200, {"error": "Access Denied"}, retry_after="1"), WAIT, 600.0),
        (answer(429, {"error": "slow_down"}, retry_after="30"), WAIT, 30.0),
        (page(429), WAIT, None),
        (answer(200, {"error": "server_error"}), AGAIN, None),
        (answer(503, {"error": "whatever"}), AGAIN, None),
        (answer(200, {"access_token": ""}), AGAIN, None),
        (answer(200, {"access_token": 5}), AGAIN, None),
        (answer(200, []), AGAIN, None),
        (page(200), AGAIN, None),
        (page(502), AGAIN, None),
        (Answer(status=200), AGAIN, None),
    ],
)
def test_the_token_endpoint_is_judged_by_its_body(given: Answer, remedy: Remedy, after: float | None) -> None:
    verdict = judge_grant(given)
    assert (verdict.remedy, verdict.after) == (remedy, after)


def test_an_excerpt_is_redacted_and_never_shows_records() -> None:
    leaky = Answer(
        status=200, headers={"content-type": "text/html"}, body=b"<p>1000.abcdef0123.abcdef0123</p>" + b"x" * 900
    )
    assert "abcdef0123" not in excerpt(leaky)
    assert len(excerpt(leaky)) < 230
    assert "Ms Doe" not in excerpt(Answer(status=200, headers={"content-type": "text/csv"}, body=b"Id,Name\n1,Ms Doe"))
    half = b'{"data": [{"display_name": "Ms Doe", '
    assert "Ms Doe" not in excerpt(Answer(status=200, headers={"content-type": "application/json"}, body=half))
    assert excerpt(Answer(status=502, headers={"content-type": "text/plain"}, body=b"no upstream")) == (
        "the text 'no upstream'"
    )
    assert excerpt(Answer(status=502)) == "an empty body"


@given(st.integers(100, 599), st.binary(max_size=60), st.sampled_from(["application/json", "text/html", ""]))
def test_no_answer_is_without_a_verdict(status: int, body: bytes, kind: str) -> None:
    for verdict in (
        judge(Answer(status=status, headers={"content-type": kind}, body=body)),
        judge_grant(Answer(status=status, headers={"content-type": kind}, body=body)),
    ):
        assert isinstance(verdict, Verdict)
        assert verdict.why or verdict.remedy is TAKE
