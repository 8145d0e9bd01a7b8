"""The wire: one HTTP request out, one answer in, within a deadline; the only module that names the HTTP library.

It follows no redirect, keeps no cookie, trusts the system's certificates, and knows neither tokens nor Zoho's codes.
"""

import contextlib
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import httpx2
import stamina
import structlog

from syncd.errors import ConfigWrong, Problem, Unreachable
from syncd.zoho.answers import Answer
from syncd.zoho.redaction import redact

_T = TypeVar("_T")
_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds, except where a name says otherwise.

    `call` bounds one attempt from the first byte sent to the last received. The bound of a streamed body moves on with
    what has come: it is cut when it falls below `least_rate` bytes a second on the average after `call` seconds.
    """

    connect: float = 10.0
    read: float = 30.0
    call: float = 60.0
    least_rate: float = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What goes out. `repeatable`: sending it twice does no harm, so a broken attempt is repeated at once.

    `connect` shortens the time to connect; `headers` and `body` may hold secrets and are never logged.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    repeatable: bool = True
    connect: float | None = None

    @property
    def where(self) -> str:
        """The request for people: without the query string."""
        return f"{self.method} {self.url.partition('?')[0]}"


ATTEMPTS = 3
"""Attempts at a repeatable request inside one call; further patience is the caller's."""

LARGEST_ANSWER = 32 * 1024 * 1024
"""Bytes of a decoded answer that is held in memory; metadata of the largest modules stays far below."""

_CHUNK = 256 * 1024
_KEPT_CONNECTIONS = 8


def _nothing() -> None:
    return None


class Deadline:
    """Cuts a connection when its time is over, even while a thread hangs in the middle of a read.

    Socket timeouts do not do that: a peer that sends one byte now and then never runs into one.
    """

    def __init__(self, seconds: float, cut: Callable[[], None]) -> None:
        self._start = time.monotonic()
        self._at = self._start + seconds
        self._seconds = seconds
        self._cut = cut
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="syncd-zoho-deadline", daemon=True)
        self.expired = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def grant(self, more: float) -> None:
        """Move the end to `more` seconds after the first span."""
        self._at = self._start + self._seconds + more

    def _watch(self) -> None:
        while (left := self._at - time.monotonic()) > 0:
            if self._done.wait(left):
                return
        self.expired = True
        self._cut()


class _Line:
    """One kept connection and the HTTP client around it; used by one thread at a time."""

    def __init__(
        self, *, verify: ssl.SSLContext | bool, trust_env: bool, transport: httpx2.BaseTransport | None
    ) -> None:
        self._socket: socket.socket | None = None
        self.client = httpx2.Client(
            verify=verify,
            http1=True,
            http2=False,
            follow_redirects=False,
            trust_env=trust_env,
            transport=transport,
            limits=httpx2.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=15.0),
        )

    def trace(self, event: str, info: Mapping[str, object]) -> None:
        """The HTTP library's own trace hook: where the socket in use becomes known."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            stream = info["return_value"]
            self._socket = stream.get_extra_info("socket") if hasattr(stream, "get_extra_info") else None

    def cut(self) -> None:
        """Shut the socket down under the reader, which then fails at once."""
        if self._socket is not None:
            with contextlib.suppress(OSError):  # already closed: nothing is left to cut
                # Not SSLSocket's own shutdown: it takes the TLS object away from the thread that is reading.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class Incoming:
    """An answer whose body is still on its way."""

    def __init__(self, response: httpx2.Response, deadline: Deadline, timeouts: Timeouts, where: str) -> None:
        self._response = response
        self._deadline = deadline
        self._timeouts = timeouts
        self._where = where
        self.status = response.status_code
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}

    def chunks(self) -> Iterator[bytes]:
        """The decoded body in pieces of at most 256 KiB. Unreachable when it breaks off, stalls or cannot be decoded.

        Only what was asked for is decoded: gzip. The raw bytes count for the least rate.
        """
        encoding = self.headers.get("content-encoding", "").strip().lower()
        if encoding in {"", "identity"}:
            yield from self._raw()
        elif encoding in {"gzip", "x-gzip"}:
            yield from self._gunzipped()
        else:
            raise self._broken(f"its content encoding {encoding[:40]!r} was not asked for")
        if self._deadline.expired:  # a cut looks like a regular end where the length was not declared
            raise self._broken("it was cut at the deadline")

    def _raw(self) -> Iterator[bytes]:
        came = 0
        for piece in self._response.iter_raw():
            came += len(piece)
            self._deadline.grant(came / self._timeouts.least_rate)
            yield piece

    def _gunzipped(self) -> Iterator[bytes]:
        decoder = zlib.decompressobj(wbits=31)
        try:
            for piece in self._raw():
                yield decoder.decompress(piece, _CHUNK)
                while decoder.unconsumed_tail:
                    yield decoder.decompress(decoder.unconsumed_tail, _CHUNK)
            # What the window still holds comes with an empty input; flush() would give it all at once, unbounded.
            while not decoder.eof and (rest := decoder.decompress(b"", _CHUNK)):
                yield rest
        except zlib.error as error:
            raise self._broken("its gzip encoding is damaged") from error
        if not decoder.eof:
            raise self._broken("its gzip encoding breaks off")

    def whole(self, limit: int = LARGEST_ANSWER) -> Answer:
        """The answer with its body in memory. Unreachable when it is larger than `limit` bytes."""
        return self.rest_of(b"", self.chunks(), limit)

    def rest_of(self, begun: bytes, chunks: Iterator[bytes], limit: int = LARGEST_ANSWER) -> Answer:
        """`whole`, for a body of which `begun` was already taken from `chunks`."""
        body = bytearray(begun)
        for piece in chunks:
            body += piece
            if len(body) > limit:
                raise self._broken(f"it is larger than {limit} bytes")
        return Answer(status=self.status, headers=self.headers, body=bytes(body))

    def _broken(self, why: str) -> Unreachable:
        return Unreachable("Zoho's answer cannot be used", where=self._where, why=why)


class Transport:
    """Sends requests; shared by all threads, each of which uses a connection of its own while it lasts.

    `ca_file` replaces the system's certificates. `mock` takes the place of the network in tests.
    """

    def __init__(
        self,
        *,
        timeouts: Timeouts | None = None,
        ca_file: Path | None = None,
        trust_env: bool = True,
        mock: httpx2.BaseTransport | None = None,
    ) -> None:
        self._timeouts = timeouts or Timeouts()
        # Loading the system's certificates takes longer than everything else here: not before they are needed.
        self._verify = _ssl_context(ca_file) if ca_file else None
        self._trust_env = trust_env
        self._mock = mock
        self._lock = threading.Lock()
        self._idle: list[_Line] = []
        self._closed = False

    def close(self) -> None:
        """Close all connections that are not in use; one in use is closed when its call ends."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for line in idle:
            line.client.close()

    def call(self, request: Request) -> Answer:
        """Send and return the whole answer, whatever its status. Unreachable when there is none."""
        return self.exchange(request, Incoming.whole)

    def exchange(
        self, request: Request, handle: Callable[[Incoming], _T], *, repeat: Callable[[], None] = _nothing
    ) -> _T:
        """Send, and return what `handle` makes of the answer while it comes in.

        `repeat` runs ahead of every repetition that Zoho may count, and may refuse it by raising. A request that is
        not repeatable is tried again only when no connection came about, so that it cannot have been received.
        Unreachable in the end.
        """
        sent = 0

        def attempt() -> _T:
            nonlocal sent
            if sent and request.repeatable:
                repeat()
            sent += 1
            return self._once(request, handle)

        unsent = (httpx2.ConnectError, httpx2.ConnectTimeout)
        caller = stamina.RetryingCaller(attempts=ATTEMPTS, timeout=None, wait_initial=0.2, wait_max=2.0)
        try:
            return caller(httpx2.TransportError if request.repeatable else unsent, attempt)
        except httpx2.HTTPError as error:
            why = redact(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
            raise Unreachable(
                "Zoho does not answer", where=request.where, why=why, fix="check the network, DNS and proxy settings"
            ) from error

    def _once(self, request: Request, handle: Callable[[Incoming], _T]) -> _T:
        line = self._borrow(fresh=not request.repeatable)
        deadline = Deadline(self._timeouts.call, line.cut)
        started = time.monotonic()
        try:
            with deadline, self._response(line, request) as response:
                result = handle(Incoming(response, deadline, self._timeouts, request.where))
            _log.debug(
                "zoho.call",
                call=request.where,
                status=response.status_code,
                seconds=round(time.monotonic() - started, 3),
            )
            return result
        except httpx2.HTTPError as error:
            if not deadline.expired:
                raise
            raise Unreachable(
                "Zoho does not answer in time",
                where=request.where,
                why=f"no whole answer after {time.monotonic() - started:.0f} s",
                fix="nothing to do if it passes; else check the network",
            ) from error
        finally:
            self._give_back(line)

    @contextlib.contextmanager
    def _response(self, line: _Line, request: Request) -> Iterator[httpx2.Response]:
        limits = self._timeouts
        outgoing = line.client.build_request(
            request.method,
            request.url,
            headers={"User-Agent": "syncd", "Accept-Encoding": "gzip", **request.headers},
            content=request.body or None,
            timeout=httpx2.Timeout(limits.read, connect=min(request.connect or limits.connect, limits.connect)),
            extensions={"trace": line.trace},
        )
        response = line.client.send(outgoing, stream=True, follow_redirects=False)
        line.client.cookies.clear()
        try:
            yield response
        finally:
            response.close()

    def _borrow(self, *, fresh: bool) -> _Line:
        """A connection nobody uses. `fresh`: not one that was kept, which the peer may be closing right now."""
        with self._lock:
            if self._idle and not fresh:
                return self._idle.pop()
            if self._verify is None and self._mock is None:
                self._verify = httpx2.create_ssl_context()
            verify = self._verify or True
        return _Line(verify=verify, trust_env=self._trust_env, transport=self._mock)

    def _give_back(self, line: _Line) -> None:
        with self._lock:
            if not self._closed and len(self._idle) < _KEPT_CONNECTIONS:
                self._idle.append(line)
                return
        line.client.close()


def _ssl_context(ca_file: Path) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        problem = Problem(
            where="zoho.ca_file",
            what=f"{ca_file} cannot be used: {error}",
            fix="name a readable PEM file of certificates, or leave ca_file out",
        )
        raise ConfigWrong((problem,)) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
