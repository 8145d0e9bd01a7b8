"""A fault proxy between a process and what it talks to: it delays, drips, cuts, resets and goes silent.

Owns one listening socket on 127.0.0.1 and the connections through it. Knows no protocol.
"""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

KINDS = ("latency", "cut", "reset", "drip", "half-open", "refuse")


@dataclass(frozen=True)
class Mischief:
    """What is done to one connection: `after` so many bytes from the server's side, for so many `seconds`."""

    kind: str
    after: int
    seconds: float


class FaultProxy:
    """Forwards to `target` (host and port). `share` of the new connections are struck by one of `kinds`."""

    def __init__(self, target: tuple[str, int], *, seed: int, share: float = 0.0, most_bytes: int = 4000) -> None:
        self.share = share
        self.kinds: tuple[str, ...] = KINDS
        self.struck: Counter[str] = Counter()
        self.port = 0
        self._target = target
        self._rng = random.Random(seed)
        self._most_bytes = most_bytes
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._open: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._run, name="fault-proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.cut_all()
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    def cut_all(self) -> None:
        """Reset every connection there is now."""
        done = threading.Event()

        def cut() -> None:
            for writer in list(self._open):
                _reset(writer)
            done.set()

        self._loop.call_soon_threadsafe(cut)
        done.wait(5)

    # ------------------------------------------------------------------------------------------------ in its own thread

    def _run(self) -> None:
        self._loop.run_until_complete(self._main())

    async def _main(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _mischief(self) -> Mischief | None:
        if self._rng.random() >= self.share:
            return None
        kind = self._rng.choice(self.kinds)
        self.struck[kind] += 1
        return Mischief(kind, self._rng.randrange(self._most_bytes), self._rng.uniform(0.1, 1.5))

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mischief = self._mischief()
        # A cancelled handler would be reported by asyncio.streams as one that failed; it only ends with the proxy.
        with self._kept(writer), contextlib.suppress(OSError, asyncio.CancelledError):
            if mischief and mischief.kind == "refuse":
                _reset(writer)
                return
            there_reader, there_writer = await asyncio.open_connection(*self._target)
            with self._kept(there_writer):
                up = asyncio.ensure_future(self._pump(reader, there_writer, None))
                down = asyncio.ensure_future(self._pump(there_reader, writer, mischief))
                await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
                for side in (up, down):
                    side.cancel()

    @contextlib.contextmanager
    def _kept(self, writer: asyncio.StreamWriter) -> Iterator[None]:
        self._open.add(writer)
        try:
            yield
        finally:
            self._open.discard(writer)
            writer.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mischief: Mischief | None
    ) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := await reader.read(16_384):
                if mischief and passed + len(data) > mischief.after:
                    room = max(mischief.after - passed, 0)
                    writer.write(data[:room])
                    if not await self._strike(mischief, data[room:], writer):
                        return
                    mischief = None
                else:
                    writer.write(data)
                passed += len(data)
                await writer.drain()

    async def _strike(self, mischief: Mischief, rest: bytes, writer: asyncio.StreamWriter) -> bool:
        """Do it; False when the connection is over."""
        if mischief.kind == "latency":
            await asyncio.sleep(mischief.seconds)
            writer.write(rest)
            return True
        if mischief.kind == "drip":
            for at in range(min(len(rest), 200)):
                writer.write(rest[at : at + 1])
                await writer.drain()
                await asyncio.sleep(0.002)
            writer.write(rest[200:])
            return True
        if mischief.kind == "half-open":
            await asyncio.sleep(mischief.seconds * 2)
        await writer.drain()
        if mischief.kind in {"reset", "half-open"}:
            _reset(writer)
        return False


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST: no lingering."""
    raw = writer.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
