"""The status of modules as a table, and as the one line of a monitor's check."""

import sys
from collections.abc import Sequence

import click

from syncd.cli.ledgers import Ledgers
from syncd.cli.tables import Coloured, Value, on_terminal, show
from syncd.cli.wording import changes, grouped, lasted, local
from syncd.core.health import Health, State, headline, worst_first
from syncd.core.status import ApiUse

_COLOURS = {
    State.OK: "green",
    State.LATE: "red",
    State.PARKED: "red",
    State.FAILED: "red",
    State.LOADING: "cyan",
    State.PENDING: "yellow",
    State.PAUSED: "yellow",
}
TITLES = ("MODULE", "STATE", "ROWS", "FRESH TO", "LAG", "DUE", "REJECTED", "LAST RUN")


def print_table(ledgers: Ledgers, healths: Sequence[Health]) -> None:
    """A row per module; on a terminal also what is wrong and how much of Zoho's API is used."""
    show(TITLES, [row(ledgers.name(one.stream), one) for one in healths])
    if not on_terminal():
        return
    use = [line for database in ledgers.databases for line in map(_use, database.status.api_use())]
    click.echo("")
    click.echo(headline(healths))
    for one in healths:
        if one.why and one.state is not State.OK:
            click.echo(f"{ledgers.name(one.stream)}: {one.why}{_fix(one)}")
    if use:
        click.echo(f"in 24 h: {', '.join(use)}")


def print_check(healths: Sequence[Health], *, say: bool) -> int:
    """One line for a monitor; 1 when a module is late, parked, failing, or was never loaded, else 0."""
    bad = [one for one in worst_first(healths) if one.alarming or (one.lag is None and one.state is not State.PAUSED)]
    if say:
        click.echo(f"{'NOT OK' if bad else 'OK'}: {headline(healths)}", file=sys.stdout)
    return 1 if bad else 0


def row(name: str, health: Health) -> list[Value]:
    """A module's row in the table of TITLES."""
    status = health.status
    return [
        name,
        Coloured(_state(health), _COLOURS[health.state]),
        status.rows,
        status.watermark,
        health.lag,
        health.deadline,
        status.rejected_values or None,
        _last_run(health),
    ]


def _state(health: Health) -> str:
    if health.state is State.LOADING and health.progress is not None and on_terminal():
        return f"{health.state} {int(health.progress * 100)} %"
    return health.state.value


def _last_run(health: Health) -> str | None:
    status = health.status
    if status.last_finished_at is None or status.last_started_at is None:
        return None
    took = lasted(status.last_finished_at - status.last_started_at)
    when = f" at {local(status.last_finished_at)[11:]}" if on_terminal() else ""
    return f"{status.last_outcome}: {changes(status.last_counts)} in {took}{when}"


def _fix(health: Health) -> str:
    if health.state is State.PAUSED:
        return f"; fix: syncd resume {health.stream.module}"
    return f"; fix: {health.fix}" if health.fix else ""


def _use(use: ApiUse) -> str:
    return f"{grouped(use.used)} {use.name}"
