"""A circuit breaker: when Zoho cannot be reached at all, most calls need not try (reliability.md 2.4)."""

import threading
import time
from collections.abc import Callable

from syncd.errors import Unreachable

OPENS_AFTER = 10
"""Transport errors in a row, over all threads of an org."""

PROBE_EVERY = 60.0
"""Seconds between two calls that are let through while the circuit is open."""


class Breaker:
    """Counts broken calls of one org; open, it lets one call a minute through to see whether things are better."""

    def __init__(
        self,
        *,
        after: int = OPENS_AFTER,
        probe_every: float = PROBE_EVERY,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._after = after
        self._probe_every = probe_every
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._broken = 0
        self._next_probe = 0.0

    @property
    def is_open(self) -> bool:
        """Whether calls are being held back."""
        return self._broken >= self._after

    def enter(self) -> None:
        """Before a call: Unreachable when the circuit is open and it is not time for a probe."""
        with self._lock:
            if not self.is_open:
                return
            now = self._monotonic()
            if now < self._next_probe:
                left = self._next_probe - now
                raise Unreachable(
                    "Zoho is not being called for a while",
                    why=f"{self._broken} calls in a row got no answer; the next try is in {left:.0f} s",
                    fix="check the network, DNS and proxy settings",
                )
            self._next_probe = now + self._probe_every

    def answered(self) -> None:
        """After any answer at all."""
        with self._lock:
            self._broken = 0

    def broke(self) -> None:
        """After a call without an answer."""
        with self._lock:
            self._broken += 1
            if self._broken == self._after:
                self._next_probe = self._monotonic() + self._probe_every
