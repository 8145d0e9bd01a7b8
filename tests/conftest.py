"""What every test may ask for: a PostgreSQL server of its own, databases in it, and Hypothesis profiles."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql

from syncd.postgres import migrate
from syncd.postgres.embedded import THROWAWAY, EmbeddedServer

_TEMPLATE = "syncd_template"
_numbers = count(1)

settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True, print_blob=True)
settings.register_profile("long", max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("SYNCD_TEST_PROFILE", "ci" if os.environ.get("CI") else "dev"))


@contextmanager
def _database(server: EmbeddedServer, template: str) -> Iterator[str]:
    """A new copy of a template, dropped afterwards whoever is still connected."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        # Copying files takes a quarter of the time of copying blocks through the log; before 15 it is the only way.
        how = sql.SQL("STRATEGY file_copy" if admin.info.server_version >= 150000 else "")
        names = sql.Identifier(name), sql.Identifier(template)
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} {}").format(*names, how))
        yield name
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(names[0]))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedServer]:
    """One running server per pytest process; $SYNCD_TEST_POSTGRES_BIN names the programs of another version."""
    chosen = os.environ.get("SYNCD_TEST_POSTGRES_BIN")
    with EmbeddedServer(
        options=THROWAWAY, binaries=Path(chosen) if chosen else None, parent=_memory_folder()
    ) as server:
        yield server


def _memory_folder() -> Path | None:
    """A file system in memory, if there is one with room: on a busy disk each new database takes ten times as long."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > 2 * 1024**3 else None


@pytest.fixture(scope="session")
def _template(postgres_server: EmbeddedServer) -> str:
    """A database with an up-to-date ledger, which tests get copies of."""
    migrate.upgrade(postgres_server.ensure_database(_TEMPLATE))
    return _TEMPLATE


@pytest.fixture
def dsn(postgres_server: EmbeddedServer, _template: str) -> Iterator[str]:
    """A database of the test's own with an empty, up-to-date ledger."""
    with _database(postgres_server, _template) as name:
        yield postgres_server.dsn(name)


@pytest.fixture
def empty_dsn(postgres_server: EmbeddedServer) -> Iterator[str]:
    """A database of the test's own with nothing in it."""
    with _database(postgres_server, "template0") as name:
        yield postgres_server.dsn(name)


@pytest.fixture
def connection(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    """A plain autocommit connection to the test's database, to look around with."""
    with psycopg.connect(dsn, autocommit=True) as opened:
        yield opened
