"""DATE and DATE-TIME values -> wall time, zone as written, instant.

Owns the value grammar (RFC 5545 3.3.4, 3.3.5, and how people get it wrong) and what kind of time a property names.
Nothing is ever guessed to be UTC: a wall time without a known zone has no instant.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

from syncd.core.calendar.model import Line, Moment, TimeKind

_LENIENT = re.compile(
    r"(\d{4})-?(\d{2})-?(\d{2})(?:[T ](\d{2}):?(\d{2})(?::?(\d{2})(?:[.,]\d+)?)?[ ]?(Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?",
    re.IGNORECASE | re.ASCII,
)
_TZID_WITH_COLON = re.compile(r"(.*):([0-9TZPDHMSW,/+-]+)", re.DOTALL)

ZoneOf = Callable[[str], tzinfo | None]
"""Finds the rules of a TZID as written; None when nobody knows them."""


class UnreadableTime(ValueError):
    """The value is no date and no date-time; the message quotes it."""


def wall(value: str) -> tuple[datetime, str, str | None]:
    """A value -> (wall time, suffix, issue). The suffix is 'date', '', 'Z' or an offset like '+0100'.

    Raises UnreadableTime; year 0 counts as unreadable because no calendar type can hold it.
    """
    size = len(value)
    if value.isascii() and value[:8].isdigit():
        try:
            if size == 8:
                return datetime.fromisoformat(value), "date", None
            if size == 15 and value[8] == "T" and value[9:].isdigit():
                return datetime.fromisoformat(value), "", None
            if size == 16 and value[8] == "T" and value[15] == "Z" and value[9:15].isdigit():
                return datetime.fromisoformat(value[:15]), "Z", None
        except ValueError:
            pass
    return _lenient(value)


def _lenient(value: str) -> tuple[datetime, str, str | None]:
    match = _LENIENT.fullmatch(value.strip())
    if match is None:
        raise UnreadableTime(f"not a date or date-time: {value[:80]!r}")
    year, month, day, hour, minute, second, suffix = match.groups()
    # 24:00 is the next midnight; a leap second is the second before it.
    late = hour == "24" and minute == "00" and (second or "00") == "00"
    try:
        moment = datetime(  # noqa: DTZ001 - wall time
            int(year),
            int(month),
            int(day),
            0 if late else int(hour or 0),
            int(minute or 0),
            min(int(second or 0), 59) if second != "60" else 59,
        )
        moment += timedelta(days=1) if late else timedelta()
    except (ValueError, OverflowError) as error:
        raise UnreadableTime(f"no such date or time: {value[:80]!r}") from error
    if hour is None:
        return moment, "date", "date_format"
    suffix = (suffix or "").upper().replace(":", "")
    return moment, "Z" if suffix in {"Z", "UTC", "GMT"} else suffix, "date_format"


def utc_stamp(value: str) -> datetime | None:
    """The instant of a UTC date-time in the common form; None for any other text.

    >>> utc_stamp("20250131T235900Z").isoformat()
    '2025-01-31T23:59:00+00:00'
    """
    if len(value) == 16 and value[8] == "T" and value[15] == "Z" and value.isascii():
        digits = value[:8] + value[9:15]
        if digits.isdigit():
            try:
                return datetime.fromisoformat(value)
            except ValueError:
                return None
    return None


def instant(local: datetime, zone: tzinfo) -> datetime | None:
    """The UTC instant of a wall time; None when it lies outside of years 1 to 9999.

    RFC 5545 3.3.5: a time that occurs twice is the first, a time that does not occur uses the offset before the gap.

    >>> from zoneinfo import ZoneInfo
    >>> instant(datetime(2025, 11, 2, 1, 30), ZoneInfo("America/New_York")).isoformat()
    '2025-11-02T05:30:00+00:00'
    """
    offset = zone.utcoffset(local)
    try:
        return (local if offset is None else local - offset).replace(tzinfo=UTC)
    except OverflowError:
        return None


def wall_at(at: datetime, zone: tzinfo) -> datetime | None:
    """The wall time of an instant in a zone; None when it lies outside of years 1 to 9999."""
    try:
        return at.astimezone(zone).replace(tzinfo=None, fold=0)
    except OverflowError:
        return None


def moment_of(line: Line, zone_of: ZoneOf, issues: list[str]) -> Moment:
    """What a date or date-time property says. Adds to `issues`; raises UnreadableTime."""
    value, tzid, as_date = timing(line, issues)
    return moment(value, tzid, zone_of, issues, as_date=as_date)


def timing(line: Line, issues: list[str]) -> tuple[str, str | None, bool]:
    """(value, TZID, whether VALUE=DATE) of a line.

    `TZID=(UTC+01:00) Amsterdam:2020..` without quotes was cut at its first colon: the halves are put together.
    """
    if not line.params:
        return line.value, None, False
    value, tzid = line.value, line.param("TZID")
    as_date = (line.param("VALUE") or "").strip().upper() == "DATE"
    if tzid is not None and ":" in value and not _LENIENT.fullmatch(value.strip()):
        match = _TZID_WITH_COLON.fullmatch(value)
        if match is not None:
            issues.append("tzid_with_colon")
            return match[2], f"{tzid}:{match[1]}".partition(";")[0], as_date
    return value, tzid, as_date


def moment(value: str, tzid: str | None, zone_of: ZoneOf, issues: list[str], *, as_date: bool = False) -> Moment:
    """What a date or date-time value says under a TZID. Adds to `issues`; raises UnreadableTime."""
    local, suffix, issue = wall(value)
    if issue:
        issues.append(issue)
    if suffix == "date" or as_date:
        if suffix != "date":
            issues.append("date_with_time")
            local = local.replace(hour=0, minute=0, second=0)
        return Moment(TimeKind.DATE, local, tzid)
    if suffix == "Z":
        if tzid is not None:
            issues.append("tzid_with_z")
        return Moment(TimeKind.UTC, local, tzid, local.replace(tzinfo=UTC), UTC)
    if suffix:
        issues.append("offset_in_value")
        return _zoned(local, suffix, offset_zone(suffix), issues)
    if not tzid:
        return Moment(TimeKind.FLOATING, local)
    zone = zone_of(tzid)
    if zone is None:
        return Moment(TimeKind.UNRESOLVED, local, tzid)
    return _zoned(local, tzid, zone, issues)


def _zoned(local: datetime, tzid: str, zone: tzinfo, issues: list[str]) -> Moment:
    at = instant(local, zone)
    if at is None:
        issues.append("out_of_range")
        return Moment(TimeKind.UNRESOLVED, local, tzid)
    return Moment(TimeKind.ZONED, local, tzid, at, zone)


def offset_zone(text: str) -> tzinfo:
    """The fixed zone of an offset like '+0100'; UTC when it is out of range."""
    sign = -1 if text[0] == "-" else 1
    offset = sign * timedelta(hours=int(text[1:3]), minutes=int(text[3:5]))
    return timezone(offset) if abs(offset) < timedelta(days=1) else UTC


def day_after(day: date) -> date | None:
    """The next day; None after the last day of year 9999."""
    return day + timedelta(days=1) if day < date.max else None
