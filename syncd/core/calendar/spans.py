"""When an event ends: DTEND, DURATION, or neither (RFC 5545 3.6.1).

Owns what is done about an end that cannot be: it is never earlier than the start, and an all-day event has a day.
"""

from datetime import timedelta

from syncd.core.calendar.durations import Duration, parse
from syncd.core.calendar.model import Moment, TimeKind
from syncd.core.calendar.moments import UnreadableTime, instant, wall_at
from syncd.core.calendar.properties import Properties

_DAY = timedelta(days=1)


def end_of(start: Moment | None, properties: Properties) -> tuple[Moment | None, Duration | None]:
    """The end of an event (for a date: the day after its last), and its DURATION if that is what it gives.

    None when it is not known, or lies beyond the year 9999.
    """
    issues = properties.issues
    end, duration = _dtend(properties), _duration(properties)
    if start is None:
        return end, duration
    if end is not None and duration is not None:
        issues.append("dtend_and_duration")
    if start.kind == TimeKind.DATE:
        return _end_of_days(start, end, duration, issues), duration
    if end is not None:
        return _end_of_times(start, end, issues), duration
    if duration is None:
        return start, None
    later = after(start, duration)
    if later is None:
        issues.append("out_of_range")
    elif later.local < start.local or duration.total < timedelta():
        issues.append("negative_duration")
        later = start
    return later or start, duration


def after(start: Moment, duration: Duration) -> Moment | None:
    """The moment a DURATION later: its days on the wall clock, its seconds in real time. None beyond the year 9999."""
    try:
        local = start.local + timedelta(days=duration.days)
        if start.zone is None:
            return Moment(start.kind, local + timedelta(seconds=duration.seconds), start.tzid)
        at = instant(local, start.zone)
        if at is None:
            return None
        if duration.seconds:
            at += timedelta(seconds=duration.seconds)
            shown = wall_at(at, start.zone)
            return None if shown is None else Moment(start.kind, shown, start.tzid, at, start.zone)
    except OverflowError:
        return None
    return Moment(start.kind, local, start.tzid, at, start.zone)


def _dtend(properties: Properties) -> Moment | None:
    try:
        return properties.moment("DTEND")
    except UnreadableTime:
        properties.issues.append("bad_value:DTEND")
        return None


def _duration(properties: Properties) -> Duration | None:
    text = properties.raw("DURATION")
    duration = parse(text) if text is not None else None
    if text is not None and duration is None:
        properties.issues.append("bad_value:DURATION")
    return duration


def _end_of_days(start: Moment, end: Moment | None, duration: Duration | None, issues: list[str]) -> Moment | None:
    try:
        if end is not None:
            last = end.local
            if end.kind != TimeKind.DATE:
                issues.append("mixed_end")
                midnight = last.replace(hour=0, minute=0, second=0)
                last = midnight if midnight == last else midnight + _DAY
        elif duration is not None:
            if duration.seconds:
                issues.append("time_in_days")
            last = start.local + timedelta(days=duration.days - (-duration.seconds // 86400))
        else:
            last = start.local + _DAY
        if last < start.local:
            issues.append("negative_duration")
        return Moment(TimeKind.DATE, max(last, start.local + _DAY), start.tzid)
    except OverflowError:
        issues.append("out_of_range")
        return None


def _end_of_times(start: Moment, end: Moment, issues: list[str]) -> Moment:
    if end.kind == TimeKind.DATE or (end.kind == TimeKind.FLOATING and start.kind != TimeKind.FLOATING):
        # A DTEND that forgot its zone is meant in the zone of its DTSTART.
        issues.append("mixed_end")
        at = instant(end.local, start.zone) if start.zone is not None else None
        end = Moment(start.kind if at or start.zone is None else TimeKind.UNRESOLVED, end.local, None, at, start.zone)
    begun, ended = (start.at, end.at) if start.at and end.at else (start.local, end.local)
    if ended < begun:
        issues.append("negative_duration")
        return start
    return end
