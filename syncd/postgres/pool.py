"""Connections to PostgreSQL: how they are opened, set up, shared between threads and given up.

Owns: the session settings that all SQL of syncd relies on, and the bound on connections. Must not retry: a caller that
meets Unreachable reads the ledger again and decides. Never prints a password.
"""

import os
import select
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from syncd.errors import NeedsOperator, TryLater, Unreachable
from syncd.postgres.failures import translated

Connection = psycopg.Connection[Any]

OLDEST_SERVER = 140000
LOCK_TIMEOUT = "5s"
"""How long a statement of ours waits for a lock: a DBA's DDL that queues behind it waits no longer than that."""

_SETTINGS: Mapping[str, str] = {
    "search_path": "pg_catalog",  # no name is ever looked up in a schema that others can write to
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",
    "default_transaction_isolation": "read committed",  # counting after a lock needs a snapshot per statement
    "lock_timeout": LOCK_TIMEOUT,
    "statement_timeout": "30min",  # the load of one file is one statement; nothing sane comes near it
    "idle_in_transaction_session_timeout": "5min",
    "idle_session_timeout": "0",  # a lease is an idle session, and has to stay
}
_SET_UP = "SELECT " + ", ".join(f"set_config('{name}', '{value}', false)" for name, value in _SETTINGS.items())

# A dead network is noticed within about a minute instead of the kernel's two hours.
_NETWORK: Mapping[str, str] = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
# psycopg's wheel brings its own OpenSSL, for which sslrootcert=system means a folder that no machine has.
_SYSTEM_ROOTS = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine, macOS
)
_LONGEST_LIFE = 3600.0  # backends remember every temporary table they have seen; a new one starts small


def parameters(dsn: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Connection parameters for libpq: what `dsn` says, and syncd's defaults for what it leaves open.

    A server on another machine must prove who it is (sslmode=verify-full), unless the dsn or PGSSLMODE says otherwise.
    NeedsOperator when the dsn cannot be read.
    """
    try:
        given = {name: str(value) for name, value in conninfo_to_dict(dsn).items() if value is not None}
    except psycopg.ProgrammingError:
        # libpq quotes the text that it cannot read, and the password may be in it.
        raise NeedsOperator(
            "the dsn of PostgreSQL cannot be read",
            where="postgres.dsn",
            fix="write postgresql://USER@HOST:PORT/DATABASE, or libpq's NAME=VALUE words",
        ) from None
    if "@" in given.get("host", ""):
        raise NeedsOperator(
            "the host in the dsn of PostgreSQL contains an @, which belongs to the password",
            where="postgres.dsn",
            fix=f"write an @ in the password as {quote('@')}, a / as {quote('/', safe='')}, a : as {quote(':')}",
        )
    chosen = {**_NETWORK, "application_name": "syncd", **given}
    host = given.get("host") or environ.get("PGHOST", "")
    decided = "sslmode" in given or "PGSSLMODE" in environ or "service" in given or "PGSERVICE" in environ
    if not decided and not all(_is_local(part) for part in host.split(",")):
        chosen["sslmode"] = "verify-full"
        own = Path(environ.get("HOME", "/")) / ".postgresql" / "root.crt"
        if "sslrootcert" not in given and "PGSSLROOTCERT" not in environ and not own.is_file():
            chosen["sslrootcert"] = next((place for place in _SYSTEM_ROOTS if Path(place).is_file()), "system")
    return chosen


def _is_local(host: str) -> bool:
    return not host or host.startswith(("/", "@", "127.")) or host in {"localhost", "::1"}


class Pool:
    """At most `size` connections for any number of threads; the one used last is used next.

    All are in autocommit mode with the session settings above. `dsn` is what libpq takes; what it leaves out comes from
    the PG* variables. A caller waits up to `patience` seconds for a connection, then gets TryLater.
    """

    def __init__(
        self, dsn: str, *, size: int = 8, patience: float = 60.0, environ: Mapping[str, str] | None = None
    ) -> None:
        self._parameters = parameters(dsn, os.environ if environ is None else environ)
        self.where = _describe(self._parameters)
        self._size = size
        self._patience = patience
        self._idle: list[tuple[Connection, float]] = []
        self._out = 0
        self._closed = False
        self._changed = threading.Condition()
        self._mine = threading.local()

    def open(self, use: str) -> Connection:
        """A connection of the caller's own, outside the bound. Unreachable, or NeedsOperator for a server too old."""
        with translated(self.where):
            connection = psycopg.connect(make_conninfo(**self._parameters), autocommit=True, prepare_threshold=None)
        try:
            _check_version(connection, self.where)
            with translated(self.where):
                connection.execute(_SET_UP.encode())
                _name(connection, use)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def connection(self, use: str = "syncd") -> Iterator[Connection]:
        """Lend a connection; `use` shows in pg_stat_activity as application_name.

        psycopg's errors leave the block as errors of syncd. A connection that comes back inside a transaction or broken
        is closed.
        """
        connection, born = self._take(use)
        try:
            with translated(self.where):
                _name(connection, use)
                yield connection
        finally:
            self._give_back(connection, born)

    @contextmanager
    def transaction(self, use: str = "syncd") -> Iterator[Connection]:
        """Lend a connection inside a transaction: committed when the block ends, rolled back when it raises.

        Unreachable at the commit means that the outcome is not known.
        """
        with self.connection(use) as connection, connection.transaction():
            yield connection

    def close(self) -> None:
        """Close what is idle, and what is lent when it comes back; nothing can be borrowed any more."""
        with self._changed:
            self._closed = True
            idle, self._idle = self._idle, []
            self._changed.notify_all()
        for connection, _ in idle:
            connection.close()

    # ------------------------------------------------------------------------------------------------------ lending

    def _take(self, use: str) -> tuple[Connection, float]:
        self._reserve()
        try:
            while True:
                with self._changed:
                    found = self._idle.pop() if self._idle else None
                if found is None:
                    return self.open(use), time.monotonic()
                if not ended(found[0]):
                    return found
                found[0].close()
        except BaseException:
            self._release()
            raise

    def _give_back(self, connection: Connection, born: float) -> None:
        reusable = (
            not connection.closed
            and connection.info.transaction_status is TransactionStatus.IDLE
            and time.monotonic() - born < _LONGEST_LIFE
        )
        with self._changed:
            reusable = reusable and not self._closed and len(self._idle) < self._size
            if reusable:
                self._idle.append((connection, born))
        if not reusable:
            connection.close()
        self._release()

    def _reserve(self) -> None:
        """Wait for a place below the bound. Who holds one connection already is never made to wait for a second: all
        places could be taken by threads in the same position."""
        held = getattr(self._mine, "held", 0)
        with self._changed:
            free = self._changed.wait_for(lambda: self._closed or held or self._out < self._size, self._patience)
            if self._closed:
                raise Unreachable("the connections to PostgreSQL are closed", where=self.where, why="syncd is stopping")
            if not free:
                raise TryLater(
                    f"all {self._size} connections are in use", after=5.0, where=self.where, why="the load is too high"
                )
            self._out += 1
        self._mine.held = held + 1

    def _release(self) -> None:
        self._mine.held -= 1
        with self._changed:
            self._out -= 1
            self._changed.notify()


# ------------------------------------------------------------------------------------------------------------- parts


def ended(connection: Connection) -> bool:
    """Whether the server has ended an idle connection, without asking it.

    An idle session has nothing to say: whatever can be read is its last words, or the end of the stream.
    """
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _check_version(connection: Connection, where: str) -> None:
    if connection.info.server_version < OLDEST_SERVER:
        raise NeedsOperator(
            f"PostgreSQL {connection.info.parameter_status('server_version')} is too old",
            where=where,
            fix=f"syncd needs PostgreSQL {OLDEST_SERVER // 10000} or newer",
        )


def _name(connection: Connection, use: str) -> None:
    if connection.info.parameter_status("application_name") != use:
        connection.execute("SELECT set_config('application_name', %s, false)", [use])


def _describe(chosen: Mapping[str, str]) -> str:
    """The server and database for people, without user or password."""
    host = chosen.get("host") or chosen.get("hostaddr") or chosen.get("service") or "the default host"
    port = f":{chosen['port']}" if "port" in chosen and not host.startswith("/") else ""
    return f"PostgreSQL at {host}{port}" + (f", database {chosen['dbname']}" if "dbname" in chosen else "")
