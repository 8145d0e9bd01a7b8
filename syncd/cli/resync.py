"""`syncd resync`: everything read again, in place."""

import click

from syncd.cli.invocation import Invocation, configured, json_option


@click.command()
@click.argument("modules", nargs=-1, required=True, metavar="MODULE...")
@json_option
@configured
def resync(invocation: Invocation, modules: tuple[str, ...], as_json: bool) -> int:
    """Read modules again from the beginning, and mark deleted what is gone.

    Rows are merged in place: the table is never empty, views and grants stay, rows that do not differ are not touched.
    Then all ids are compared, as `syncd verify` does. Worth it after something that stamps do not show: formulas that
    changed, a table that was tampered with, other rights of the API's user.
    """
    from syncd.cli.failure import Interrupted
    from syncd.cli.foreground import one_pass
    from syncd.cli.stopping import stopped_by_signals
    from syncd.cli.verdicts import exit_code
    from syncd.core.census import CensusCall
    from syncd.daemon.stop import StopRequest

    stop = StopRequest()
    with stopped_by_signals(stop.stop, "stopping at the next safe point; once more to leave at once") as signals:
        outcomes = one_pass(
            invocation.settings(), modules, stop=stop, full=True, census=CensusCall.NOW, as_json=as_json
        )
    if signals:
        raise Interrupted(signals[0])
    return exit_code(outcomes)
