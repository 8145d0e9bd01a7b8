"""A second, independent reading of ICS bytes: what the tables are held against.

Shares no code with syncd and goes about it differently: one letter at a time, one whole file in memory, dateutil for
the zones that a file defines. Slow and simple on purpose.
"""

import io
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from dateutil import tz
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

TOP_LEVEL = {"VEVENT", "VCALENDAR", "VTIMEZONE", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY"}


@dataclass
class Property:
    name: str
    params: dict[str, str]
    value: str


@dataclass
class Seen:
    """A VEVENT as it stands in a file. `when` is None where this reader cannot tell, and then nothing is compared."""

    lines: list[bytes]
    complete: bool
    properties: list[Property] = field(default_factory=list)
    alarms: int = 0
    zones: dict[str, str] = field(default_factory=dict)

    def first(self, name: str) -> Property | None:
        return next((one for one in self.properties if one.name == name), None)

    @property
    def attendees(self) -> list[str]:
        return [one.value.strip() for one in self.properties if one.name == "ATTENDEE"]

    def text(self, name: str) -> str | None:
        found = self.first(name)
        if found is None:
            return None
        letters = iter(found.value)
        out = []
        for letter in letters:
            if letter != "\\":
                out.append(letter)
                continue
            after = next(letters, "")
            out.append("\n" if after in {"n", "N"} else after if after and after in "\\;," else "\\" + after)
        return "".join(out)

    def when(self) -> "When | None":
        found = self.first("DTSTART")
        if found is None:
            return When("missing")
        return read_time(found, self.zones)


@dataclass
class When:
    """A moment: a kind as the tables name it, and what goes with it."""

    kind: str
    day: date | None = None
    wall: datetime | None = None
    zone: str | None = None
    at: datetime | None = None


def read(data: bytes) -> list[Seen]:
    """Every VEVENT of a file, in order."""
    found: list[Seen] = []
    zones: dict[str, str] = {}
    stack: list[str] = []
    lines: list[bytes] = []
    for line in logical_lines(data):
        verb, name = edge(line)
        if verb == "BEGIN" and name in TOP_LEVEL:
            finish(found, zones, stack, lines, complete=False)
            stack, lines = ([], []) if name == "VCALENDAR" else ([name], [line])
            continue
        if verb == "END" and name == "VCALENDAR":
            finish(found, zones, stack, lines, complete=False)
            stack, lines = [], []
            continue
        if not stack:
            continue
        lines.append(line)
        if verb == "BEGIN":
            stack.append(name)
        elif verb == "END" and name in stack:
            while stack[-1] != name:
                stack.pop()
            if len(stack) == 1:
                finish(found, zones, stack, lines, complete=True)
                stack, lines = [], []
            else:
                stack.pop()
    finish(found, zones, stack, lines, complete=False)
    for one in found:
        one.zones = zones
    return found


def finish(found: list[Seen], zones: dict[str, str], stack: list[str], lines: list[bytes], *, complete: bool) -> None:
    if not stack:
        return
    if stack[0] == "VTIMEZONE" and complete:
        text = "\r\n".join(decode(line) for line in lines)
        for line in lines:
            one = property_of(decode(line))
            if one is not None and one.name == "TZID":
                zones.setdefault(one.value.strip(), text)
    elif stack[0] == "VEVENT":
        seen = Seen(list(lines), complete)
        nested: list[str] = []
        for line in lines:
            verb, name = edge(line)
            if verb == "BEGIN":
                nested.append(name)
                seen.alarms += name == "VALARM"
            elif verb == "END" and name in nested:
                while nested.pop() != name:
                    pass
            elif not verb and len(nested) == 1:
                one = property_of(decode(line))
                if one is not None:
                    seen.properties.append(one)
        found.append(seen)


def logical_lines(data: bytes) -> list[bytes]:
    for mark, name in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(mark):
            data = data[2:].decode(name).encode()
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    physical = data.split(b"\n" if b"\n" in data else b"\r")
    out: list[bytes] = []
    for line in (one.rstrip(b"\r") for one in physical):
        if not line:
            continue
        if line[:1] in {b" ", b"\t"} and out:
            out[-1] += line[1:]
        else:
            out.append(line)
    return out


def edge(line: bytes) -> tuple[str, str]:
    text = line.decode("latin-1").upper()
    for verb in ("BEGIN:", "END:"):
        if text.startswith(verb):
            return verb[:-1], text[len(verb) :].strip()
    return "", ""


def decode(line: bytes) -> str:
    line = line.replace(b"\0", b"")
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        try:
            return line.decode("cp1252")
        except UnicodeDecodeError:
            return line.decode("latin-1")


def property_of(line: str) -> Property | None:
    parts: list[str] = [""]
    quoted = False
    for position, letter in enumerate(line):
        if letter == '"':
            quoted = not quoted
        elif letter == ":" and not quoted:
            params: dict[str, str] = {}
            for part in parts[1:]:
                key, _, value = part.partition("=")
                params.setdefault(key.strip().upper(), value.replace('"', ""))
            return Property(parts[0].strip().upper(), params, line[position + 1 :])
        elif letter == ";" and not quoted:
            parts.append("")
            continue
        parts[-1] += letter
    return None


@cache
def iana(name: str) -> ZoneInfo | None:
    names = files("tzdata").joinpath("zones").read_text().split()
    if name not in names:
        return None
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


def read_time(one: Property, zones: dict[str, str]) -> When | None:
    """What a time says, None where it is written in a way that this reader does not follow."""
    match = re.fullmatch(r"(\d{8})(?:T(\d{6})(Z?))?", one.value.strip())
    if match is None or match[1] < "00010101":
        return None
    tzid = one.params.get("TZID")
    day = date(int(match[1][:4]), int(match[1][4:6]), int(match[1][6:]))
    if match[2] is None or one.params.get("VALUE", "").upper() == "DATE":
        return When("date", day=day)
    clock = match[2]
    wall = datetime(day.year, day.month, day.day, int(clock[:2]), int(clock[2:4]), int(clock[4:]))  # noqa: DTZ001
    if match[3]:
        return When("utc", wall=wall, zone=tzid, at=wall.replace(tzinfo=UTC))
    if not tzid:
        return When("floating", wall=wall)
    rules = zone_rules(tzid, zones)
    if rules is None:
        return When("zoned?", wall=wall, zone=tzid)
    return When("zoned", wall=wall, zone=tzid, at=wall.replace(tzinfo=rules).astimezone(UTC))


def zone_rules(tzid: str, zones: dict[str, str]) -> tzinfo | None:
    known = iana(tzid.strip())
    if known is not None:
        return known
    if tzid in WINDOWS_TO_OLSON:
        return iana(WINDOWS_TO_OLSON[tzid])
    text = zones.get(tzid.strip())
    if text is None or "X-LIC-LOCATION" in text.upper():
        return None
    try:
        return tz.tzical(io.StringIO(text)).get(tzid.strip())
    except (ValueError, TypeError, AttributeError):
        return None
