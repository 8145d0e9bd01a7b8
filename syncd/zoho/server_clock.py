"""Zoho's clock as its answers show it, carried on between them; never this host's wall clock.

An estimate is a lower bound: a Date header names the second in which the answer was made, and the way here is not
added. Being behind is safe (a window ends earlier), being ahead could lose rows.
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta


class ServerClock:
    """Shared by all threads. `monotonic` is a clock in seconds that only goes forward."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._date: datetime | None = None
        self._seen_at = 0.0
        self._told: datetime | None = None

    def observe(self, date: datetime) -> None:
        """Take the Date header of an answer that is surely Zoho's own; an aware datetime in UTC."""
        with self._lock:
            self._date, self._seen_at = date, self._monotonic()

    def now(self) -> datetime | None:
        """Zoho's time, never earlier than it was told before; None before the first answer."""
        with self._lock:
            if self._date is None:
                return None
            estimate = self._date + timedelta(seconds=self._monotonic() - self._seen_at)
            self._told = estimate if self._told is None else max(self._told, estimate)
            return self._told
