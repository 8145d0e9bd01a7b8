"""Lengths of time as people write them: `90s`, `15m`, `2h`, `1d`, `0.2s`; and ranges of them: `2s..30s`. Pure."""

import re
from datetime import timedelta
from fractions import Fraction

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,12})?)\s*([smhd])")
_LONGEST = timedelta(days=3_650)


def parse_duration(text: str) -> timedelta:
    """A number and one unit, `s m h d`; fractions are allowed, down to a microsecond.

    ValueError with a sentence for people when it is none, or longer than ten years.

    >>> parse_duration("90s"), parse_duration("0.2s"), parse_duration("1.5h")
    (datetime.timedelta(seconds=90), datetime.timedelta(microseconds=200000), datetime.timedelta(seconds=5400))
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ValueError("is not a duration")
    seconds = Fraction(found[1]) * _UNITS[found[2]]
    if seconds > int(_LONGEST.total_seconds()):
        raise ValueError("is longer than ten years")
    return timedelta(microseconds=round(seconds * 1_000_000))


def format_duration(length: timedelta) -> str:
    """The shortest way to write a length that `parse_duration` reads back as the same.

    >>> [format_duration(timedelta(seconds=s)) for s in (90, 900, 86400, 0.2, 0)]
    ['90s', '15m', '1d', '0.2s', '0s']
    """
    microseconds = length // timedelta(microseconds=1)
    for unit, size in reversed(_UNITS.items()):
        if microseconds and microseconds % (size * 1_000_000) == 0:
            return f"{microseconds // (size * 1_000_000)}{unit}"
    whole, rest = divmod(microseconds, 1_000_000)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".") + "s"


def parse_range(text: str) -> tuple[timedelta, timedelta]:
    """`SHORTEST..LONGEST`, both above zero. ValueError with a sentence for people when it is none.

    >>> parse_range("0.5s..30s")
    (datetime.timedelta(microseconds=500000), datetime.timedelta(seconds=30))
    """
    shortest, dots, longest = text.partition("..")
    if not dots:
        raise ValueError("is not a range")
    first, last = parse_duration(shortest), parse_duration(longest)
    if not timedelta(0) < first <= last:
        raise ValueError("is not a range from a shorter to a longer duration")
    return first, last
