"""Wall times of an event -> occurrences with instants.

Owns how long each one lasts and where it lies on the time line, also at the ends of time. Must not know rules.
"""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from syncd.core.calendar.durations import Duration
from syncd.core.calendar.identity import date_key, wall_key
from syncd.core.calendar.model import EARLIEST, LATEST, DefaultZone, Event, Moment, Occurrence, TimeKind
from syncd.core.calendar.moments import wall_at
from syncd.core.calendar.spans import after

LONGEST = timedelta(days=366)
"""An occurrence is listed with at most this length; the event keeps its own."""

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_WALL = _EPOCH.replace(tzinfo=None)
_LAST_WALL = LATEST.replace(tzinfo=None)
_ZERO = timedelta()


class Placer:
    """Places the occurrences of one event: they share its zone, its length and whether it is busy."""

    __slots__ = (
        "_all_day",
        "_basis",
        "_duration",
        "_is_busy",
        "_known",
        "_length",
        "_member",
        "_start",
        "_tz",
        "_zone",
    )

    def __init__(self, event: Event, start: Moment, member: int, default: DefaultZone) -> None:
        self._member = member
        self._start = start
        self._known = start.zone is not None
        self._zone = start.zone if start.zone is not None else default.rules
        self._tz = _name(start, default)
        self._all_day = start.kind == TimeKind.DATE
        self._basis = start.kind.value
        self._is_busy = event.is_busy
        # Days of a DURATION follow the wall clock; everything else has the same length in real time (RFC 5545 3.8.5.3).
        nominal = self._known and event.duration is not None and event.duration.days != 0
        self._duration = event.duration if nominal else None
        self._length = _length(event, start)

    def place(self, local: datetime, length: timedelta | None = None) -> Occurrence:
        """The occurrence at a wall time; `length` (on the wall clock) replaces the event's own."""
        if self._known:
            at, key, end_local, end_at = self._known_times(local, length)
        else:
            at = self._instant(local)
            key = date_key(local) if self._all_day else wall_key(local)
            end_local = _later(local, self._length if length is None else length)
            end_at = max(self._instant(end_local), at)
        member = self._member
        return Occurrence(
            member,
            member,
            key,
            self._all_day,
            local,
            end_local,
            at,
            end_at,
            self._tz,
            self._is_busy,
            self._basis,
        )

    def _instant(self, local: datetime) -> datetime:
        try:
            return _EPOCH + (local - _EPOCH_WALL - (self._zone.utcoffset(local) or _ZERO))
        except OverflowError:
            return EARLIEST if local.year < 5000 else LATEST

    def _known_times(self, local: datetime, length: timedelta | None) -> tuple[datetime, str, datetime, datetime]:
        """(start, key, end on the wall clock, end) where the zone is known."""
        offset_of = self._zone.utcoffset
        offset = offset_of(local) or _ZERO
        try:
            utc = local - offset
        except OverflowError:
            utc = EARLIEST.replace(tzinfo=None) if local.year < 5000 else _LAST_WALL
        # Adding to an aware moment is the cheapest way to another one.
        at, key = _EPOCH + (utc - _EPOCH_WALL), wall_key(utc) + "Z"
        if length is not None:
            end_local = _later(local, length)
            return at, key, end_local, max(self._instant(end_local), at)
        if self._duration is not None:
            return at, key, *self._end_by_duration(self._duration, local, at)
        length = self._length
        if not length:
            return at, key, local, at
        end_local = _later(local, length)
        end_at = LATEST if at > LATEST - length else at + length
        if offset_of(end_local) != offset:
            end_local = wall_at(end_at, self._zone) or end_local
        return at, key, end_local, end_at

    def _end_by_duration(self, duration: Duration, local: datetime, at: datetime) -> tuple[datetime, datetime]:
        start = Moment(self._start.kind, local, self._start.tzid, at, self._start.zone)
        end = after(start, duration)
        if end is None or end.at is None:
            return _LAST_WALL, LATEST
        if end.at < at:
            return local, at
        if end.local - local > LONGEST:
            return _later(local, LONGEST), min(end.at, at + LONGEST)
        return end.local, end.at


def _length(event: Event, start: Moment) -> timedelta:
    end = event.end
    if end is None:
        return timedelta(days=1) if start.kind == TimeKind.DATE else _ZERO
    if start.at is not None and end.at is not None:
        return min(max(end.at - start.at, _ZERO), LONGEST)
    return min(max(end.local - start.local, _ZERO), LONGEST)


def _later(local: datetime, length: timedelta) -> datetime:
    return _LAST_WALL if local > _LAST_WALL - length else local + length


def _name(start: Moment, default: DefaultZone) -> str:
    """A name of the zone that instants rest on: IANA's where there is one, else as written."""
    if start.kind == TimeKind.UTC:
        return "UTC"
    if start.zone is None:
        return default.name
    if isinstance(start.zone, ZoneInfo):
        return start.zone.key
    if isinstance(start.zone, timezone):
        return str(start.zone)
    return start.tzid or default.name
