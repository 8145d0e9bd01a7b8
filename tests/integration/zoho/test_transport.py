"""Deadlines and broken connections, over real sockets."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina

from syncd.errors import Unreachable
from syncd.zoho.transport import Incoming, Request, Timeouts, Transport
from tests.integration.zoho.stubborn_server import Script, StubbornServer, dripping, sending, silent

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
OPEN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
QUICK = Timeouts(connect=1.0, read=0.4, call=0.4, least_rate=100_000)


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


def call(script: Script, *, timeouts: Timeouts = QUICK, repeatable: bool = True) -> tuple[Unreachable, int, float]:
    """The error that a call of this server ends in, how many requests came, and the seconds it took."""
    with StubbornServer(script).serving() as server:
        transport = Transport(timeouts=timeouts, trust_env=False)
        started = time.monotonic()
        with pytest.raises(Unreachable) as caught:
            transport.call(Request(method="GET", url=f"{server.url}/x", repeatable=repeatable))
        took = time.monotonic() - started
        transport.close()
        return caught.value, len(server.requests), took


@pytest.mark.parametrize(
    "script",
    [
        dripping(OK, 0.05),  # the head itself, byte by byte: no socket timeout ever strikes
        dripping(b"{" * 500, 0.05, at_once=OK.replace(b"Length: 2", b"Length: 500")[:-2]),
        dripping(b"{" * 500, 0.05, at_once=OPEN),
        dripping(b"1\r\n{\r\n" * 100, 0.05, at_once=OPEN[:-2] + b"Transfer-Encoding: chunked\r\n\r\n"),
    ],
)
def test_a_peer_that_drips_is_cut_at_the_deadline_and_not_asked_again(script: Script) -> None:
    error, requests, took = call(script)
    assert "in time" in str(error) or "deadline" in str(error)
    assert requests == 1
    assert 0.3 < took < 2


def test_a_cut_is_not_taken_for_the_end_of_an_open_ended_body() -> None:
    """Without a length, the end of the connection is the end of the body."""
    error, _, _ = call(dripping(b" " * 500, 0.05, at_once=OPEN + b"{}"))
    assert "deadline" in str(error)


def test_a_peer_that_never_answers() -> None:
    error, requests, took = call(silent, timeouts=Timeouts(connect=1, read=0.2, call=5))
    assert "ReadTimeout" in error.why
    assert requests == 3
    assert took < 3


@pytest.mark.parametrize("repeatable", [True, False])
def test_a_reply_that_breaks_off(repeatable: bool) -> None:
    error, requests, _ = call(sending(OK[:-1], close=True), repeatable=repeatable)
    assert "RemoteProtocolError" in error.why
    assert requests == (3 if repeatable else 1)


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    transport = Transport(trust_env=False)
    with pytest.raises(Unreachable, match="ConnectError"):
        transport.call(Request(method="POST", url=f"http://127.0.0.1:{port}/", repeatable=False))


def test_a_large_body_may_take_longer_than_a_small_one() -> None:
    """Slow, but above the least rate: the deadline moves on with what has come."""
    pieces = 12

    def script(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(OPEN)
        for _ in range(pieces):
            connection.sendall(bytes(10_000))
            stop.wait(0.08)
        connection.shutdown(socket.SHUT_WR)

    with StubbornServer(script).serving() as server:
        transport = Transport(timeouts=Timeouts(read=1, call=0.3, least_rate=50_000), trust_env=False)
        started = time.monotonic()
        answer = transport.call(Request(method="GET", url=f"{server.url}/x"))
        assert len(answer.body) == pieces * 10_000
        assert time.monotonic() - started > 0.6
        transport.close()


def test_connections_are_kept_but_not_for_what_may_not_be_repeated() -> None:
    with StubbornServer(sending(OK)).serving() as server:
        transport = Transport(trust_env=False)
        for _ in range(3):
            transport.call(Request(method="GET", url=f"{server.url}/x"))
        assert len(server._threads) == 1
        transport.call(Request(method="POST", url=f"{server.url}/x", repeatable=False))
        assert len(server._threads) == 2
        transport.close()


def test_threads_do_not_share_a_connection() -> None:
    inside = threading.Barrier(4)

    def script(connection: socket.socket, _: threading.Event) -> None:
        inside.wait(5)
        connection.sendall(OK)

    with StubbornServer(script).serving() as server:
        transport = Transport(trust_env=False)
        answers: list[int] = []

        def ask() -> None:
            answers.append(transport.call(Request(method="GET", url=f"{server.url}/x")).status)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert answers == [200] * 4
        transport.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "syncd-zoho-deadline"]


def test_a_handler_that_fails_leaves_no_watcher_behind() -> None:
    def handle(_: Incoming) -> None:
        raise KeyError("mine")

    with StubbornServer(sending(OK)).serving() as server:
        transport = Transport(trust_env=False)
        with pytest.raises(KeyError):
            transport.exchange(Request(method="GET", url=f"{server.url}/x"), handle)
        assert transport.call(Request(method="GET", url=f"{server.url}/x")).status == 200
        transport.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "syncd-zoho-deadline"]


CERTIFICATE = Path(__file__).with_name("loopback.pem")


def tls_server(script: Script) -> StubbornServer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return StubbornServer(script, context)


def test_certificates_are_checked_and_a_ca_file_can_be_given() -> None:
    with tls_server(sending(OK)).serving() as server:
        request = Request(method="GET", url=f"{server.url}/x")
        with pytest.raises(Unreachable, match=r"(?i)certificate"):
            Transport(trust_env=False).call(request)
        assert server.requests == []
        trusting = Transport(trust_env=False, ca_file=CERTIFICATE)
        assert trusting.call(request).status == 200
        trusting.close()


@pytest.mark.parametrize("script", [dripping(OK, 0.05), dripping(b"{" * 500, 0.05, at_once=OPEN)])
def test_the_deadline_cuts_through_tls(script: Script) -> None:
    with tls_server(script).serving() as server:
        transport = Transport(timeouts=QUICK, trust_env=False, ca_file=CERTIFICATE)
        started = time.monotonic()
        with pytest.raises(Unreachable, match=r"in time|deadline"):
            transport.call(Request(method="GET", url=f"{server.url}/x"))
        assert time.monotonic() - started < 2
        transport.close()
