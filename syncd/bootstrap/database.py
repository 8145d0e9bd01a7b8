"""One PostgreSQL database with a ledger in it."""

from functools import cached_property
from pathlib import Path

from syncd.core.model import StreamKey
from syncd.postgres import server, showcase
from syncd.postgres.embedded import THROWAWAY, EmbeddedServer, binaries
from syncd.postgres.ledger import PostgresStore
from syncd.postgres.pool import Pool
from syncd.postgres.quotas import PostgresQuotas
from syncd.postgres.status import PostgresStatus, RejectedRow
from syncd.settings.settings import Settings

__all__ = [
    "Database",
    "RejectedRow",
    "bundled_psql",
    "libpq_version",
    "open_database",
    "throwaway_server",
    "upgrade_script",
]


class Database:
    """A database by its libpq connection string; connects when it is first needed. To be closed.

    `size` bounds the connections for work; a lease has one of its own besides.
    """

    def __init__(self, conninfo: str, *, size: int = 8) -> None:
        self.conninfo = conninfo
        self._size = size

    @cached_property
    def pool(self) -> Pool:
        """Its connections."""
        return Pool(self.conninfo, size=self._size)

    @cached_property
    def store(self) -> PostgresStore:
        """Ledger and warehouse, as a run sees them."""
        return PostgresStore(self.pool)

    @cached_property
    def status(self) -> PostgresStatus:
        """The ledger, to look at."""
        return PostgresStatus(self.pool)

    @cached_property
    def quotas(self) -> PostgresQuotas:
        """What Zoho allows, counted over restarts and workers."""
        return PostgresQuotas(self.pool)

    def upgrade(self) -> tuple[str, ...]:
        """Bring the ledger's schema up to date, all or nothing; the revisions applied."""
        from syncd.postgres import migrate  # alembic takes as long to import as all else together

        return migrate.upgrade(self.conninfo)

    def pending(self) -> tuple[str, ...]:
        """The revisions an upgrade would apply."""
        from syncd.postgres import migrate

        return migrate.pending(self.conninfo)

    def facts(self, schema: str) -> server.ServerFacts:
        """What the server and the role are like; `schema` is the warehouse's."""
        return server.facts(self.pool, schema)

    def foreign_relations(self, schema: str, streams: dict[StreamKey, str]) -> tuple[str, ...]:
        """The tables that stand where those of `streams` (with the name from the configuration) belong."""
        return server.foreign_relations(self.pool, schema, streams)

    def table_counts(self) -> tuple[showcase.TableCount, ...]:
        """All tables of the warehouse, counted."""
        return showcase.table_counts(self.pool)

    def sample(self) -> tuple[str, showcase.Answer]:
        """The demo's query and its answer."""
        return showcase.SAMPLE, showcase.ask(self.pool, showcase.SAMPLE)

    def close(self) -> None:
        """Close the connections."""
        if "pool" in self.__dict__:
            self.pool.close()


def open_database(settings: Settings, *, size: int = 8) -> Database:
    """The database of an org's configuration; nothing is connected yet."""
    return Database(settings.conninfo().get_secret_value(), size=size)


def upgrade_script() -> str:
    """The ledger's schema as one SQL script, for a DBA who wants to run it by hand."""
    from syncd.postgres import migrate

    return migrate.sql()


def throwaway_server() -> EmbeddedServer:
    """A PostgreSQL server of our own for data that nobody will miss, on the socket and on 127.0.0.1."""
    return EmbeddedServer(tcp=True, options={**THROWAWAY, "autovacuum": "on"})


def bundled_psql() -> Path:
    """The psql that comes with the server of our own."""
    return binaries() / "psql"


def libpq_version() -> str:
    """The version of PostgreSQL's client library in use."""
    return server.libpq_version()
