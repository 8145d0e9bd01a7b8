"""A loopback server that sends exactly the bytes it is told to, as slowly as it is told to."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

Script = Callable[[socket.socket, threading.Event], None]


class StubbornServer:
    """Accepts connections, reads one request on each, and lets a script answer; counts what came."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self.requests: list[bytes] = []
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            with self._tls.wrap_socket(connection, server_side=True) if self._tls else connection as line:
                self._answer(line)

    def _answer(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while not self._stop.is_set():
                head = b""
                while b"\r\n\r\n" not in head:
                    piece = connection.recv(65536)
                    if not piece:
                        return
                    head += piece
                self.requests.append(head)
                self._script(connection, self._stop)

    @contextlib.contextmanager
    def serving(self) -> Iterator["StubbornServer"]:
        accepting = threading.Thread(target=self._accept, daemon=True)
        accepting.start()
        try:
            yield self
        finally:
            self._stop.set()
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            accepting.join(5)
            for thread in self._threads:
                thread.join(5)


def dripping(content: bytes, every: float, *, at_once: bytes = b"") -> Script:
    """Sends `at_once`, then one byte of the rest at a time, then closes."""

    def script(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(at_once)
        for position in range(len(content)):
            if stop.wait(every):
                return
            connection.sendall(content[position : position + 1])
        connection.shutdown(socket.SHUT_WR)

    return script


def sending(content: bytes, *, close: bool = False) -> Script:
    """Sends it all."""

    def script(connection: socket.socket, _: threading.Event) -> None:
        connection.sendall(content)
        if close:
            connection.shutdown(socket.SHUT_WR)

    return script


def silent(_: socket.socket, stop: threading.Event) -> None:
    """Never answers."""
    stop.wait(10)
