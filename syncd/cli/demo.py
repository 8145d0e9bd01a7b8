"""`syncd demo`: all of it on one machine, with nothing but this package."""

import click


@click.command()
@click.option("--once", is_flag=True, help="One pass in the foreground instead of the daemon, then exit.")
def demo(once: bool) -> int:
    """Watch it work: PostgreSQL, a simulated Zoho with live traffic, and the daemon.

    Needs no credentials, no database and no configuration. It shows what is in PostgreSQL and how to look at it with
    psql and in a browser, until Ctrl-C, which stops and removes everything.
    """
    from syncd.cli.demonstration import demonstrate

    return demonstrate(once=once)
