"""The SQL of one calendar import: finding, copying, merging, forgetting.

Owns the temporary tables and every statement that writes calendar tables. Must not parse anything. All methods run
inside the caller's transaction with the search path set to the calendar's schema.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from syncd.postgres.calendar_rows import EVENT, Lines

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

_STAGES = """
CREATE TEMP TABLE IF NOT EXISTS stage_event (LIKE calendar_event) ON COMMIT DROP;
CREATE TEMP TABLE IF NOT EXISTS stage_attendee (LIKE calendar_attendee) ON COMMIT DROP;
CREATE TEMP TABLE IF NOT EXISTS stage_alarm (LIKE calendar_alarm) ON COMMIT DROP;
CREATE TEMP TABLE IF NOT EXISTS stage_recurrence_date (LIKE calendar_recurrence_date) ON COMMIT DROP;
CREATE TEMP TABLE IF NOT EXISTS stage_occurrence (LIKE calendar_occurrence) ON COMMIT DROP;
CREATE TEMP TABLE IF NOT EXISTS stage_state (event_id bigint, kind text, expansion text, expansion_note text,
    expanded daterange, last_end_at timestamptz) ON COMMIT DROP;
CREATE TEMP TABLE IF NOT EXISTS stage_key (uid text NOT NULL, recurrence_key text NOT NULL) ON COMMIT DROP;
CREATE TEMP TABLE IF NOT EXISTS stage_dirty (uid text NOT NULL) ON COMMIT DROP;
CREATE TEMP TABLE IF NOT EXISTS stage_late (seq bigint NOT NULL, calendar int NOT NULL, line_no bigint NOT NULL,
    uid text NOT NULL, recurrence_key text NOT NULL, sequence int NOT NULL, last_modified timestamptz,
    content_sha256 bytea NOT NULL, text bytea NOT NULL) ON COMMIT DROP;
TRUNCATE stage_event, stage_attendee, stage_alarm, stage_recurrence_date, stage_occurrence, stage_state, stage_key,
    stage_dirty, stage_late;
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
SELECT row_number() OVER (ORDER BY seq) AS position, row_number() OVER (
        PARTITION BY uid, recurrence_key
        ORDER BY (copy = 1) DESC, sequence DESC, last_modified DESC NULLS LAST, seq DESC) AS rank,
    calendar, line_no, uid, recurrence_key, content_sha256, text
FROM (SELECT *, row_number() OVER (PARTITION BY uid, recurrence_key, content_sha256 ORDER BY seq) AS copy
    FROM stage_late) l
"""

_NEXT_LATE = """
SELECT position, rank, calendar, line_no, uid, recurrence_key, content_sha256, text
FROM (SELECT *, sum(length(text)) OVER (ORDER BY position) AS volume
    FROM stage_ranked WHERE position > %(after)s ORDER BY position LIMIT 500) l
WHERE volume <= 4000000 OR position = %(after)s + 1
ORDER BY position
"""

_PAGES = """
SELECT coalesce(bool_and(complete AND counts ->> 'blocked' = ''), true),
    %(page)s - 1 - count(DISTINCT page) FILTER (WHERE page < %(page)s), coalesce(max((counts ->> 'seen')::bigint), 0)
FROM calendar_import WHERE calendar_id = %(calendar)s AND export_id = %(export)s AND finished_at IS NOT NULL
"""

_UNSEEN = """
FROM calendar_event e
WHERE e.calendar_id = %(calendar)s AND e.deleted_at IS NULL AND e.snapshot_at <= %(at)s
    AND NOT EXISTS (SELECT FROM {seen} k WHERE k.uid = e.uid AND k.recurrence_key IN (e.recurrence_key, '*') {where})
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
        connection.execute(_STAGES)
        connection.execute("DROP TABLE IF EXISTS pg_temp.stage_ranked")

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
                self._copy(table, columns, rows)

    def update(self, lines: Lines, event_ids: Sequence[int], listed_ids: Sequence[int]) -> int:
        """Bring existing events to what `lines` say, writing only what differs; how many event rows were written.

        `event_ids` are all of them, `listed_ids` those whose occurrences are in `lines` too. All or nothing.
        """
        with self._connection.transaction():
            return self._merge(lines, event_ids, listed_ids)

    def _merge(self, lines: Lines, event_ids: Sequence[int], listed_ids: Sequence[int]) -> int:
        for table, columns, rows in lines.tables():
            self._copy(table.replace("calendar_", "stage_"), columns, rows)
        written = self._connection.execute(self._update).rowcount
        columns_of = {table: columns for table, columns, _ in lines.tables()}
        for table in _CHILDREN:
            owners = listed_ids if table == "calendar_occurrence" else event_ids
            self._replace(table, columns_of[table], owners)
        self._connection.execute(
            "TRUNCATE stage_event, stage_attendee, stage_alarm, stage_recurrence_date, stage_occurrence"
        )
        return written

    def relist(self, lines: Lines, event_ids: Sequence[int], states: Iterable[str]) -> None:
        """Replace the occurrences of whole groups of events, and what their expansion says of each of them.

        `states` are lines of (event_id, kind, expansion, note, expanded, last_end_at).
        """
        _, columns, rows = lines.tables()[-1]
        self._copy("stage_occurrence", columns, rows)
        self._replace("calendar_occurrence", columns, event_ids)
        names = ("kind", "expansion", "expansion_note", "expanded", "last_end_at")
        self._copy("stage_state", ("event_id", *names), list(states))
        left, right = (", ".join(f"{alias}.{name}" for name in names) for alias in "es")
        self._connection.execute(
            f"UPDATE calendar_event e SET ({', '.join(names)}) = ({right}) FROM stage_state s "
            f"WHERE e.event_id = s.event_id AND ({left}) IS DISTINCT FROM ({right})"
        )
        self._connection.execute("TRUNCATE stage_occurrence, stage_state")

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

    # ------------------------------------------------------------------------------------------------ other notes

    def note_keys(self, rows: list[str]) -> None:
        """Remember identities as seen: lines of (uid, recurrence key, '*' for any)."""
        self._copy("stage_key", ("uid", "recurrence_key"), rows)

    def note_dirty(self, rows: list[str]) -> None:
        """Remember UIDs of which something changed."""
        self._copy("stage_dirty", ("uid",), rows)

    def keep_late(self, rows: list[str]) -> None:
        """Put components aside until all of the stream is in: lines of `calendar_rows.late_line`."""
        self._copy("stage_late", _LATE, rows)

    def late(self, after: int) -> list[Late]:
        """The next components that were put aside, best first within an identity; `after` is the last position seen.

        Of equal content the earliest counts, then the highest SEQUENCE, the newest LAST-MODIFIED, the latest in the
        stream.
        """
        if not after:
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

    # ----------------------------------------------------------------------------------------------------- deletions

    def remember_seen(self, export_id: int) -> None:
        """Keep this page's identities for the page that ends the export."""
        self._connection.execute(
            "INSERT INTO calendar_seen SELECT DISTINCT %s::bigint, %s::bigint, uid, recurrence_key FROM stage_key "
            "ON CONFLICT DO NOTHING",
            [self.calendar_id, export_id],
        )

    def count_seen(self, export_id: int) -> int:
        """How many identities the pages of an export have shown."""
        return self._count(
            "SELECT count(*) FROM calendar_seen WHERE calendar_id = %s AND export_id = %s",
            [self.calendar_id, export_id],
        )

    def count_keys(self) -> int:
        """How many identities this stream has shown."""
        return self._count("SELECT count(*) FROM (SELECT DISTINCT uid, recurrence_key FROM stage_key) k", [])

    def incomplete_pages(self, export_id: int, page: int | None) -> str:
        """Why the pages before this one cannot be taken for the whole rest of an export, or ''.

        `calendar_seen` is unlogged and empty after a crash of the server: what each page counted then shows it.
        """
        values = {"calendar": self.calendar_id, "export": export_id, "page": page or 1}
        row = self._connection.execute(_PAGES, values).fetchone()
        good, missing, seen = row or (True, 0, 0)
        if not good:
            return "an earlier page of the export is cut off or mostly in quarantine"
        if missing:
            return f"{missing} earlier pages of the export are missing"
        if self.count_seen(export_id) < seen:
            return "what earlier pages of the export held is forgotten"
        return ""

    def count_rows(self) -> int:
        """1 if the calendar has any event, deleted ones included, else 0."""
        return self._count(
            "SELECT count(*) FROM (SELECT FROM calendar_event WHERE calendar_id = %s LIMIT 1) e", [self.calendar_id]
        )

    def forget_seen(self) -> None:
        """Drop what was kept for exports of this calendar."""
        self._connection.execute("DELETE FROM calendar_seen WHERE calendar_id = %s", [self.calendar_id])

    def count_live(self) -> int:
        """Events that are not deleted."""
        return self._count(
            "SELECT count(*) FROM calendar_event WHERE calendar_id = %s AND deleted_at IS NULL", [self.calendar_id]
        )

    def count_unseen(self, at: datetime, export_id: int | None) -> int:
        """Events that the export does not hold any more."""
        statement, values = self._unseen(at, export_id)
        return self._count(sql.SQL("SELECT count(*) {}").format(statement), values)

    def delete_unseen(self, at: datetime, export_id: int | None) -> int:
        """Mark them deleted, take their occurrences away, and note their UIDs as changed."""
        statement, values = self._unseen(at, export_id)
        values["import"] = self.import_id
        self._connection.execute(
            "CREATE TEMP TABLE IF NOT EXISTS stage_gone (event_id bigint, uid text) ON COMMIT DROP"
        )
        self._connection.execute("TRUNCATE stage_gone")
        self._connection.execute(
            sql.SQL("INSERT INTO stage_gone SELECT e.event_id, e.uid {}").format(statement), values
        )
        deleted = self._connection.execute(
            "UPDATE calendar_event e SET deleted_at = %(at)s, snapshot_at = %(at)s, changed_import_id = %(import)s "
            "FROM stage_gone g WHERE e.event_id = g.event_id",
            values,
        ).rowcount
        for column in ("event_id", "series_id"):
            self._connection.execute(
                sql.SQL("DELETE FROM calendar_occurrence o USING stage_gone g WHERE o.{} = g.event_id").format(
                    sql.Identifier(column)
                )
            )
        self._connection.execute("INSERT INTO stage_dirty SELECT uid FROM stage_gone")
        return deleted

    def _unseen(self, at: datetime, export_id: int | None) -> tuple[sql.Composed, dict[str, object]]:
        kept = export_id is not None
        statement = sql.SQL(_UNSEEN).format(
            seen=sql.Identifier("calendar_seen" if kept else "stage_key"),
            where=sql.SQL("AND k.calendar_id = %(calendar)s AND k.export_id = %(export)s" if kept else ""),
        )
        return statement, {"calendar": self.calendar_id, "at": at, "export": export_id}

    # --------------------------------------------------------------------------------------------------------- parts

    def _copy(self, table: str, columns: Sequence[str], rows: list[str]) -> None:
        if not rows:
            return
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for start in range(0, len(rows), 500):
                copy.write("".join(rows[start : start + 500]))

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
