"""VALARM lines -> an alarm (RFC 5545 3.6.6). A bad one stays an alarm, with issues that say what is wrong."""

from datetime import datetime, timedelta

from syncd.core.calendar.durations import parse
from syncd.core.calendar.lines import MALFORMED, text_of
from syncd.core.calendar.model import Alarm, Line
from syncd.core.calendar.moments import UnreadableTime, ZoneOf, moment_of

_LARGEST_INT = 2**31 - 1


def alarm(lines: list[Line], zone_of: ZoneOf, issues: list[str]) -> Alarm:
    """The alarm that the lines between BEGIN:VALARM and its END describe. `issues` are those found already."""
    first: dict[str, Line] = {}
    for line in lines:
        if line.name == MALFORMED:
            issues.append("malformed_line")
        first.setdefault(line.name, line)
    action = first.get("ACTION")
    repeat, every = first.get("REPEAT"), first.get("DURATION")
    trigger = first.get("TRIGGER")
    if action is None:
        issues.append("no_action")
    if trigger is None:
        issues.append("no_trigger")
    summary, description = first.get("SUMMARY"), first.get("DESCRIPTION")
    rel, offset, at = _trigger(trigger, zone_of, issues) if trigger else (None, None, None)
    span = parse(every.value) if every else None
    if every and span is None:
        issues.append("bad_value:DURATION")
    return Alarm(
        action=action.value.strip().upper() if action else None,
        trigger_rel=rel,
        trigger_offset=offset,
        trigger_at=at,
        repeat_count=_count(repeat, issues) if repeat else None,
        repeat_every=span.total if span else None,
        summary=text_of(summary) if summary else None,
        description=text_of(description) if description else None,
        props=lines,
        issues=tuple(dict.fromkeys(issues)),
    )


def _trigger(line: Line, zone_of: ZoneOf, issues: list[str]) -> tuple[str | None, timedelta | None, datetime | None]:
    """(START or END, offset, None) or (None, None, instant); all None when it cannot be read."""
    span = parse(line.value)
    if span is not None:
        related = (line.param("RELATED") or "START").strip().upper()
        if related not in {"START", "END"}:
            issues.append("bad_value:RELATED")
            related = "START"
        return related, span.total, None
    try:
        at = moment_of(line, zone_of, issues).at
    except UnreadableTime:
        at = None
    if at is None:
        issues.append("bad_value:TRIGGER")
    return None, None, at


def _count(line: Line, issues: list[str]) -> int | None:
    text = line.value.strip()
    if text.isascii() and text.isdigit() and int(text) <= _LARGEST_INT:
        return int(text)
    issues.append("bad_value:REPEAT")
    return None
