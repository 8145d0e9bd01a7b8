"""The HTTP server: ASGI around `Service`, run by uvicorn in a thread on the loopback interface.

Owns: sockets, sending, and what faults do to connections (resets, stalls, drips, wrong lengths).
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import uvicorn
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from syncd.simulator.exchange import Call, Reply
from syncd.simulator.service import Delivery, Service

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

HOST = "127.0.0.1"
_CHUNK = 1 << 18
_STARTUP_SECONDS = 10.0


class Application:
    """The ASGI application. `moment` gives the simulator's clock in epoch seconds."""

    def __init__(self, service: Service, moment: Callable[[], float]) -> None:
        self._service = service
        self._moment = moment
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def stop(self) -> None:
        """End what waits: stalls and drips. Called from another thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopping.set)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        self._loop = asyncio.get_running_loop()
        request = Request(scope, receive)
        body = await request.body()
        call = Call(
            method=request.method,
            path=request.url.path,
            names={},
            query=dict(request.query_params),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=body,
            now=self._moment(),
            base_url=f"{request.url.scheme}://{request.headers.get('host', HOST)}",
        )
        delivery = await run_in_threadpool(self._service.answer, call)
        connection = _Connection(receive, send, self._stopping)
        await connection.deliver(delivery)


class _Connection:
    """Sends one answer, plainly or as a fault wants it."""

    def __init__(self, receive: Receive, send: Send, stopping: asyncio.Event) -> None:
        self._receive = receive
        self._send = send
        self._stopping = stopping

    async def deliver(self, delivery: Delivery) -> None:
        reply, fault = delivery.reply, delivery.options
        match delivery.how:
            case "":
                await self._plain(reply)
            case "stall":
                await self._pause(fault.number("seconds", 30) if fault else 30)
                await self._cut()
            case "reset" | "lost-reply":
                await self._cut()
            case "drip":
                chunk, pause = (fault.number("chunk", 16), fault.number("seconds", 0.05)) if fault else (16, 0.05)
                await self._drip(reply, int(chunk), pause)
            case "wrong-length":
                await self._half(reply, claimed=_size(reply) + 1000, sent=_size(reply))
            case "cut-off":
                await self._half(reply, claimed=_size(reply), sent=_size(reply) // 2)

    async def _plain(self, reply: Reply) -> None:
        await self._start(reply, _size(reply))
        if reply.file is None:
            await self._send({"type": "http.response.body", "body": reply.body})
            return
        with reply.file.open("rb") as source:
            while block := source.read(_CHUNK):
                if self._stopping.is_set():
                    await self._cut()
                    return
                await self._send({"type": "http.response.body", "body": block, "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})

    async def _start(self, reply: Reply, length: int) -> None:
        headers = {"Content-Type": reply.content_type, **reply.headers}
        if reply.status in {204, 304}:
            headers.pop("Content-Type")
        elif "Content-Encoding" not in headers:
            headers["Content-Length"] = str(length)
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": reply.status, "headers": raw})

    async def _drip(self, reply: Reply, chunk: int, pause: float) -> None:
        data = _data(reply)
        await self._start(reply, len(data))
        for at in range(0, len(data), chunk):
            if self._stopping.is_set():
                await self._cut()
                return
            await self._send({"type": "http.response.body", "body": data[at : at + chunk], "more_body": True})
            await self._pause(pause)
        await self._send({"type": "http.response.body", "body": b""})

    async def _half(self, reply: Reply, *, claimed: int, sent: int) -> None:
        """Send a part of the body under a larger Content-Length and close the connection."""
        await self._start(reply, claimed)
        await self._send({"type": "http.response.body", "body": _data(reply)[:sent], "more_body": True})
        await self._close(reset=False)

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond the server's stop."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _cut(self) -> None:
        await self._close(reset=True)

    async def _close(self, *, reset: bool) -> None:
        """Close the connection under uvicorn, which offers no other way to break off an answer.

        uvicorn's `send` is a method of the object that owns the transport. With SO_LINGER at zero the kernel sends
        RST instead of FIN.
        """
        transport = getattr(getattr(self._send, "__self__", None), "transport", None)
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("the server's send is not the one of uvicorn's request cycle")
        if reset:
            raw = transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        else:
            transport.close()
        while (await self._receive())["type"] != "http.disconnect":
            pass


def _size(reply: Reply) -> int:
    return reply.file.stat().st_size if isinstance(reply.file, Path) else len(reply.body)


def _data(reply: Reply) -> bytes:
    return reply.file.read_bytes() if isinstance(reply.file, Path) else reply.body


def listening_socket(port: int) -> socket.socket:
    """A bound TCP socket on the loopback interface; port 0 takes a free one. OSError if the port is taken."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or asyncio leaves Nagle on
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
    except OSError:
        bound.close()
        raise
    return bound


@contextlib.contextmanager
def serving(application: Application, port: int) -> Iterator[str]:
    """Serve in a thread while the block runs; yields the base URL."""
    bound = listening_socket(port)
    config = uvicorn.Config(
        application,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        date_header=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=30,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, name="simulator", daemon=True)
    thread.start()
    ready, waited = threading.Event(), 0.0
    try:
        while not server.started and thread.is_alive() and waited < _STARTUP_SECONDS:
            ready.wait(0.005)
            waited += 0.005
        if not server.started:
            raise RuntimeError("the simulator's server did not start")
        yield f"http://{HOST}:{bound.getsockname()[1]}"
    finally:
        application.stop()
        server.should_exit = True
        thread.join(_STARTUP_SECONDS)
        bound.close()
