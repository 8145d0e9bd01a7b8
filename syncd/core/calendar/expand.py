"""A rule and its start -> the wall times it happens at.

Owns counting, bounds and the limits of work: no rule, however mean, costs more than a fixed number of steps. Must not
know of zones, overrides or exception dates.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from syncd.core.calendar.periods import allows_day, days_of_month, days_of_week, days_of_year, limits_day, week_year
from syncd.core.calendar.rules import MOST_OCCURRENCES, Frequency, Rule, candidates

MOST_STEPS = 150_000
"""So many periods and candidates are looked at before a rule is given up: well under a second."""

_LAST_DAY = date.max.toordinal()
_SECONDS = {Frequency.HOURLY: 3600, Frequency.MINUTELY: 60, Frequency.SECONDLY: 1}


@dataclass(frozen=True, slots=True)
class Walls:
    """What a rule came to.

    `starts` are sorted, distinct and within the bounds; the start of the series is among them even when the rule does
    not match it (then not `on_rule`). `ended`: the rule has no later ones. `cut` says why the list is short, or ''.
    `steps` is the work it took.
    """

    starts: list[datetime]
    on_rule: bool
    ended: bool
    cut: str = ""
    steps: int = 0


def walls(
    rule: Rule,
    start: datetime,
    *,
    last: datetime,
    first: datetime | None = None,
    until: datetime | None = None,
    most: int = MOST_OCCURRENCES,
    steps: int = MOST_STEPS,
) -> Walls:
    """The wall times from `first` (default: the start) to `last`, both included, that the rule gives from `start` on.

    `until` is the rule's own UNTIL as a wall time. The start is the first occurrence and counts toward COUNT, matched
    or not (RFC 5545 3.8.5.3). At most `most` are returned, the earliest.
    """
    first = max(first or start, start)
    end = last if until is None else min(last, until)
    # The start happens even where UNTIL lies before it.
    found = [start] if first == start <= last else []
    counted_out, cut, spent = _walk(rule, start, first, end, found, most=most, steps=steps)
    ended = counted_out or (not cut and (end == until or end.year == date.max.year))
    return Walls(found, _matches(rule, start), ended, cut, spent)


def _walk(
    rule: Rule, start: datetime, first: datetime, end: datetime, found: list[datetime], *, most: int, steps: int
) -> tuple[bool, str, int]:
    """Append the occurrences after the start; (whether COUNT ended them, why they are cut short, steps it took)."""
    index, counted = _entry(rule, start, first)
    previous, spent = start, 0
    weight = 1 + candidates(rule) // 8 if rule.positions else 1
    for period in _periods(rule, start, index, end):
        spent += weight
        for moment in period:
            if moment <= previous:
                continue
            if moment > end:
                return False, "", spent
            previous = moment
            counted += 1
            spent += 1
            if rule.count is not None and counted > rule.count:
                return True, "", spent
            if moment >= first:
                if len(found) >= most:
                    return False, f"only the first {most} are listed", spent
                found.append(moment)
            elif spent > steps:
                break
        if spent > steps:
            return False, "given up: too many steps", spent
    return False, "", spent


def _matches(rule: Rule, start: datetime) -> bool:
    for period in _periods(rule, start, 0, start):
        for moment in period:
            if moment >= start:
                return moment == start
    return False


def _entry(rule: Rule, start: datetime, first: datetime) -> tuple[int, int]:
    """(index of the period to begin with, occurrences counted before it, the start included)."""
    index = _index_of(rule, start, first)
    if rule.count is None or index == 0:
        return index, 1
    if rule.frequency not in {Frequency.WEEKLY, Frequency.DAILY} or rule.positions:
        return 0, 1
    if rule.frequency == Frequency.WEEKLY:
        if rule.months or rule.month_days or rule.year_days or rule.weeks:
            return 0, 1
    elif limits_day(rule):
        return 0, 1
    # Every period but the first holds the same number, so the ones in between need not be walked.
    each = len(_times(rule)) * (len(rule.days) if rule.frequency == Frequency.WEEKLY else 1)
    base = _base(rule, start)
    days = days_of_week(rule, base) if rule.frequency == Frequency.WEEKLY else [base]
    in_first = sum(moment > start for moment in _picked(rule, days, _times(rule)))
    return index, 1 + in_first + (index - 1) * each


def _index_of(rule: Rule, start: datetime, first: datetime) -> int:
    """The index of a period before which nothing happens at or after `first`."""
    if rule.frequency == Frequency.YEARLY:
        return max((first.year - 1 - _base(rule, start)) // rule.interval, 0)
    if rule.frequency == Frequency.MONTHLY:
        return max((12 * first.year + first.month - 2 - _base(rule, start)) // rule.interval, 0)
    behind = first.toordinal() - _base(rule, start)
    if rule.frequency == Frequency.WEEKLY:
        return behind // 7 // rule.interval
    return behind // rule.interval if rule.frequency == Frequency.DAILY else behind


def _base(rule: Rule, start: datetime) -> int:
    """The number of the first period: a year, a month since year 0, or a day."""
    if rule.frequency == Frequency.YEARLY:
        return week_year(start.date(), rule.week_start) if rule.weeks else start.year
    if rule.frequency == Frequency.MONTHLY:
        return 12 * start.year + start.month - 1
    if rule.frequency == Frequency.WEEKLY:
        return start.toordinal() - (start.weekday() - rule.week_start) % 7
    return start.toordinal()


def _periods(rule: Rule, start: datetime, index: int, end: datetime) -> Iterator[Iterable[datetime]]:
    """The times of each period from the given one to the one that `end` lies in, empty periods included.

    A rule that needs no periods comes as one.
    """
    base, interval = _base(rule, start), rule.interval
    if base >= 1 and _is_spaced(rule):
        yield _spaced(rule, base, index, end)
        return
    times = _times(rule) if rule.frequency <= Frequency.DAILY else []
    last_day = end.toordinal()
    if rule.frequency == Frequency.YEARLY:
        # A week-numbering year may begin in the calendar year before it.
        last_year = min(end.year + bool(rule.weeks), date.max.year)
        for year in range(max(base + index * interval, 1), last_year + 1, interval):
            yield _picked(rule, days_of_year(rule, year), times)
    elif rule.frequency == Frequency.MONTHLY:
        for month in range(base + index * interval, 12 * end.year + end.month, interval):
            yield _picked(rule, days_of_month(rule, month // 12, month % 12 + 1), times)
    elif rule.frequency == Frequency.WEEKLY:
        for day in range(base + 7 * index * interval, last_day + 1, 7 * interval):
            yield _picked(rule, days_of_week(rule, day), times)
    elif rule.frequency == Frequency.DAILY:
        for day in _allowed_days(rule, range(base + index * interval, last_day + 1, interval)):
            yield _picked(rule, [day] if day else [], times)
    else:
        for day in _allowed_days(rule, range(base + index, last_day + 1)):
            yield _times_within(rule, start, day) if day else ()


def _is_spaced(rule: Rule) -> bool:
    """Whether every period holds the same days of the week at one time of day; nine of ten rules are like that."""
    if rule.positions or rule.months or rule.month_days or rule.year_days or rule.weeks:
        return False
    if len(rule.hours) != 1 or len(rule.minutes) != 1 or len(rule.seconds) != 1:
        return False
    return rule.frequency == Frequency.WEEKLY or (rule.frequency == Frequency.DAILY and not rule.days)


def _spaced(rule: Rule, base: int, index: int, end: datetime) -> Iterator[datetime]:
    days = 7 * rule.interval if rule.frequency == Frequency.WEEKLY else rule.interval
    offsets = [timedelta()]
    if rule.frequency == Frequency.WEEKLY:
        offsets = [timedelta(days=behind) for behind in sorted((day - rule.week_start) % 7 for _, day in rule.days)]
    day = base + index * days
    if day > _LAST_DAY:
        return
    anchor = datetime.combine(date.fromordinal(day), time(rule.hours[0], rule.minutes[0], rule.seconds[0]))
    try:
        step = timedelta(days=days)
        while anchor <= end:
            for offset in offsets:
                yield anchor + offset
            anchor += step
    except OverflowError:
        return


def _allowed_days(rule: Rule, days: range) -> Iterator[int]:
    """The days that pass the rule's limits, 0 for one that does not; months that cannot match are leapt over."""
    if not limits_day(rule):
        yield from days
        return
    position = 0
    while position < len(days):
        day = days[position]
        when = date.fromordinal(day)
        if rule.months and when.month not in rule.months:
            following = date(when.year + when.month // 12, when.month % 12 + 1, 1) if when < date(9999, 12, 1) else None
            if following is None:
                return
            position += max(-(-(following.toordinal() - day) // days.step), 1)
            yield 0
            continue
        position += 1
        yield day if allows_day(rule, day) else 0


def _times(rule: Rule) -> list[time]:
    return [time(hour, minute, second) for hour in rule.hours for minute in rule.minutes for second in rule.seconds]


def _picked(rule: Rule, days: list[int], times: list[time]) -> Iterable[datetime]:
    moments = (datetime.combine(date.fromordinal(day), moment) for day in days for moment in times)
    return _positioned(rule, list(moments)) if rule.positions else moments


def _positioned(rule: Rule, moments: list[datetime]) -> list[datetime]:
    total = len(moments)
    indexes = {position - 1 if position > 0 else total + position for position in rule.positions}
    return [moments[index] for index in sorted(indexes) if 0 <= index < total]


def _times_within(rule: Rule, start: datetime, day: int) -> Iterator[datetime]:
    """The times of one day for a rule by hours, minutes or seconds."""
    unit = _SECONDS[rule.frequency]
    behind = (day - start.toordinal()) * 86_400 // unit
    begun = (start.hour * 3600 + start.minute * 60 + start.second) // unit
    # Units of this day, from midnight, that INTERVAL lands on.
    landed = range((begun - behind) % rule.interval, 86_400 // unit, rule.interval)
    midnight = datetime.fromordinal(day)
    group: list[datetime] = []
    for step in _limited_steps(rule, landed, unit):
        seconds = step * unit
        hour, minute, second = seconds // 3600, seconds // 60 % 60, seconds % 60
        minutes = rule.minutes if unit > 60 else (minute,)
        group = [
            midnight.replace(hour=hour, minute=at_minute, second=at_second)
            for at_minute in minutes
            for at_second in (rule.seconds if unit > 1 else (second,))
        ]
        yield from _positioned(rule, group) if rule.positions else group


def _limited_steps(rule: Rule, landed: range, unit: int) -> Iterable[int]:
    """The steps that BYHOUR, BYMINUTE and BYSECOND let through, by whichever list is shorter."""
    hours = rule.hours or range(24)
    if unit == 3600:
        return [hour for hour in hours if hour in landed]
    minutes = rule.minutes or range(60)
    if unit == 60:
        named = (60 * hour + minute for hour in hours for minute in minutes)
        return (step for step in named if step in landed)
    if len(landed) < len(hours) * len(minutes) * (len(rule.seconds) or 60):
        return (
            step
            for step in landed
            if step // 3600 in hours and step // 60 % 60 in minutes and (not rule.seconds or step % 60 in rule.seconds)
        )
    named = (
        3600 * hour + 60 * minute + second
        for hour in hours
        for minute in minutes
        for second in rule.seconds or range(60)
    )
    return (step for step in named if step in landed)
