"""Zoho's limits, kept before a call goes out: downloads per minute, token grants, daily credits.

The counting itself is a `QuotaStore` (shared by all processes, kept over restarts). Short waits are waited for here,
through a callable that a drain interrupts; longer ones are TryLater. Sends nothing.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from syncd.core.limits import DOWNLOADS_PER_MINUTE, GRANTS_PER_TEN_MINUTES
from syncd.core.model import Quota
from syncd.errors import TryLater
from syncd.zoho.state_file import StateFile

Wait = Callable[[float], None]
"""Returns after that many seconds; raises Draining when the process was asked to stop."""


class QuotaStore(Protocol):
    """Counts what was used, for all processes that share an org."""

    def take(self, org: str, quota: Quota, cost: int = 1) -> float:
        """Use `cost` units of the quota: 0.0 when taken, else the seconds to wait (> 0, nothing is taken).

        The same name may come with another limit later; what was taken before still counts. A cost above the limit
        can never be taken: the period is returned.
        """


DOWNLOAD_MARGIN = 5.0
"""Seconds by which our minute is longer than Zoho's: a request taken early may reach Zoho late, but not later than
this (the connect timeout of a download stays below it), so Zoho never sees an 11th in one of its minutes."""

PATIENCE = 90.0
"""Seconds that a call waits for its turn before it gives up as TryLater."""

_NO_LIMIT = 2_000_000_000
_DAY = timedelta(days=1)
_REMAINING_IS_FRESH = 15 * 60.0


@dataclass(frozen=True, slots=True)
class CreditBudget:
    """How many API credits a rolling day may cost: an absolute number, or a share (0..1) of the org's allowance.

    Zoho tells an allowance only indirectly: X-API-CREDITS-REMAINING appears once half of it is used, so twice the
    largest number ever seen there is a lower bound of the allowance, and a good estimate when it was seen first.
    Before it appears less than half is used, and a share has nothing to hold against.
    """

    credits: int = 0
    share: float = 0.0

    def __post_init__(self) -> None:
        if (self.credits > 0) == (self.share > 0) or not 0 <= self.share <= 1:
            raise ValueError("a budget is either a number of credits or a share up to 1")


HALF = CreditBudget(share=0.5)


class Limiter:
    """The gate of one org's calls; shared by all threads.

    `wait` lets time pass and may raise Draining; `state` keeps the largest remaining-credits header over restarts.
    """

    def __init__(
        self,
        *,
        org: str,
        store: QuotaStore,
        wait: Wait,
        downloads_per_minute: int = DOWNLOADS_PER_MINUTE,
        budget: CreditBudget = HALF,
        state: StateFile | None = None,
        patience: float = PATIENCE,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._org = org
        self._store = store
        self._wait = wait
        self._downloads = Quota("downloads", downloads_per_minute, timedelta(seconds=60 + DOWNLOAD_MARGIN))
        self._grants = Quota("token_grants", GRANTS_PER_TEN_MINUTES, timedelta(minutes=10))
        self._budget = budget
        self._state = state
        self._patience = patience
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._closed_until: dict[str, float] = {}
        self._remaining: tuple[int, float] | None = None
        stored = state.read().get("most_remaining") if state else None
        self._most_remaining = stored if isinstance(stored, int) else 0

    @property
    def credits_remaining(self) -> int | None:
        """What X-API-CREDITS-REMAINING said last; None while Zoho does not send it (less than half is used)."""
        return self._remaining[0] if self._remaining else None

    def take_download(self) -> None:
        """Before every single attempt at a download."""
        self._take(self._downloads, 1)

    def take_grant(self) -> None:
        """Before the token endpoint is asked."""
        self._take(self._grants, 1)

    def take_credits(self, cost: int) -> None:
        """Before every single request to the CRM API."""
        with self._lock:
            seen = self._remaining
        if seen and self._monotonic() - seen[1] < _REMAINING_IS_FRESH and seen[0] < cost:
            raise TryLater(
                "Zoho's API credits are used up",
                after=_REMAINING_IS_FRESH,
                where=self._org,
                why=f"{seen[0]} credits remain of the org's day",
            )
        self._take(Quota("credits", self._credit_limit(), _DAY), cost)

    def close(self, name: str, seconds: float) -> None:
        """Let no call through that name's gate (`downloads`, `credits`) for a while: Zoho has said so."""
        with self._lock:
            self._closed_until[name] = max(self._closed_until.get(name, 0.0), self._monotonic() + seconds)

    def heed(self, headers: Mapping[str, str]) -> None:
        """Note what an answer's headers say of the credits."""
        text = headers.get("x-api-credits-remaining", "").strip()
        if not (text.isascii() and text.isdigit()):
            return
        remaining = int(text[:12])
        with self._lock:
            self._remaining = (remaining, self._monotonic())
            grew = remaining > self._most_remaining
            if grew:
                self._most_remaining = remaining
        if grew and self._state:
            self._state.write({"most_remaining": remaining})

    def _credit_limit(self) -> int:
        if self._budget.credits:
            return self._budget.credits
        return int(2 * self._most_remaining * self._budget.share) if self._most_remaining else _NO_LIMIT

    def _take(self, quota: Quota, cost: int) -> None:
        waited = 0.0
        while (delay := self._closed_for(quota.name) or self._store.take(self._org, quota, cost)) > 0:
            if waited + delay > self._patience:
                raise TryLater(
                    f"the limit on {quota.name.replace('_', ' ')} is reached",
                    after=delay,
                    where=self._org,
                    why=f"at most {quota.limit} in {quota.period.total_seconds():.0f} s",
                )
            self._wait(delay)
            waited += delay

    def _closed_for(self, name: str) -> float:
        with self._lock:
            return max(self._closed_until.get(name, 0.0) - self._monotonic(), 0.0)
