"""`syncd status`: how fresh each module is."""

from typing import TYPE_CHECKING

import click

from syncd.cli.invocation import Invocation, configured, json_option

if TYPE_CHECKING:
    from datetime import timedelta


@click.command()
@click.argument("modules", nargs=-1, metavar="[MODULE]...")
@click.option(
    "--check", "check", metavar="AGE", help="Print one line and exit 1 when any module is older: 30m, 2h. For monitors."
)
@json_option
@configured
def status(invocation: Invocation, modules: tuple[str, ...], check: str | None, as_json: bool) -> int:
    """How fresh each module is, what runs now, how the last run ended.

    Needs the database alone. A table on a terminal; otherwise tab-separated, with moments in UTC.
    """
    import json

    from syncd.bootstrap.clock import now
    from syncd.cli.ledgers import open_ledgers
    from syncd.cli.status_text import print_check, print_table
    from syncd.core.health import assess_all, status_document

    age = _age(check)
    with open_ledgers(invocation) as ledgers:
        deadlines = ledgers.deadlines()
        chosen = {key: age or deadlines[key] for key in ledgers.chosen(modules)}
        moment = now()
        healths = assess_all(ledgers.statuses(), chosen, moment)
        if as_json:
            click.echo(json.dumps(status_document(healths, now=moment), ensure_ascii=False))
        elif age is None:
            print_table(ledgers, healths)
        if age is None:
            return 0
        return print_check(healths, say=not as_json)


def _age(text: str | None) -> "timedelta | None":
    from syncd.settings.durations import parse_duration

    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} {error}; write 30m, 2h or 1d", param_hint="--check") from error
