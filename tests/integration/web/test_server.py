import http.client
import socket
import threading
import time

import pytest
from starlette.types import Receive, Scope, Send

from syncd.errors import NeedsOperator
from syncd.web.server import WebServer


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


def get(port: int, path: str = "/") -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    body = connection.getresponse().read()
    connection.close()
    return body


def test_it_serves_until_it_is_stopped() -> None:
    server = WebServer(hello, "127.0.0.1", 0)
    assert server.port > 0
    server.start()
    assert get(server.port) == b"hello"
    assert server.alive()
    server.stop()
    server.stop()
    assert not server.alive()
    with pytest.raises(ConnectionRefusedError):
        get(server.port)


def test_a_request_right_after_the_start_is_not_refused() -> None:
    for _ in range(5):
        server = WebServer(hello, "127.0.0.1", 0)
        server.start()
        assert get(server.port) == b"hello"
        server.stop()


def test_one_that_was_never_started_can_be_stopped() -> None:
    WebServer(hello, "127.0.0.1", 0).stop()


def test_a_taken_port_is_said_at_once() -> None:
    server = WebServer(hello, "127.0.0.1", 0, name="web")
    with pytest.raises(NeedsOperator) as caught:
        WebServer(hello, "127.0.0.1", server.port, name="callback")
    assert caught.value.where == f"callback 127.0.0.1:{server.port}"
    assert "another address or port" in caught.value.fix
    server.stop()


def test_ipv6() -> None:
    if not socket.has_ipv6:
        return
    server = WebServer(hello, "::1", 0)
    server.start()
    connection = http.client.HTTPConnection("::1", server.port, timeout=10)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"hello"
    connection.close()
    server.stop()


def closed_by_peer(connection: socket.socket) -> bool:
    try:
        return connection.recv(100) == b""
    except ConnectionResetError:
        return True


def test_connections_are_bounded_in_number() -> None:
    server = WebServer(hello, "127.0.0.1", 0, connections=3)
    server.start()
    idle = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(3)]
    for connection in idle:  # each has been accepted once the server has read from it
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
    more = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(20)]
    assert all(closed_by_peer(connection) for connection in more)
    idle[0].sendall(b"\r\n")
    assert b"hello" in idle[0].recv(1000) + idle[0].recv(1000)
    for connection in (*idle, *more):
        connection.close()
    server.stop()


@pytest.mark.parametrize("said", [b"", b"GET / HT", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"])
def test_connections_are_bounded_in_time(said: bytes) -> None:
    async def reads(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass

    server = WebServer(reads, "127.0.0.1", 0, seconds=0.2)
    server.start()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(said)
        begin = time.monotonic()
        assert closed_by_peer(connection)
        assert time.monotonic() - begin < 5
    server.stop()


def test_a_stop_lets_the_answer_under_way_finish() -> None:
    asked, go = threading.Event(), threading.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        asked.set()
        while not go.is_set():
            await receive_nothing()
        await hello(scope, receive, send)

    async def receive_nothing() -> None:
        import asyncio

        await asyncio.sleep(0.01)

    server = WebServer(slow, "127.0.0.1", 0)
    server.start()
    bodies: list[bytes] = []
    client = threading.Thread(target=lambda: bodies.append(get(server.port)))
    client.start()
    assert asked.wait(10)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    go.set()
    client.join(10)
    stopping.join(10)
    assert bodies == [b"hello"]
