"""Which rules a TZID stands for: the ladder of resolution.

Owns the search; zone rules come from the tzdata package alone, never from the machine, so that the same file gives the
same instants everywhere. Must not keep anything between imports: what one file defines is unknown to the next.

1 the exact IANA name; 2 the same but for case and separators, or as a location that the VTIMEZONE names; 3 a Windows
name (CLDR); 4 an IANA name behind a vendor's prefix; 5 the file's own VTIMEZONE; 6 a text that is nothing but an
offset; 7 unresolved. IANA comes before the VTIMEZONE because embedded copies are often years old.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import tzdata  # type: ignore[import-untyped]
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from syncd.core.calendar.file_zones import Definition, build
from syncd.core.calendar.moments import offset_zone

TZDATA_VERSION = str(tzdata.IANA_VERSION)

_LONGEST_TZID = 500
_MOST_ZONES = 20_000
_OFFSET = re.compile(r"(?:GMT|UTC|Z)?([+-])(\d{1,2})(?::?([0-5]\d))?", re.IGNORECASE | re.ASCII)
_SEPARATORS = re.compile(r"[-_ /]+")


@dataclass(frozen=True, slots=True)
class Zone:
    """What a TZID was resolved to. `resolved` is an IANA name or an offset, None for a VTIMEZONE or nothing.

    `definition` is the VTIMEZONE that decided, if one did: a different one could mean different instants.
    """

    tzid: str
    method: str
    resolved: str | None
    rules: tzinfo | None
    definition: Definition | None = None


@cache
def iana_names() -> dict[str, str]:
    """Every zone of tzdata, under its own name and under its folded one."""
    names = files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    table = {_folded(name): name for name in names}
    table.update((name, name) for name in names)
    return table


@cache
def _windows_names() -> dict[str, str]:
    return {name.casefold(): zone for name, zone in WINDOWS_TO_OLSON.items()}


@cache
def iana_zone(name: str) -> ZoneInfo:
    """The rules of an IANA zone, read from the tzdata package. Raises KeyError for any other name."""
    if iana_names().get(name) != name:
        raise KeyError(name)
    with files("tzdata.zoneinfo").joinpath(*name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


class ZoneTable:
    """The zones of one import: its VTIMEZONEs, and what each TZID was resolved to."""

    def __init__(self, definitions: Iterable[tuple[int, Definition]] = ()) -> None:
        """`definitions` are (ordinal of the VCALENDAR, VTIMEZONE) in the order of the stream."""
        self._own: dict[tuple[int, str], Definition] = {}
        self._any: dict[str, Definition] = {}
        for calendar, definition in definitions:
            tzid = definition.tzid.strip()
            self._own.setdefault((calendar, tzid), definition)
            self._any.setdefault(tzid, definition)
        self._zones: dict[tuple[int, str], Zone] = {}

    @property
    def zones(self) -> Iterable[Zone]:
        """Every zone that was asked for."""
        return self._zones.values()

    @property
    def asked(self) -> Iterable[tuple[int, str]]:
        """(ordinal of the VCALENDAR, TZID) of every zone that was asked for, in the order of asking."""
        return self._zones.keys()

    @property
    def deciding(self) -> dict[bytes, dict[int, Definition]]:
        """TZIDs (UTF-8) whose meaning rests on a VTIMEZONE of the file, by VCALENDAR."""
        found: dict[bytes, dict[int, Definition]] = {}
        for (calendar, tzid), definition in self._own.items():
            if self.resolve(tzid, calendar).definition is not None:
                found.setdefault(tzid.encode(), {})[calendar] = definition
        return found

    def resolve(self, tzid: str, calendar: int = 0) -> Zone:
        """The zone of a TZID as it is meant in one VCALENDAR; its method is 'unresolved' when nobody knows it."""
        key = (calendar, tzid)
        zone = self._zones.get(key)
        if zone is None:
            zone = self._resolve(tzid, calendar)
            if len(self._zones) < _MOST_ZONES:
                self._zones[key] = zone
        return zone

    def rules(self, tzid: str, calendar: int = 0) -> tzinfo | None:
        """The rules alone."""
        return self.resolve(tzid, calendar).rules

    def _resolve(self, tzid: str, calendar: int) -> Zone:
        stripped = tzid.strip().strip('"').strip()
        definition = self._own.get((calendar, tzid.strip())) or self._any.get(tzid.strip())
        if len(tzid) > _LONGEST_TZID:
            return Zone(tzid[:_LONGEST_TZID], "unresolved", None, None)
        found = _by_name(stripped)
        if found is None and definition is not None and definition.location:
            by_location = _by_name(definition.location)
            if by_location is not None:
                return Zone(tzid, "alias", by_location[1], iana_zone(by_location[1]), definition)
        if found is not None:
            return Zone(tzid, found[0], found[1], iana_zone(found[1]))
        if definition is not None:
            rules = build(definition)
            if rules is not None:
                return Zone(tzid, "vtimezone", None, rules, definition)
        offset = _OFFSET.fullmatch(stripped)
        if offset is not None and int(offset[2]) <= 18:
            text = f"{offset[1]}{int(offset[2]):02d}{offset[3] or '00'}"
            return Zone(tzid, "offset", text, offset_zone(text))
        return Zone(tzid, "unresolved", None, None)


def _by_name(tzid: str) -> tuple[str, str] | None:
    """(method, IANA name) by steps 1 to 4."""
    names = iana_names()
    if names.get(tzid) == tzid:
        return "iana", tzid
    alias = names.get(_folded(tzid))
    if alias is not None:
        return "alias", alias
    windows = _windows_names().get(tzid.casefold())
    if windows is not None and windows in names:
        return "windows", windows
    parts = tzid.strip("/").split("/")
    for start in range(1, len(parts)):
        tail = "/".join(parts[start:])
        # A single word behind a prefix may be anything; only a vendor's leading slash makes it a zone name.
        if "/" in tail or tzid.startswith("/"):
            name = names.get(tail) or names.get(_folded(tail))
            if name is not None:
                return "prefix", name
    return None


def _folded(name: str) -> str:
    """The name without case, and with one separator for all."""
    return _SEPARATORS.sub("/", name.casefold()).strip("/")
