"""`syncd init`: from nothing to a configuration that works."""

from pathlib import Path

import click


@click.command()
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), default=".", help="Where to write it.")
@click.option("--data-center", help="us eu in au jp ca cn sa uk, or the address of your CRM.")
@click.option("--accounts-url", help="Instead of --data-center, with --api-url: the servers for tokens and the API.")
@click.option("--api-url", help="See --accounts-url.")
@click.option("--client-id", help="The Client ID of your self client.")
@click.option("--client-secret-file", type=click.File(), help="A file with the client secret; - is stdin.")
@click.option("--code-file", type=click.File(), help="A file with the code that the API console generated; - is stdin.")
@click.option("--dsn", help="PostgreSQL's connection string, without a password.")
@click.option("--modules", "chosen", help="API names of the modules to sync, separated by commas.")
@click.option("--force", is_flag=True, help="Write over a configuration that is there.")
def init(**given: object) -> int:
    """Make a configuration: ask for what is needed, try it, and write syncd.toml and the secrets beside it.

    Whatever an option says is not asked for; without a terminal nothing is. Nothing is written before everything has
    worked: the code is exchanged for a refresh token, the database is connected to, the modules are looked up.
    """
    from syncd.cli.init_steps import Given, set_up

    return set_up(Given(**given))  # type: ignore[arg-type]  # the options above, by their names
