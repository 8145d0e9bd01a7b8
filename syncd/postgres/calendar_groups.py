"""The events of one UID, looked at together: which overrides belong to which series, and what happens when.

Owns the second look that series with overrides need once all of a stream is in, and the slide of the horizon. Reads
the stored raw text, which is the truth, with the zones that came with it.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import Any

import psycopg

from syncd.core.calendar.events import read_event
from syncd.core.calendar.file_zones import Definition, definition
from syncd.core.calendar.model import DefaultZone, Event, Expansion, Horizon, Rejected
from syncd.core.calendar.patience import Patience
from syncd.core.calendar.series import expand
from syncd.core.calendar.zones import ZoneTable, iana_zone
from syncd.postgres.calendar_rows import Lines, add_occurrences, state_line, text_of
from syncd.postgres.calendar_store import CalendarStore

Connection = psycopg.Connection[Any]

SLACK_DAYS = 31
"""A listing that is off by less than this is left alone, unless a horizon was asked for."""

MOST_LINES = 50_000
"""Occurrences are handed to the server when there are so many: series may have thousands each."""

_AT_ONCE = 200

_OUTDATED = """
SELECT DISTINCT uid FROM calendar_event
WHERE calendar_id = %(calendar)s AND expanded IS NOT NULL AND deleted_at IS NULL
    AND (abs(lower(expanded) - %(first)s::date) > %(slack)s OR abs(upper(expanded) - 1 - %(last)s::date) > %(slack)s)
"""

_MEMBERS = """
SELECT uid, event_id, raw, timezone_sha256 FROM calendar_event
WHERE calendar_id = %(calendar)s AND uid = ANY(%(uids)s) AND deleted_at IS NULL
ORDER BY uid, recurrence_key
"""


class StoredZones:
    """The zones that stored events mean: by the VTIMEZONEs that came with them."""

    def __init__(self, connection: Connection, calendar_id: int) -> None:
        self._definitions: dict[bytes, Definition] = {}
        self._tables: dict[tuple[bytes, ...], ZoneTable] = {}
        rows = connection.execute(
            "SELECT raw FROM calendar_timezone WHERE calendar_id = %s AND raw IS NOT NULL", [calendar_id]
        )
        for (raw,) in rows:
            found = definition(text_of(bytes(raw)))
            if found is not None:
                self._definitions[found.sha256] = found

    def default(self, name: str) -> DefaultZone:
        """The zone of that name: IANA's, or one that came with the calendar; UTC when it is gone."""
        rules = ZoneTable((0, one) for one in self._definitions.values()).rules(name)
        return DefaultZone(name, rules if rules is not None else iana_zone("UTC"))

    def table(self, hashes: Iterable[bytes]) -> ZoneTable:
        """The zones of an event whose VTIMEZONEs have these hashes."""
        key = tuple(bytes(one) for one in hashes)
        if key not in self._tables:
            self._tables[key] = ZoneTable((0, self._definitions[one]) for one in key if one in self._definitions)
        return self._tables[key]


class Groups:
    """Lists the occurrences of whole groups anew."""

    def __init__(
        self, connection: Connection, store: CalendarStore, zones: StoredZones, horizon: Horizon, default: DefaultZone
    ) -> None:
        self.zones = zones
        self.horizon = horizon
        self.default = default
        self.patience = Patience()
        self._connection = connection
        self._store = store

    def relist_dirty(self) -> int:
        """The groups with overrides of which something changed in this import; how many."""
        return self.relist(self._store.dirty_groups())

    def relist_overrides(self) -> int:
        """All groups with overrides; how many."""
        rows = self._connection.execute(
            "SELECT DISTINCT uid FROM calendar_event WHERE calendar_id = %s AND recurrence_key <> ''",
            [self._store.calendar_id],
        ).fetchall()
        return self.relist(row[0] for row in rows)

    def relist_outdated(self, *, pinned: bool) -> int:
        """The series that are not listed for the horizon; how many."""
        values = {
            "calendar": self._store.calendar_id,
            "first": self.horizon.first,
            "last": self.horizon.last,
            "slack": 0 if pinned else SLACK_DAYS,
        }
        rows = self._connection.execute(_OUTDATED, values).fetchall()
        return self.relist(row[0] for row in rows)

    def relist(self, uids: Iterable[str]) -> int:
        """The groups of these UIDs; how many."""
        count = 0
        source = iter(uids)
        while batch := list(islice(source, _AT_ONCE)):
            self._relist(batch)
            count += len(batch)
        return count

    def _relist(self, uids: list[str]) -> None:
        lines, states, owners = Lines(), list[str](), list[int]()
        for ids, events in self._members(uids):
            occurrences, expansions = expand(events, self.horizon, self.default, self.patience)
            add_occurrences(lines, occurrences, ids, self._store.calendar_id)
            states += self._states(ids, expansions)
            owners += ids
            if len(lines.occurrences) >= MOST_LINES:
                self._store.relist(lines, owners, states)
                lines, states, owners = Lines(), [], []
        self._store.relist(lines, owners, states)

    def _states(self, ids: Sequence[int], expansions: Sequence[Expansion]) -> Iterator[str]:
        for event_id, expansion in zip(ids, expansions, strict=True):
            yield state_line(event_id, expansion, self.horizon)

    def _members(self, uids: list[str]) -> Iterator[tuple[list[int], list[Event]]]:
        """(event ids, events) of each UID."""
        rows = self._connection.execute(_MEMBERS, {"calendar": self._store.calendar_id, "uids": uids}).fetchall()
        for _, members in groupby(rows, key=lambda row: row[0]):
            ids, events = list[int](), list[Event]()
            for _, event_id, raw, hashes in members:
                event = read_event(text_of(bytes(raw)), self.zones.table(hashes))
                if not isinstance(event, Rejected):
                    ids.append(event_id)
                    events.append(event)
            yield ids, events
