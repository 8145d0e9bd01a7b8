"""The first load of empty calendar tables: indexes and foreign keys after the rows, not row by row.

Owns the locks that this needs. It happens only when nobody else is at the tables and there is nothing in them that
anyone could be reading; otherwise rows are loaded as always. Everything is back before the transaction ends, and a
rollback brings it back too.
"""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

Connection = psycopg.Connection[Any]

WORTHWHILE = 5_000
"""Below so many events the detour costs more than it saves."""

# Before 18, PostgreSQL builds a GiST index on ranges no faster than it inserts into it.
_FAST_GIST = 180_000

_EMPTY = "SELECT NOT EXISTS (SELECT FROM calendar_event) AND NOT EXISTS (SELECT FROM calendar_occurrence)"

# `calendar` stays as it is: other imports read and write it.
_TABLES = ("calendar_event", "calendar_attendee", "calendar_alarm", "calendar_recurrence_date", "calendar_occurrence")

_INDEXES = """
SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
WHERE i.indrelid = ANY(%(tables)s::regclass[]) AND NOT i.indisunique AND (a.amname <> 'gist' OR %(gist)s)
"""

_FOREIGN_KEYS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = ANY(%(tables)s::regclass[]) AND confrelid = 'calendar_event'::regclass AND contype = 'f'
"""


@dataclass(frozen=True, slots=True)
class FirstLoad:
    """What was put aside, as the statements that bring it back."""

    indexes: tuple[str, ...]
    foreign_keys: tuple[tuple[str, str, str], ...]


def begin(connection: Connection, events: int) -> FirstLoad | None:
    """Put aside what slows the first load of so many events down; None when the load is not of that kind."""
    if events < WORTHWHILE or not _is_empty(connection):
        return None
    try:
        with connection.transaction():
            # No waiting: where somebody else loads or reads, this load is an ordinary one.
            connection.execute(f"LOCK TABLE {', '.join(_TABLES)} IN ACCESS EXCLUSIVE MODE NOWAIT".encode())
            aside = _put_aside(connection) if _is_empty(connection) else None
            if aside is None:
                # Back to where no lock was held.
                raise psycopg.Rollback
            return aside
    except (psycopg.errors.LockNotAvailable, psycopg.errors.InsufficientPrivilege):
        return None
    return None


def finish(connection: Connection, aside: FirstLoad) -> None:
    """Bring everything back."""
    for statement in aside.indexes:
        connection.execute(statement.encode())
    for table, name, definition in aside.foreign_keys:
        connection.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT ".encode()
            + sql.Identifier(name).as_bytes(None)
            + f" {definition}".encode()
        )


def _is_empty(connection: Connection) -> bool:
    row = connection.execute(_EMPTY).fetchone()
    return bool(row and row[0])


def _put_aside(connection: Connection) -> FirstLoad:
    gist = connection.info.server_version >= _FAST_GIST
    indexes = connection.execute(_INDEXES, {"tables": list(_TABLES), "gist": gist}).fetchall()
    keys = connection.execute(_FOREIGN_KEYS, {"tables": list(_TABLES)}).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}".encode())
    for table, name, _ in keys:
        connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT ".encode() + sql.Identifier(name).as_bytes(None))
    return FirstLoad(tuple(definition for _, definition in indexes), tuple((row[0], row[1], row[2]) for row in keys))
