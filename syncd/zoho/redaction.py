"""Secrets that do not print, and the rule by which text is freed of them before anyone sees it.

Must stay free of the HTTP library: the logging set-up uses the same rule on every line.
"""

import hmac
import re
from collections.abc import Callable
from typing import NoReturn

MASK = "***"


class Secret:
    """A string that shows itself only to `reveal`; printing, formatting, logging and pickling do not."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The string itself: to be put on the wire or into a 0600 file, nowhere else."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled")


_SCHEME = re.compile(r"(?i)\b(zoho-oauthtoken|bearer)\s+[^\s\"',;]+")
# Zoho's access tokens, refresh tokens and grant codes all look so (seen in every sample of its documentation).
_TOKEN = re.compile(r"\b1000\.[0-9A-Za-z]{8,}\.[0-9A-Za-z]{8,}")
_PAIR = re.compile(
    r"(?i)(\\?[\"']?\b\w*(?:access_token|refresh_token|client_secret|secret|passw(?:or)?d|passwd|pwd)\\?[\"']?\s*[=:]\s*)"
    r"(?:\\\"[^\"]*\"|\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^\s\"'&,;})]+)"
)
_CODE = re.compile(r"(?i)(?<![\w\"'])(code=)[^\s\"'&,;})]+")
_URL = re.compile(r"(?i)\b[a-z][a-z0-9+.-]*://[^\s\"'<>]+")
_USER_INFO = re.compile(r"(://[^/\s:@?#]*:)[^/\s?#]*@")
# A callback URL is kept secret by one long random word in it; numbers (job ids) are shorter and stay readable.
_LONG_WORD = re.compile(r"(?<=[/=])[A-Za-z0-9_~-]{22,}")


def redact(text: str) -> str:
    """The text without tokens, secrets given as key and value, passwords in URLs, and random words in URLs.

    >>> redact("Authorization: Zoho-oauthtoken 1000.abcdef0123.abcdef0123")
    'Authorization: Zoho-oauthtoken ***'
    >>> redact("postgresql://me:hunter2@db/crm client_secret=abc&grant_type=refresh_token")
    'postgresql://me:***@db/crm client_secret=***&grant_type=refresh_token'
    """
    text = _URL.sub(_redact_url, text)
    text = _SCHEME.sub(rf"\1 {MASK}", text)
    text = _TOKEN.sub(f"1000.{MASK}", text)
    text = _PAIR.sub(rf"\1{MASK}", text)
    return _CODE.sub(rf"\1{MASK}", text)


def _redact_url(match: re.Match[str]) -> str:
    return _LONG_WORD.sub(MASK, _USER_INFO.sub(rf"\1{MASK}@", match.group()))


def redactor(*known: Secret) -> Callable[[str], str]:
    """`redact`, extended by secrets that are known literally; very short ones would mask ordinary words and are not."""
    literals = sorted({secret.reveal() for secret in known if len(secret.reveal()) >= 6}, key=len, reverse=True)
    if not literals:
        return redact
    pattern = re.compile("|".join(re.escape(literal) for literal in literals))
    return lambda text: redact(pattern.sub(MASK, text))
