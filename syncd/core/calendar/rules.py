"""RRULE and EXRULE values -> a rule with nothing left to guess (RFC 5545 3.3.10).

Owns the grammar and the normalisation: what a rule leaves to DTSTART is filled in here, what it may not say is dropped
with a note or refused. Must not expand anything.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum

from syncd.core.calendar.moments import UnreadableTime, wall

MOST_A_DAY = 96
"""A rule that happens more often in a day is absurd, unless it ends by itself before the cap."""

MOST_OCCURRENCES = 4_000
"""At most so many occurrences of one series are listed per horizon: the earliest."""

MOST_CANDIDATES = 150_000
"""At most so many times of one period are lined up for BYSETPOS to pick from."""

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

_DAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,12}", re.ASCII)
_BOUNDS = {
    "BYMONTH": (1, 12),
    "BYMONTHDAY": (-31, 31),
    "BYYEARDAY": (-366, 366),
    "BYWEEKNO": (-53, 53),
    "BYHOUR": (0, 23),
    "BYMINUTE": (0, 59),
    "BYSECOND": (0, 60),
    "BYSETPOS": (-366, 366),
}
_KNOWN = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "RSCALE", "SKIP", *_BOUNDS})


class RuleRefused(ValueError):
    """The rule cannot or should not be expanded; the message says why."""


class Frequency(IntEnum):
    """The period of a rule, from long to short."""

    YEARLY = 0
    MONTHLY = 1
    WEEKLY = 2
    DAILY = 3
    HOURLY = 4
    MINUTELY = 5
    SECONDLY = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A recurrence rule, complete. Weekdays count from Monday as 0; `days` are (ordinal or 0, weekday).

    `until` is the wall time or the UTC time as written, `until_suffix` says which: '', 'Z', 'date', or an offset.
    `ordinals_in_year`: an ordinal weekday counts in the year, else in the month. `skip` is OMIT, BACKWARD or FORWARD.
    """

    frequency: Frequency
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
    until_suffix: str = ""
    months: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    year_days: tuple[int, ...] = ()
    weeks: tuple[int, ...] = ()
    days: tuple[tuple[int, int], ...] = ()
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    seconds: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()
    week_start: int = 0
    ordinals_in_year: bool = False
    skip: str = "OMIT"
    notes: tuple[str, ...] = ()

    def last_wall(self, to_wall: Callable[[datetime], datetime | None]) -> datetime | None:
        """The last wall time that UNTIL lets in, None without UNTIL. `to_wall` takes UTC as a naive datetime."""
        if self.until is None or self.until_suffix == "":
            return self.until
        if self.until_suffix == "date":
            return self.until.replace(hour=23, minute=59, second=59)
        until = self.until
        try:
            if self.until_suffix != "Z":
                sign = -1 if self.until_suffix[0] == "-" else 1
                until -= sign * timedelta(hours=int(self.until_suffix[1:3]), minutes=int(self.until_suffix[3:5]))
            return to_wall(until) or until
        except OverflowError:
            return until


def parse_rule(value: str, start: datetime, *, all_day: bool = False) -> Rule:
    """A rule for a series that begins at the wall time `start`. Raises RuleRefused."""
    parts, notes = _parts(value)
    frequency = _frequency(parts, all_day=all_day)
    rule = Rule(
        frequency=frequency,
        interval=_interval(parts),
        count=_count(parts, notes),
        months=_numbers(parts, "BYMONTH", notes),
        month_days=_numbers(parts, "BYMONTHDAY", notes),
        year_days=_numbers(parts, "BYYEARDAY", notes),
        weeks=_numbers(parts, "BYWEEKNO", notes),
        days=_days(parts, notes),
        hours=_numbers(parts, "BYHOUR", notes),
        minutes=_numbers(parts, "BYMINUTE", notes),
        seconds=tuple(sorted({min(second, 59) for second in _numbers(parts, "BYSECOND", notes)})),
        positions=_numbers(parts, "BYSETPOS", notes),
        week_start=_week_start(parts),
        skip=_skip(parts),
    )
    rule = _with_until(rule, parts)
    rule = _with_days_of_start(rule, start, notes)
    rule = _with_times_of_start(rule, start, all_day=all_day)
    _refuse_absurd(rule, start)
    return replace(rule, notes=tuple(notes))


# ----------------------------------------------------------------------------------------------------------- grammar


def _parts(value: str) -> tuple[dict[str, str], list[str]]:
    parts: dict[str, str] = {}
    notes: list[str] = []
    for part in value.strip().upper().removeprefix("RRULE:").split(";"):
        name, equals, text = part.partition("=")
        name, text = name.strip(), text.strip()
        if not part.strip():
            continue
        if not equals:
            raise RuleRefused(f"not a rule of RFC 5545: {value[:80]!r}")
        if name not in _KNOWN:
            notes.append(f"{name[:20]} is not known")
        elif name in parts:
            notes.append(f"{name} is given twice")
        else:
            parts[name] = text
    return parts, notes


def _frequency(parts: dict[str, str], *, all_day: bool) -> Frequency:
    name = parts.get("FREQ", "")
    if name not in Frequency.__members__:
        raise RuleRefused(f"FREQ is {name[:20]!r}")
    scale = parts.get("RSCALE", "GREGORIAN")
    if scale not in {"GREGORIAN", "GREGORY"}:
        raise RuleRefused(f"RSCALE {scale[:20]} is not supported")
    frequency = Frequency[name]
    if all_day and frequency > Frequency.DAILY:
        raise RuleRefused(f"an all-day event cannot happen {name}")
    return frequency


def _interval(parts: dict[str, str]) -> int:
    text = parts.get("INTERVAL", "1")
    if not _NUMBER.fullmatch(text) or int(text) < 1:
        raise RuleRefused(f"INTERVAL is {text[:20]!r}")
    return int(text)


def _count(parts: dict[str, str], notes: list[str]) -> int | None:
    text = parts.get("COUNT")
    if text is None:
        return None
    if text == "-1":
        notes.append("COUNT -1 is dropped")  # how some exporters write that there is no end
        return None
    if not _NUMBER.fullmatch(text) or int(text) < 1:
        raise RuleRefused(f"COUNT is {text[:20]!r}")
    return int(text)


def _with_until(rule: Rule, parts: dict[str, str]) -> Rule:
    text = parts.get("UNTIL")
    if not text:
        return rule
    try:
        until, suffix, _ = wall(text)
    except UnreadableTime as error:
        raise RuleRefused(f"UNTIL is {text[:20]!r}") from error
    return replace(rule, until=until, until_suffix=suffix)


def _numbers(parts: dict[str, str], name: str, notes: list[str]) -> tuple[int, ...]:
    text = parts.get(name)
    if not text:
        return ()
    low, high = _BOUNDS[name]
    found: set[int] = set()
    for item in text.split(","):
        if not _NUMBER.fullmatch(item.strip()):
            raise RuleRefused(f"{name} has {item[:20]!r}")
        number = int(item)
        if low <= number <= high and (number or low == 0):
            found.add(number)
        else:
            notes.append(f"{name} {number} is dropped")
    if not found:
        raise RuleRefused(f"{name} has no possible value")
    return tuple(sorted(found))


def _days(parts: dict[str, str], notes: list[str]) -> tuple[tuple[int, int], ...]:
    text = parts.get("BYDAY")
    if not text:
        return ()
    found: set[tuple[int, int]] = set()
    for item in text.split(","):
        match = _DAY.fullmatch(item.strip())
        if match is None:
            raise RuleRefused(f"BYDAY has {item[:20]!r}")
        if match[1] is not None and int(match[1]) == 0:
            notes.append(f"BYDAY {item.strip()} is dropped")
            continue
        found.add((int(match[1] or 0), WEEKDAYS.index(match[2])))
    return tuple(sorted(found))


def _week_start(parts: dict[str, str]) -> int:
    name = parts.get("WKST", "MO")
    if name not in WEEKDAYS:
        raise RuleRefused(f"WKST is {name[:20]!r}")
    return WEEKDAYS.index(name)


def _skip(parts: dict[str, str]) -> str:
    name = parts.get("SKIP", "OMIT") if "RSCALE" in parts else "OMIT"
    if name not in {"OMIT", "BACKWARD", "FORWARD"}:
        raise RuleRefused(f"SKIP is {name[:20]!r}")
    return name


# ------------------------------------------------------------------------------------------- what DTSTART fills in


def _with_days_of_start(rule: Rule, start: datetime, notes: list[str]) -> Rule:
    """The days of a rule that names none, or names them only in part, are those of its start."""
    if rule.days and (rule.frequency > Frequency.MONTHLY or rule.weeks):
        # RFC 5545 allows ordinals in MONTHLY and YEARLY alone, and not beside BYWEEKNO.
        if any(ordinal for ordinal, _ in rule.days):
            notes.append("ordinals in BYDAY are ignored")
        rule = replace(rule, days=tuple(sorted({(0, day) for _, day in rule.days})))
    if rule.frequency == Frequency.YEARLY:
        return _yearly(rule, start)
    if rule.frequency == Frequency.MONTHLY and not (rule.month_days or rule.days):
        return replace(rule, month_days=(start.day,))
    if rule.frequency == Frequency.WEEKLY and not rule.days:
        return replace(rule, days=((0, start.weekday()),))
    return rule


def _yearly(rule: Rule, start: datetime) -> Rule:
    rule = replace(rule, ordinals_in_year=not rule.months)
    if rule.weeks:
        named = rule.days or rule.month_days or rule.year_days
        return rule if named else replace(rule, days=((0, start.weekday()),))
    if rule.year_days:
        return rule
    if rule.month_days:
        return replace(rule, months=rule.months or (start.month,))
    if rule.days:
        return rule
    return replace(rule, months=rule.months or (start.month,), month_days=(start.day,))


def _with_times_of_start(rule: Rule, start: datetime, *, all_day: bool) -> Rule:
    """The time of day that a rule does not name is that of its start; a date has none."""
    if all_day:
        return replace(rule, hours=(0,), minutes=(0,), seconds=(0,))
    frequency = rule.frequency
    return replace(
        rule,
        hours=rule.hours or ((start.hour,) if frequency < Frequency.HOURLY else ()),
        minutes=rule.minutes or ((start.minute,) if frequency < Frequency.MINUTELY else ()),
        seconds=rule.seconds or ((start.second,) if frequency < Frequency.SECONDLY else ()),
    )


def _refuse_absurd(rule: Rule, start: datetime) -> None:
    """Refuse what would be a flood, or take for ever to pick positions from."""
    times = (len(rule.hours) or 24) * (len(rule.minutes) or 60) * (len(rule.seconds) or 60)
    a_day = min(times, _steps_a_day(rule))
    if rule.positions:
        if candidates(rule) > MOST_CANDIDATES:
            raise RuleRefused(f"BYSETPOS would pick from {candidates(rule)} times")
        return
    ends_by_itself = rule.count is not None and rule.count <= MOST_OCCURRENCES
    if rule.until is not None and not ends_by_itself:
        days_left = max((rule.until - start) / timedelta(days=1), 0)
        ends_by_itself = a_day * days_left <= MOST_OCCURRENCES
    if a_day > MOST_A_DAY and not ends_by_itself:
        raise RuleRefused(f"it would happen up to {a_day:.0f} times a day")


def candidates(rule: Rule) -> int:
    """About how many times one period of the rule holds before BYSETPOS picks some."""
    days = {Frequency.YEARLY: 366, Frequency.MONTHLY: 31, Frequency.WEEKLY: 7}.get(rule.frequency, 1)
    return days * (len(rule.hours) or 24) * (len(rule.minutes) or 60) * (len(rule.seconds) or 60)


def _steps_a_day(rule: Rule) -> float:
    """How often at most a rule below DAILY happens in a day by its INTERVAL."""
    if rule.frequency == Frequency.HOURLY:
        return 24 / rule.interval * len(rule.minutes) * len(rule.seconds)
    if rule.frequency == Frequency.MINUTELY:
        return 1440 / rule.interval * len(rule.seconds)
    return 86400 / rule.interval if rule.frequency == Frequency.SECONDLY else 86400
