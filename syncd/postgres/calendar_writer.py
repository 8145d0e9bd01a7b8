"""One thread that owns the connection while an import reads on: Python parses while PostgreSQL merges.

Owns the order of the work and its bound: what is handed over runs in order, and only little may lie ahead.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_MOST_AHEAD = 6  # two batches and what is noted with each


class Writer:
    """Runs functions in order on a thread of its own. Use as a context; an error surfaces at a later call."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="calendar-writer")
        self._ahead: deque[Future[Any]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        # What is under way must end before the caller may use the connection again, to roll back for instance.
        self._executor.shutdown(wait=True, cancel_futures=error is not None)
        if error is None:
            self._reap(0)

    def later(self, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> Future[T]:
        """Hand over a call; waits while too much lies ahead already."""
        self._reap(_MOST_AHEAD)
        future = self._executor.submit(function, *arguments, **named)
        self._ahead.append(future)
        return future

    def now(self, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """The result of a call, once everything before it is done."""
        future = self._executor.submit(function, *arguments, **named)
        self._reap(0)
        return future.result()

    def _reap(self, leave: int) -> None:
        while len(self._ahead) > leave:
            self._ahead.popleft().result()
