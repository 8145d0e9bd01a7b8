"""The properties of one component, by name, as simple values.

Owns the plain value types: text, words, integers, stamps. A bad value becomes None and an issue.
"""

import re
from datetime import datetime

from syncd.core.calendar.lines import MALFORMED, split_list, text_of
from syncd.core.calendar.model import Line, Moment
from syncd.core.calendar.moments import UnreadableTime, ZoneOf, moment_of, utc_stamp

ONCE = frozenset(
    {
        *("UID", "DTSTART", "DTEND", "DURATION", "RECURRENCE-ID", "SUMMARY", "DESCRIPTION", "LOCATION", "URL"),
        *("STATUS", "CLASS", "TRANSP", "PRIORITY", "SEQUENCE", "GEO", "ORGANIZER"),
        *("CREATED", "LAST-MODIFIED", "DTSTAMP"),
    }
)
MANY = frozenset({"ATTENDEE", "CATEGORIES", "RRULE", "EXRULE", "RDATE", "EXDATE"})

_INTEGER = re.compile(r"[+-]?\d{1,10}", re.ASCII)
_FLOAT = re.compile(r"[+-]?\d{1,12}(?:\.\d{0,24})?", re.ASCII)
_LARGEST_INT = 2**31 - 1


class Properties:
    """Reads typed values out of the lines of an event. Problems are added to `issues`."""

    __slots__ = ("_first", "_many", "_zone_of", "issues")

    def __init__(self, lines: list[Line], zone_of: ZoneOf, issues: list[str]) -> None:
        self._first: dict[str, Line] = {}
        self._many: dict[str, list[Line]] = {}
        self._zone_of = zone_of
        self.issues = issues
        for line in lines:
            name = line.name
            if name in ONCE:
                if name in self._first:
                    issues.append(f"repeated:{name}")
                else:
                    self._first[name] = line
            elif name in MANY:
                self._many.setdefault(name, []).append(line)
            elif name == MALFORMED:
                issues.append("malformed_line")

    def one(self, name: str) -> Line | None:
        """The first line of a property that comes once."""
        return self._first.get(name)

    def all(self, name: str) -> list[Line]:
        """The lines of a property that may come often."""
        return self._many.get(name, [])

    def moment(self, name: str) -> Moment | None:
        """A date or date-time. Raises UnreadableTime."""
        line = self._first.get(name)
        return moment_of(line, self._zone_of, self.issues) if line is not None else None

    def stamp(self, name: str) -> datetime | None:
        """An instant."""
        line = self._first.get(name)
        if line is None:
            return None
        if not line.params and (common := utc_stamp(line.value)) is not None:
            return common
        try:
            at = moment_of(line, self._zone_of, []).at
        except UnreadableTime:
            at = None
        if at is None:
            self.issues.append(f"bad_value:{name}")
        return at

    def raw(self, name: str) -> str | None:
        """The value as written, trimmed."""
        line = self._first.get(name)
        return line.value.strip() if line is not None else None

    def text(self, name: str) -> str | None:
        """A TEXT value."""
        line = self._first.get(name)
        return text_of(line) if line is not None else None

    def word(self, name: str) -> str | None:
        """An enumerated value, in upper case."""
        line = self._first.get(name)
        return line.value.strip().upper() if line is not None else None

    def integer(self, name: str) -> int | None:
        """A 32-bit integer."""
        text = self.raw(name)
        if text is None:
            return None
        if _INTEGER.fullmatch(text) and abs(int(text)) <= _LARGEST_INT:
            return int(text)
        self.issues.append(f"bad_value:{name}")
        return None

    def geo(self) -> tuple[float, float] | None:
        """GEO as (latitude, longitude)."""
        text = self.raw("GEO")
        if text is None:
            return None
        # Some put a comma, or an escaped one, where the semicolon belongs.
        numbers = [part.strip() for part in re.split(r"\\?[;,]", text)]
        if len(numbers) == 2 and all(map(_FLOAT.fullmatch, numbers)):
            return float(numbers[0]), float(numbers[1])
        self.issues.append("bad_value:GEO")
        return None

    def categories(self) -> list[str] | None:
        """The items of all CATEGORIES lines."""
        lines = self._many.get("CATEGORIES")
        return [item for line in lines for item in split_list(line.value)] if lines else None

    def values(self, name: str) -> tuple[str, ...]:
        """The values of all lines of a property, empty ones left out."""
        return tuple(text for line in self._many.get(name, ()) if (text := line.value.strip()))
