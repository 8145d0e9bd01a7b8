"""Trouble that repeats itself is told once in a while, with a count; its end makes the next one news again.

Knows events, not where they are written. A line of its own kind belongs to `runlog`, which is quiet about a stream that
keeps failing in the same way; this one is for everything else that speaks.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

RECOVERED = "recovered"
"""The event that ends a trouble: of the same org and module, or of all when it names none."""

_TROUBLE = frozenset({"warning", "error"})
_MOST = 1_000
_DIGITS = re.compile(r"\d+")
# What tells two troubles apart whatever their numbers are.
_EXACT = frozenset({"org", "module", "where"})


@dataclass(slots=True)
class _Said:
    at: float
    unsaid: int = 0


class Throttle:
    """Lets a warning or error pass unless the same one was let pass less than `seconds` ago.

    Two events are the same when all their texts are, numbers in them aside: "try again in 40 s" is "try again in 39 s".
    Other levels always pass: each of them means something of its own. For any number of threads.
    """

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self._said: OrderedDict[tuple[tuple[str, str], ...], _Said] = OrderedDict()
        self._lock = threading.Lock()

    def admit(self, event: Mapping[str, Any]) -> dict[str, Any] | None:
        """The event to write, or None. One that was held back before has the number of times in `unsaid`."""
        if event.get("event") == RECOVERED:
            return self._recovered(event)
        if event.get("level") not in _TROUBLE:
            return dict(event)
        identity = tuple(
            (name, value if name in _EXACT else _DIGITS.sub("#", value))
            for name, value in event.items()
            if isinstance(value, str)
        )
        now = self._monotonic()
        with self._lock:
            said = self._said.get(identity)
            if said is not None and now - said.at < self._seconds:
                said.unsaid += 1
                return None
            self._said[identity] = _Said(now)
            self._said.move_to_end(identity)
            if len(self._said) > _MOST:
                self._said.popitem(last=False)
        return {**event, "unsaid": said.unsaid} if said is not None and said.unsaid else dict(event)

    def _recovered(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Forget the troubles that are over, and say how often they were held back since they were last told."""
        wanted = {(name, event[name]) for name in ("org", "module") if isinstance(event.get(name), str)}
        with self._lock:
            over = [identity for identity in self._said if wanted <= set(identity)]
            unsaid = sum(self._said.pop(identity).unsaid for identity in over)
        return {**event, "unsaid": unsaid} if unsaid else dict(event)
