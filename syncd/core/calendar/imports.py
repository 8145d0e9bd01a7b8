"""What an import is asked for, and what it did: the values that callers exchange with `syncd.postgres.calendar`."""

from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta

from syncd.core.calendar.model import Horizon


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """One stream of ICS bytes to be loaded into one calendar.

    `evaluated_at` is the moment the export was made, on the clock of whoever made it: an older export never replaces
    what a newer one brought. `full`: the stream (or the export it is the last page of) holds the whole calendar, so
    what is absent was deleted. `export_id` joins the pages of one export; `last_page` is the one that ends it.

    `pinned`: the horizon was asked for, so every series is listed for exactly these days; otherwise series whose
    listing is less than a month off are left alone. `default_tz` (an IANA name) places dates and floating times on the
    time line; empty means the stream's own X-WR-TIMEZONE, else UTC.
    """

    key: str
    evaluated_at: datetime
    horizon: Horizon
    full: bool = False
    pinned: bool = False
    source: str = "file"
    default_tz: str = ""
    export_id: int | None = None
    page: int | None = None
    last_page: bool = True
    window: tuple[datetime, datetime] | None = None
    run_id: int | None = None
    job_id: str | None = None
    member: str | None = None
    max_delete_ratio: float = 0.2
    max_quarantine_ratio: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportCounts:
    """What one import did.

    `events` = inserted + updated + unchanged + older + quarantined VEVENTs (duplicates among them). `older`: a newer
    export has that event already. `held` counts deletions that were not believed. `complete`: every calendar of the
    stream was closed. `blocked` says why neither deletions nor a watermark may rest on this import, or ''.
    """

    calendars: int = 0
    events: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    older: int = 0
    quarantined: int = 0
    duplicates: int = 0
    deleted: int = 0
    held: int = 0
    relisted: int = 0
    timezones: int = 0
    other_components: int = 0
    stray_lines: int = 0
    complete: bool = False
    blocked: str = ""

    def as_dict(self) -> dict[str, int | bool | str]:
        """The counts by name, as stored and printed."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildCounts:
    """What a rebuild did: events read again, those whose columns came out different, series listed again."""

    calendars: int = 0
    events: int = 0
    updated: int = 0
    relisted: int = 0

    def __add__(self, other: "RebuildCounts") -> "RebuildCounts":
        return RebuildCounts(
            calendars=self.calendars + other.calendars,
            events=self.events + other.events,
            updated=self.updated + other.updated,
            relisted=self.relisted + other.relisted,
        )

    def as_dict(self) -> dict[str, int]:
        """The counts by name, as printed."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def default_horizon(today: date, *, months_back: int = 24, months_ahead: int = 18) -> Horizon:
    """The days around `today` of which the occurrences of a series are listed unless something else is asked for."""
    return Horizon(_months_from(today, -months_back), _months_from(today, months_ahead))


def parse_horizon(text: str) -> Horizon:
    """`FROM..TO` in ISO dates, both included. Raises ValueError with a sentence for people.

    >>> parse_horizon("2024-01-01..2024-12-31").last.isoformat()
    '2024-12-31'
    """
    first, dots, last = text.partition("..")
    try:
        horizon = Horizon(date.fromisoformat(first.strip()), date.fromisoformat(last.strip()))
    except ValueError as error:
        raise ValueError(f"{text!r} is not FROM..TO with ISO dates of years 1 to 9999") from error
    if not dots or horizon.last < horizon.first:
        raise ValueError(f"{text!r} ends before it begins")
    return horizon


def _months_from(day: date, months: int) -> date:
    month = 12 * day.year + day.month - 1 + months
    if not 12 <= month < 12 * 10_000:
        return date.min if months < 0 else date.max
    first = date(month // 12, month % 12 + 1, 1)
    return min(first + timedelta(days=day.day - 1), _last_of(first))


def _last_of(first: date) -> date:
    if first.month == 12:
        return first.replace(day=31)
    return first.replace(month=first.month + 1) - timedelta(days=1)
