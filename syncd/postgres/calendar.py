"""ICS streams into calendar tables: the story of one import.

Owns the order: survey, rows, time zones, deletions, series as wholes, horizon. Runs in one transaction: a stream is
loaded whole or not at all. Connections belong to the caller; while a function runs, nobody else may use them.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

from syncd.core.calendar.header import default_zone, header
from syncd.core.calendar.imports import ImportCounts, ImportRequest
from syncd.core.calendar.model import Component, DefaultZone
from syncd.core.calendar.splitter import Splitter
from syncd.core.calendar.survey import Survey, survey
from syncd.core.model import Deletion
from syncd.postgres import calendar_first_load as first_load
from syncd.postgres import calendar_header as rows
from syncd.postgres.calendar_agenda import agenda
from syncd.postgres.calendar_deletions import Deletions
from syncd.postgres.calendar_export import export_calendar
from syncd.postgres.calendar_groups import Groups, StoredZones
from syncd.postgres.calendar_load import Load, LoadKind
from syncd.postgres.calendar_reader import ReaderSettings
from syncd.postgres.calendar_rebuild import rebuild, rederive
from syncd.postgres.calendar_schema import ensure_tables, has_tables, inside
from syncd.postgres.calendar_store import CalendarStore
from syncd.postgres.calendar_writer import Writer

__all__ = [
    "agenda",
    "blocked_imports",
    "delete_records",
    "ensure_tables",
    "export_calendar",
    "import_calendar",
    "rebuild",
]

Connection = psycopg.Connection[Any]
Blocks = Callable[[], Iterable[bytes]]


def import_calendar(connection: Connection, blocks: Blocks, request: ImportRequest, *, schema: str) -> ImportCounts:
    """Load a stream of ICS bytes into the calendar `request.key` of `schema`, and return what it did.

    `blocks` opens the stream from its beginning, as blocks of bytes of any size; it is called twice. The tables are
    created if missing. Everything happens in one transaction: the caller's if one is open, else one that is committed
    here. Whatever `blocks` raises ends the import and nothing is changed. ValueError: `default_tz` is no zone.
    NeedsOperator: see `ensure_tables`.
    """
    measured = _Measured(blocks)
    found = survey(measured.blocks())
    with connection.transaction():
        ensure_tables(connection, schema)
        rows.lock_calendar(connection, schema, request.key)
        with inside(connection, schema):
            return _Import(connection, request, found).run(blocks, measured)


def blocked_imports(connection: Connection, export_id: int, *, schema: str) -> str:
    """Why neither deletions nor a watermark may rest on the imports of an export, or ''."""
    with connection.transaction(), inside(connection, schema):
        if not has_tables(connection):
            return ""
        found = connection.execute(
            "SELECT counts ->> 'blocked' FROM calendar_import"
            " WHERE export_id = %s AND counts ->> 'blocked' <> '' LIMIT 1",
            [export_id],
        ).fetchone()
        return "" if found is None else str(found[0])


def delete_records(connection: Connection, deletions: Iterable[Deletion], *, key: str, schema: str) -> int:
    """Mark the events of Zoho records deleted that a feed reports as deleted; how many.

    Events that a later export brought again stay.
    """
    gone = {entry.record_id: entry.deleted_at for entry in sorted(deletions, key=lambda entry: entry.deleted_at)}
    if not gone:
        return 0
    with connection.transaction(), inside(connection, schema):
        if not has_tables(connection):
            return 0
        rows.lock_calendar(connection, schema, key)
        marked = connection.execute(
            "UPDATE calendar_event e SET deleted_at = d.at, snapshot_at = d.at"
            " FROM calendar c, unnest(%(ids)s::bigint[], %(at)s::timestamptz[]) AS d (id, at)"
            " WHERE c.calendar_id = e.calendar_id AND c.cal_key = %(key)s AND e.record_id = d.id"
            " AND e.deleted_at IS NULL AND e.snapshot_at <= d.at RETURNING e.event_id",
            {"key": key, "ids": list(gone), "at": list(gone.values())},
        ).fetchall()
        ids = [row[0] for row in marked]
        connection.execute("DELETE FROM calendar_occurrence WHERE event_id = ANY(%(ids)s)", {"ids": ids})
        connection.execute("DELETE FROM calendar_occurrence WHERE series_id = ANY(%(ids)s)", {"ids": ids})
        return len(ids)


class _Measured:
    """The hash and size of a stream, taken as it is read the first time."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._digest = hashlib.sha256()
        self.size = 0

    def blocks(self) -> Iterator[bytes]:
        for block in self._blocks():
            self._digest.update(block)
            self.size += len(block)
            yield block

    @property
    def sha256(self) -> bytes:
        return self._digest.digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deletion:
    """`held` were not believed; `seen` identities were shown by the export so far; `blocked` is why nobody looked."""

    deleted: int = 0
    held: int = 0
    blocked: str = ""
    seen: int = 0


class _Import:
    """One import, its steps in order."""

    def __init__(self, connection: Connection, request: ImportRequest, found: Survey) -> None:
        self._connection = connection
        self._request = request
        self._survey = found
        self._header = header(found.lines)

    def run(self, blocks: Blocks, measured: _Measured) -> ImportCounts:
        connection, request = self._connection, self._request
        zones = self._survey.zones()
        default = default_zone(request.default_tz, self._header.value("X-WR-TIMEZONE"), zones)
        calendar = rows.find_calendar(connection, request.key)
        if calendar is None:
            calendar = rows.make_calendar(connection, request, default)
        import_id = rows.start_import(connection, calendar.calendar_id, request)
        store = CalendarStore(connection, calendar.calendar_id, import_id)
        stale = calendar.full_at is not None and request.evaluated_at < calendar.full_at
        if not stale:
            rows.store_header(connection, calendar.calendar_id, self._header, default)
        load = self._load(store, blocks, stale=stale)
        timezones = self._store_zones(load, calendar.calendar_id)
        store.resolve_quarantine()
        deletion, relisted = self._settle(store, load, calendar, default)
        counts = self._counts(load, deletion, relisted=relisted, timezones=timezones)
        digest, size = measured.sha256, measured.size
        rows.finish_import(connection, import_id, counts, seen=deletion.seen, sha256=digest, size=size)
        return counts

    def _load(self, store: CalendarStore, blocks: Blocks, *, stale: bool) -> Load:
        request = self._request
        items = Splitter().items(blocks())
        kind = LoadKind(full=request.full, stale=stale, empty=store.count_rows() == 0)
        settings = ReaderSettings(
            calendar_id=store.calendar_id,
            import_id=store.import_id,
            snapshot_at=request.evaluated_at,
            horizon=request.horizon,
            default_tz=request.default_tz,
            tzid=self._header.value("X-WR-TIMEZONE"),
            definitions=tuple(self._survey.definitions),
        )
        aside = first_load.begin(self._connection, self._survey.events)
        with Writer() as writer:
            load = Load(store, writer, self._survey, settings, kind=kind)
            load.run(item for item in items if isinstance(item, Component))
        if aside is not None:
            first_load.finish(self._connection, aside)
        return load

    def _store_zones(self, load: Load, calendar_id: int) -> int:
        definitions = [
            (definition, load.zones.resolve(definition.tzid, calendar))
            for calendar, definition in self._survey.definitions
        ]
        return rows.store_zones(self._connection, calendar_id, load.zones.zones, definitions)

    def _settle(
        self, store: CalendarStore, load: Load, calendar: rows.CalendarRow, default: DefaultZone
    ) -> tuple[_Deletion, int]:
        """What needs all of the stream: deletions, series as wholes, the horizon. Also how many were listed again."""
        connection, request = self._connection, self._request
        deletion = self._delete(store.deletions(), self._blocked(load))
        groups = Groups(connection, store, StoredZones(connection, calendar.calendar_id), request.horizon, default)
        relisted = groups.relist_dirty()
        if calendar.is_outdated or calendar.default_tz != default.name:
            rederive(connection, store, groups)
        relisted += groups.relist_outdated(pinned=request.pinned)
        full = request.full and request.last_page and not deletion.blocked
        rows.finish_calendar(connection, calendar.calendar_id, request, full=full)
        return deletion, relisted

    def _counts(self, load: Load, deletion: _Deletion, *, relisted: int, timezones: int) -> ImportCounts:
        tallies, tally = load.counts, self._survey.tally
        return ImportCounts(
            calendars=tally.calendars,
            events=tallies.events,
            inserted=tallies.inserted,
            updated=tallies.updated,
            unchanged=tallies.unchanged,
            older=tallies.older,
            quarantined=tallies.quarantined,
            duplicates=tallies.duplicates,
            deleted=deletion.deleted,
            held=deletion.held,
            relisted=relisted,
            timezones=timezones,
            other_components=tallies.others,
            stray_lines=tally.stray,
            complete=tally.complete,
            blocked=deletion.blocked,
        )

    def _blocked(self, load: Load) -> str:
        """Why neither deletions nor a watermark may rest on this import, or ''."""
        counts, tally = load.counts, self._survey.tally
        if not tally.complete:
            return "the stream is cut off"
        bad = counts.quarantined - counts.duplicates
        if bad > self._request.max_quarantine_ratio * counts.events:
            return f"{bad} of {counts.events} events are in quarantine"
        return ""

    def _delete(self, deletions: Deletions, blocked: str) -> _Deletion:
        """Mark what a complete full export no longer holds."""
        request, export = self._request, self._request.export_id
        if not request.full:
            return _Deletion(blocked=blocked)
        if export is None:
            seen = deletions.count_keys()
        else:
            blocked = blocked or (deletions.incomplete_pages(export, request.page) if request.last_page else "")
            deletions.remember_seen(export)
            seen = deletions.count_seen(export)
        if blocked or not request.last_page:
            return _Deletion(blocked=blocked, seen=seen)
        unseen, live = deletions.count_unseen(request.evaluated_at, export), deletions.count_live()
        if unseen > max(request.max_delete_ratio * live, 1) or (unseen and not seen):
            return _Deletion(held=unseen, seen=seen)
        deleted = deletions.delete_unseen(request.evaluated_at, export) if unseen else 0
        if export is not None:
            deletions.forget_seen()
        return _Deletion(deleted=deleted, seen=seen)
