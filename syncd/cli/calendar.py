"""`syncd calendar`: ICS files into calendar tables and back, the coming days, and a rebuild from the raw text."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from syncd.cli.invocation import Invocation, configured, json_option

if TYPE_CHECKING:
    from syncd.bootstrap.database import Database
    from syncd.core.calendar.model import Horizon

T = TypeVar("T")

_SAYS_WHERE = ("PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE", "PGPORT", "PGUSER")


def _database_options(function: Callable[..., T]) -> Callable[..., T]:
    dsn = click.option("--dsn", help="The database. Left out: the PG* variables, else the configuration's.")
    schema = click.option(
        "--schema", help="The schema of the calendar tables.  [default: zoho, or the configuration's]"
    )
    return configured(dsn(schema(function)))


@click.group()
def calendar() -> None:
    """Calendars in SQL: import and export ICS, the coming days, rebuild."""


@calendar.command("import")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.ics|FILE.zip")
@click.option("--calendar", "key", help="The calendar's key.  [default: the file's name]")
@click.option("--full", is_flag=True, help="The file is the whole calendar: what it lacks is marked as deleted.")
@click.option("--horizon", metavar="FROM..TO", help="List occurrences of these days, in ISO dates.")
@json_option
@_database_options
def import_(
    invocation: Invocation,
    *,
    file: Path,
    key: str | None,
    full: bool,
    horizon: str | None,
    as_json: bool,
    dsn: str | None,
    schema: str | None,
) -> None:
    """Load an ICS file; every component becomes a row or goes to quarantine with its text and the reason."""
    from syncd.bootstrap.calendar import import_file

    wanted = _horizon(horizon)
    with _opened(invocation, dsn, schema) as (database, place):
        counts = import_file(database, file, key=key or file.stem, schema=place, full=full, horizon=wanted)
    if as_json:
        click.echo(json.dumps({"calendar": key or file.stem, "schema": place, **counts.as_dict()}))
        return
    click.echo(
        f"{key or file.stem}: {counts.events} events, {counts.inserted} new, {counts.updated} changed,"
        f" {counts.unchanged} unchanged, {counts.quarantined} in quarantine, {counts.deleted} deleted"
    )
    if counts.blocked:
        click.echo(f"nothing was marked as deleted: {counts.blocked}", err=True)


@calendar.command()
@click.option("--calendar", "key", required=True, help="The calendar's key.")
@json_option
@_database_options
def export(invocation: Invocation, *, key: str, as_json: bool, dsn: str | None, schema: str | None) -> None:
    """Write a calendar back as ICS to stdout."""
    from syncd.bootstrap.calendar import export_file

    with _opened(invocation, dsn, schema) as (database, place):
        blocks = export_file(database, key=key, schema=place)
        if as_json:
            for text in _as_json(blocks, {"calendar": key, "schema": place}):
                click.echo(text, nl=False)
            return
        for block in blocks:
            sys.stdout.buffer.write(block)
        sys.stdout.buffer.flush()


def _as_json(blocks: Iterable[bytes], about: dict[str, str]) -> Iterator[str]:
    """The stream as the last member, `ics`, of one JSON object; a byte that is no UTF-8 becomes a lone surrogate."""
    rest = iter(blocks)
    first = next(rest)  # before anything is written: it fails where there is no such calendar
    yield json.dumps(about)[:-1] + ', "ics": "'
    for block in chain([first], rest):
        yield json.dumps(block.decode("utf-8", "surrogateescape"))[1:-1]
    yield '"}\n'


@calendar.command()
@click.option("--days", type=click.IntRange(1, 3660), default=7, show_default=True, help="How many days from now on.")
@click.option("--email", metavar="X", help="Only what this person attends or organizes.")
@click.option("--calendar", "key", help="Only this calendar.")
@json_option
@_database_options
def agenda(
    invocation: Invocation,
    *,
    days: int,
    email: str | None,
    key: str | None,
    as_json: bool,
    dsn: str | None,
    schema: str | None,
) -> None:
    """The coming days as people read them."""
    from syncd.bootstrap.calendar import agenda as read_agenda
    from syncd.bootstrap.clock import now
    from syncd.core.calendar.agenda import agenda_text

    with _opened(invocation, dsn, schema) as (database, place):
        entries = read_agenda(database, schema=place, start=now(), days=days, email=email, key=key)
    if as_json:
        click.echo(json.dumps({"entries": [entry.as_dict() for entry in entries]}, ensure_ascii=False))
        return
    click.echo(agenda_text(entries) or f"nothing in the next {days} days")


@calendar.command()
@click.option("--calendar", "key", help="Only this calendar.")
@click.option("--horizon", metavar="FROM..TO", help="List occurrences of these days, in ISO dates.")
@json_option
@_database_options
def rebuild(
    invocation: Invocation,
    *,
    key: str | None,
    horizon: str | None,
    as_json: bool,
    dsn: str | None,
    schema: str | None,
) -> None:
    """Derive all columns again from the raw text: after an update of syncd or of the time zone data."""
    from syncd.bootstrap.calendar import rebuild as rebuild_tables

    with _opened(invocation, dsn, schema) as (database, place):
        counts = rebuild_tables(database, schema=place, key=key, horizon=_horizon(horizon))
    if as_json:
        click.echo(json.dumps(counts.as_dict()))
        return
    click.echo(
        f"{counts.calendars} calendars, {counts.events} events read again, {counts.updated} changed,"
        f" {counts.relisted} series listed again"
    )


def _horizon(text: str | None) -> "Horizon | None":
    from syncd.bootstrap.calendar import horizon_of

    if text is None:
        return None
    try:
        return horizon_of(text)
    except ValueError as error:
        raise click.UsageError(f"--horizon: {error}\nfix: write --horizon 2024-01-01..2026-12-31") from error


@contextmanager
def _opened(invocation: Invocation, dsn: str | None, schema: str | None) -> "Iterator[tuple[Database, str]]":
    """The database that is meant, and the schema: said, or the environment's, or the configuration's."""
    from syncd.bootstrap.database import Database, open_database
    from syncd.errors import ConfigWrong

    place = schema or "zoho"
    if dsn is not None or (invocation.config is None and any(name in os.environ for name in _SAYS_WHERE)):
        database = Database(dsn or "")
    else:
        try:
            settings = invocation.settings(secrets=False)[0]
        except ConfigWrong:
            if invocation.config is not None:
                raise
            database = Database("")  # no configuration anywhere: libpq's own defaults
        else:
            database, place = open_database(settings), schema or settings.postgres.schema_name
    try:
        yield database, place
    finally:
        database.close()
