"""Events for tests: the lines between BEGIN and END, read as syncd reads them."""

from datetime import date

from syncd.core.calendar.events import read_event
from syncd.core.calendar.model import DefaultZone, Event, Horizon, Occurrence, Rejected
from syncd.core.calendar.series import expand
from syncd.core.calendar.zones import ZoneTable, iana_zone

BERLIN = DefaultZone("Europe/Berlin", iana_zone("Europe/Berlin"))
HORIZON = Horizon(date(2024, 1, 1), date(2027, 12, 31))


def text(*lines: str) -> bytes:
    return "\n".join(("BEGIN:VEVENT", *lines, "END:VEVENT")).encode()


def event(*lines: str, zones: ZoneTable | None = None) -> Event:
    read = read_event(text(*lines), zones or ZoneTable())
    assert isinstance(read, Event), read
    return read


def rejected(*lines: str) -> Rejected:
    read = read_event(text(*lines), ZoneTable())
    assert isinstance(read, Rejected)
    return read


def occurrences(*events: Event, horizon: Horizon = HORIZON, default: DefaultZone = BERLIN) -> list[Occurrence]:
    return sorted(expand(events, horizon, default)[0], key=lambda one: (one.start_at, one.key))


def starts(*events: Event, horizon: Horizon = HORIZON) -> list[str]:
    """The wall times of all occurrences, in order."""
    return [f"{one.start_local:%Y-%m-%d %H:%M}" for one in occurrences(*events, horizon=horizon)]
