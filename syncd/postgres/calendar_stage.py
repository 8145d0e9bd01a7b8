"""The temporary tables of an import: made when first needed, gone with the transaction.

Owns their columns. Most imports are of a handful of changes and need none or two of them.
"""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

Connection = psycopg.Connection[Any]

_COLUMNS = {
    "stage_event": "LIKE calendar_event",
    "stage_attendee": "LIKE calendar_attendee",
    "stage_alarm": "LIKE calendar_alarm",
    "stage_recurrence_date": "LIKE calendar_recurrence_date",
    "stage_occurrence": "LIKE calendar_occurrence",
    "stage_state": "event_id bigint, kind text, expansion text, expansion_note text, expanded daterange, "
    "last_end_at timestamptz",
    "stage_key": "uid text NOT NULL, recurrence_key text NOT NULL",
    "stage_gone": "event_id bigint NOT NULL, uid text NOT NULL",
    "stage_late": "seq bigint NOT NULL, calendar int NOT NULL, line_no bigint NOT NULL, uid text NOT NULL, "
    "recurrence_key text NOT NULL, sequence int NOT NULL, last_modified timestamptz, content_sha256 bytea NOT NULL, "
    "text bytea NOT NULL",
}


class Stage:
    """Temporary tables on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._made: set[str] = set()

    def has(self, table: str) -> bool:
        """Whether anything was put there."""
        return table in self._made

    def need(self, *tables: str) -> None:
        """Have these tables, empty when they are needed for the first time."""
        for table in tables:
            if table in self._made:
                continue
            name = sql.Identifier(table)
            columns = sql.SQL(_COLUMNS[table])
            # An import before this one, in the same transaction, may have left them.
            self._connection.execute(
                sql.SQL("CREATE TEMP TABLE IF NOT EXISTS {} ({}) ON COMMIT DROP").format(name, columns)
            )
            self._connection.execute(sql.SQL("DELETE FROM {}").format(name))
            self._made.add(table)

    def copy(self, table: str, columns: Sequence[str], rows: list[str]) -> None:
        """Append COPY lines, to a temporary table or any other."""
        if table in _COLUMNS:
            self.need(table)
        if not rows:
            return
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for start in range(0, len(rows), 500):
                copy.write("".join(rows[start : start + 500]))

    def clear(self, *tables: str) -> None:
        """Empty tables that are used again."""
        names = sql.SQL(", ").join(map(sql.Identifier, tables))
        self._connection.execute(sql.SQL("TRUNCATE {}").format(names))
