"""A scripted Zoho behind the HTTP library's own mock transport, and fakes of what the limiter asks for."""

import json
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import httpx2

from syncd.core.model import Quota
from syncd.zoho.auth import Authorizer, Grant, RefreshTokenGrant, token_state
from syncd.zoho.client import ZohoClient
from syncd.zoho.limiter import CreditBudget, Limiter
from syncd.zoho.redaction import Secret
from syncd.zoho.regions import REGIONS, Region
from syncd.zoho.session import Session
from syncd.zoho.transport import Timeouts, Transport

DATE = "Sun, 01 Mar 2026 12:00:00 GMT"
EU = REGIONS["eu"]
GRANT = RefreshTokenGrant(
    client_id="1000.CLIENT", client_secret=Secret("canary-secret"), refresh_token=Secret("1000.abcdef0123.fedcba3210")
)

Scripted = httpx2.Response | Exception


def reply(
    status: int = 200, document: object = None, *, body: bytes | None = None, headers: dict[str, str] | None = None
) -> httpx2.Response:
    """An answer as it comes over a wire: its body still to be read."""
    content = body if body is not None else b"" if document is None else json.dumps(document).encode()
    merged = {"Date": DATE, "Content-Type": "application/json", **(headers or {})}
    return httpx2.Response(status, headers=merged, content=iter([content]))


def token_reply(token: str = "1000.aaaaaaaaaa.bbbbbbbbbb", **more: object) -> httpx2.Response:
    """An answer of the token endpoint."""
    document = {"access_token": token, "api_domain": EU.api_url, "token_type": "Bearer", "expires_in": 3600, **more}
    return reply(document=document)


def refusal(code: str, status: int = 400, **details: object) -> httpx2.Response:
    """An error in Zoho's envelope."""
    return reply(status, {"code": code, "details": details, "message": f"about {code}", "status": "error"})


class MockZoho:
    """Answers in the order of a script, per path; the token endpoint answers with new tokens unless scripted."""

    def __init__(self) -> None:
        self.requests: list[httpx2.Request] = []
        self.tokens = 0
        self._scripts: dict[str, list[Scripted]] = {}
        self._lock = threading.Lock()

    def script(self, path: str, *answers: Scripted) -> None:
        """What the next calls of a path get."""
        self._scripts.setdefault(path, []).extend(answers)

    def sent(self, path: str) -> list[httpx2.Request]:
        """The requests that came for a path."""
        return [request for request in self.requests if request.url.path == path]

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        with self._lock:
            self.requests.append(request)
            script = self._scripts.get(request.url.path)
            if script:
                answer = script.pop(0)
                if isinstance(answer, Exception):
                    raise answer
                return answer
            if request.url.path == "/oauth/v2/token":
                self.tokens += 1
                return token_reply(f"1000.{self.tokens:010d}.bbbbbbbbbb")
        raise AssertionError(f"nothing is scripted for {request.method} {request.url.path}")

    def transport(self, timeouts: Timeouts | None = None) -> Transport:
        return Transport(timeouts=timeouts, mock=httpx2.MockTransport(self))


class FakeQuotas:
    """A quota store that gives what it is told to, and remembers."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, int]] = []
        self.quotas: dict[str, Quota] = {}
        self.waits: dict[str, list[float]] = {}

    def take(self, org: str, quota: Quota, cost: int = 1) -> float:
        self.quotas[quota.name] = quota
        waits = self.waits.get(quota.name)
        if waits:
            return waits.pop(0)
        self.taken.append((quota.name, cost))
        return 0.0

    def total(self, name: str) -> int:
        return sum(cost for taken, cost in self.taken if taken == name)


class Waits:
    """A `wait` in which no time passes."""

    def __init__(self, action: Callable[[float], None] | None = None) -> None:
        self.seconds: list[float] = []
        self._action = action

    def __call__(self, seconds: float) -> None:
        if seconds:
            self.seconds.append(seconds)
        if self._action:
            self._action(seconds)


class Clock:
    """A clock in seconds that a test sets."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Rig:
    """A whole client over a scripted Zoho, with every part within reach."""

    def __init__(
        self,
        directory: Path,
        *,
        version: str = "v8",
        region: Region = EU,
        grant: Grant = GRANT,
        chance: float = 0.5,
        zoho: MockZoho | None = None,
        budget: CreditBudget | None = None,
    ) -> None:
        self.zoho = zoho or MockZoho()
        self.quotas = FakeQuotas()
        self.waits = Waits()
        self.clock = Clock(1_700_000_000.0)
        self.transport = self.zoho.transport()
        self.state = token_state(directory, "acme", region, grant)
        self.limiter = Limiter(
            org="acme",
            store=self.quotas,
            wait=self.waits,
            budget=budget or CreditBudget(credits=1_000_000),
            monotonic=self.clock,
        )
        self.authorizer = Authorizer(
            org="acme",
            region=region,
            grant=grant,
            transport=self.transport,
            limiter=self.limiter,
            state=self.state,
            wait=self.waits,
            clock=self.clock,
            chance=lambda: chance,
        )
        self.session = Session(
            org="acme",
            authorizer=self.authorizer,
            transport=self.transport,
            limiter=self.limiter,
            wait=self.waits,
            chance=lambda: chance,
        )
        self.client = ZohoClient(self.session, self.transport, wait=self.waits, api_version=version)

    def close(self) -> None:
        self.client.close()


def bodies(requests: Iterable[httpx2.Request]) -> list[object]:
    """The JSON bodies of requests."""
    return [json.loads(request.content) for request in requests]
