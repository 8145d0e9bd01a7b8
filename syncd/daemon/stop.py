"""The one way in which a run lets time pass: a wait that a stop request or a callback ends early.

Owns waiting and the request to stop. Must not know what is waited for; a callback is a hint that ends a wait, nothing
more.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from syncd.errors import Draining

_MOST_EARLY_HINTS = 256


class StopRequest:
    """A `syncd.sync.ports.Pause` for any number of threads.

    `stop` makes every wait and check raise Draining, now and for ever. `notify` ends the wait for a remote job; a hint
    that comes while nobody waits for the job is kept for its next wait, the newest 256 of them.
    """

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._stopping = False
        self._waiting: dict[str, int] = {}
        self._early: OrderedDict[str, None] = OrderedDict()
        self._last_used = monotonic()

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping

    @property
    def last_used(self) -> float:
        """When a run last waited or checked, in monotonic seconds: a sign that runs are alive."""
        return self._last_used

    def wait(self, seconds: float, *, remote_id: str = "") -> None:
        """Return after `seconds`, or earlier when `notify` names `remote_id`. Raises Draining on a stop request."""
        until = self._monotonic() + seconds
        with self._changed:
            self._waiting[remote_id] = self._waiting.get(remote_id, 0) + 1
            try:
                self._changed.wait_for(lambda: self._stopping or self._hinted(remote_id), until - self._monotonic())
            finally:
                self._leave(remote_id)
        self.check()

    def check(self) -> None:
        """Raises Draining on a stop request, else returns at once."""
        self._last_used = self._monotonic()
        if self._stopping:
            raise Draining("syncd was asked to stop")

    def stop(self) -> None:
        """Ask everything to stop at its next ledger boundary. May be called again, and from any thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def notify(self, remote_id: str) -> None:
        """A callback said something about this remote job: whoever waits for it looks now. Never blocks for long."""
        if not remote_id:
            return
        with self._changed:
            self._early[remote_id] = None
            self._early.move_to_end(remote_id)
            while len(self._early) > _MOST_EARLY_HINTS:
                self._early.popitem(last=False)
            if remote_id in self._waiting:
                self._changed.notify_all()

    def _hinted(self, remote_id: str) -> bool:
        return remote_id in self._early

    def _leave(self, remote_id: str) -> None:
        """The last waiter for a job takes the hint with it."""
        left = self._waiting[remote_id] - 1
        if left:
            self._waiting[remote_id] = left
        else:
            del self._waiting[remote_id]
            self._early.pop(remote_id, None)
