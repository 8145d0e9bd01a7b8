"""`syncd verify`: a census now, and what it found."""

import click

from syncd.cli.invocation import Invocation, configured, json_option


@click.command()
@click.argument("modules", nargs=-1, metavar="[MODULE]...")
@click.option(
    "--accept-deletes",
    is_flag=True,
    help="Mark rows deleted however many of them Zoho no longer shows. Needs a MODULE.",
)
@json_option
@configured
def verify(invocation: Invocation, modules: tuple[str, ...], accept_deletes: bool, as_json: bool) -> int:
    """Compare the ids of all records with the database, and put right what differs.

    Catches up first, then exports ids and stamps alone and compares: missing (in Zoho, not here), extra (here, no
    longer in Zoho), stale (older here). Missing and stale records are read again, extra rows are marked deleted,
    unless they are more than census_max_deleted allows. The daemon does the same on its own (census in the
    configuration); all results are in syncd.census.

    Ends with 0 when nothing was found or all of it was put right, with 1 when something is left.
    """
    from syncd.cli.failure import Interrupted
    from syncd.cli.foreground import one_pass
    from syncd.cli.stopping import stopped_by_signals
    from syncd.cli.verdicts import exit_code, tell
    from syncd.core.census import CensusCall
    from syncd.daemon.stop import StopRequest

    if accept_deletes and not modules:
        raise click.UsageError("--accept-deletes needs the names of the modules it is meant for")
    settings = invocation.settings()
    stop = StopRequest()
    call = CensusCall.ACCEPT_DELETES if accept_deletes else CensusCall.NOW
    with stopped_by_signals(stop.stop, "stopping at the next safe point; once more to leave at once") as signals:
        outcomes = one_pass(settings, modules, stop=stop, census=call, told=False)
    tell(outcomes, as_json=as_json, several_orgs=len(settings) > 1)
    if signals:
        raise Interrupted(signals[0])
    return exit_code(outcomes)
