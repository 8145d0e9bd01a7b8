"""The callback listener over a real socket: what comes through, what never does, and what a flood costs."""

import http.client
import json
import resource
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from syncd.web.callback import CONNECTIONS, MOST_BYTES, RateLimit, callback_app, callback_server
from syncd.web.server import WebServer

SECRET = "/zoho/Yx3kq8Zp0vWm2Jr6Tn4Bs9Ld"


def remote_id_of(body: bytes) -> str:
    return str(json.loads(body)["job_id"])


Listen = Callable[..., tuple[WebServer, list[str]]]


@pytest.fixture
def listen() -> Iterator[Listen]:
    servers: list[WebServer] = []

    def start(
        limit: RateLimit | None = None, parse: Callable[[bytes], str] = remote_id_of
    ) -> tuple[WebServer, list[str]]:
        hints: list[str] = []
        app = callback_app(SECRET, remote_id_of=parse, on_hint=hints.append, limit=limit)
        server = callback_server(app, "127.0.0.1", 0)
        server.start()
        servers.append(server)
        return server, hints

    yield start
    for server in servers:
        server.stop()


def send(port: int, path: str, body: bytes = b"", method: str = "POST") -> tuple[int, bytes, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders() if name.lower() != "date"}
        return answer.status, answer.read(), headers
    finally:
        connection.close()


def body_of(job: str) -> bytes:
    return json.dumps({"job_id": job}).encode()


def test_a_callback_becomes_a_hint(listen: Listen) -> None:
    server, hints = listen()
    send(server.port, SECRET, body_of("3652397000000646004"))
    send(server.port, SECRET + "?a=b", body_of("7"))
    assert hints == ["3652397000000646004", "7"]


ODD = [
    (SECRET, b"", "POST"),
    (SECRET, b"not json", "POST"),
    (SECRET, b"\xff\x00", "POST"),
    (SECRET, body_of(""), "POST"),
    (SECRET, body_of("7"), "GET"),
    (SECRET, body_of("7"), "PUT"),
    (SECRET + "x", body_of("7"), "POST"),
    (SECRET[:-1], body_of("7"), "POST"),
    (SECRET + "/", body_of("7"), "POST"),
    (SECRET.lower(), body_of("7"), "POST"),
    (SECRET.replace("Y", "%59"), body_of("7"), "POST"),
    ("/", body_of("7"), "POST"),
    (SECRET, b'{"job_id": "' + b"7" * MOST_BYTES + b'"}', "POST"),
]


def test_whatever_comes_the_answer_is_the_same(listen: Listen) -> None:
    server, hints = listen()
    right = send(server.port, SECRET, body_of("1"))
    assert (right[0], right[1]) == (204, b"")
    for path, body, method in ODD:
        assert send(server.port, path, body, method) == right, (path, body[:20], method)
    assert hints == ["1"]


def test_the_largest_body_that_is_taken(listen: Listen) -> None:
    server, hints = listen()
    frame = len(body_of(""))
    send(server.port, SECRET, body_of("7" * (MOST_BYTES - frame)))
    assert len(hints) == 1
    send(server.port, SECRET, body_of("7" * (MOST_BYTES - frame + 1)))
    assert len(hints) == 1


def test_a_chunked_body_is_bounded_too(listen: Listen) -> None:
    server, hints = listen()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        head = f"POST {SECRET} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode())
        chunk = b"2000\r\n" + b"7" * 0x2000 + b"\r\n"
        try:
            for _ in range(100):
                connection.sendall(chunk)
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert hints == []
    send(server.port, SECRET, body_of("8"))
    assert hints == ["8"]


def test_too_many_callbacks_are_dropped_with_the_same_answer(listen: Listen) -> None:
    server, hints = listen(RateLimit(0.0001, 3))
    answers = {send(server.port, SECRET, body_of(str(number)))[0] for number in range(10)}
    assert answers == {204}
    assert hints == ["0", "1", "2"]
    send(server.port, "/guess", body_of("x"))


def test_wrong_paths_do_not_use_up_the_rate(listen: Listen) -> None:
    server, hints = listen(RateLimit(0.0001, 1))
    for _ in range(5):
        send(server.port, "/guess", body_of("x"))
    send(server.port, SECRET, body_of("7"))
    assert hints == ["7"]


def test_a_flood_leaves_memory_and_threads_bounded(listen: Listen) -> None:
    """Without the rate limit, so that every body is really looked at."""
    server, hints = listen(RateLimit(1e9, 10**9))
    threads = threading.active_count()
    silent = []
    for _ in range(3 * CONNECTIONS):
        silent.append(socket.create_connection(("127.0.0.1", server.port), timeout=10))
        silent[-1].setblocking(False)
    for connection in silent:
        connection.close()
    while not hints:  # until the server has seen the silent ones go
        try:
            send(server.port, SECRET, body_of("0"))
        except ConnectionError:
            continue
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def flood() -> None:
        for _ in range(60):
            try:
                send(server.port, SECRET, b"7" * (10 * MOST_BYTES))
            except (ConnectionError, http.client.HTTPException):
                continue

    workers = [threading.Thread(target=flood) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert threading.active_count() == threads
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 24 * 1024, "kilobytes; 480 bodies of 640 kB were sent"
    assert hints == ["0"]
    assert server.alive()
    send(server.port, SECRET, body_of("1"))
    assert hints == ["0", "1"]
