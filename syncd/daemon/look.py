"""Regular looks at the ledger, in a thread of their own: a database that hangs must not delay a stop."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from syncd.core.model import ModuleStatus
from syncd.core.status import ApiUse
from syncd.errors import SyncdError


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the ledger said, or why it said nothing."""

    statuses: tuple[ModuleStatus, ...] = ()
    api_use: tuple[ApiUse, ...] = ()
    error: SyncdError | None = None


def look(statuses: Callable[[], Iterable[ModuleStatus]], api_use: Callable[[], Iterable[ApiUse]]) -> Look:
    """One look; a deliberate error becomes part of it."""
    try:
        return Look(statuses=tuple(statuses()), api_use=tuple(api_use()))
    except SyncdError as error:
        return Look(error=error)


class Lookout:
    """Takes a look every so many seconds, or when asked, and tells it."""

    def __init__(self, take: Callable[[], Look], tell: Callable[[Look], None], *, every: float) -> None:
        self._take = take
        self._tell = tell
        self._every = every
        self._wanted = threading.Event()
        self._over = False
        # Not waited for at the end of the process: it may hang in the database.
        self._thread = threading.Thread(target=self._watch, name="syncd-lookout", daemon=True)

    def start(self) -> None:
        """Take the first look `every` seconds from now."""
        self._thread.start()

    def ask(self) -> None:
        """Take a look as soon as possible."""
        self._wanted.set()

    def alive(self) -> bool:
        """Whether the thread lives; it only ends by `stop` or by a bug."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End after the look under way; does not wait for it."""
        self._over = True
        self._wanted.set()

    def _watch(self) -> None:
        while not self._over:
            self._wanted.wait(self._every)
            self._wanted.clear()
            if not self._over:
                self._tell(self._take())
