"""The rules that a file's own VTIMEZONE gives, as a tzinfo.

Owns the reading of VTIMEZONE (RFC 5545 3.6.5), lenient about dates, signs and seconds, because half of the published
ones are not what the standard says. Must not cache across imports: the same name means other rules in another file.
"""

import hashlib
import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from syncd.core.calendar.expand import walls
from syncd.core.calendar.lines import content_lines, decode
from syncd.core.calendar.model import Line
from syncd.core.calendar.moments import UnreadableTime, wall
from syncd.core.calendar.rules import Rule, RuleRefused, parse_rule

_OFFSET = re.compile(r"([+-]?)(\d{1,2})(\d{2})(\d{2})?")
_LAST_YEAR = 2200  # endless rules are followed this far; later times use the last offset
_MOST_ONSETS = 2000


@dataclass(frozen=True, slots=True)
class Observance:
    """One STANDARD or DAYLIGHT part."""

    start: datetime
    offset_from: timedelta
    offset_to: timedelta
    name: str
    rules: tuple[Rule, ...]
    extra: tuple[datetime, ...]
    standard: bool


@dataclass(frozen=True, slots=True)
class Definition:
    """A VTIMEZONE. `text` is its unfolded lines joined by LF; `location` an IANA name it claims to be, or ''."""

    tzid: str
    location: str
    text: bytes
    sha256: bytes


def definition(text: bytes) -> Definition | None:
    """The VTIMEZONE in `text`; None when it has no TZID."""
    decoded, _ = decode(text)
    tzid = location = ""
    depth = 0
    for line in content_lines(decoded):
        depth += (line.name == "BEGIN") - (line.name == "END")
        if depth == 1 and line.name == "TZID":
            tzid = tzid or line.value.strip()
        elif depth == 1 and line.name == "X-LIC-LOCATION":
            location = location or line.value.strip()
    return Definition(tzid, location, text, hashlib.sha256(text).digest()) if tzid else None


def build(given: Definition) -> tzinfo | None:
    """The zone's rules; None when no part of it can be read."""
    decoded, _ = decode(given.text)
    observances: list[Observance] = []
    part: list[Line] = []
    for line in content_lines(decoded):
        if line.name == "BEGIN":
            part = [line]
        elif line.name == "END" and part:
            observance = _observance(part)
            if observance is not None:
                observances.append(observance)
            part = []
        else:
            part.append(line)
    return FileZone(given.tzid, observances) if observances else None


def _observance(part: list[Line]) -> Observance | None:
    kind = part[0].value.strip().upper()
    if part[0].name != "BEGIN" or kind not in {"STANDARD", "DAYLIGHT"}:
        return None
    first: dict[str, str] = {}
    for line in part[1:]:
        first.setdefault(line.name, line.value.strip())
    offset_to = _offset(first.get("TZOFFSETTO", ""))
    if offset_to is None:
        return None
    try:
        start = wall(first.get("DTSTART", ""))[0]
    except UnreadableTime:
        start = datetime(1970, 1, 1)  # noqa: DTZ001 - wall time
    offset_from = _offset(first.get("TZOFFSETFROM", ""))
    rules, extra = [], []
    for line in part[1:]:
        if line.name == "RRULE":
            try:
                rules.append(parse_rule(line.value, start))
            except RuleRefused:
                continue
        elif line.name == "RDATE":
            extra += _dates(line.value)
    return Observance(
        start,
        offset_to if offset_from is None else offset_from,
        offset_to,
        first.get("TZNAME", ""),
        tuple(rules),
        tuple(extra),
        kind == "STANDARD",
    )


def _dates(value: str) -> list[datetime]:
    found = []
    for item in value.split(","):
        try:
            found.append(wall(item.partition("/")[0])[0])
        except UnreadableTime:
            continue
    return found


def _offset(text: str) -> timedelta | None:
    """'+0200', '-023000', and '0200' or '200' whose sign was forgotten; None for anything of a day or more."""
    match = _OFFSET.fullmatch(text.strip().replace(":", ""))
    if match is None:
        return None
    length = timedelta(hours=int(match[2]), minutes=int(match[3]), seconds=int(match[4] or 0))
    if length >= timedelta(days=1):
        return None
    return -length if match[1] == "-" else length


class FileZone(tzinfo):
    """Rules of a VTIMEZONE: offsets between onsets. A `fold` of 0 is the first of two equal wall times (PEP 495)."""

    def __init__(self, tzid: str, observances: list[Observance]) -> None:
        self._tzid = tzid
        onsets = sorted(_onsets(observances), key=lambda onset: onset[0])
        standard = next((part for part in observances if part.standard), observances[0])
        only = len({part.offset_to for part in observances}) == 1
        before = standard.offset_to if only or not onsets else onsets[0][1].offset_from
        self._at: list[datetime] = []
        self._walls: tuple[list[datetime], list[datetime]] = ([], [])
        self._offsets = [before]
        self._names = [standard.name]
        for at, part in onsets:
            low, high = sorted((self._offsets[-1], part.offset_to))
            try:
                bounds = at + high, at + low
            except OverflowError:
                continue
            self._at.append(at)
            self._walls[0].append(bounds[0])
            self._walls[1].append(bounds[1])
            self._offsets.append(part.offset_to)
            self._names.append(part.name)

    def __repr__(self) -> str:
        return f"FileZone({self._tzid!r})"

    def utcoffset(self, moment: datetime | None, /) -> timedelta:
        """The offset of a wall time; in a gap it is the one from before."""
        return self._offsets[self._index(moment)]

    def dst(self, moment: datetime | None, /) -> timedelta | None:  # noqa: ARG002 - tzinfo's signature
        """Unknown: a VTIMEZONE does not say how much of an offset is daylight saving time."""
        return None

    def tzname(self, moment: datetime | None, /) -> str:
        """The TZNAME in force."""
        return self._names[self._index(moment)]

    def fromutc(self, moment: datetime, /) -> datetime:
        """The wall time of an instant that is given as UTC in this zone, as tzinfo.fromutc is called."""
        bare = moment.replace(tzinfo=None)
        index = bisect_right(self._at, bare)
        wall_time = bare + self._offsets[index]
        # The second of two equal wall times: before this onset the same wall time was shown already.
        second = index > 0 and wall_time < self._walls[0][index - 1]
        return wall_time.replace(tzinfo=self, fold=second)

    def _index(self, moment: datetime | None) -> int:
        if moment is None:
            return 0
        return bisect_right(self._walls[moment.fold], moment.replace(tzinfo=None, fold=0))


def _onsets(observances: list[Observance]) -> list[tuple[datetime, Observance]]:
    """(UTC as a naive datetime, part) of every onset up to the last year."""
    found: dict[datetime, Observance] = {}
    until = datetime(_LAST_YEAR, 1, 1)  # noqa: DTZ001 - wall time
    for part in observances:
        starts = [part.start, *part.extra]
        for rule in part.rules:
            starts += walls(rule, part.start, last=until, until=_until(rule, part), most=_MOST_ONSETS).starts
        for start in starts:
            try:
                found.setdefault(start - part.offset_from, part)
            except OverflowError:
                continue
    return list(found.items())


def _until(rule: Rule, part: Observance) -> datetime | None:
    """UNTIL as a wall time before the onset; the standard has it in UTC."""

    def to_wall(at: datetime) -> datetime:
        return at + part.offset_from

    return rule.last_wall(to_wall)
