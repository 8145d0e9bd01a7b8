"""The calendar tables' own migrations, applied to any schema of any database.

Owns `migrations/calendar/*.sql` and the table `calendar_migration` in each schema. Not alembic, because these tables
exist once per org, in a schema that the configuration names, and also in databases that have no ledger: alembic's
history is one per database. The files are applied in the order of their numbers and never change once released.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from syncd.errors import NeedsOperator
from syncd.shipped import folder

Connection = psycopg.Connection[Any]

_LOCK = 0x63616C656E646172  # "calendar": upgrades of one database queue for it
_STEPS = "CREATE TABLE calendar_migration (version int PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"


def ensure_tables(connection: Connection, schema: str) -> tuple[int, ...]:
    """Create or upgrade the calendar tables in `schema`, in the caller's transaction; the versions applied.

    Several may call it at once: they queue, and all but the first find nothing to do. NeedsOperator when the tables
    were made by a newer syncd, or tables of these names are somebody else's, or the rights are missing.
    """
    steps = _steps()
    if _applied(connection, schema) == steps[-1][0]:
        return ()
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        version = _applied(connection, schema)
        if version > steps[-1][0]:
            raise NeedsOperator(
                f"the calendar tables were made by a newer syncd: version {version}, this one knows {steps[-1][0]}",
                where=f"schema {schema}",
                fix="install the newer syncd again; tables are never taken back",
            )
        pending = [(number, text) for number, text in steps if number > version]
        try:
            _apply(connection, schema, pending, first=version == 0)
        except (psycopg.errors.DuplicateTable, psycopg.errors.InsufficientPrivilege) as error:
            raise NeedsOperator(
                "the calendar tables cannot be created",
                where=f"schema {schema}",
                why=str(error).strip().splitlines()[0],
                fix="choose another schema, or give this role the right to create tables in it",
            ) from error
    return tuple(number for number, _ in pending)


@contextmanager
def inside(connection: Connection, schema: str) -> Iterator[None]:
    """Let unqualified names mean tables of `schema` for the time being; needs a transaction."""
    row = connection.execute("SELECT current_setting('search_path')").fetchone()
    before = str(row[0]) if row else ""
    connection.execute("SELECT set_config('search_path', %s, true)", [sql.Identifier(schema).as_string(connection)])
    yield
    connection.execute("SELECT set_config('search_path', %s, true)", [before])


def has_tables(connection: Connection) -> bool:
    """Whether the search path leads to calendar tables."""
    row = connection.execute("SELECT to_regclass('calendar_migration') IS NOT NULL").fetchone()
    return bool(row and row[0])


def _steps() -> list[tuple[int, str]]:
    files = sorted((folder("migrations") / "calendar").glob("*.sql"))
    return [(int(file.name.partition("_")[0]), file.read_text(encoding="utf-8")) for file in files]


def _applied(connection: Connection, schema: str) -> int:
    # Asked of the catalogue's rows: to_regclass may still answer from before another process made the tables.
    there = connection.execute(
        "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = %s AND c.relname = 'calendar_migration'",
        [schema],
    ).fetchone()
    if there is None:
        return 0
    table = sql.Identifier(schema, "calendar_migration")
    found = connection.execute(sql.SQL("SELECT coalesce(max(version), 0) FROM {}").format(table)).fetchone()
    return int(found[0]) if found else 0


def _apply(connection: Connection, schema: str, pending: list[tuple[int, str]], *, first: bool) -> None:
    exists = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [schema]).fetchone()
    if exists is None:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    with inside(connection, schema):
        if first:
            connection.execute(_STEPS)
        for number, text in pending:
            connection.execute(text.encode())
            connection.execute("INSERT INTO calendar_migration (version) VALUES (%s)", [number])
