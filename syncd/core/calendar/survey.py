"""The first pass over a stream: what must be known before the first event is read.

Owns the collection of VTIMEZONEs (a third of the files that have them put some behind the events) and of the calendar's
own lines, and finds out which identities come more than once. Memory does not grow with the number of events.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from syncd.core.calendar.events import read_event
from syncd.core.calendar.file_zones import Definition, definition
from syncd.core.calendar.identity import glance
from syncd.core.calendar.model import CalendarLine, Component, Rejected
from syncd.core.calendar.splitter import Limits, Splitter, Tally
from syncd.core.calendar.zones import ZoneTable

_MOST_CALENDAR_BYTES = 1 << 20
_MOST_ZONE_BYTES = 32 << 20
_BITS = 23


class Identities:
    """Which identities were seen more than once; sometimes one that was not, never the other way round.

    Two bits a slot for 8 million slots, so 2 MiB whatever comes: an identity that shares a slot is merely handled with
    the care that duplicates need.
    """

    def __init__(self) -> None:
        self._once = bytearray(1 << (_BITS - 3))
        self._again = bytearray(1 << (_BITS - 3))

    def add(self, identity: object) -> None:
        place, bit = self._slot(identity)
        if self._once[place] & bit:
            self._again[place] |= bit
        else:
            self._once[place] |= bit

    def is_repeated(self, identity: object) -> bool:
        """Whether it was added twice, as far as the slot tells."""
        place, bit = self._slot(identity)
        return bool(self._again[place] & bit)

    @staticmethod
    def _slot(identity: object) -> tuple[int, int]:
        slot = hash(identity) & ((1 << _BITS) - 1)
        return slot >> 3, 1 << (slot & 7)


@dataclass(slots=True)
class Survey:
    """What the first pass found. `lines` are (ordinal of the VCALENDAR, line) of the calendars themselves."""

    tally: Tally
    definitions: list[tuple[int, Definition]] = field(default_factory=list)
    lines: list[tuple[int, bytes]] = field(default_factory=list)
    identities: Identities = field(default_factory=Identities)
    events: int = 0

    def zones(self) -> ZoneTable:
        """A fresh table of this stream's zones."""
        return ZoneTable(self.definitions)


def survey(blocks: Iterable[bytes], limits: Limits | None = None) -> Survey:
    """Read a stream once for everything but its events."""
    splitter = Splitter(limits)
    found = Survey(splitter.tally)
    line_bytes = zone_bytes = 0
    for item in splitter.items(blocks):
        if isinstance(item, CalendarLine):
            line_bytes += len(item.text)
            if line_bytes <= _MOST_CALENDAR_BYTES:
                found.lines.append((item.calendar, item.text))
        elif item.name == "VEVENT":
            found.events += 1
            if not item.problem:
                identity = repeat_key(item)
                if identity is not None:
                    found.identities.add(identity)
        elif item.name == "VTIMEZONE" and not item.problem:
            zone_bytes += len(item.text)
            zone = definition(item.text) if zone_bytes <= _MOST_ZONE_BYTES else None
            if zone is not None:
                found.definitions.append((item.calendar, zone))
    return found


def repeat_key(component: Component) -> tuple[str, bool] | None:
    """(UID, whether it has a RECURRENCE-ID): components that differ in it cannot be duplicates of each other.

    None for a component that will not become a row.
    """
    seen = glance(component.text)
    if seen is not None:
        return seen
    event = read_event(component.text, ZoneTable())
    if isinstance(event, Rejected):
        return None
    return event.uid, event.recurrence is not None
