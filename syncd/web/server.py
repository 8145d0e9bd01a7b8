"""An HTTP server in a thread: uvicorn with a bound on connections and on how long each may last.

Owns the listening socket and the thread. Knows nothing of what is served.
"""

import asyncio
import logging
import socket
import threading

import uvicorn
from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol

from syncd.errors import NeedsOperator

# A line for each malformed request would let strangers fill the log; what fails in our own pages is an error.
_LOG = logging.getLogger("syncd.web.protocol")
_LOG.setLevel(logging.ERROR)


def _bounded(connections: int, seconds: float) -> type[H11Protocol]:
    """uvicorn's protocol with two bounds it lacks: connections at once, and a deadline for each, first byte to last.

    Without them a client that connects and says nothing keeps a file descriptor for ever.
    """

    class BoundedProtocol(H11Protocol):
        _expiry: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
            super().connection_made(transport)
            self.logger = _LOG
            if len(self.connections) > connections:
                transport.abort()
            else:
                self._expiry = self.loop.call_later(seconds, transport.abort)

        def connection_lost(self, exc: Exception | None) -> None:
            if self._expiry is not None:
                self._expiry.cancel()
            super().connection_lost(exc)

    return BoundedProtocol


class WebServer:
    """Serves an ASGI application on `host` and `port` from a thread of its own; port 0 takes any free one.

    At most `connections` at once, each at most `seconds` long. The socket is bound at once, so that a taken port is
    NeedsOperator here and not a line in the log later.
    """

    def __init__(
        self, app: ASGIApp, host: str, port: int, *, name: str = "web", connections: int = 64, seconds: float = 30.0
    ) -> None:
        self._socket = _bound(host, port, name)
        self._port: int = self._socket.getsockname()[1]
        config = Config(
            app,
            loop="asyncio",
            http=_bounded(connections, seconds),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=3,
            timeout_keep_alive=5,
            h11_max_incomplete_event_size=16 * 1024,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name=f"syncd-{name}", daemon=True)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._port

    def start(self) -> None:
        """Serve from now on; the socket takes connections already."""
        self._thread.start()

    def alive(self) -> bool:
        """Whether the serving thread lives."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Finish the answers under way, for three seconds at most, and end the thread. Safe to call twice."""
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])


def _bound(host: str, port: int, name: str) -> socket.socket:
    """A listening socket, so that nobody is refused between the start and the first accept."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or asyncio leaves Nagle on
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host.strip("[]"), port))
        made.listen(128)
    except OSError as error:
        made.close()
        raise NeedsOperator(
            "cannot listen on this address",
            where=f"{name} {host}:{port}",
            why=error.strerror or str(error),
            fix="choose another address or port, or stop what uses this one",
        ) from error
    return made
