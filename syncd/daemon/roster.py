"""Which streams may run now, and which must: the bookkeeping of the service, without threads, clocks or logs.

Every method takes the moment as monotonic seconds (`mono`), so that a wall clock that steps changes nothing here. The
service calls it under its own lock.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from syncd.core.model import ModuleStatus, StreamKey
from syncd.daemon.backoff import retry_wait, share
from syncd.daemon.schedule import Timing, due_at
from syncd.errors import GrantRefused, TryLater
from syncd.sync.ports import RunOutcome

_LONGEST_SLACK = 60.0
_LONGEST_SPREAD = 5.0


class Place(StrEnum):
    """Where a stream is between two passes, or in one."""

    IDLE = "idle"
    QUEUED = "queued"
    RUNNING = "running"


@dataclass(slots=True, kw_only=True)
class Entry:
    """One stream. Moments are monotonic seconds.

    `again`: a turn came while it ran. `ended_at`: when its last pass ended, by the wall clock. `not_before`: turns
    before it are ignored (a backoff). `retry_at`: it runs then even without a turn. `due`: its turn has been lost when
    it has not run long after (None: not known). `listed_parked`: the ledger has confirmed that it is parked, so that
    its disappearance there means something.
    """

    timing: Timing
    place: Place = Place.IDLE
    again: bool = False
    began: float = 0.0
    ended_at: datetime | None = None
    not_before: float = 0.0
    retry_at: float | None = None
    due: float | None = None
    failures: int = 0
    parked: bool = False
    listed_parked: bool = False
    paused: bool = False
    gone: bool = False


class Roster:
    """All streams of all orgs, and what may be done with each."""

    def __init__(self) -> None:
        self._entries: dict[StreamKey, Entry] = {}
        self._refused: dict[str, StreamKey] = {}

    def apply(self, timings: Mapping[StreamKey, Timing]) -> None:
        """Take over a new configuration; parked, refused and failing streams get another chance at once.

        A stream that is gone but busy stays until its pass ends.
        """
        for key, entry in list(self._entries.items()):
            entry.gone = key not in timings
            if entry.gone and entry.place is Place.IDLE:
                del self._entries[key]
        for key, timing in timings.items():
            entry = self._entries.setdefault(key, Entry(timing=timing))
            if entry.timing != timing:
                entry.timing, entry.due = timing, None
            if self._held(key, entry) or entry.failures:
                entry.not_before = entry.retry_at = 0.0
            entry.parked = entry.listed_parked = False
        self._refused.clear()

    def __contains__(self, key: StreamKey) -> bool:
        return key in self._entries

    def __getitem__(self, key: StreamKey) -> Entry:
        return self._entries[key]

    def configured(self) -> tuple[StreamKey, ...]:
        """All streams of the configuration, in its order."""
        return tuple(key for key, entry in self._entries.items() if not entry.gone)

    def in_place(self, *places: Place) -> tuple[StreamKey, ...]:
        """The streams that are in one of the places."""
        return tuple(key for key, entry in self._entries.items() if entry.place in places)

    # ------------------------------------------------------------------------------------------------------ may it run

    def ask(self, key: StreamKey, mono: float) -> bool:
        """A stream's turn has come: True when it is to be submitted (it is QUEUED then).

        False when it is unknown, paused, parked, backing off, or busy; a busy one remembers that it was asked.
        """
        entry = self._entries.get(key)
        if entry is None or entry.gone or self._held(key, entry) or mono < entry.not_before:
            return False
        if entry.place is not Place.IDLE:
            entry.again = True
            return False
        entry.place = Place.QUEUED
        entry.retry_at = None
        return True

    def held(self, key: StreamKey) -> bool:
        """Whether a stream waits for a person: paused, parked, or of an org whose grant is refused."""
        return self._held(key, self._entries[key])

    def _held(self, key: StreamKey, entry: Entry) -> bool:
        return entry.paused or entry.parked or key.org in self._refused

    def begin(self, key: StreamKey, mono: float) -> bool:
        """A queued stream's pass is about to run; False when it was taken off the configuration meanwhile."""
        entry = self._entries[key]
        if entry.gone:
            del self._entries[key]
            return False
        entry.place, entry.began, entry.again = Place.RUNNING, mono, False
        return True

    def end(self, key: StreamKey, outcome: RunOutcome, *, mono: float, now: datetime) -> int:
        """A pass has ended; return how many passes had failed in a row before it.

        Decides when the stream may and must run next.
        """
        entry = self._entries[key]
        before, entry.place, entry.ended_at = entry.failures, Place.IDLE, now
        every = entry.timing.every.total_seconds()
        if outcome.state == "failed":
            entry.failures += 1
            self._wait(entry, mono, retry_wait(entry.failures, key, every=entry.timing.every))
        elif isinstance(outcome.error, TryLater):
            after = outcome.error.after
            # Other streams hear the same number: a little more, each its own, keeps them from coming all at once.
            self._wait(entry, mono, after + min(every, after, _LONGEST_SPREAD) * share(key))
        elif outcome.state == "parked":
            entry.parked = True
            if isinstance(outcome.error, GrantRefused):
                self._refused[key.org] = key
        elif outcome.state == "paused":
            entry.paused = True
        elif outcome.state == "ok":
            entry.failures, entry.not_before = 0, 0.0
            # A turn that came in a pass longer than the interval is not lost: the stream is behind by it.
            entry.retry_at = mono if entry.again and not entry.timing.cron and mono - entry.began >= every else None
        entry.due = mono + every if not entry.timing.cron else None
        if entry.gone:
            del self._entries[key]
        return before

    @staticmethod
    def _wait(entry: Entry, mono: float, seconds: float) -> None:
        entry.not_before = entry.retry_at = mono + seconds

    # ----------------------------------------------------------------------------------------------------- must it run

    def ripe(self, mono: float) -> tuple[StreamKey, ...]:
        """The idle streams whose retry is due."""
        return tuple(
            key
            for key, entry in self._entries.items()
            if entry.place is Place.IDLE and entry.retry_at is not None and entry.retry_at <= mono
        )

    def overdue(self, mono: float) -> tuple[StreamKey, ...]:
        """The idle streams that nothing holds, whose turn was lost: due more than another interval or a minute ago."""
        return tuple(
            key
            for key, entry in self._entries.items()
            if entry.place is Place.IDLE
            and entry.due is not None
            and not self._held(key, entry)
            and mono >= entry.not_before
            and mono > entry.due + min(entry.timing.every.total_seconds(), _LONGEST_SLACK)
        )

    def next_moment(self) -> float | None:
        """The earliest retry of an idle stream, in monotonic seconds; None without one."""
        moments = [
            entry.retry_at
            for entry in self._entries.values()
            if entry.place is Place.IDLE and entry.retry_at is not None
        ]
        return min(moments, default=None)

    # ------------------------------------------------------------------------------------------------- the ledger says

    def learn(self, statuses: Iterable[ModuleStatus], *, mono: float, now: datetime) -> tuple[StreamKey, ...]:
        """Take over what the ledger says; return the streams that are due because of it.

        A stream that was resumed in the ledger is held no longer. A stream that has not run in this process is due
        when its last run in the ledger says so, and so is one whose cron turn was missed.
        """
        listed = {status.stream: status for status in statuses}
        due: list[StreamKey] = []
        for key, entry in self._entries.items():
            status = listed.get(key)
            released = status is not None and self._take(key, entry, status)
            unknown = entry.place is Place.IDLE and entry.due is None
            if released or (unknown and self._due(key, entry, status, mono=mono, now=now)):
                due.append(key)
        return tuple(due)

    def _take(self, key: StreamKey, entry: Entry, status: ModuleStatus) -> bool:
        """Note whether the stream is paused or parked; True when the ledger has just released it."""
        released = entry.paused and not status.paused
        entry.paused = status.paused
        if status.parked:
            entry.listed_parked = entry.parked
        elif entry.listed_parked:
            released = True
            entry.parked = entry.listed_parked = False
            entry.not_before = 0.0
            if self._refused.get(key.org) == key:
                del self._refused[key.org]
        return released

    @staticmethod
    def _due(key: StreamKey, entry: Entry, status: ModuleStatus | None, *, mono: float, now: datetime) -> bool:
        ends = [end for end in (entry.ended_at, status.last_finished_at if status else None) if end is not None]
        at = due_at(key, entry.timing, last_finished=max(ends, default=None), now=now)
        if not entry.timing.cron:
            entry.due = mono + (at - now).total_seconds()
        return at <= now

    def refused_by(self, org: str) -> StreamKey | None:
        """The stream whose pass showed that the org's grant is refused; None while it is accepted."""
        return self._refused.get(org)
