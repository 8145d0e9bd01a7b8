"""One authorised call to the CRM API: token, limits, sending, judgement, and the error that follows from it.

Knows no endpoint; `syncd.zoho.client` says what to call and reads what comes back.
"""

import json
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import structlog

from syncd.errors import GrantRefused, Refused, SyncdError, TryLater, Unreachable
from syncd.zoho.answers import LONGEST_RETRY_AFTER, Remedy, Verdict, http_date, judge
from syncd.zoho.auth import AccessToken, Authorizer
from syncd.zoho.breaker import Breaker
from syncd.zoho.limiter import Limiter, Wait
from syncd.zoho.server_clock import ServerClock
from syncd.zoho.transport import Incoming, Request, Transport

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One endpoint with its arguments. `path` holds no unquoted foreign text; `credits` is what Zoho charges for it.

    `scope` is what a grant needs for it, for people. `about` is the module it concerns, or ''. `download`: it takes
    one of the minute's downloads.
    """

    path: str
    method: str = "GET"
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    repeatable: bool = True
    credits: int = 1
    scope: str = ""
    about: str = ""
    download: bool = False

    @property
    def where(self) -> str:
        """The call for people."""
        return f"{self.method} {self.path}" + (f" ({self.about})" if self.about else "")


FIRST_THROTTLE = 60.0
"""Seconds of the first back-off after a limit for which Zoho names no wait; doubled each time, capped at 15 min."""

_DOWNLOAD_CONNECT = 4.0
"""Seconds; below the limiter's margin, so that a download taken in one minute reaches Zoho within it."""


class Session:
    """The way to one org's API; shared by all threads."""

    def __init__(
        self,
        *,
        org: str,
        authorizer: Authorizer,
        transport: Transport,
        limiter: Limiter,
        wait: Wait,
        clock: ServerClock | None = None,
        breaker: Breaker | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._org = org
        self._authorizer = authorizer
        self._transport = transport
        self._limiter = limiter
        self._wait = wait
        self.clock = clock or ServerClock()
        self.breaker = breaker or Breaker()
        self._chance = chance
        self._lock = threading.Lock()
        self._throttled = 0

    def ask(self, call: Call) -> Any:
        """The JSON document of a successful answer; None when it came without content (204, 304).

        Unreachable, TryLater, GrantRefused, or Refused; what is not there is Refused with code RESOURCE_NOT_FOUND.
        """
        return self.run(call, lambda incoming: judge(incoming.whole())).document

    def run(self, call: Call, handle: Callable[[Incoming], Verdict]) -> Verdict:
        """Send, let `handle` judge the answer as it comes, and return the verdict if it is to TAKE; else raise.

        A refused token is renewed and the call repeated, once.
        """
        token = self._authorizer.token()
        verdict = self._send(call, token, handle)
        if verdict.remedy is Remedy.RENEW:
            verdict = self._send(call, self._authorizer.renew(token), handle)
        if verdict.remedy is not Remedy.TAKE:
            raise self._error(call, verdict)
        return verdict

    def _send(self, call: Call, token: AccessToken, handle: Callable[[Incoming], Verdict]) -> Verdict:
        def observed(incoming: Incoming) -> Verdict:
            verdict = handle(incoming)
            self._limiter.heed(incoming.headers)
            date = http_date(incoming.headers.get("date", ""))
            if date is not None and (verdict.remedy is Remedy.TAKE or verdict.code):
                self.clock.observe(date)  # only of answers in Zoho's own form: a middlebox has a clock of its own
            return verdict

        self.breaker.enter()
        self._take(call)
        try:
            verdict = self._transport.exchange(_request(call, token), observed, repeat=lambda: self._again(call))
        except Unreachable:
            self.breaker.broke()
            raise
        self.breaker.answered()
        if verdict.remedy is Remedy.TAKE:
            with self._lock:
                self._throttled = 0
        _log.debug("zoho.answer", org=self._org, call=call.where, remedy=verdict.remedy.value, code=verdict.code)
        return verdict

    def _again(self, call: Call) -> None:
        self._wait(0.0)  # a drain does not have to sit through all attempts
        self._take(call)

    def _take(self, call: Call) -> None:
        self._limiter.take_credits(call.credits)
        if call.download:
            self._limiter.take_download()

    def _error(self, call: Call, verdict: Verdict) -> SyncdError:
        where = f"{self._org}: {call.where}"
        match verdict.remedy:
            case Remedy.WAIT:
                return self._throttle(call, verdict, where)
            case Remedy.AGAIN:
                return Unreachable("Zoho gave no usable answer", where=where, why=verdict.why)
            case Remedy.RENEW:
                return GrantRefused(
                    "Zoho refuses a token that it has just granted",
                    where=where,
                    why=verdict.why,
                    fix="check that the grant belongs to this data centre and environment, and its user is active",
                )
            case Remedy.PARK:
                return GrantRefused(
                    "Zoho refuses the user of the grant",
                    where=where,
                    why=verdict.why,
                    fix="allow API access in the profile of the user who made the grant",
                )
            case _:
                return Refused(
                    f"Zoho refuses the call{f' for {call.about}' if call.about else ''}",
                    code=verdict.code or "RESOURCE_NOT_FOUND",
                    field=verdict.field,
                    where=where,
                    why=verdict.why,
                    fix=_fix(call, verdict),
                )

    def _throttle(self, call: Call, verdict: Verdict, where: str) -> TryLater:
        """Zoho's own wait, or exponential back-off with full jitter; a closed download gate is closed for all."""
        with self._lock:
            ceiling = min(FIRST_THROTTLE * 2.0**self._throttled, LONGEST_RETRY_AFTER)
            self._throttled = min(self._throttled + 1, 8)
        after = verdict.after
        if after is None:
            least = FIRST_THROTTLE if call.download else 1.0
            after = least + (max(ceiling, least * 1.1) - least) * self._chance()
        elif not call.download:
            self._limiter.close("credits", after)
        if call.download:
            self._limiter.close("downloads", after)
        after = max(after, 1.0)
        return TryLater("Zoho asks for a pause", after=after, where=where, why=verdict.why)


def _request(call: Call, token: AccessToken) -> Request:
    query = f"?{urlencode(call.query, quote_via=quote)}" if call.query else ""
    headers = {"Authorization": token.header(), "Accept": "application/json", **call.headers}
    body = b""
    if call.body is not None:
        body = json.dumps(call.body, ensure_ascii=False, separators=(",", ":")).encode()
        headers["Content-Type"] = "application/json"
    return Request(
        method=call.method,
        url=f"{token.api_url}{call.path}{query}",
        headers=headers,
        body=body,
        repeatable=call.repeatable,
        connect=_DOWNLOAD_CONNECT if call.download else None,
    )


_FIXES = {
    "INVALID_HOST": "check data_center, or accounts_url and api_url",
    "INVALID_URL_PATTERN": "check api_version and the module's API name",
    "NO_PERMISSION": "let the user of the grant see this module and export it",
    "AUTHORIZATION_FAILED": "let the user of the grant see this module and export it",
    "INVALID_MODULE": "check the module's API name: syncd modules",
    "MODULE_NOT_AVAILABLE": "check the module's API name and the user's permission: syncd modules",
    "MODULE_NOT_SUPPORTED": "remove the module: Zoho does not export it in bulk",
    "CVID_NOT_SUPPORTED": "remove cvid, or name a custom view that bulk read supports",
    "INVALID_CALLBACK_URL": "give a callback URL that Zoho can reach by https",
    "JOIN_LIMIT_EXCEEDED": "ask for fewer fields of parent records (names with a dot)",
    "CRITERIA_LIMIT_EXCEEDED": "use fewer criteria; those of a custom view count too",
    "EXPIRED_VALUE": "nothing to do: the export starts anew",
}


def _fix(call: Call, verdict: Verdict) -> str:
    if verdict.code == "OAUTH_SCOPE_MISMATCH" and call.scope:
        return f"make a new grant that includes the scope {call.scope}"
    if verdict.field:
        return f"leave out the field {verdict.field}, or let the user of the grant see it"
    return _FIXES.get(verdict.code, "check the module's settings against what Zoho says")
