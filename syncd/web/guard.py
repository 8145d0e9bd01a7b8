"""Who may see the pages: a strict check of the Host header, a token where others can connect, and security headers.

A page on loopback can still be read by a web page that makes its own name point to 127.0.0.1 (DNS rebinding); the Host
check stops that. On any other address a token is demanded, compared in constant time.
"""

import base64
import binascii
import hashlib
import hmac
import ipaddress
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from syncd.errors import ConfigWrong, Problem

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # One request a connection: no idle peer holds one, and a deadline for each can be short.
    "Connection": "close",
}


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to what listens on `host`, a name or an address."""
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def check_exposure(host: str, token: str, *, where: str = "web.listen") -> None:
    """Raise ConfigWrong when `host` can be reached from elsewhere and there is no token of at least 16 characters."""
    if is_loopback(host) or len(token) >= 16:
        return
    what = f"the status page would listen on {host} without a token" if not token else "the token is too short"
    fix = "listen on 127.0.0.1, or set a token of at least 16 characters"
    raise ConfigWrong((Problem(where=where, what=what, fix=fix),))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


class Guard:
    """ASGI middleware around the pages.

    `host` is the address that is listened on, `names` further names that the page is reached by. With a `token` every
    request must carry it, as `Authorization: Bearer TOKEN` or as the password of HTTP Basic.
    """

    def __init__(self, app: ASGIApp, *, host: str, names: Iterable[str] = (), token: str = "") -> None:
        check_exposure(host, token)
        self._app = app
        self._names = _LOOPBACK_NAMES | {host.lower().strip("[]")} | {name.lower() for name in names}
        # Any address may lead here then; rebinding needs a name, so an address in the Host header is no danger.
        self._any_address = not is_loopback(host)
        self._token = _digest(token) if token else b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 400, 401, 405 or 421, or hand the request on; security headers go onto every answer."""
        if scope["type"] != "http":
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self._refusal(scope["method"], Headers(scope=scope))
        await (refusal or self._app)(scope, receive, send_guarded)

    def _refusal(self, method: str, headers: Headers) -> PlainTextResponse | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1:
            return PlainTextResponse("one Host header is needed\n", 400)
        if not self._knows(hosts[0]):
            return PlainTextResponse("this name is not served here; add it to web.names\n", 421)
        if method not in {"GET", "HEAD"}:
            return PlainTextResponse("this page only shows things\n", 405, {"Allow": "GET, HEAD"})
        if self._token and not self._accepts(headers.get("authorization", "")):
            challenge = {"WWW-Authenticate": 'Basic realm="syncd", charset="UTF-8"'}
            return PlainTextResponse("a token is needed, as Bearer or as the password\n", 401, challenge)
        return None

    def _knows(self, host: str) -> bool:
        name = host.lower()
        if name.startswith("["):
            name = name[1:].partition("]")[0]
        elif name.count(":") == 1:
            name = name.partition(":")[0]
        return name in self._names or (self._any_address and _address(name) is not None)

    def _accepts(self, authorization: str) -> bool:
        scheme, _, value = authorization.partition(" ")
        given = value.strip() if scheme.lower() == "bearer" else ""
        if scheme.lower() == "basic":
            try:
                given = base64.b64decode(value.strip(), validate=True).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                given = ""
        return hmac.compare_digest(_digest(given), self._token)


def _digest(text: str) -> bytes:
    """Equal length for any text, so that the comparison tells nothing about the token's."""
    return hashlib.sha256(text.encode()).digest()
