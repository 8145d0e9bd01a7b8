"""The accounts server: tokens for three grants, its HTTP-200 errors, and its limits.

Owns: clients, grants, live access tokens and their scopes. Takes `now` in epoch seconds.
"""

import hashlib
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count

from syncd.simulator.refusals import Refusal
from syncd.simulator.schema import ORG_ID

TOKEN_LIFE = 3600
TOKENS_PER_WINDOW = 10
WINDOW = 600
LIVE_TOKENS = 10
CODE_LIFE = 180

CLIENT_ID = "1000.SIMULATEDCLIENT"
CLIENT_SECRET = "simulated-client-secret"  # noqa: S105  # good for the simulator alone
REFRESH_TOKEN = "1000.simulated.refresh"  # noqa: S105  # good for the simulator alone
SOID = f"ZohoCRM.{ORG_ID}"

ALL_SCOPES = (
    "ZohoCRM.bulk.READ",
    "ZohoCRM.modules.ALL",
    "ZohoCRM.settings.modules.READ",
    "ZohoCRM.settings.fields.READ",
    "ZohoCRM.settings.custom_views.READ",
    "ZohoCRM.coql.READ",
    "ZohoCRM.org.READ",
    "ZohoCRM.users.READ",
    "ZohoSearch.securesearch.READ",
)

_AUTHORIZATION = re.compile(r"Zoho-oauthtoken (\S+)")


@dataclass(slots=True)
class AccessToken:
    """A live token: its scopes and its end in epoch seconds."""

    text: str
    scopes: tuple[str, ...]
    expires_at: float


@dataclass(slots=True)
class _Grant:
    """What tokens are issued under: a refresh token, or a client with client_credentials."""

    scopes: tuple[str, ...]
    issued: deque[float] = field(default_factory=deque)
    live: list[AccessToken] = field(default_factory=list)


class Accounts:
    """The accounts server of one client and one user."""

    def __init__(self, *, seed: int, scopes: Iterable[str] = ALL_SCOPES) -> None:
        self._seed = seed
        self._numbers = count(1)
        self.scopes = tuple(scopes)
        self._refresh: dict[str, _Grant] = {REFRESH_TOKEN: _Grant(self.scopes)}
        self._client = _Grant(self.scopes)
        self._codes: dict[str, float] = {}
        self.tokens_issued = 0

    # --------------------------------------------------------------------------------------------- endpoint

    def token(self, form: Mapping[str, str], now: float, api_domain: str) -> dict[str, object]:
        """The answer of `POST /oauth/v2/token`; errors are answers too, all of them sent with status 200."""
        if form.get("client_id") != CLIENT_ID:
            return {"error": "invalid_client"}
        if form.get("client_secret") != CLIENT_SECRET:
            return {"error": "invalid_client_secret"}
        grants: dict[str, Callable[[], dict[str, object]]] = {
            "refresh_token": lambda: self._by_refresh_token(form, now, api_domain),
            "authorization_code": lambda: self._by_code(form, now, api_domain),
            "client_credentials": lambda: self._by_client(form, now, api_domain),
        }
        answer = grants.get(form.get("grant_type", ""))
        return answer() if answer else {"error": "invalid_request"}

    def _by_refresh_token(self, form: Mapping[str, str], now: float, api_domain: str) -> dict[str, object]:
        grant = self._refresh.get(form.get("refresh_token", ""))
        return self._issue(grant, now, api_domain) if grant else {"error": "invalid_code"}

    def _by_code(self, form: Mapping[str, str], now: float, api_domain: str) -> dict[str, object]:
        expires_at = self._codes.pop(form.get("code", ""), 0.0)
        if now >= expires_at:
            return {"error": "invalid_code"}
        refresh = self.add_refresh_token()
        return {**self._issue(self._refresh[refresh], now, api_domain), "refresh_token": refresh}

    def _by_client(self, form: Mapping[str, str], now: float, api_domain: str) -> dict[str, object]:
        if form.get("soid") != SOID:
            return {"error": "invalid_soid"}
        asked = tuple(scope for scope in re.split(r"[,\s]+", form.get("scope", "")) if scope)
        if not asked or any(not covers(self.scopes, scope) for scope in asked):
            return {"error": "invalid_scope"}
        self._client.scopes = asked
        return self._issue(self._client, now, api_domain)

    def _issue(self, grant: _Grant, now: float, api_domain: str) -> dict[str, object]:
        while grant.issued and now - grant.issued[0] >= WINDOW:
            grant.issued.popleft()
        if len(grant.issued) >= TOKENS_PER_WINDOW:
            return access_denied()
        grant.issued.append(now)
        digest = hashlib.sha256(f"{self._seed}/token/{next(self._numbers)}".encode()).hexdigest()
        token = AccessToken(f"1000.{digest[:32]}.{digest[32:]}", grant.scopes, now + TOKEN_LIFE)
        grant.live = [*(old for old in grant.live if old.expires_at > now), token][-LIVE_TOKENS:]
        self.tokens_issued += 1
        return {
            "access_token": token.text,
            "scope": " ".join(grant.scopes),
            "api_domain": api_domain,
            "token_type": "Bearer",
            "expires_in": TOKEN_LIFE,
        }

    # ---------------------------------------------------------------------------------------------- control

    def add_refresh_token(self) -> str:
        """Grant another refresh token."""
        digest = hashlib.sha256(f"{self._seed}/refresh/{next(self._numbers)}".encode()).hexdigest()
        self._refresh[f"1000.{digest}"] = _Grant(self.scopes)
        return f"1000.{digest}"

    def issue_code(self, now: float) -> str:
        """A grant code of the self client, good for one use within three minutes."""
        code = f"1000.{hashlib.sha256(f'{self._seed}/code/{next(self._numbers)}'.encode()).hexdigest()}"
        self._codes[code] = now + CODE_LIFE
        return code

    def revoke_refresh_token(self, refresh_token: str = REFRESH_TOKEN) -> None:
        """Revoke a grant and every access token under it."""
        self._refresh.pop(refresh_token, None)

    def restore_refresh_token(self, refresh_token: str = REFRESH_TOKEN) -> None:
        """Make a refresh token valid (again)."""
        self._refresh.setdefault(refresh_token, _Grant(self.scopes))

    def set_scopes(self, scopes: Iterable[str]) -> None:
        """What every grant may do from now on, tokens already issued included."""
        self.scopes = tuple(scopes)
        for grant in (*self._refresh.values(), self._client):
            grant.scopes = self.scopes
            for token in grant.live:
                token.scopes = self.scopes

    def expire_tokens(self) -> None:
        """Make every access token invalid at once."""
        for grant in (*self._refresh.values(), self._client):
            grant.live.clear()

    # ------------------------------------------------------------------------------------------------ check

    def authenticate(self, authorization: str | None, now: float) -> AccessToken:
        """The token in an Authorization header. Raises Refusal if there is none or it is not live."""
        if not authorization:
            raise Refusal("AUTHENTICATION_FAILURE")
        match = _AUTHORIZATION.fullmatch(authorization.strip())
        if match:
            for grant in (*self._refresh.values(), self._client):
                for token in grant.live:
                    if token.text == match[1] and token.expires_at > now:
                        return token
        raise Refusal("INVALID_TOKEN")


def access_denied() -> dict[str, object]:
    """The throttle of the token endpoint."""
    return {
        "error_description": "You have made too many requests continuously. Please try again after some time.",
        "error": "Access Denied",
    }


def covers(granted: Iterable[str], wanted: str) -> bool:
    """Whether a scope is granted: itself, or a broader one such as `modules.ALL` for `modules.Leads.READ`."""
    parts = wanted.split(".")
    accepted = {wanted.lower()}
    for depth in range(1, len(parts)):
        prefix = ".".join(parts[:depth])
        accepted |= {f"{prefix}.{parts[-1]}".lower(), f"{prefix}.all".lower()}
    return any(scope.lower() in accepted for scope in granted)
