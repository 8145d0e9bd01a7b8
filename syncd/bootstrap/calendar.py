"""Calendars by hand: any ICS file into a database and out of it again, by the same path that exports take."""

import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import syncd.postgres.calendar as tables
from syncd.bootstrap.clock import now
from syncd.bootstrap.database import Database
from syncd.core.calendar.agenda import AgendaEntry
from syncd.core.calendar.imports import ImportCounts, ImportRequest, RebuildCounts, default_horizon, parse_horizon
from syncd.core.calendar.model import Horizon
from syncd.errors import BadArchive, NeedsOperator
from syncd.postgres.pool import Connection
from syncd.zoho.archive import ArchiveLimits, Contents

_BLOCK = 256 * 1024
_PATIENCE = "10min"  # for another import into the same calendar to end


class IcsFile:
    """The bytes of an .ics file, or of the one member of a zip; each iteration reads it anew.

    Iterating raises BadArchive for a zip that cannot be trusted, NeedsOperator for a file that cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[bytes]:
        try:
            if zipfile.is_zipfile(self._path):
                yield from Contents(self._path, ArchiveLimits())
                return
            if self._path.suffix.lower() == ".zip":
                raise BadArchive("the file is not a zip", where=str(self._path), fix="name the .ics file itself")
            with self._path.open("rb") as file:
                while block := file.read(_BLOCK):
                    yield block
        except OSError as error:
            raise NeedsOperator(
                "the file cannot be read",
                where=str(self._path),
                why=error.strerror or str(error),
                fix="name a file that exists and that you may read",
            ) from error


def import_file(
    database: Database, path: Path, *, key: str, schema: str, full: bool = False, horizon: Horizon | None = None
) -> ImportCounts:
    """Load a file into the calendar `key`; tables are made if missing. Whatever its content, nothing is lost.

    `full`: the file is the whole calendar, so events that it lacks are marked as deleted. `horizon` replaces the usual
    one (two years back, a year and a half ahead) for this import.
    """
    moment = now()
    request = ImportRequest(
        key=key,
        evaluated_at=moment,
        horizon=horizon or default_horizon(moment.date()),
        full=full,
        pinned=horizon is not None,
        member=path.name,
    )
    file = IcsFile(path)
    with _patient(database) as connection:
        # Apart from the import, so that two first imports do not wait for one another to end.
        with connection.transaction():
            tables.ensure_tables(connection, schema)
        return tables.import_calendar(connection, lambda: file, request, schema=schema)


def export_file(database: Database, *, key: str, schema: str) -> Iterable[bytes]:
    """The calendar `key` as ICS, in blocks. NeedsOperator when there is none."""
    with database.pool.connection("syncd:calendar") as connection:
        yield from tables.export_calendar(connection, key=key, schema=schema)


def agenda(
    database: Database, *, schema: str, start: datetime, days: int, email: str | None, key: str | None
) -> tuple[AgendaEntry, ...]:
    """What happens in `days` days from `start` on, of all calendars or of one, for everybody or for one person."""
    with _patient(database) as connection:
        with connection.transaction():
            tables.ensure_tables(connection, schema)
        return tables.agenda(connection, start, schema=schema, days=days, email=email, key=key)


def rebuild(database: Database, *, schema: str, key: str | None, horizon: Horizon | None = None) -> RebuildCounts:
    """Derive all columns and occurrences again from the raw text that was kept."""
    with _patient(database) as connection:
        return tables.rebuild(connection, horizon or default_horizon(now().date()), schema=schema, key=key)


def horizon_of(text: str) -> Horizon:
    """`FROM..TO` in ISO dates; ValueError with a sentence for people."""
    return parse_horizon(text)


def today() -> date:
    """The local day in UTC."""
    return now().date()


@contextmanager
def _patient(database: Database) -> Iterator[Connection]:
    with database.pool.connection("syncd:calendar") as connection:
        connection.execute("SELECT set_config('lock_timeout', %s, false)", [_PATIENCE])
        try:
            yield connection
        finally:
            if not connection.closed and not connection.broken:
                connection.execute("RESET lock_timeout")
