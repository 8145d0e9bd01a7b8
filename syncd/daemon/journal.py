"""What each stream is doing and how its last passes ended, kept in memory for the status page.

Bounded: a day and 500 passes a stream. Must not decide anything; called under the service's lock.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from syncd.core.model import StreamKey
from syncd.core.status import Activity, PassEnd
from syncd.daemon.runlog import fix_of
from syncd.errors import Draining
from syncd.sync.ports import RunOutcome

_KEPT = timedelta(days=1)
_MOST = 500


@dataclass(slots=True)
class _Record:
    running_since: datetime | None = None
    last: RunOutcome | None = None
    ended: deque[PassEnd] = field(default_factory=lambda: deque(maxlen=_MOST))


class Journal:
    """The passes of this process. Moments are by the wall clock."""

    def __init__(self) -> None:
        self._records: dict[StreamKey, _Record] = {}

    def began(self, key: StreamKey, now: datetime) -> None:
        """A pass begins."""
        self._records.setdefault(key, _Record()).running_since = now

    def ended(self, outcome: RunOutcome, now: datetime) -> None:
        """A pass has ended."""
        record = self._records.setdefault(outcome.stream, _Record())
        record.running_since, record.last = None, outcome
        counts = outcome.counts
        record.ended.append(PassEnd(now, outcome.state, counts.inserted + counts.updated + counts.deleted))

    def keep(self, keys: Iterable[StreamKey]) -> None:
        """Forget all other streams."""
        wanted = set(keys)
        self._records = {key: record for key, record in self._records.items() if key in wanted}

    def error_of(self, key: StreamKey) -> tuple[str, str]:
        """The error of a stream's last pass and its fix; '' twice when it went well."""
        record = self._records.get(key)
        error = record.last.error if record and record.last else None
        return ("", "") if error is None or isinstance(error, Draining) else (str(error), fix_of(error))

    def activity(
        self, key: StreamKey, *, now: datetime, queued: bool, failures: int, waiting_for: str, next_at: datetime | None
    ) -> Activity:
        """The stream as the status page shows it; the arguments are what others know of it."""
        record = self._records.get(key, _Record())
        error, fix = self.error_of(key)
        return Activity(
            stream=key,
            queued=queued,
            running_since=record.running_since,
            waiting_for=waiting_for,
            failures=failures,
            state=record.last.state if record.last else "",
            error=error,
            fix=fix,
            next_at=next_at,
            ended=tuple(end for end in record.ended if now - end.at <= _KEPT),
        )
