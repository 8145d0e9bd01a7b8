"""What a full export no longer holds.

Owns the memory of what the pages of an export have shown, and the marks of deletion. Must not decide whether an export
can be believed: that is the import's business.
"""

from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from syncd.postgres.calendar_stage import Stage

Connection = psycopg.Connection[Any]

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


class Deletions:
    """Compares what a calendar has with what an export showed."""

    def __init__(self, connection: Connection, stage: Stage, calendar_id: int, import_id: int) -> None:
        self._connection = connection
        self._stage = stage
        self._calendar_id = calendar_id
        self._import_id = import_id

    def remember_seen(self, export_id: int) -> None:
        """Keep this page's identities for the page that ends the export."""
        self._stage.need("stage_key")
        self._connection.execute(
            "INSERT INTO calendar_seen SELECT DISTINCT %s::bigint, %s::bigint, uid, recurrence_key FROM stage_key "
            "ON CONFLICT DO NOTHING",
            [self._calendar_id, export_id],
        )

    def count_seen(self, export_id: int) -> int:
        """How many identities the pages of an export have shown."""
        return self._count(
            "SELECT count(*) FROM calendar_seen WHERE calendar_id = %s AND export_id = %s",
            [self._calendar_id, export_id],
        )

    def count_keys(self) -> int:
        """How many identities this stream has shown."""
        self._stage.need("stage_key")
        return self._count("SELECT count(*) FROM (SELECT DISTINCT uid, recurrence_key FROM stage_key) k", [])

    def incomplete_pages(self, export_id: int, page: int | None) -> str:
        """Why the pages before this one cannot be taken for the whole rest of an export, or ''.

        `calendar_seen` is unlogged and empty after a crash of the server: what each page counted then shows it.
        """
        values = {"calendar": self._calendar_id, "export": export_id, "page": page or 1}
        row = self._connection.execute(_PAGES, values).fetchone()
        good, missing, seen = row or (True, 0, 0)
        if not good:
            return "an earlier page of the export is cut off or mostly in quarantine"
        if missing:
            return f"{missing} earlier pages of the export are missing"
        if self.count_seen(export_id) < seen:
            return "what earlier pages of the export held is forgotten"
        return ""

    def forget_seen(self) -> None:
        """Drop what was kept for exports of this calendar."""
        self._connection.execute("DELETE FROM calendar_seen WHERE calendar_id = %s", [self._calendar_id])

    def count_live(self) -> int:
        """Events that are not deleted."""
        return self._count(
            "SELECT count(*) FROM calendar_event WHERE calendar_id = %s AND deleted_at IS NULL", [self._calendar_id]
        )

    def count_unseen(self, at: datetime, export_id: int | None) -> int:
        """Events that the export does not hold any more."""
        statement, values = self._unseen(at, export_id)
        return self._count(sql.SQL("SELECT count(*) {}").format(statement), values)

    def delete_unseen(self, at: datetime, export_id: int | None) -> int:
        """Mark them deleted, and take their occurrences away."""
        statement, values = self._unseen(at, export_id)
        values["import"] = self._import_id
        self._stage.need("stage_gone")
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
        return deleted

    def _unseen(self, at: datetime, export_id: int | None) -> tuple[sql.Composed, dict[str, object]]:
        kept = export_id is not None
        statement = sql.SQL(_UNSEEN).format(
            seen=sql.Identifier("calendar_seen" if kept else "stage_key"),
            where=sql.SQL("AND k.calendar_id = %(calendar)s AND k.export_id = %(export)s" if kept else ""),
        )
        return statement, {"calendar": self._calendar_id, "at": at, "export": export_id}

    def _count(self, statement: Any, values: Any) -> int:
        row = self._connection.execute(statement, values).fetchone()
        return int(row[0]) if row else 0
