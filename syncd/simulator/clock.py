"""The simulator's own clock: real time plus an offset, or frozen and moved by hand.

Owns: what time it is at Zoho. Nothing else in the simulator may read the time of the machine, except for the request
log's monotonic stamps and for waiting on sockets.
"""

import threading
import time
from datetime import UTC, datetime, timedelta


class SimulatorClock:
    """A movable clock. All moments are aware datetimes in UTC; safe to use from several threads.

    Without arguments it shows real time. `start` sets what it shows now; `frozen` keeps it there until `advance`.
    """

    def __init__(self, *, start: datetime | None = None, frozen: bool = False) -> None:
        self._lock = threading.Lock()
        self._offset = start.timestamp() - self._real() if start is not None else 0.0
        self._frozen_at: float | None = None
        if frozen:
            self._frozen_at = start.timestamp() if start is not None else self._real()

    @staticmethod
    def _real() -> float:
        return time.time()

    def timestamp(self) -> float:
        """The moment in seconds since 1970-01-01 UTC, with fractions."""
        with self._lock:
            return self._frozen_at if self._frozen_at is not None else self._real() + self._offset

    def now(self) -> datetime:
        """The moment as an aware datetime in UTC, with microseconds."""
        return datetime.fromtimestamp(self.timestamp(), UTC)

    @property
    def frozen(self) -> bool:
        """Whether time stands still between calls of `advance`."""
        return self._frozen_at is not None

    def advance(self, seconds: float | timedelta) -> None:
        """Move time forward; a negative step raises ValueError because the data relies on time never going back."""
        step = seconds.total_seconds() if isinstance(seconds, timedelta) else float(seconds)
        if step < 0:
            raise ValueError(f"the simulator's clock cannot go back ({step} s)")
        with self._lock:
            if self._frozen_at is not None:
                self._frozen_at += step
            else:
                self._offset += step

    def freeze(self) -> None:
        """Stop time where it is."""
        with self._lock:
            if self._frozen_at is None:
                self._frozen_at = self._real() + self._offset

    def thaw(self) -> None:
        """Let time run on from where it stands."""
        with self._lock:
            if self._frozen_at is not None:
                self._offset = self._frozen_at - self._real()
                self._frozen_at = None
