"""The days that a rule picks from one of its periods: a year, a month, a week.

Owns the expansion and limiting of BY parts (RFC 5545 3.3.10, table on page 44). Days are proleptic Gregorian ordinals,
as date.toordinal gives them. Must not know of times of day, COUNT, UNTIL or horizons.
"""

from calendar import isleap, monthrange
from collections.abc import Iterable
from datetime import date

from syncd.core.calendar.rules import Rule

_FIRST, _LAST = date.min.toordinal(), date.max.toordinal()


def days_of_year(rule: Rule, year: int) -> list[int]:
    """The days of a calendar year, or of a week-numbering year where BYWEEKNO rules."""
    if rule.weeks:
        return [day for day in _days_of_weeks(rule, year) if _passes(rule, day, weeks=False)]
    first = date(year, 1, 1).toordinal()
    length = 366 if isleap(year) else 365
    if rule.year_days:
        found = set(_numbered_days(rule.year_days, first, length, rule.skip))
        return sorted(day for day in found if _passes(rule, day, year_days=False))
    if rule.month_days:
        return sorted(
            {
                day
                for month in rule.months
                for day in _month_days(rule, year, month)
                if _is_named(rule, date.fromordinal(day))
            }
        )
    if rule.months:
        return sorted({day for month in rule.months for day in _weekdays_of_month(rule, year, month)})
    return sorted(_named_weekdays(rule, first, length))


def days_of_month(rule: Rule, year: int, month: int) -> list[int]:
    """The days of a calendar month."""
    if rule.months and month not in rule.months:
        return []
    if rule.month_days:
        found = {day for day in _month_days(rule, year, month) if _is_named(rule, date.fromordinal(day))}
    else:
        found = set(_weekdays_of_month(rule, year, month))
    if rule.year_days or rule.weeks:
        found = {day for day in found if _passes(rule, day, months=False, month_days=False)}
    return sorted(found)


def days_of_week(rule: Rule, first: int) -> list[int]:
    """The days of the week that begins on the day `first`."""
    offset = (first - 1) % 7
    found = sorted(first + (weekday - offset) % 7 for _, weekday in rule.days)
    if rule.months or rule.month_days or rule.year_days or rule.weeks:
        return [day for day in found if _FIRST <= day <= _LAST and _passes(rule, day)]
    return [day for day in found if _FIRST <= day <= _LAST]


def limits_day(rule: Rule) -> bool:
    """Whether the rule names any days at all, for frequencies where that only limits."""
    return bool(rule.months or rule.month_days or rule.year_days or rule.weeks or rule.days)


def allows_day(rule: Rule, day: int) -> bool:
    """Whether a day passes all the limits of the rule."""
    return _passes(rule, day)


def week_year(day: date, week_start: int) -> int:
    """The week-numbering year that a day belongs to: week 1 is the first with at least four days in the year."""
    for year in (day.year + 1, day.year):
        if year <= date.max.year and day.toordinal() >= _first_week(year, week_start):
            return year
    return day.year - 1


# ------------------------------------------------------------------------------------------------------------- parts


def _first_week(year: int, week_start: int) -> int:
    """The first day of week 1."""
    first = date(year, 1, 1).toordinal()
    behind = ((first - 1) % 7 - week_start) % 7
    return first - behind if behind <= 3 else first - behind + 7


def _weeks_in(year: int, week_start: int) -> int:
    first = _first_week(year, week_start)
    if year >= date.max.year:
        return (_LAST - first) // 7 + 1
    return (_first_week(year + 1, week_start) - first) // 7


def _days_of_weeks(rule: Rule, year: int) -> list[int]:
    total = _weeks_in(year, rule.week_start)
    first = _first_week(year, rule.week_start)
    weeks = {week if week > 0 else total + 1 + week for week in rule.weeks}
    days = (first + 7 * (week - 1) + offset for week in sorted(weeks) if 1 <= week <= total for offset in range(7))
    return [day for day in days if _FIRST <= day <= _LAST]


def _week_number(day: date, week_start: int) -> tuple[int, int]:
    """(week number, the same counted from the end of its year as a negative number)."""
    year = week_year(day, week_start)
    if year < 1:
        return 52, -1
    week = (day.toordinal() - _first_week(year, week_start)) // 7 + 1
    return week, week - 1 - _weeks_in(year, week_start)


def _month_days(rule: Rule, year: int, month: int) -> list[int]:
    return _numbered_days(rule.month_days, date(year, month, 1).toordinal(), monthrange(year, month)[1], rule.skip)


def _numbered_days(numbers: Iterable[int], first: int, length: int, skip: str) -> list[int]:
    """BYMONTHDAY or BYYEARDAY in the span of `length` days from `first`; SKIP (RFC 7529) moves the days it lacks."""
    found = []
    for number in numbers:
        day = number if number > 0 else length + 1 + number
        if 1 <= day <= length:
            found.append(first + day - 1)
        elif skip == "BACKWARD":
            found.append(first + length - 1 if day > length else first - 1)
        elif skip == "FORWARD":
            found.append(first + length if day > length else first)
    return [day for day in found if _FIRST <= day <= _LAST]


def _weekdays_of_month(rule: Rule, year: int, month: int) -> set[int]:
    return _named_weekdays(rule, date(year, month, 1).toordinal(), monthrange(year, month)[1])


def _named_weekdays(rule: Rule, first: int, length: int) -> set[int]:
    """BYDAY in the span of `length` days from `first`: plain weekdays are every one, ordinals count in the span."""
    found: set[int] = set()
    for ordinal, weekday in rule.days:
        earliest = first + (weekday - (first - 1)) % 7
        if ordinal == 0:
            found.update(range(earliest, first + length, 7))
            continue
        total = (first + length - 1 - earliest) // 7 + 1
        index = ordinal - 1 if ordinal > 0 else total + ordinal
        if 0 <= index < total:
            found.add(earliest + 7 * index)
    return found


def _is_named(rule: Rule, day: date) -> bool:
    """Whether BYDAY, if given, names the day."""
    if not rule.days:
        return True
    weekday = day.weekday()
    if rule.ordinals_in_year:
        number, length = day.timetuple().tm_yday, 366 if isleap(day.year) else 365
    else:
        number, length = day.day, monthrange(day.year, day.month)[1]
    before, after = (number - 1) // 7 + 1, -((length - number) // 7 + 1)
    return any(named == weekday and ordinal in {0, before, after} for ordinal, named in rule.days)


def _passes(
    rule: Rule, day: int, *, months: bool = True, month_days: bool = True, year_days: bool = True, weeks: bool = True
) -> bool:
    """Whether a day satisfies the BY parts, those left out that made the list it is in."""
    when = date.fromordinal(day)
    if months and rule.months and when.month not in rule.months:
        return False
    if month_days and rule.month_days:
        length = monthrange(when.year, when.month)[1]
        if when.day not in rule.month_days and when.day - length - 1 not in rule.month_days:
            return False
    if year_days and rule.year_days:
        number, length = when.timetuple().tm_yday, 366 if isleap(when.year) else 365
        if number not in rule.year_days and number - length - 1 not in rule.year_days:
            return False
    if weeks and rule.weeks:
        week, from_end = _week_number(when, rule.week_start)
        if week not in rule.weeks and from_end not in rule.weeks:
            return False
    return _is_named(rule, when)
