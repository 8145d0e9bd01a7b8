"""The SQL of one calendar import: finding, copying, merging, forgetting.

Owns every statement that writes events and what belongs to them. Must not parse anything. All methods run
inside the caller's transaction with the search path set to the calendar's schema.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from syncd.postgres.calendar_deletions import Deletions
from syncd.postgres.calendar_rows import EVENT, Lines
from syncd.postgres.calendar_stage import Stage

Connection = psycopg.Connection[Any]

_CHILDREN = {
    "calendar_attendee": ("event_id", "ord"),
    "calendar_alarm": ("event_id", "ord"),
    "calendar_recurrence_date": ("event_id", "ord"),
    "calendar_occurrence": ("series_id", "recurrence_key"),
}
_FIXED = frozenset({"event_id", "calendar_id", "uid", "recurrence_key", "first_import_id"})
# What an override is depends on its series, which `list_groups` looks at; a new reading of it alone must not undo that.
_OF_GROUP = frozenset({"kind", "last_end_at"})

_LOOKUP = """
SELECT k.ord::int, e.event_id, e.content_sha256 = k.sha AND e.deleted_at IS NULL, e.snapshot_at, e.first_import_id,
    EXISTS (SELECT FROM calendar_event o
        WHERE o.calendar_id = %(calendar)s AND o.uid = k.uid AND o.recurrence_key <> '')
FROM unnest(%(uids)s::text[], %(keys)s::text[], %(shas)s::bytea[]) WITH ORDINALITY AS k (uid, recurrence_key, sha, ord)
CROSS JOIN LATERAL (
    SELECT * FROM calendar_event e
    WHERE e.calendar_id = %(calendar)s AND e.uid = k.uid AND e.recurrence_key = k.recurrence_key LIMIT 1) e
"""

_QUARANTINE = """
INSERT INTO calendar_quarantine AS q
    (calendar_id, import_id, component, uid, line_no, raw, raw_len, raw_sha256, copies, stage, error)
VALUES (%(calendar)s, %(import)s, %(component)s, %(uid)s, %(line_no)s, %(raw)s, %(raw_len)s, %(sha)s, %(copies)s,
    %(stage)s, %(error)s)
ON CONFLICT (calendar_id, raw_sha256) DO UPDATE SET last_seen = now(), import_id = excluded.import_id,
    stage = excluded.stage, error = excluded.error, resolved_at = NULL,
    copies = CASE WHEN q.import_id = excluded.import_id THEN q.copies + excluded.copies ELSE excluded.copies END
"""

_LATE = ("seq", "calendar", "line_no", "uid", "recurrence_key", "sequence", "last_modified", "content_sha256", "text")

_RANK_LATE = """
CREATE TEMP TABLE stage_ranked ON COMMIT DROP AS
SELECT row_number() OVER (ORDER BY seq) AS position, row_number() OVER (PARTITION BY uid, recurrence_key
        ORDER BY sequence DESC, last_modified DESC NULLS LAST, seq DESC) AS rank,
    calendar, line_no, uid, recurrence_key, content_sha256, text
FROM stage_late
"""

_NEXT_LATE = """
SELECT position, rank, calendar, line_no, uid, recurrence_key, content_sha256, text
FROM (SELECT *, sum(length(text)) OVER (ORDER BY position) AS volume
    FROM stage_ranked WHERE position > %(after)s ORDER BY position LIMIT 500) l
WHERE volume <= 4000000 OR position = %(after)s + 1
ORDER BY position
"""

_DIRTY = """
SELECT DISTINCT o.uid FROM calendar_event o
WHERE o.calendar_id = %(calendar)s AND o.recurrence_key <> '' AND EXISTS (SELECT FROM calendar_event d
    WHERE d.calendar_id = o.calendar_id AND d.uid = o.uid AND d.changed_import_id = %(import)s)
"""


@dataclass(frozen=True, slots=True)
class Known:
    """What the table has under an identity."""

    event_id: int
    same: bool
    snapshot_at: datetime
    first_import_id: int
    has_overrides: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A component that cannot be a row."""

    component: str
    uid: str | None
    line_no: int
    raw: bytes
    raw_len: int
    raw_sha256: bytes
    stage: str
    error: str


@dataclass(frozen=True, slots=True)
class Late:
    """A component that was put aside, and its rank among those of its identity: 1 becomes the row."""

    position: int
    rank: int
    calendar: int
    line_no: int
    uid: str
    recurrence_key: str
    content_sha256: bytes
    text: bytes


class CalendarStore:
    """Reads and writes the calendar tables for one import into one calendar."""

    def __init__(self, connection: Connection, calendar_id: int, import_id: int) -> None:
        self._connection = connection
        self.calendar_id = calendar_id
        self.import_id = import_id
        self._update = _update_statement()
        self._stage = Stage(connection)

    def lookup(self, uids: list[str], keys: list[str], hashes: list[bytes]) -> dict[int, Known]:
        """What is known of each identity, by its position; identities that are new are left out."""
        values = {"calendar": self.calendar_id, "uids": uids, "keys": keys, "shas": hashes}
        rows = self._connection.execute(_LOOKUP, values)
        return {row[0] - 1: Known(*row[1:]) for row in rows}

    def new_ids(self, count: int) -> list[int]:
        """Ids for events to be inserted."""
        rows = self._connection.execute(
            "SELECT nextval(pg_get_serial_sequence('calendar_event', 'event_id')) FROM generate_series(1, %s)", [count]
        )
        return [row[0] for row in rows]

    # -------------------------------------------------------------------------------------------------------- events

    def insert(self, lines: Lines) -> None:
        """Copy rows of new events straight into the tables, all or nothing."""
        with self._connection.transaction():
            for table, columns, rows in lines.tables():
                self._stage.copy(table, columns, rows)

    def update(self, lines: Lines, event_ids: Sequence[int], listed_ids: Sequence[int]) -> int:
        """Bring existing events to what `lines` say, writing only what differs; how many event rows were written.

        `event_ids` are all of them, `listed_ids` those whose occurrences are in `lines` too. All or nothing.
        """
        # Made outside of the savepoint, which may be rolled back.
        self._stage.need("stage_event", *(table.replace("calendar_", "stage_") for table in _CHILDREN))
        with self._connection.transaction():
            return self._merge(lines, event_ids, listed_ids)

    def _merge(self, lines: Lines, event_ids: Sequence[int], listed_ids: Sequence[int]) -> int:
        for table, columns, rows in lines.tables():
            self._stage.copy(table.replace("calendar_", "stage_"), columns, rows)
        written = self._connection.execute(self._update).rowcount
        columns_of = {table: columns for table, columns, _ in lines.tables()}
        for table in _CHILDREN:
            owners = listed_ids if table == "calendar_occurrence" else event_ids
            self._replace(table, columns_of[table], owners)
        self._stage.clear("stage_event", *(table.replace("calendar_", "stage_") for table in _CHILDREN))
        return written

    def relist(self, lines: Lines, event_ids: Sequence[int], states: Iterable[str]) -> None:
        """Replace the occurrences of whole groups of events, and what their expansion says of each of them.

        `states` are lines of (event_id, kind, expansion, note, expanded, last_end_at).
        """
        _, columns, rows = lines.tables()[-1]
        self._stage.copy("stage_occurrence", columns, rows)
        self._replace("calendar_occurrence", columns, event_ids)
        names = ("kind", "expansion", "expansion_note", "expanded", "last_end_at")
        self._stage.copy("stage_state", ("event_id", *names), list(states))
        left, right = (", ".join(f"{alias}.{name}" for name in names) for alias in "es")
        self._connection.execute(
            f"UPDATE calendar_event e SET ({', '.join(names)}) = ({right}) FROM stage_state s "
            f"WHERE e.event_id = s.event_id AND ({left}) IS DISTINCT FROM ({right})"
        )
        self._stage.clear("stage_occurrence", "stage_state")

    def _replace(self, table: str, columns: Sequence[str], owners: Sequence[int]) -> None:
        """Make the rows of some owners what is staged for them, leaving those alone that are so already."""
        if not owners:
            return
        keys = _CHILDREN[table]
        names = {
            "table": sql.Identifier(table),
            "stage": sql.Identifier(table.replace("calendar_", "stage_")),
            "owner": sql.Identifier(keys[0]),
            "same_key": sql.SQL(" AND ").join(sql.SQL("n.{0} = t.{0}").format(sql.Identifier(key)) for key in keys),
            "columns": sql.SQL(", ").join(map(sql.Identifier, columns)),
            "news": sql.SQL(", ").join(sql.Identifier("n", name) for name in columns),
            "olds": sql.SQL(", ").join(sql.Identifier("t", name) for name in columns),
        }
        self._connection.execute(
            sql.SQL(
                "DELETE FROM {table} t WHERE t.{owner} = ANY(%s) AND NOT EXISTS "
                "(SELECT FROM {stage} n WHERE {same_key} AND ({news}) IS NOT DISTINCT FROM ({olds}))"
            ).format(**names),
            [list(owners)],
        )
        self._connection.execute(
            sql.SQL(
                "INSERT INTO {table} ({columns}) SELECT {news} FROM {stage} n "
                "WHERE NOT EXISTS (SELECT FROM {table} t WHERE {same_key})"
            ).format(**names)
        )

    def dirty_groups(self) -> list[str]:
        """UIDs that have overrides and of which this import changed something."""
        values = {"calendar": self.calendar_id, "import": self.import_id}
        return [row[0] for row in self._connection.execute(_DIRTY, values)]

    # ------------------------------------------------------------------------------------------------ other notes

    def note_keys(self, rows: list[str]) -> None:
        """Remember identities as seen: lines of (uid, recurrence key, '*' for any)."""
        if not rows:
            return
        self._stage.copy("stage_key", ("uid", "recurrence_key"), rows)

    def keep_late(self, rows: list[str]) -> None:
        """Put components aside until all of the stream is in: lines of `calendar_rows.late_line`."""
        if not rows:
            return
        self._stage.copy("stage_late", _LATE, rows)

    def late(self, after: int) -> list[Late]:
        """The next components that were put aside, best first within an identity; `after` is the last position seen.

        The highest SEQUENCE, then the newest LAST-MODIFIED, then the latest in the stream.
        """
        if not self._stage.has("stage_late"):
            return []
        if not after:
            self._connection.execute("DROP TABLE IF EXISTS stage_ranked")
            self._connection.execute(_RANK_LATE)
        rows = self._connection.execute(_NEXT_LATE, {"after": after})
        return [Late(*row) for row in rows]

    def quarantine(self, found: Sequence[Quarantined]) -> None:
        """Store components that cannot be rows; the same text again is counted and dated."""
        copies: dict[bytes, int] = {}
        for one in found:
            copies[one.raw_sha256] = copies.get(one.raw_sha256, 0) + 1
        distinct = {one.raw_sha256: one for one in found}
        with self._connection.cursor() as cursor:
            cursor.executemany(_QUARANTINE, [self._quarantine_row(one, copies) for one in distinct.values()])

    def _quarantine_row(self, one: Quarantined, copies: dict[bytes, int]) -> dict[str, object]:
        return {
            "calendar": self.calendar_id,
            "import": self.import_id,
            "component": one.component,
            "uid": one.uid,
            "line_no": one.line_no,
            "raw": one.raw,
            "raw_len": one.raw_len,
            "sha": one.raw_sha256,
            "copies": copies[one.raw_sha256],
            "stage": one.stage,
            "error": one.error,
        }

    def resolve_quarantine(self) -> None:
        """Mark what an import has brought a good version of, unless that import brought the bad one too."""
        self._connection.execute(
            "UPDATE calendar_quarantine q SET resolved_at = now() WHERE q.calendar_id = %(calendar)s "
            "AND q.resolved_at IS NULL AND q.import_id <> %(import)s AND q.uid IS NOT NULL AND EXISTS "
            "(SELECT FROM calendar_event e WHERE e.calendar_id = q.calendar_id AND e.uid = q.uid "
            "AND e.changed_import_id = %(import)s)",
            {"calendar": self.calendar_id, "import": self.import_id},
        )

    def deletions(self) -> Deletions:
        """The other half of an import's SQL, on the same temporary tables."""
        return Deletions(self._connection, self._stage, self.calendar_id, self.import_id)

    def count_rows(self) -> int:
        """1 if the calendar has any event, deleted ones included, else 0."""
        return self._count(
            "SELECT count(*) FROM (SELECT FROM calendar_event WHERE calendar_id = %s LIMIT 1) e", [self.calendar_id]
        )

    # --------------------------------------------------------------------------------------------------------- parts

    def _count(self, statement: Any, values: Any) -> int:
        row = self._connection.execute(statement, values).fetchone()
        return int(row[0]) if row else 0


def _update_statement() -> sql.Composed:
    columns = [name for name in EVENT if name not in _FIXED]
    compared = [name for name in columns if name not in {"changed_import_id", "snapshot_at"}]

    def staged(name: str) -> sql.Composable:
        column = sql.Identifier(name)
        if name in _OF_GROUP:
            return sql.SQL("CASE WHEN e.recurrence_key = '' THEN s.{0} ELSE e.{0} END").format(column)
        return sql.SQL("s.{}").format(column)

    return sql.SQL(
        "UPDATE calendar_event e SET ({columns}, deleted_at) = ROW({values}, NULL) FROM stage_event s "
        "WHERE e.event_id = s.event_id AND (({old}) IS DISTINCT FROM ({new}) OR e.deleted_at IS NOT NULL)"
    ).format(
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        values=sql.SQL(", ").join(map(staged, columns)),
        old=sql.SQL(", ").join(sql.Identifier("e", name) for name in compared),
        new=sql.SQL(", ").join(map(staged, compared)),
    )
