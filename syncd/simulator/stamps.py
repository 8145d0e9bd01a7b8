"""How moments are written: in files, in JSON and in headers.

Owns: offsets, zones with daylight saving, and the strict grammar of moments in requests.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)")
_STRICT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")
_MINUTES = tuple(f"{minute // 60:02d}:{minute % 60:02d}:" for minute in range(1440))
_SECONDS = tuple(f"{second:02d}" for second in range(60))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Days(dict[int, str]):
    """Dates by the number of days since 1970."""

    def __missing__(self, day: int) -> str:
        text = self[day] = (_EPOCH + timedelta(days=day)).date().isoformat()
        return text


class Stamps:
    """Writes epoch seconds as ISO 8601 with the offset of one zone, fast enough for millions of cells."""

    def __init__(self, zone: str) -> None:
        """`zone` is an offset such as `+05:30` or the name of an IANA zone."""
        self._days = _Days()
        self._offsets: dict[int, tuple[int, str]] = {}
        self._zone: ZoneInfo | None = None
        if match := _OFFSET.fullmatch(zone):
            sign = -1 if match[1] == "-" else 1
            self._fixed = sign * (int(match[2]) * 3600 + int(match[3]) * 60)
            self._suffix = zone
        else:
            self._zone = ZoneInfo(zone)

    def texts(self, moments: Iterable[int]) -> list[str]:
        """One text per moment, for example `2026-03-01T08:00:00+05:30`."""
        if self._zone is not None:
            return [self.text(moment) for moment in moments]
        days, suffix, local = self._days, self._suffix, map(self._fixed.__add__, moments)
        return [f"{days[at // 86400]}T{_MINUTES[at % 86400 // 60]}{_SECONDS[at % 60]}{suffix}" for at in local]

    def text(self, moment: int) -> str:
        """One moment in epoch seconds as text."""
        if self._zone is None:
            local, suffix = moment + self._fixed, self._suffix
        else:
            half_hour = moment // 1800
            found = self._offsets.get(half_hour) or self._learn(half_hour)
            local, suffix = moment + found[0], found[1]
        day, second = divmod(local, 86400)
        return f"{self._days[day]}T{_MINUTES[second // 60]}{_SECONDS[second % 60]}{suffix}"

    def _learn(self, half_hour: int) -> tuple[int, str]:
        moment = datetime.fromtimestamp(half_hour * 1800, self._zone)
        shift = moment.utcoffset() or timedelta()
        found = (int(shift.total_seconds()), moment.isoformat(timespec="seconds")[-6:])
        self._offsets[half_hour] = found
        return found


@lru_cache(maxsize=16)
def stamps_in(zone: str) -> Stamps:
    """The writer for a zone, shared because it remembers days and offsets."""
    return Stamps(zone)


def parse_strict(text: object) -> int | None:
    """Epoch seconds of a moment as Zoho takes it: whole seconds and a numeric offset. None for anything else.

    `Z`, fractions and bare local times are refused on purpose.
    """
    if not isinstance(text, str) or not _STRICT.fullmatch(text):
        return None
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except ValueError:
        return None


def parse_lenient(text: str) -> int | None:
    """Epoch seconds of any ISO 8601 moment with an offset (headers and COQL); None if it is not one."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else int(moment.timestamp())


def http_date(moment: float) -> str:
    """RFC 9110 IMF-fixdate, for the Date header."""
    return datetime.fromtimestamp(moment, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
