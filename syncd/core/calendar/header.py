"""A calendar's own lines -> what is known of the calendar itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from syncd.core.calendar.lines import content_lines, decode, unescape
from syncd.core.calendar.model import DefaultZone, Line
from syncd.core.calendar.zones import ZoneTable, iana_names, iana_zone


@dataclass(frozen=True, slots=True)
class Header:
    """`text` are the lines joined by LF: those of the first VCALENDAR, and of later ones what the first has not."""

    text: bytes
    props: list[Line]

    def value(self, name: str) -> str | None:
        """The value of the first line of that name, as people read it."""
        return next((unescape(line.value).strip() for line in self.props if line.name == name), None)


def header(lines: Sequence[tuple[int, bytes]]) -> Header:
    """The header of a stream from (ordinal of the VCALENDAR, line)."""
    kept: list[bytes] = []
    names: dict[str, int] = {}
    for calendar, text in lines:
        name = text.partition(b":")[0].partition(b";")[0].strip().upper().decode("utf-8", "replace")
        if names.setdefault(name, calendar) == calendar:
            kept.append(text)
    joined = b"\n".join(kept)
    return Header(joined, content_lines(decode(joined)[0]) if joined else [])


def default_zone(given: str, tzid: str | None, zones: ZoneTable) -> DefaultZone:
    """Where dates and floating times are placed: the given IANA zone, else X-WR-TIMEZONE, else UTC.

    Raises ValueError when the given name is no IANA zone.
    """
    if given:
        if iana_names().get(given) != given:
            raise ValueError(f"{given!r} is no IANA time zone")
        return DefaultZone(given, iana_zone(given))
    if tzid:
        zone = zones.resolve(tzid, 1)
        if zone.rules is not None:
            return DefaultZone(zone.resolved or zone.tzid, zone.rules)
    return DefaultZone("UTC", iana_zone("UTC"))
