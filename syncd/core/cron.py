"""Standard cron lines as sets of numbers. Pure: no clock, no scheduler.

The rules are those of crontab(5): five fields; 0 and 7 are both Sunday; names of months and weekdays; ranges, lists and
steps; and when both the day of the month and the weekday are restricted, a day matches if either does.
"""

import calendar
from dataclasses import dataclass
from datetime import datetime

_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MONTHS = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
_WEEKDAYS = {name: number for number, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """The minutes (0-59), hours (0-23), days (1-31), months (1-12) and weekdays (0 = Sunday .. 6) that match, sorted.

    `either`: a day matches if its date or its weekday does; otherwise both must.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    either: bool

    def matches(self, local: datetime) -> bool:
        """Whether the minute that `local` (wall time in the schedule's zone) lies in is one of the line's."""
        by_date = local.day in self.days
        by_weekday = local.isoweekday() % 7 in self.weekdays
        day = by_date or by_weekday if self.either else by_date and by_weekday
        return day and local.minute in self.minutes and local.hour in self.hours and local.month in self.months


def parse_cron(line: str) -> Cron:
    """Read a cron line or one of the macros such as `@daily`. ValueError with a sentence for people if it is none.

    >>> parse_cron("*/20 7-9 * * 1-5").minutes, parse_cron("0 0 * * 5-7").weekdays
    ((0, 20, 40), (0, 5, 6))
    """
    fields = _MACROS.get(line.strip().lower(), line).split()
    if len(fields) != 5:
        raise ValueError(f"a cron line has five fields (minute hour day month weekday), this one has {len(fields)}")
    minute, hour, day, month, weekday = (field.lower() for field in fields)
    cron = Cron(
        minutes=_numbers(minute, "minute", 0, 59, {}),
        hours=_numbers(hour, "hour", 0, 23, {}),
        days=_numbers(day, "day", 1, 31, {}),
        months=_numbers(month, "month", 1, 12, _MONTHS),
        weekdays=tuple(sorted({number % 7 for number in _numbers(weekday, "weekday", 0, 7, _WEEKDAYS)})),
        either=not day.startswith("*") and not weekday.startswith("*"),
    )
    longest = max(calendar.monthrange(2024, number)[1] for number in cron.months)  # 2024: February has 29 days
    if not cron.either and cron.days[0] > longest:
        raise ValueError(f"no month of {month!r} has a day {cron.days[0]}")
    return cron


def _numbers(field: str, name: str, least: int, most: int, names: dict[str, int]) -> tuple[int, ...]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        if "/" in part and not (step.isdecimal() and int(step) > 0):
            raise ValueError(f"{part!r} in the {name} field: a step is a number above zero")
        first, dash, last = span.partition("-")
        if span == "*":
            start, end = least, most if most != 7 else 6
        else:
            start = _number(first, name, least, most, names)
            # `5/15` means from 5 on, as every cron in use has it.
            end = _number(last, name, least, most, names) if dash else (most if step else start)
        if end < start:
            raise ValueError(f"{part!r} in the {name} field: the range ends before it starts")
        found.update(range(start, end + 1, int(step or 1)))
    return tuple(sorted(found))


def _number(text: str, name: str, least: int, most: int, names: dict[str, int]) -> int:
    number = names.get(text, int(text) if text.isdecimal() and text.isascii() else -1)
    if not least <= number <= most:
        raise ValueError(f"{text!r} in the {name} field: expected {least} to {most}" + (" or a name" if names else ""))
    return number
