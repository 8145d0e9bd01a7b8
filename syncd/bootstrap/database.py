"""One PostgreSQL database with a ledger in it."""

from functools import cached_property
from pathlib import Path

from syncd.postgres import migrate
from syncd.postgres.embedded import EmbeddedServer
from syncd.postgres.ledger import PostgresStore
from syncd.postgres.pool import Pool
from syncd.postgres.quotas import PostgresQuotas
from syncd.postgres.status import PostgresStatus
from syncd.settings.settings import Settings


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
        return migrate.upgrade(self.conninfo)

    def pending(self) -> tuple[str, ...]:
        """The revisions an upgrade would apply."""
        return migrate.pending(self.conninfo)

    def close(self) -> None:
        """Close the connections."""
        if "pool" in self.__dict__:
            self.pool.close()


def open_database(settings: Settings, *, size: int = 8) -> Database:
    """The database of an org's configuration; nothing is connected yet."""
    return Database(settings.conninfo().get_secret_value(), size=size)


def upgrade_script() -> str:
    """The ledger's schema as one SQL script, for a DBA who wants to run it by hand."""
    return migrate.sql()


def embedded_server(data_dir: Path | None = None, *, tcp: bool = False) -> EmbeddedServer:
    """A PostgreSQL server of our own, from the optional wheel; see `EmbeddedServer` for what the arguments mean."""
    return EmbeddedServer(data_dir, tcp=tcp)
