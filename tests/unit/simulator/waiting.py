"""Waiting for what another thread does."""

import threading
import time
from collections.abc import Callable


def until(holds: Callable[[], object], seconds: float = 10.0) -> None:
    """Return as soon as the condition holds; AssertionError after so many seconds."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        pause.wait(0.005)
