"""The PostgreSQL server that lives are lived on: a database of its own for each, and an administrator's hand in it.

Owns the server-side faults: sessions that are ended, locks and DDL of a DBA, a database that takes no writes.
"""

import os
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from syncd.postgres import migrate
from syncd.postgres.embedded import THROWAWAY, EmbeddedServer

_TEMPLATE = "campaign_template"
_numbers = count(1)
_A_MOMENT = threading.Event()

CLOCK = b"""
CREATE SCHEMA campaign;
CREATE TABLE campaign.clock (at timestamptz NOT NULL);
INSERT INTO campaign.clock VALUES ('epoch');
CREATE FUNCTION campaign.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT at FROM campaign.clock';
"""
"""The quotas' clock in a life: the simulator's time, so that ten minutes need not be waited for."""


def memory_folder() -> Path | None:
    """A file system in memory, if there is one with room."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > 2 * 1024**3 else None


@contextmanager
def own_server() -> Iterator[EmbeddedServer]:
    """A throwaway server outside of pytest; $SYNCD_TEST_POSTGRES_BIN names another version's programs."""
    chosen = os.environ.get("SYNCD_TEST_POSTGRES_BIN")
    with EmbeddedServer(options=THROWAWAY, binaries=Path(chosen) if chosen else None, parent=memory_folder()) as server:
        yield server


@contextmanager
def database(server: EmbeddedServer) -> Iterator[str]:
    """The DSN of a new database with an up-to-date ledger, dropped afterwards."""
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        known = admin.execute("SELECT FROM pg_database WHERE datname = %s", [_TEMPLATE]).rowcount
    if not known:
        migrate.upgrade(server.ensure_database(_TEMPLATE))
        with psycopg.connect(server.dsn(_TEMPLATE)) as connection:
            connection.execute(CLOCK)
    name = f"life_{next(_numbers)}"
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        how = sql.SQL("STRATEGY file_copy" if admin.info.server_version >= 150000 else "")
        names = sql.Identifier(name), sql.Identifier(_TEMPLATE)
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} {}").format(*names, how))
    try:
        yield server.dsn(name)
    finally:
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(names[0]))


class Administrator:
    """A DBA at work in a life's database."""

    def __init__(self, server: EmbeddedServer, dsn: str) -> None:
        self._server = server
        self._dsn = dsn
        self.name = str(psycopg.conninfo.conninfo_to_dict(dsn)["dbname"])
        self._main = self._connect(dsn)
        self._outside = self._connect(server.dsn())
        self._locking: psycopg.Connection[Any] | None = None
        self._notes = count(1)

    def _connect(self, dsn: str) -> psycopg.Connection[Any]:
        connection = psycopg.connect(dsn, autocommit=True)
        connection.execute("SET TimeZone TO 'UTC'")
        connection.execute("SET lock_timeout = '50ms'")
        return connection

    def query(self, statement: str | sql.Composed, parameters: Sequence[object] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query; the connection is made anew when a fault took it."""
        if self._main.broken or self._main.closed:
            self._main = self._connect(self._dsn)
        found: list[tuple[Any, ...]] = self._main.execute(
            statement.encode() if isinstance(statement, str) else statement, parameters
        ).fetchall()
        return found

    def end(self, *pids: int) -> None:
        """End sessions, and return when they are gone. (The server's own waiting looks only every 100 ms.)"""
        self._end("pid = ANY(%s)", list(pids))

    def end_all(self) -> None:
        """End every session in the life's database, this one's included."""
        self._main.close()
        self.unlock()
        self._end("datname = %s", self.name)

    def _end(self, which: str, value: object) -> None:
        statement = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {which}".encode()
        deadline = time.monotonic() + 10
        while self._outside.execute(statement, [value]).rowcount and time.monotonic() < deadline:
            _A_MOMENT.wait(0.002)

    def crash(self) -> None:
        """Stop the whole server as a power cut would, and start it again."""
        for connection in (self._main, self._outside):
            connection.close()
        self.unlock()
        self._server.restart(immediate=True)
        self._outside = self._connect(self._server.dsn())

    def lock(self, table: str) -> bool:
        """Hold a table for oneself, until `unlock`; False when it is not there or in use."""
        self.unlock()
        self._locking = self._connect(self._dsn)
        try:
            self._locking.execute("BEGIN")
            self._locking.execute(sql.SQL("LOCK TABLE zoho.{} IN ACCESS EXCLUSIVE MODE").format(sql.Identifier(table)))
        except psycopg.Error:
            self.unlock()
            return False
        return True

    def unlock(self) -> None:
        """Let go of what `lock` held."""
        if self._locking is not None:
            self._locking.close()
            self._locking = None

    def change(self, table: str, kind: str) -> bool:
        """A DBA's own DDL: a column, an index or a view. False: not possible now."""
        number, name = next(self._notes), sql.Identifier(table)
        statements = {
            "column": sql.SQL("ALTER TABLE zoho.{} ADD COLUMN note_{} text").format(name, sql.Literal(number)),
            "index": sql.SQL("CREATE INDEX ON zoho.{} (_synced_at)").format(name),
            "view": sql.SQL("CREATE VIEW public.v{} AS SELECT * FROM zoho.{}").format(sql.Literal(number), name),
        }
        return self._try(statements[kind])

    def _try(self, statement: sql.Composed) -> bool:
        try:
            if self._main.broken or self._main.closed:
                self._main = self._connect(self._dsn)
            self._main.execute(statement)
        except psycopg.Error:
            return False
        return True

    def take_writes(self, *, allowed: bool) -> None:
        """Make new sessions of the database read-only, or not, and end those that are there: a failover."""
        value = sql.SQL("off" if allowed else "on")
        self._outside.execute(
            sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = {}").format(sql.Identifier(self.name), value)
        )
        self.end_all()

    def close(self) -> None:
        """Give back all connections."""
        self.unlock()
        self._main.close()
        self._outside.close()
