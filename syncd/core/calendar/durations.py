"""DURATION values (RFC 5545 3.3.6) as days, which are nominal, and seconds, which are exact."""

import re
from dataclasses import dataclass
from datetime import timedelta

_GRAMMAR = re.compile(
    r"([+-]?)P(?:(\d{1,9})W)?(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Duration:
    """`days` follow the wall clock over a change of offset, `seconds` do not. Both carry the sign."""

    days: int
    seconds: int

    @property
    def total(self) -> timedelta:
        """The duration where a day has 24 hours."""
        return timedelta(days=self.days, seconds=self.seconds)


def parse(value: str) -> Duration | None:
    """The duration, or None when the text is none or is longer than a timedelta can be.

    >>> parse("-P1DT2H").total == -timedelta(hours=26)
    True
    """
    match = _GRAMMAR.fullmatch(value.strip())
    if match is None or not any(match.groups()[1:]):
        return None
    sign = -1 if match[1] == "-" else 1
    weeks, days, hours, minutes, seconds = (int(digits or 0) for digits in match.groups()[1:])
    duration = Duration(sign * (7 * weeks + days), sign * (3600 * hours + 60 * minutes + seconds))
    if abs(duration.days) + abs(duration.seconds) // 86400 > 3_660_000:
        return None
    return duration
