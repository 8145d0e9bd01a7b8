"""`syncd db upgrade`: the ledger's schema."""

import click

from syncd.cli.invocation import Invocation, configured


@click.group()
def db() -> None:
    """The ledger's schema in PostgreSQL: upgrade it, or print its SQL."""


@db.command()
@click.option("--sql", is_flag=True, help="Print the whole schema as an SQL script for a DBA; touch nothing.")
@configured
def upgrade(invocation: Invocation, sql: bool) -> None:
    """Bring the ledger (schema syncd) up to date: all or nothing, and nothing when it is.

    `run` and `sync` do this by themselves; this verb is for those who want to see it
    done, or to do it as another role.
    """
    from syncd.bootstrap.database import open_database, upgrade_script

    if sql:
        click.echo(upgrade_script(), nl=False)
        return
    seen = set[str]()
    for settings in invocation.settings(secrets=False):
        database = open_database(settings)
        if database.conninfo in seen:
            continue
        seen.add(database.conninfo)
        try:
            applied = database.upgrade()
        finally:
            database.close()
        click.echo("\n".join(f"applied {revision}" for revision in applied) or "the ledger is up to date")
