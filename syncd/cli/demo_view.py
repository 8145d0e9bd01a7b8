"""What the demo shows: how far the first load is, then the tables, a query, and how to look for oneself."""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from syncd.bootstrap.database import Database, bundled_psql
from syncd.cli.tables import Coloured, Value, aligned
from syncd.cli.wording import grouped
from syncd.core.health import Health, State, span

_AGENDA_ENTRIES = 6
_COLOURS = {State.OK: "green", State.LATE: "red", State.PARKED: "red", State.FAILED: "red"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How a person can look at the demo: psql's connection string, the page's address, the configuration."""

    psql: str
    page: str
    config: str


def loading_line(healths: Sequence[Health]) -> str:
    """One line on a first load: what is there, and what is under way."""
    done = [one for one in healths if one.lag is not None]
    parts = [f"{len(done)} of {len(healths)} modules loaded"]
    for one in healths:
        if one.state is State.LOADING:
            share = f"{one.status.done_jobs} of {one.status.done_jobs + one.status.open_jobs} exports"
            parts.append(f"{one.stream.module} {share if one.progress is not None else 'starting'}")
        elif one.why and one.lag is None and one.state is not State.PENDING:
            parts.append(f"{one.stream.module} {one.state}: {one.why}")
    return ", ".join(parts)


def living_line(healths: Sequence[Health], rows: int) -> str:
    """One line on a database that is kept fresh."""
    oldest = max((one.lag for one in healths if one.lag is not None), default=None)
    behind = "nothing is loaded" if oldest is None else f"the oldest table is {span(oldest)} behind"
    return f"{len(healths)} modules, {grouped(rows)} rows, {behind}"


def screen(database: Database, healths: Sequence[Health], ways: Ways | None, *, now: datetime) -> list[str]:
    """All lines: tables, a query, this week's agenda, and how to look for oneself; None: nothing is left to see."""
    lines = ["", *_tables(database, healths, now), ""]
    query, answer = database.sample()
    lines += [f"  {line}" for line in query.splitlines()]
    lines += ["", *aligned(answer.columns, answer.rows), "", *_agenda(database, now), ""]
    return lines + (
        _ways(ways) if ways else ["All of this is gone now; to look around in it while it lives: syncd demo"]
    )


def _agenda(database: Database, now: datetime) -> list[str]:
    """The first entries of the coming week, from the calendar tables that the events' ICS exports fill."""
    from syncd.bootstrap.calendar import agenda
    from syncd.core.calendar.agenda import agenda_text

    entries = agenda(database, schema="zoho", start=now, days=7, email=None, key=None)
    shown = agenda_text(entries[:_AGENDA_ENTRIES]).splitlines() or ["  nothing is planned"]
    more = len(entries) - _AGENDA_ENTRIES
    title = "This week, from zoho.calendar_agenda (Events as ICS):"
    return [title, "", *(f"  {line}".rstrip() for line in shown), *([f"  and {more} more"] if more > 0 else [])]


def _ways(ways: Ways) -> list[str]:
    psql = "psql" if shutil.which("psql") else bundled_psql()
    return [
        "To look for yourself:",
        f"  {psql} '{ways.psql}'",
        f"  {ways.page} in a browser",
        f"  {_syncd()} --config {ways.config} status",
        "",
        "The simulated Zoho goes on changing. Ctrl-C stops and removes everything.",
    ]


def _syncd() -> str:
    """How this very command can be called from the folder that we are in."""
    beside = Path(sys.executable).with_name("syncd")
    if shutil.which("syncd") or not beside.is_file():
        return "syncd"
    return str(beside.relative_to(Path.cwd()) if beside.is_relative_to(Path.cwd()) else beside)


def total_rows(database: Database) -> int:
    """Rows in all tables, deleted ones apart."""
    return sum(table.rows for table in database.table_counts())


def _tables(database: Database, healths: Sequence[Health], now: datetime) -> list[str]:
    states = {(one.status.watermark, one.stream.module.lower()): one for one in healths}
    rows: list[list[Value]] = []
    for table in database.table_counts():
        health = states.get((table.fresh_to, table.name.partition(".")[2]))
        state = health.state if health else (State.LOADING if table.fresh_to is None else State.OK)
        lag = None if table.fresh_to is None else now - table.fresh_to
        coloured = Coloured(state.value, _COLOURS.get(state, "yellow"))
        rows.append([table.name, table.rows, table.deleted, table.fresh_to, lag, coloured])
    return aligned(["TABLE", "ROWS", "DELETED", "FRESH TO", "BEHIND", "STATE"], rows)
