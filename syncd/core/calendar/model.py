"""The values that the calendar modules hand to each other.

Wall times are naive datetimes, instants are aware datetimes in UTC; nothing here is ever a local clock.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import NamedTuple

from syncd.core.calendar.durations import Duration

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(microsecond=0, tzinfo=UTC)


class Line(NamedTuple):
    """One content line. Parameter values have their RFC 6868 escapes undone; the value is as written."""

    name: str
    params: tuple[tuple[str, tuple[str, ...]], ...]
    value: str

    def param(self, name: str) -> str | None:
        """The first value of the first parameter of that (upper-case) name."""
        for key, values in self.params:
            if key == name and values:
                return values[0]
        return None


class Component(NamedTuple):
    """A top-level component cut out of a stream.

    `text` is its unfolded lines joined by LF, BEGIN and END included, in the bytes of the stream. `line_no` counts
    physical lines from 1. `calendar` is the ordinal of its VCALENDAR from 1, 0 when it stands outside of any.
    `problem` says why it cannot be read, else ''; `size` and `digest` then describe the whole of a component whose
    `text` was cut short.
    """

    name: str
    text: bytes
    line_no: int
    calendar: int
    problem: str = ""
    size: int = 0
    digest: bytes = b""


class CalendarLine(NamedTuple):
    """A content line that stands in a VCALENDAR but in no component."""

    text: bytes
    line_no: int
    calendar: int


class TimeKind(StrEnum):
    """How much is known of a moment."""

    DATE = "date"  # a day, all of it
    UTC = "utc"
    ZONED = "zoned"
    FLOATING = "floating"  # a wall time that names no zone
    UNRESOLVED = "unresolved"  # a wall time whose zone nobody knows
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Moment:
    """A date or date-time of the file. `local` is midnight for a date, and in UTC for a UTC time.

    `tzid` is the zone as written. `at` is None where the instant is not known. `zone` resolves further wall times of
    the same kind, None for dates, floating and unresolved ones.
    """

    kind: TimeKind
    local: datetime
    tzid: str | None = None
    at: datetime | None = None
    zone: tzinfo | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """An attendee or organizer. `address` is the value as written, `email` in lower case where there is one."""

    address: str
    email: str | None
    cn: str | None
    role: str | None
    partstat: str | None
    cutype: str | None
    rsvp: bool | None
    params: dict[str, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A VALARM. The trigger is an offset from START or END, or an instant, or unreadable (then an issue says so)."""

    action: str | None = None
    trigger_rel: str | None = None
    trigger_offset: timedelta | None = None
    trigger_at: datetime | None = None
    repeat_count: int | None = None
    repeat_every: timedelta | None = None
    summary: str | None = None
    description: str | None = None
    props: list[Line]
    issues: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecurrenceDate:
    """One value of an RDATE or EXDATE. `end` is the end of an RDATE's period, in the moment's own wall time."""

    kind: str
    moment: Moment
    end: datetime | None = None
    end_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A VEVENT as typed values. None where the property is missing or unreadable (then an issue says so).

    `recurrence` is the moment of RECURRENCE-ID. `rrules` are the RRULE values in order, `exrules` the EXRULEs.
    """

    uid: str
    uid_synthetic: bool
    recurrence_key: str
    record_id: int | None
    recurrence: Moment | None
    this_and_future: bool
    summary: str | None
    description: str | None
    location: str | None
    url: str | None
    status: str | None
    classification: str | None
    transp: str | None
    priority: int | None
    sequence: int | None
    categories: list[str] | None
    geo: tuple[float, float] | None
    organizer: Person | None
    created: datetime | None
    last_modified: datetime | None
    dtstamp: datetime | None
    start: Moment | None
    end: Moment | None
    duration: Duration | None
    rrules: tuple[str, ...]
    exrules: tuple[str, ...]
    dates: tuple[RecurrenceDate, ...]
    attendees: tuple[Person, ...]
    alarms: tuple[Alarm, ...]
    props: list[Line]
    issues: tuple[str, ...]

    @property
    def is_cancelled(self) -> bool:
        return self.status == "CANCELLED"

    @property
    def is_busy(self) -> bool:
        """Whether its time is taken: TRANSP is not TRANSPARENT and it is not cancelled."""
        return self.transp != "TRANSPARENT" and self.status != "CANCELLED"

    @property
    def recurs(self) -> bool:
        if self.rrules or not self.dates:
            return bool(self.rrules)
        return any(entry.kind == "RDATE" for entry in self.dates)


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why a component cannot be a row: `stage` is a word for counting, `error` is for people."""

    stage: str
    error: str
    uid: str | None = None


@dataclass(frozen=True, slots=True)
class Horizon:
    """The days, both included, of which the occurrences of a series are listed."""

    first: date
    last: date


class Occurrence(NamedTuple):
    """One happening.

    `series` and `member` are indexes among the events of a UID: what it belongs to, and what describes it. The wall
    times are in the event's own clock. The instants are always known: `basis` is the time kind they rest on, and `tz`
    names the zone that was used. An all-day occurrence ends at the midnight after its last day.
    """

    series: int
    member: int
    key: str
    all_day: bool
    start_local: datetime
    end_local: datetime
    start_at: datetime
    end_at: datetime
    tz: str
    is_busy: bool
    basis: str


@dataclass(frozen=True, slots=True)
class Expansion:
    """What became of one event.

    `kind`: single, series, override, or orphan (an override without its series). `state`: none (no series), ok, capped
    (only the earliest are listed) or refused (the rule is absurd, so the start alone is). `last_end` is the end of the
    last occurrence, None for a series that goes on, or whose end nobody counted.
    """

    kind: str
    state: str = "none"
    note: str | None = None
    last_end: datetime | None = None
    issues: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DefaultZone:
    """Where dates and wall times without a zone are placed on the time line."""

    name: str
    rules: tzinfo
