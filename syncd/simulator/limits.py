"""Quotas of the API: credits over 24 hours, downloads a minute, calls at once.

Owns: counting and refusing. Takes `now` in epoch seconds of the simulator's clock.
"""

from collections import Counter, deque

from syncd.simulator.refusals import Refusal
from syncd.simulator.switches import Switches

DAY = 86400
MINUTE = 60


class Limits:
    """All counters. Not safe by itself: the org's lock is held around every call."""

    def __init__(
        self, *, switches: Switches, daily_credits: int, downloads_per_minute: int, concurrent_calls: int
    ) -> None:
        self._switches = switches
        self._spent: deque[tuple[float, int]] = deque()
        self._used = 0
        self._downloads: deque[float] = deque()
        self._no_download_before = 0.0
        self._running: Counter[str] = Counter()
        self.daily_credits = daily_credits
        self.downloads_per_minute = downloads_per_minute
        self.concurrent_calls = concurrent_calls
        self.concurrent_of_a_kind = {"coql": 10}
        self.highest_running = 0

    def _too_many(self) -> Refusal:
        return Refusal("TOO_MANY_REQUESTS", status=self._switches.behaviour.too_many_requests_status)

    def enter(self, operation: str) -> None:
        """A call begins; Refusal if too many are running. Every enter that returns needs a leave."""
        allowed = self.concurrent_of_a_kind.get(operation, self.concurrent_calls)
        if self._running.total() >= self.concurrent_calls or self._running[operation] >= allowed:
            raise self._too_many()
        self._running[operation] += 1
        self.highest_running = max(self.highest_running, self._running.total())

    def leave(self, operation: str) -> None:
        """A call ended."""
        self._running[operation] -= 1

    def spend(self, credits_: int, now: float) -> None:
        """Take credits; Refusal if fewer are left in the rolling 24 hours."""
        self._roll(now)
        if self._used + credits_ > self.daily_credits:
            raise self._too_many()
        if credits_:
            self._spent.append((now, credits_))
            self._used += credits_

    def used(self, now: float) -> int:
        """Credits spent in the last 24 hours."""
        self._roll(now)
        return self._used

    def credit_headers(self, now: float) -> dict[str, str]:
        """X-API-CREDITS-REMAINING, which is sent once half of the credits are used."""
        used = self.used(now)
        if used * 2 < self.daily_credits:
            return {}
        return {"X-API-CREDITS-REMAINING": str(self.daily_credits - used)}

    def download(self, now: float) -> None:
        """Count a download; Refusal over the quota of a minute."""
        while self._downloads and now - self._downloads[0] >= MINUTE:
            self._downloads.popleft()
        if now < self._no_download_before:
            raise self._too_many()
        if len(self._downloads) >= self.downloads_per_minute:
            if self._switches.behaviour.download_penalty == "minute":
                self._no_download_before = now + MINUTE
            raise self._too_many()
        self._downloads.append(now)

    def _roll(self, now: float) -> None:
        while self._spent and now - self._spent[0][0] >= DAY:
            self._used -= self._spent.popleft()[1]
