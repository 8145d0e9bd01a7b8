"""The listener for Zoho's callbacks: a port of its own, one secret path, and nothing to learn from its answers.

Zoho's documentation shows no signature on a callback, so anybody who knows the path can send one. That is harmless by
design: a callback is only a hint to look at a job that is polled anyway. Whatever comes, the answer is 204 and empty,
so the path cannot be found by trying; whatever comes, the work and the memory it costs are bounded.
"""

import hmac
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.typing import FilteringBoundLogger

from syncd.errors import ConfigWrong, Problem
from syncd.web.server import WebServer

MOST_BYTES = 64 * 1024
SECONDS = 5.0
CONNECTIONS = 32
_SECRET_CHARACTERS = 22  # of 64 kinds each: 132 bits

log: FilteringBoundLogger = structlog.get_logger()


class RateLimit:
    """A token bucket: `burst` at once, `per_second` in the long run. For one thread."""

    def __init__(self, per_second: float, burst: int, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._monotonic = monotonic
        self._left = float(burst)
        self._filled = monotonic()

    def admits(self) -> bool:
        """Whether one more may pass now; counts it if so."""
        now = self._monotonic()
        self._left = min(self._burst, self._left + (now - self._filled) * self._per_second)
        self._filled = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


def secret_path(url: str, *, where: str = "callback.url") -> str:
    """The path of the configured callback URL. ConfigWrong unless its last part could hold 128 random bits."""
    path = urlsplit(url).path
    if len(path.rstrip("/").rpartition("/")[2]) < _SECRET_CHARACTERS:
        problem = Problem(
            where=where,
            what=f"the last part of the callback's path must be a secret of at least {_SECRET_CHARACTERS} characters",
            fix='make one: python3 -c "import secrets; print(secrets.token_urlsafe(24))"',
        )
        raise ConfigWrong((problem,))
    return path


def callback_app(
    path: str,
    *,
    remote_id_of: Callable[[bytes], str],
    on_hint: Callable[[str], None],
    limit: RateLimit | None = None,
) -> ASGIApp:
    """The listener as an ASGI application.

    `remote_id_of` reads the job's id from a body, '' when it is none of Zoho's; it must not raise anything but
    ValueError. `on_hint` is told the id, and must not block.
    """
    secret = path.encode()
    limit = limit or RateLimit(per_second=20.0, burst=100)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        # Compared for every request, before anything else can make the two cases differ.
        meant = hmac.compare_digest(scope.get("raw_path") or b"", secret) & (scope["method"] == "POST")
        if meant and limit.admits():
            hint(await _body(receive))
        await send({"type": "http.response.start", "status": 204, "headers": [(b"connection", b"close")]})
        await send({"type": "http.response.body", "body": b""})

    def hint(body: bytes | None) -> None:
        if not body:
            return
        try:
            remote_id = remote_id_of(body)
        except ValueError:
            remote_id = ""
        if remote_id:
            on_hint(remote_id)
        else:
            log.debug("a callback named no job", bytes=len(body))

    return app


async def _body(receive: Receive) -> bytes | None:
    """The request's body; None when it is too large or breaks off. Never holds more than the bound and one chunk."""
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MOST_BYTES:
            return None
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def callback_server(app: ASGIApp, host: str, port: int) -> WebServer:
    """The server for the listener: few connections, and five seconds for each."""
    return WebServer(app, host, port, name="callback", connections=CONNECTIONS, seconds=SECONDS)
