"""The one table of what each answer of Zoho means to syncd: by Zoho's own `code` before the HTTP status.

Pure: an answer goes in, a verdict comes out. Zoho's documentation files most codes under 400 while live reports show
other statuses, so the status only decides where there is no code that the table knows.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

from syncd.zoho.redaction import redact


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer as it came, the body decoded from its content encoding; header names in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Remedy(StrEnum):
    """What the caller has to do about an answer."""

    TAKE = "take"  # it is what was asked for
    RENEW = "renew"  # the token is not accepted: one refresh, one repetition
    WAIT = "wait"  # a limit: TryLater
    AGAIN = "again"  # nobody's fault, or not Zoho's word at all: Unreachable
    GONE = "gone"  # there is no such thing (any more)
    REFUSE = "refuse"  # this query is refused and will go on being refused: Refused
    PARK = "park"  # the client, grant or user is refused: GrantRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """An answer, judged.

    `document` is the parsed JSON of an answer to TAKE, None when it had no content. `field` is the API name Zoho
    objects to, or ''. `after` is Zoho's own wait in seconds, capped, or None when it named none. `why` is text for
    people, free of secrets.
    """

    remedy: Remedy
    code: str = ""
    field: str = ""
    why: str = ""
    after: float | None = None
    document: Any = None


LONGEST_RETRY_AFTER = 15 * 60.0
"""Seconds; no Retry-After is obeyed for longer."""

_ZOHO_ERROR_CODES: Mapping[Remedy, tuple[str, ...]] = {
    Remedy.RENEW: ("INVALID_TOKEN", "INVALID_OAUTHTOKEN", "AUTHENTICATION_FAILURE"),
    Remedy.WAIT: ("TOO_MANY_REQUESTS", "LIMIT_REACHED"),
    Remedy.AGAIN: ("INTERNAL_ERROR", "INTERNAL_SERVER_ERROR"),
    Remedy.GONE: ("RESOURCE_NOT_FOUND",),
    Remedy.REFUSE: (
        "AMBIGUOUS_CRITERIA",
        "AMBIGUOUS_GROUP_IN_CRITERIA",
        "AUTHORIZATION_FAILED",
        "BAD_REQUEST",
        "CALLBACK_FAILURE",
        "COMPARATOR_AND_ENCRYPTED_VALUE_IN_CRITERIA_NOT_COMPATIBLE",
        "COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE",
        "CRITERIA_LIMIT_EXCEEDED",
        "CRITERIA_NOT_SUPPORTED",
        "CVID_NOT_SUPPORTED",
        "EXPIRED_VALUE",
        "FIELD_AND_COMPARATOR_IN_CRITERIA_NOT_COMPATIBLE",
        "FIELD_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE",
        "FIELD_COMPARATOR_IN_CRITERIA_NOT_SUPPORTED",
        "FIELD_IN_CRITERIA_NOT_AVAILABLE",
        "FIELD_IN_CRITERIA_NOT_SUPPORTED",
        "FIELD_NOT_AVAILABLE",
        "FIELD_NOT_SUPPORTED",
        "FIELDS_NOT_SUPPORTED",
        "GROUP_OPERATOR_NOT_SUPPORTED",
        "INVALID_BULK_OPERATION",
        "INVALID_CALLBACK_METHOD",
        "INVALID_CALLBACK_URL",
        "INVALID_CRITERIA",
        "INVALID_DATA",
        "INVALID_HOST",
        "INVALID_MODULE",
        "INVALID_REQUEST",
        "INVALID_REQUEST_METHOD",
        "INVALID_SERVICE_NAME",
        "INVALID_URL_PATTERN",
        "JOB_NOT_SUPPORTED",
        "JOIN_LIMIT_EXCEEDED",
        "MEDIA_TYPE_NOT_SUPPORTED",
        "MODULE_NOT_AVAILABLE",
        "MODULE_NOT_SUPPORTED",
        "NO_PERMISSION",
        "NOT_ALLOWED",
        "NOT_SUPPORTED_FEATURE",
        "OAUTH_SCOPE_MISMATCH",
        "PAGE_NOT_SUPPORTED",
        "PAGE_RANGE_EXCEEDED",
        "PATTERN_NOT_MATCHED",
        "QUERY_NOT_SUPPORTED",
        "REQUEST_BODY_IS_EMPTY",
        "REQUEST_BODY_NOT_READABLE",
        "REQUEST_BODY_NOT_SUPPORTED",
        "VALUE_IN_CRITERIA_NOT_SUPPORTED",
        "VALUE_LIMIT_EXCEEDED_IN_CRITERIA",
        "VALUE_TYPE_NOT_SUPPORTED",
    ),
}
BY_CODE: Mapping[str, Remedy] = {code: remedy for remedy, codes in _ZOHO_ERROR_CODES.items() for code in codes}
"""Zoho's codes (bulk read pages, its OpenAPI files, its SDKs' metadata) and what each asks for."""

_BY_STATUS: tuple[tuple[int, int, Remedy], ...] = (
    (401, 401, Remedy.RENEW),
    (408, 408, Remedy.AGAIN),
    (410, 410, Remedy.GONE),
    (429, 429, Remedy.WAIT),
    (400, 499, Remedy.REFUSE),
    (100, 599, Remedy.AGAIN),
)
"""For answers in Zoho's own form whose code the table does not know: the first line that matches."""


def judge(answer: Answer) -> Verdict:
    """What an answer of the CRM API means."""
    if answer.status in {204, 304}:
        return Verdict(remedy=Remedy.TAKE)
    document = parsed(answer.body)
    envelope = _error_envelope(document)
    if envelope is not None:
        return _judge_envelope(answer, envelope)
    if document is not None and 200 <= answer.status < 300:
        return Verdict(remedy=Remedy.TAKE, document=document)
    return _judge_foreign(answer)


def _judge_envelope(answer: Answer, envelope: dict[str, Any]) -> Verdict:
    code = envelope["code"]
    details = envelope.get("details")
    details = details if isinstance(details, dict) else {}
    remedy = BY_CODE.get(code) or (_by_status(answer.status) if answer.status >= 300 else Remedy.REFUSE)
    if code == "NO_PERMISSION" and "Crm_Implied_Api_Access" in str(details.get("permissions")):
        remedy = Remedy.PARK
    if answer.status >= 500 and remedy is Remedy.REFUSE and code not in BY_CODE:
        remedy = Remedy.AGAIN
    message = envelope.get("message")
    return Verdict(
        remedy=remedy,
        code=code,
        field=_field_named(code, details, message if isinstance(message, str) else ""),
        why=redact(f"{code} (HTTP {answer.status}): {message}" if message else f"{code} (HTTP {answer.status})"),
        after=retry_after(answer.headers) if remedy in {Remedy.WAIT, Remedy.AGAIN} else None,
    )


def _judge_foreign(answer: Answer) -> Verdict:
    """An answer without Zoho's envelope: a middlebox, an outage page, a broken body. It never refuses a query."""
    after = retry_after(answer.headers)
    if answer.status == 401:
        remedy = Remedy.RENEW
    elif answer.status == 429 or (answer.status == 503 and after is not None):
        remedy = Remedy.WAIT
    elif answer.status in {404, 410} and not _looks_like_markup(answer.body):
        remedy = Remedy.GONE
    else:
        remedy = Remedy.AGAIN
    return Verdict(remedy=remedy, why=f"HTTP {answer.status} with {excerpt(answer)}", after=after)


def _by_status(status: int) -> Remedy:
    return next((remedy for low, high, remedy in _BY_STATUS if low <= status <= high), Remedy.AGAIN)


def parsed(body: bytes) -> Any:
    """The JSON of a body; None when it is none (or empty)."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _error_envelope(document: Any) -> dict[str, Any] | None:
    """The object with `code` that reports a failure: at the top, or inside `data[]` (create documents both)."""
    if not isinstance(document, dict):
        return None
    if isinstance(document.get("code"), str) and "data" not in document:
        return None if document.get("status") == "success" else document
    data = document.get("data")
    first = data[0] if isinstance(data, list) and data else None
    if isinstance(first, dict) and isinstance(first.get("code"), str) and first.get("status") == "error":
        return first
    return None


_FIELD_IN_MESSAGE = re.compile(r"[Ff]ield api name '([^']+)'")


def _field_named(code: str, details: dict[str, Any], message: str) -> str:
    """The field that an error objects to; other codes put a module's name at the same place."""
    if not code.startswith("FIELD_"):
        return ""
    nested = details.get("field")
    if isinstance(nested, dict) and isinstance(nested.get("api_name"), str):
        return str(nested["api_name"])
    if isinstance(details.get("api_name"), str):
        return str(details["api_name"])
    found = _FIELD_IN_MESSAGE.search(message)
    return found.group(1) if found else ""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a Retry-After header asks for (RFC 9110 10.2.3: seconds or a date), capped at 15 minutes.

    A date is measured against the answer's own Date header; without one, or when unreadable, None.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_RETRY_AFTER)
    until, now = http_date(text), http_date(headers.get("date", ""))
    if until is None or now is None:
        return None
    return min(max((until - now).total_seconds(), 0.0), LONGEST_RETRY_AFTER)


def http_date(text: str) -> datetime | None:
    """The moment of an HTTP date header in UTC; None when it is none."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _looks_like_markup(body: bytes) -> bool:
    return body.lstrip()[:1] == b"<"


def excerpt(answer: Answer) -> str:
    """The first 200 bytes of an unexpected body for people, redacted; only a size where it may hold records."""
    body, kind = answer.body, answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not body:
        return "an empty body"
    is_text = _looks_like_markup(body) or kind in {"text/plain", "text/html", "application/json", "application/xml"}
    if not is_text or b'"data"' in body or b"\0" in body[:200]:
        return f"{len(body)} bytes of {kind or 'no declared type'}"
    text = redact(body[:1000].decode("utf-8", "replace"))
    return "the text " + repr(text.encode()[:200].decode("utf-8", "ignore"))


# ------------------------------------------------------------------------------------------------- the token endpoint

GRANT_PENALTY = 10 * 60.0
"""Seconds that the token endpoint goes on refusing after "Access Denied" (Kaizen #43, token validity)."""

_GRANT_TRANSIENT = frozenset({"server_error", "temporarily_unavailable", "general_error"})


def judge_grant(answer: Answer) -> Verdict:
    """What an answer of the token endpoint means; by its body, because errors come with status 200.

    TAKE has the token's document; `code` is the endpoint's `error` word otherwise.
    """
    document = parsed(answer.body)
    fields = document if isinstance(document, dict) else {}
    if isinstance(fields.get("access_token"), str) and fields["access_token"]:
        return Verdict(remedy=Remedy.TAKE, document=document)
    code = fields.get("error")
    if not isinstance(code, str) or not code:
        remedy = Remedy.WAIT if answer.status == 429 else Remedy.AGAIN
        return Verdict(
            remedy=remedy, why=f"HTTP {answer.status} with {excerpt(answer)}", after=retry_after(answer.headers)
        )
    why = redact(": ".join(str(part) for part in (code, fields.get("error_description")) if part))
    if code.lower() == "access denied":
        return Verdict(remedy=Remedy.WAIT, code=code, why=why, after=GRANT_PENALTY)
    if answer.status == 429:
        return Verdict(remedy=Remedy.WAIT, code=code, why=why, after=retry_after(answer.headers))
    transient = code in _GRANT_TRANSIENT or answer.status >= 500
    return Verdict(remedy=Remedy.AGAIN if transient else Remedy.PARK, code=code, why=why)
