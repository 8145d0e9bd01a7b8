"""`syncd pause` and `syncd resume`: an operator's word on single modules."""

import click

from syncd.cli.invocation import Invocation, configured


@click.command()
@click.argument("modules", nargs=-1, required=True, metavar="MODULE...")
@configured
def pause(invocation: Invocation, modules: tuple[str, ...]) -> None:
    """Leave modules alone until they are resumed; a run that is under way goes on to its end."""
    from syncd.cli.ledgers import open_ledgers

    with open_ledgers(invocation) as ledgers:
        for key in ledgers.chosen(modules):
            ledgers.by_org[key.org].store.pause(key, paused=True)
            click.echo(f"{ledgers.name(key)} is paused; to go on: syncd resume {ledgers.name(key)}")


@click.command()
@click.argument("modules", nargs=-1, required=True, metavar="MODULE...")
@configured
def resume(invocation: Invocation, modules: tuple[str, ...]) -> None:
    """Let modules go on that were paused, or that wait for a person after an error that has been put right.

    The daemon notices within a minute.
    """
    from syncd.cli.ledgers import open_ledgers

    with open_ledgers(invocation) as ledgers:
        for key in ledgers.chosen(modules):
            store = ledgers.by_org[key.org].store
            parked = store.stream(key).parked
            store.pause(key, paused=False)
            store.park(key, "")
            why = f"; it waited because: {parked}" if parked else ""
            click.echo(f"{ledgers.name(key)} goes on{why}")
