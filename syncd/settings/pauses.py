"""How long a crontab line leaves between two turns at most: late is what has waited longer than that. Pure."""

from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise

from syncd.core.cron import parse_cron

_FIRST, _YEARS = 2000, 40  # weekdays and leap years repeat after 28 years
_DAY = timedelta(days=1)


@lru_cache(maxsize=128)
def longest_pause(line: str) -> timedelta:
    """The longest time between two turns of a line that `parse_cron` takes; changes of summer time are left out.

    >>> longest_pause("*/15 7-19 * * 1-5")
    datetime.timedelta(days=2, seconds=40500)
    """
    cron = parse_cron(line)
    minutes = [hour * 60 + minute for hour in cron.hours for minute in cron.minutes]
    pauses = [later - earlier for earlier, later in pairwise(minutes)]
    before: datetime | None = None
    turn = datetime(_FIRST, 1, 1, cron.hours[0], cron.minutes[0])  # noqa: DTZ001  # wall time of any zone
    while turn.year < _FIRST + _YEARS:
        if cron.matches(turn):
            if before is not None:
                pauses.append((turn - before) // timedelta(minutes=1) - (minutes[-1] - minutes[0]))
            before = turn
        turn += _DAY
    return timedelta(minutes=max(pauses, default=_YEARS * 366 * 24 * 60))
