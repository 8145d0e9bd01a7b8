"""Bulk read's ICS of Events."""

from collections.abc import Iterator

from syncd.simulator.behaviour import Behaviour
from syncd.simulator.csv_export import Snapshot
from syncd.simulator.records import Records


def ics_blocks(snapshot: Snapshot, records: Records, behaviour: Behaviour) -> Iterator[str]:
    """The calendar's text in pieces."""
    yield "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"
