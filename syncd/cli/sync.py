"""`syncd sync`: one pass over the chosen modules in the foreground, due or not."""

import click

from syncd.cli.invocation import Invocation, configured, json_option


@click.command()
@click.argument("modules", nargs=-1, metavar="[MODULE]...")
@click.option("--full", is_flag=True, help="Read everything again, in place; rows that do not differ are not touched.")
@json_option
@configured
def sync(invocation: Invocation, modules: tuple[str, ...], full: bool, as_json: bool) -> int:
    """One pass now over some modules or all, then exit.

    Loads a module for the first time or catches up with what has changed, then reads which records were deleted. MODULE
    is an API name, or ORG/MODULE where there are several organisations. An empty database gets its ledger by itself.

    Ends when the watermarks have moved. Ctrl-C stops at the next point where the ledger is consistent; the next run
    resumes there.
    """
    from syncd.cli.failure import Interrupted
    from syncd.cli.foreground import one_pass
    from syncd.cli.results import exit_code
    from syncd.cli.stopping import stopped_by_signals
    from syncd.daemon.stop import StopRequest

    settings = invocation.settings()
    stop = StopRequest()
    with stopped_by_signals(stop.stop, "stopping at the next safe point; once more to leave at once") as signals:
        outcomes = one_pass(settings, modules, stop=stop, full=full, as_json=as_json)
    if signals:
        raise Interrupted(signals[0])
    return exit_code(outcomes, named=bool(modules))
