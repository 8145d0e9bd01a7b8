"""RDATE and EXDATE lines -> moments (RFC 5545 3.8.5.1, 3.8.5.2), each value for itself: a bad one costs only itself."""

from datetime import datetime

from syncd.core.calendar.durations import parse
from syncd.core.calendar.model import Line, Moment, RecurrenceDate
from syncd.core.calendar.moments import UnreadableTime, ZoneOf, moment, timing
from syncd.core.calendar.spans import after

MOST_DATES = 20_000
"""Dates beyond these stay in `props` alone."""


def recurrence_dates(lines: list[Line], zone_of: ZoneOf, issues: list[str]) -> tuple[RecurrenceDate, ...]:
    """Every value of the lines in order, RDATE periods with their end. Adds to `issues`."""
    found: list[RecurrenceDate] = []
    for line in lines:
        values, tzid, as_date = timing(line, issues)
        for value in values.split(","):
            text = value.strip()
            if not text:
                continue
            if len(found) >= MOST_DATES:
                issues.append("too_many_dates")
                return tuple(found)
            try:
                found.append(_one(line.name, text, tzid, zone_of, issues, as_date=as_date))
            except UnreadableTime:
                issues.append(f"bad_value:{line.name}")
    return tuple(found)


def _one(
    kind: str, text: str, tzid: str | None, zone_of: ZoneOf, issues: list[str], *, as_date: bool
) -> RecurrenceDate:
    begin, slash, rest = text.partition("/")
    start = moment(begin, tzid, zone_of, issues, as_date=as_date and not slash)
    if not slash:
        return RecurrenceDate(kind, start)
    end, end_at = _end_of_period(start, rest, tzid, zone_of, issues)
    return RecurrenceDate(kind, start, end, end_at)


def _end_of_period(
    start: Moment, text: str, tzid: str | None, zone_of: ZoneOf, issues: list[str]
) -> tuple[datetime | None, datetime | None]:
    span = parse(text)
    end = after(start, span) if span is not None else moment(text, tzid, zone_of, issues)
    if end is None or end.local < start.local:
        issues.append("negative_duration")
        return start.local, start.at
    return end.local, end.at
