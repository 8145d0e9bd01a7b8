"""The log of requests, for tests that count them."""

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

KEPT = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One answered (or cut off) request. `monotonic` is real, `at` is the simulator's clock in epoch seconds.

    `operation` is `create`, `details`, `download`, `token`, `deleted`, `coql` ... or "" for unknown paths. `status`
    is 0 where the connection was cut. `fault` names the faults that struck. `code` is Zoho's error code.
    """

    method: str
    path: str
    operation: str
    status: int
    monotonic: float
    at: float
    credits: int = 0
    code: str = ""
    fault: str = ""


class RequestLog:
    """The last 200,000 requests, in order of their answers. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[LogEntry] = deque(maxlen=KEPT)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[LogEntry]:
        return iter(self.entries())

    def add(self, entry: LogEntry) -> None:
        with self._lock:
            self._entries.append(entry)

    def entries(self, operation: str | None = None) -> list[LogEntry]:
        """All entries, or those of one operation."""
        with self._lock:
            return [entry for entry in self._entries if operation in {None, entry.operation}]

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
