"""`syncd runs`: the history, and one run in full."""

import click

from syncd.cli.invocation import Invocation, configured, json_option


@click.command()
@click.argument("words", nargs=-1, metavar="[MODULE | show RUN]")
@click.option("--failed", is_flag=True, help="Only runs that were given up.")
@click.option("-n", "--number", default=20, show_default=True, type=click.IntRange(min=1), help="How many.")
@json_option
@configured
def runs(invocation: Invocation, words: tuple[str, ...], failed: bool, number: int, as_json: bool) -> None:
    """The last runs, newest first; or with `show RUN` one run and its exports.

    A run is one execution of a module: the windows that it needed, their bulk read jobs, and what it did to the rows.
    """
    import json

    from syncd.cli import runs_text
    from syncd.cli.documents import run_detail_document, run_document
    from syncd.cli.ledgers import open_ledgers

    if len(words) > 2 or (len(words) == 2 and words[0] != "show"):
        raise click.UsageError(f"one module, or show RUN, and not {' '.join(words)!r}")
    with open_ledgers(invocation) as ledgers:
        if words and words[0] == "show":
            detail = runs_text.found(ledgers, words[1] if len(words) == 2 else "")
            if as_json:
                click.echo(json.dumps(run_detail_document(detail), ensure_ascii=False))
            else:
                runs_text.print_detail(ledgers, detail)
            return
        views = runs_text.newest(ledgers, words, failed=failed, limit=number)
        if as_json:
            click.echo(json.dumps({"runs": [run_document(view) for view in views]}, ensure_ascii=False))
        else:
            runs_text.print_runs(ledgers, views)
