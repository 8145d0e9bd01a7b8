"""The written site, and a way to ask a server for pages."""

from collections.abc import Callable, Iterator

import pytest
from starlette.types import ASGIApp

from syncd.web.server import WebServer
from syncd.web.source import Site
from tests.integration.web.written_site import WrittenLedger, site_of, written_ledger


@pytest.fixture
def ledger() -> WrittenLedger:
    """A ledger to write into before the first request."""
    return written_ledger()


@pytest.fixture
def site(ledger: WrittenLedger) -> Site:
    """The site over `ledger`."""
    return site_of(ledger)


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[[ASGIApp], int]]:
    """Serve an application on a free port of loopback until the test ends; answers with the port."""
    servers: list[WebServer] = []

    def start(app: ASGIApp) -> int:
        server = WebServer(app, "127.0.0.1", 0)
        servers.append(server)
        server.start()
        return server.port

    yield start
    for server in servers:
        server.stop()
