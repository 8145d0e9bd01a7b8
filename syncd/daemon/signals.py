"""The signals of a daemon, handed to one function in the main thread; the handlers of before come back at the end."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = frozenset({signal.SIGTERM, signal.SIGINT})
RELOADING = signal.SIGHUP


@contextmanager
def handled(receive: Callable[[int], None]) -> Iterator[None]:
    """Call `receive` with the number of each SIGTERM, SIGINT and SIGHUP, between two steps of the main thread.

    `receive` must not take a lock that the main thread may hold. Outside the main thread, where Python allows no
    handlers, nothing is installed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handler(number: int, _frame: FrameType | None) -> None:
        receive(number)

    before = {number: signal.signal(number, handler) for number in (*STOPPING, RELOADING)}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
