"""Bring the ledger's schema up to date: a thin frame around alembic.

Owns: the schema `syncd` as such, the order of upgrades, and who may upgrade when several start at once. Must not touch
the warehouse's tables.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from syncd.errors import NeedsOperator
from syncd.postgres.failures import remedy_for
from syncd.postgres.pool import Pool
from syncd.shipped import folder

SCHEMA = "syncd"
_LOCK = 0x73796E6364  # "syncd": the advisory lock that upgrades of one database queue for


def head() -> str:
    """The newest revision this syncd knows."""
    return str(_scripts().get_current_head())


def current(dsn: str) -> str | None:
    """The revision of the ledger in the database, None when it has none yet."""
    with _connection(dsn) as connection:
        return _current(connection)


def pending(dsn: str) -> tuple[str, ...]:
    """The revisions an upgrade would apply, in order; NeedsOperator when the ledger is newer than this syncd."""
    with _connection(dsn) as connection:
        return _pending(_current(connection))


def upgrade(dsn: str) -> tuple[str, ...]:
    """Apply what is pending, all of it or nothing, in one transaction; the revisions applied.

    Several processes may call it at once: they queue, and all but the first find nothing to do.
    """
    with _connection(dsn) as connection:
        if not _pending(_current(connection)):
            return ()
        connection.rollback()
        connection.execute(text("SELECT set_config('lock_timeout', '60s', true)"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        steps = _pending(_current(connection))
        if steps:
            if not connection.scalar(text("SELECT to_regnamespace('syncd') IS NOT NULL")):
                connection.execute(text("CREATE SCHEMA syncd"))
                connection.execute(text("COMMENT ON SCHEMA syncd IS 'The ledger of syncd: what it knows and did.'"))
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        connection.commit()
        return steps


def sql() -> str:
    """The whole upgrade from nothing as an SQL script, for a DBA who wants to run it by hand."""
    config = _config()
    config.output_buffer = io.StringIO()
    command.upgrade(config, "head", sql=True)
    return f"CREATE SCHEMA IF NOT EXISTS {SCHEMA};\n\n{config.output_buffer.getvalue()}"


# ------------------------------------------------------------------------------------------------------------- parts


def _config() -> Config:
    config = Config(stdout=io.StringIO())
    config.set_main_option("script_location", str(folder("migrations")).replace("%", "%%"))
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection, opts={"version_table_schema": SCHEMA}).get_current_revision()


def _pending(revision: str | None) -> tuple[str, ...]:
    scripts = _scripts()
    known = [script.revision for script in reversed(list(scripts.walk_revisions()))]
    if revision is not None and revision not in known:
        raise NeedsOperator(
            f"the ledger was made by a newer syncd: it is at {revision}, this one knows {known[-1]}",
            where=f"schema {SCHEMA}",
            fix="install the newer syncd again; a ledger is never taken back",
        )
    return tuple(known[known.index(revision) + 1 :] if revision is not None else known)


@contextmanager
def _connection(dsn: str) -> Iterator[Connection]:
    """A SQLAlchemy connection with the session settings of the pool, its errors turned into ours."""
    pool = Pool(dsn, size=1)

    def connect() -> psycopg.Connection[Any]:
        opened = pool.open("syncd:upgrade")
        opened.autocommit = False
        return opened

    engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        remedy = remedy_for(error.orig, pool.where) if isinstance(error.orig, psycopg.Error) else None
        if remedy is None:
            raise
        raise remedy from error.orig
