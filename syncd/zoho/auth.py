"""Access tokens: asked for once, shared by all threads and by all processes of a host, kept over restarts.

Zoho blocks a grant that asks for more than ten tokens in ten minutes, so a token is never fetched while a good one is
known to anybody here. Knows the token endpoint and nothing of the CRM API.
"""

import hashlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import structlog

from syncd.errors import GrantRefused, SyncdError, TryLater, Unreachable
from syncd.zoho.answers import GRANT_PENALTY, Remedy, Verdict, judge_grant
from syncd.zoho.limiter import Limiter, Wait
from syncd.zoho.redaction import Secret
from syncd.zoho.regions import Region
from syncd.zoho.state_file import StateFile
from syncd.zoho.transport import Request, Transport

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshTokenGrant:
    """A self client or server application with a refresh token that a person consented to."""

    client_id: str
    client_secret: Secret
    refresh_token: Secret

    def form(self) -> dict[str, str]:
        """The fields of a token request."""
        return {
            "grant_type": "refresh_token",
            "refresh_token": self.refresh_token.reveal(),
            "client_id": self.client_id,
            "client_secret": self.client_secret.reveal(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentialsGrant:
    """A self client that asks in its own name: no refresh token that could be lost or revoked.

    `org_id` is the CRM organisation's number (Zoho's `soid` is `ZohoCRM.<number>`).
    """

    client_id: str
    client_secret: Secret
    scopes: tuple[str, ...]
    org_id: str

    def form(self) -> dict[str, str]:
        """The fields of a token request."""
        return {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret.reveal(),
            "scope": ",".join(self.scopes),
            "soid": self.org_id if "." in self.org_id else f"ZohoCRM.{self.org_id}",
        }


Grant = RefreshTokenGrant | ClientCredentialsGrant


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A token and the API it is for, to be used until `good_until`: seconds of this host's clock since the epoch."""

    value: Secret
    api_url: str
    good_until: float

    def header(self) -> str:
        """The value of the Authorization header; Zoho has a scheme of its own."""
        return f"Zoho-oauthtoken {self.value.reveal()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What the exchange of an authorization code brings: the refresh token to keep, and the scopes it is good for."""

    refresh_token: Secret
    scopes: tuple[str, ...]
    api_url: str


_LONGEST_LIFE = 24 * 3600.0
"""No token lives so long in seconds; a larger number is in milliseconds, as older answers had it."""

_TOKEN_PATH = "/oauth/v2/token"  # noqa: S105


def token_state(directory: Path, org: str, region: Region, grant: Grant) -> StateFile:
    """The file for the token of a grant; another client, grant or data centre has another file."""
    parts = [region.accounts_url, region.api_url, *(f"{key}={value}" for key, value in sorted(grant.form().items()))]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    safe = "".join(sign if sign.isalnum() and sign.isascii() else "_" for sign in org)[:40]
    return StateFile(directory / f"zoho-token-{safe}-{digest}.json")


class Authorizer:
    """Gives out the org's access token; shared by all threads."""

    def __init__(
        self,
        *,
        org: str,
        region: Region,
        grant: Grant,
        transport: Transport,
        limiter: Limiter,
        state: StateFile,
        wait: Wait,
        clock: Callable[[], float] = time.time,  # the file outlives the process, so no monotonic clock will do
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._org = org
        self._region = region
        self._grant = grant
        self._transport = transport
        self._limiter = limiter
        self._state = state
        self._wait = wait
        self._clock = clock
        self._chance = chance
        self._current: AccessToken | None = None
        self._failures = 0
        self._held: tuple[Verdict, float] | None = None

    def token(self) -> AccessToken:
        """A token that should be good for the next minute: the known one, a sibling process's, or a new one.

        GrantRefused, TryLater and Unreachable as the token endpoint or the budget says.
        """
        current = self._current
        if current is not None and self._is_good(current):
            return current
        return self._fetch(None)

    def renew(self, refused: AccessToken) -> AccessToken:
        """Another token than the one that Zoho refused; whoever comes second takes what the first one fetched."""
        current = self._current
        if current is not None and current.value != refused.value and self._is_good(current):
            return current
        return self._fetch(refused)

    def _fetch(self, refused: AccessToken | None) -> AccessToken:
        with self._state.locked(self._wait):  # excludes threads too: each opens the file by itself
            for known in (self._current, self._stored()):
                if known and self._is_good(known) and (refused is None or known.value != refused.value):
                    self._current = known
                    return known
            self._hold_back()
            token = self._ask()
            self._current = token
            self._state.write(
                {"access_token": token.value.reveal(), "api_url": token.api_url, "good_until": token.good_until}
            )
            return token

    def _is_good(self, token: AccessToken) -> bool:
        return 0 < token.good_until - self._clock() <= _LONGEST_LIFE

    def _stored(self) -> AccessToken | None:
        document = self._state.read()
        value, api_url, good_until = (document.get(key) for key in ("access_token", "api_url", "good_until"))
        if not (isinstance(value, str) and isinstance(api_url, str) and isinstance(good_until, int | float)):
            return None
        pinned = self._region.pinned(api_url)
        return AccessToken(value=Secret(value), api_url=pinned, good_until=good_until) if value and pinned else None

    def _hold_back(self) -> None:
        """Do not ask again what failed a moment ago: asking is what Zoho counts."""
        now = self._clock()
        if self._held and 0 < self._held[1] - now <= GRANT_PENALTY:
            raise self._error(self._held[0])
        until = self._state.read().get("blocked_until")
        if isinstance(until, int | float) and 0 < until - now <= 2 * GRANT_PENALTY:
            raise TryLater("Zoho's token endpoint is closed for us", after=until - now, where=self._org)

    def _ask(self) -> AccessToken:
        self._limiter.take_grant()
        try:
            verdict = ask_for_token(self._transport, self._region, self._grant.form(), org=self._org)
        except Unreachable as error:
            verdict = Verdict(remedy=Remedy.AGAIN, why=str(error))
        if verdict.remedy is not Remedy.TAKE:
            raise self._failed(verdict)
        self._failures, self._held = 0, None
        life = _life(verdict.document)
        _log.debug("zoho.token", org=self._org, seconds=life)
        return AccessToken(
            value=Secret(verdict.document["access_token"]),
            api_url=self._pin(verdict.document.get("api_domain")),
            good_until=self._clock() + life - min(60.0, life / 10),
        )

    def _pin(self, api_domain: object) -> str:
        if not isinstance(api_domain, str) or not api_domain:
            return self._region.api_url
        pinned = self._region.pinned(api_domain)
        if pinned is None:
            _log.warning("zoho.api_domain_ignored", org=self._org, named=api_domain[:100], used=self._region.api_url)
            return self._region.api_url
        return pinned

    def _failed(self, verdict: Verdict) -> SyncdError:
        """Note how long nobody should ask, here or (after "Access Denied") in any process, and say why."""
        error = self._error(verdict)
        if isinstance(error, TryLater):
            self._state.write({"blocked_until": self._clock() + error.after})
        else:
            pause = GRANT_PENALTY if isinstance(error, GrantRefused) else min(2.0**self._failures, 60.0)
            self._failures = min(self._failures + 1, 10)
            self._held = (verdict, self._clock() + pause)
        return error

    def _error(self, verdict: Verdict) -> SyncdError:
        return grant_error(verdict, where=f"{self._org}: {self._region.accounts_url}", chance=self._chance())


def ask_for_token(transport: Transport, region: Region, form: dict[str, str], *, org: str = "") -> Verdict:
    """One request to the token endpoint, judged. Unreachable when there is no answer. Not repeated: each counts."""
    request = Request(
        method="POST",
        url=region.accounts_url + _TOKEN_PATH,
        headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
        body=urlencode(form).encode(),
        repeatable=False,
    )
    verdict = judge_grant(transport.call(request))
    _log.debug("zoho.grant", org=org, remedy=verdict.remedy.value, code=verdict.code)
    return verdict


def exchange_code(
    transport: Transport, region: Region, *, client_id: str, client_secret: Secret, code: Secret
) -> Consent:
    """The refresh token for a self client's authorization code, which is good once and for a few minutes.

    GrantRefused when the code, the client or its secret is not accepted, or no refresh token comes with it.
    """
    form = {
        "grant_type": "authorization_code",
        "client_id": client_id,
        "client_secret": client_secret.reveal(),
        "code": code.reveal(),
    }
    verdict = ask_for_token(transport, region, form)
    if verdict.remedy is not Remedy.TAKE:
        raise grant_error(verdict, where=region.accounts_url, chance=0.0)
    document: dict[str, Any] = verdict.document
    refresh_token = document.get("refresh_token")
    if not isinstance(refresh_token, str) or not refresh_token:
        raise GrantRefused(
            "Zoho gave an access token but no refresh token",
            where=region.accounts_url,
            fix="generate the code with a Self Client in the API console, not with an online-only application",
        )
    scopes = str(document.get("scope") or "").replace(",", " ").split()
    api_domain = document.get("api_domain")
    pinned = region.pinned(api_domain) if isinstance(api_domain, str) else None
    return Consent(refresh_token=Secret(refresh_token), scopes=tuple(scopes), api_url=pinned or region.api_url)


_FIXES = {
    "invalid_code": "generate a new code or refresh token in the API console (a code lives minutes and works once)",
    "invalid_client": "check client_id, and that data_center is the one in which the client was registered",
    "invalid_client_secret": "check the client secret in the API console",
    "invalid_redirect_uri": "use a Self Client, which needs no redirect URI",
    "invalid_scope": "check the names of the scopes",
}


def grant_error(verdict: Verdict, *, where: str, chance: float) -> SyncdError:
    """The error for a token request that brought no token; `chance` in [0, 1) spreads the wait by a tenth."""
    if verdict.remedy is Remedy.WAIT:
        after = (verdict.after or GRANT_PENALTY) * (1 + chance / 10)
        return TryLater("Zoho's token endpoint is closed for us", after=after, where=where, why=verdict.why)
    if verdict.remedy is Remedy.AGAIN:
        return Unreachable("Zoho's token endpoint gave no usable answer", where=where, why=verdict.why)
    return GrantRefused(
        "Zoho refuses the grant",
        where=where,
        why=verdict.why,
        fix=_FIXES.get(verdict.code, "check client_id, client secret and refresh token, and the data centre"),
    )


def _life(document: dict[str, Any]) -> float:
    """Seconds that a token lives: `expires_in_sec` where it exists, else `expires_in` in seconds or milliseconds."""
    for key in ("expires_in_sec", "expires_in"):
        try:
            number = float(document.get(key) or 0)
        except (TypeError, ValueError):
            continue
        if number > 0:
            return number / 1000 if number > _LONGEST_LIFE else number
    return 3600.0
