"""Stored raw text -> typed columns again, after a change of the parser, the time zone data or the default zone.

Owns the walk over stored events; writes only what comes out different. Must not touch `raw`.
"""

import hashlib
from typing import Any

import psycopg

from syncd.core.calendar import PARSER_VERSION
from syncd.core.calendar.events import read_event
from syncd.core.calendar.identity import content_sha256
from syncd.core.calendar.imports import RebuildCounts
from syncd.core.calendar.model import Expansion, Horizon, Occurrence, Rejected
from syncd.core.calendar.series import expand
from syncd.core.calendar.zones import TZDATA_VERSION
from syncd.postgres.calendar_groups import MOST_LINES, Groups, StoredZones
from syncd.postgres.calendar_header import CalendarRow, find_calendar, lock_calendar
from syncd.postgres.calendar_rows import Lines, Source, add_event, add_occurrences, horizon_text, text_of
from syncd.postgres.calendar_schema import ensure_tables, inside
from syncd.postgres.calendar_store import CalendarStore

Connection = psycopg.Connection[Any]

_AT_ONCE = 500

_EVENTS = """
SELECT e.event_id, e.recurrence_key, e.raw, e.timezone_sha256, e.snapshot_at, e.first_import_id, e.changed_import_id,
    EXISTS (SELECT FROM calendar_event o
        WHERE o.calendar_id = e.calendar_id AND o.uid = e.uid AND o.recurrence_key <> '')
FROM calendar_event e
WHERE e.calendar_id = %(calendar)s AND e.event_id > %(after)s AND e.deleted_at IS NULL
ORDER BY e.event_id LIMIT %(most)s
"""

_FINISH = """
UPDATE calendar SET parser_version = %(parser)s, tzdata_version = %(tzdata)s, horizon = %(horizon)s::daterange
WHERE calendar_id = %(calendar)s
"""


def rebuild(
    connection: Connection, horizon: Horizon, *, schema: str, key: str | None = None, everything: bool = True
) -> RebuildCounts:
    """Derive the calendars of `schema` (or the one under `key`) again from their raw text, listed for `horizon`.

    With `everything` False only calendars that another parser or other time zone data made are read again; series are
    listed for the horizon in any case, which is what a daily job wants. One transaction for each calendar, unless the
    caller has one open. NeedsOperator: see `ensure_tables`.
    """
    counts = RebuildCounts()
    with connection.transaction():
        ensure_tables(connection, schema)
        with inside(connection, schema):
            rows = connection.execute("SELECT cal_key FROM calendar ORDER BY calendar_id").fetchall()
    for (found,) in rows:
        if key is not None and found != key:
            continue
        with connection.transaction():
            lock_calendar(connection, schema, found)
            with inside(connection, schema):
                calendar = find_calendar(connection, found)
                if calendar is not None:
                    counts += _rebuild_one(connection, calendar, horizon, everything=everything)
    return counts


def rederive(connection: Connection, store: CalendarStore, groups: Groups) -> tuple[int, int]:
    """Read every live event of a calendar again, and list its occurrences; (events read, event rows that changed)."""
    after = read = changed = 0
    while True:
        values = {"calendar": store.calendar_id, "after": after, "most": _AT_ONCE}
        batch = connection.execute(_EVENTS, values).fetchall()
        if not batch:
            break
        after = batch[-1][0]
        read += len(batch)
        changed += _rederive_batch(store, groups, batch)
    groups.relist_overrides()
    return read, changed


def _rebuild_one(connection: Connection, calendar: CalendarRow, horizon: Horizon, *, everything: bool) -> RebuildCounts:
    row = connection.execute(
        "SELECT coalesce(max(import_id), 0) FROM calendar_import WHERE calendar_id = %s", [calendar.calendar_id]
    ).fetchone()
    store = CalendarStore(connection, calendar.calendar_id, row[0] if row else 0)
    zones = StoredZones(connection, calendar.calendar_id)
    groups = Groups(connection, store, zones, horizon, zones.default(calendar.default_tz))
    events = changed = 0
    if everything or calendar.is_outdated:
        _refresh_zones(connection, calendar.calendar_id, zones)
        events, changed = rederive(connection, store, groups)
    relisted = groups.relist_outdated(pinned=everything)
    connection.execute(
        _FINISH,
        {
            "parser": PARSER_VERSION,
            "tzdata": TZDATA_VERSION,
            "horizon": horizon_text(horizon),
            "calendar": calendar.calendar_id,
        },
    )
    return RebuildCounts(calendars=1, events=events, updated=changed, relisted=relisted)


def _rederive_batch(store: CalendarStore, groups: Groups, batch: list[Any]) -> int:
    """Read stored events again; how many of their rows changed."""
    changed = 0
    lines, ids, listed = Lines(), list[int](), list[int]()
    for row in batch:
        event_id, key, has_overrides = row[0], row[1], row[7]
        event = read_event(text_of(bytes(row[2])), groups.zones.table(row[3]))
        if isinstance(event, Rejected):
            continue  # a row of an older parser stays as that parser read it
        ids.append(event_id)
        occurrences, expansion = list[Occurrence](), Expansion("orphan")
        if not key:
            occurrences, (expansion,) = expand([event], groups.horizon, groups.default, groups.patience)
        add_event(lines, event, expansion, _source(store, row), groups.horizon)
        if not key and not has_overrides:
            listed.append(event_id)
            add_occurrences(lines, occurrences, [event_id], store.calendar_id)
        if len(lines.occurrences) >= MOST_LINES:
            changed += store.update(lines, ids, listed)
            lines, ids, listed = Lines(), [], []
    return changed + store.update(lines, ids, listed)


def _source(store: CalendarStore, row: Any) -> Source:
    event_id, _, stored, hashes, snapshot_at, first_import_id, changed_import_id, _ = row
    raw, timezones = bytes(stored), [bytes(one) for one in hashes]
    return Source(
        event_id=event_id,
        calendar_id=store.calendar_id,
        raw=raw,
        raw_sha256=hashlib.sha256(raw).digest(),
        content_sha256=content_sha256(text_of(raw), timezones),
        timezones=timezones,
        snapshot_at=snapshot_at,
        first_import_id=first_import_id,
        import_id=changed_import_id,
    )


def _refresh_zones(connection: Connection, calendar_id: int, zones: StoredZones) -> None:
    """Resolve every stored TZID again."""
    rows = connection.execute(
        "SELECT tzid, sha256 FROM calendar_timezone WHERE calendar_id = %s", [calendar_id]
    ).fetchall()
    with connection.cursor() as cursor:
        for tzid, sha256 in rows:
            zone = zones.table([sha256] if sha256 else ()).resolve(tzid)
            cursor.execute(
                "UPDATE calendar_timezone SET method = %(method)s, resolved = %(resolved)s "
                "WHERE calendar_id = %(calendar)s AND tzid = %(tzid)s AND sha256 = %(sha)s "
                "AND (method, resolved) IS DISTINCT FROM (%(method)s, %(resolved)s)",
                {
                    "method": zone.method,
                    "resolved": zone.resolved,
                    "calendar": calendar_id,
                    "tzid": tzid,
                    "sha": sha256,
                },
            )
