"""`syncd run`: the daemon."""

import click

from syncd.cli.invocation import Invocation, configured


@click.command()
@click.option("--with-parent", is_flag=True, hidden=True, help="Stop when stdin ends, as it does with its writer.")
@configured
def run(invocation: Invocation, with_parent: bool) -> int:
    """The daemon: keep every module fresh, for ever.

    SIGTERM and Ctrl-C stop it at the next point where the ledger is consistent, SIGHUP reads the configuration again.
    Several may run: a module is only ever written by one of them.
    """
    from syncd.bootstrap.daemon import run_daemon
    from syncd.bootstrap.logs import logs_of_service
    from syncd.cli.lifeline import follow_stdin

    with logs_of_service(invocation.settings()) as logs:
        if with_parent:
            follow_stdin()
        return run_daemon(invocation.settings, logs)
