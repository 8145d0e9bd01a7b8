"""The text of events -> lines for the tables: the part of an import that needs no database.

Owns the way from a component to COPY lines. It is the larger half of an import's work in Python, and a value in, value
out affair, so that `calendar_reader_process` can do it on another core. Must not import the database driver.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from syncd.core.calendar.events import read_event
from syncd.core.calendar.file_zones import Definition
from syncd.core.calendar.header import default_zone
from syncd.core.calendar.model import Event, Expansion, Horizon, Occurrence, Rejected
from syncd.core.calendar.patience import Patience
from syncd.core.calendar.series import expand
from syncd.core.calendar.zones import ZoneTable
from syncd.postgres.calendar_rows import Lines, Source, add_event, add_occurrences, raw_of

PARSER_FAULTS = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError)
"""What a mistake of ours on strange input would raise: it must cost that input, not the import."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderSettings:
    """What holds for all events of an import. `default_tz` and `tzid` are as in `header.default_zone`."""

    calendar_id: int
    import_id: int
    snapshot_at: datetime
    horizon: Horizon
    default_tz: str
    tzid: str | None
    definitions: tuple[tuple[int, Definition], ...]


@dataclass(frozen=True, slots=True)
class Row:
    """An event to be read and written. `lists`: its occurrences are written with it."""

    event_id: int
    first_import_id: int
    lists: bool
    calendar: int
    key: str
    text: bytes
    content: bytes
    timezones: list[bytes]


@dataclass(slots=True)
class Reading:
    """What rows came to.

    `rejected` are (index of the row, why); `tzids` (ordinal of the VCALENDAR, TZID) were asked for the first time.
    """

    lines: Lines = field(default_factory=Lines)
    rejected: list[tuple[int, Rejected]] = field(default_factory=list)
    tzids: list[tuple[int, str]] = field(default_factory=list)


class Reader:
    """Reads the events of one import."""

    def __init__(self, settings: ReaderSettings) -> None:
        self.zones = ZoneTable(settings.definitions)
        self.default = default_zone(settings.default_tz, settings.tzid, self.zones)
        self._settings = settings
        self._patience = Patience()
        self._told = 0

    def event(self, text: bytes, calendar: int) -> Event | Rejected:
        """One event, or why it is none."""
        try:
            return read_event(text, self.zones, calendar)
        except PARSER_FAULTS as fault:
            return Rejected("error", f"{type(fault).__name__}: {fault}")

    def read(self, rows: Sequence[Row]) -> Reading:
        """Lines for all tables, from the rows that can be read."""
        reading = Reading()
        for index, row in enumerate(rows):
            event = self.event(row.text, row.calendar)
            if isinstance(event, Rejected):
                reading.rejected.append((index, event))
            else:
                self._add(row, event, reading.lines)
        reading.tzids = list(islice(self.zones.asked, self._told, None))
        self._told += len(reading.tzids)
        return reading

    def _add(self, row: Row, event: Event, lines: Lines) -> None:
        settings = self._settings
        occurrences, expansion = list[Occurrence](), Expansion("orphan")
        if not row.key:  # the series of an override, if it has one, is looked at when everything is in
            occurrences, (expansion,) = expand([event], settings.horizon, self.default, self._patience)
        raw = raw_of(row.text)
        source = Source(
            event_id=row.event_id,
            calendar_id=settings.calendar_id,
            raw=raw,
            raw_sha256=hashlib.sha256(raw).digest(),
            content_sha256=row.content,
            timezones=row.timezones,
            snapshot_at=settings.snapshot_at,
            first_import_id=row.first_import_id,
            import_id=settings.import_id,
        )
        add_event(lines, event, expansion, source, settings.horizon)
        if row.lists:
            add_occurrences(lines, occurrences, [row.event_id], settings.calendar_id)
