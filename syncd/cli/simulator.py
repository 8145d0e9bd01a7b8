"""`syncd simulator`: the simulated Zoho alone."""

from collections.abc import Mapping

import click


@click.command()
@click.option("--port", default=8700, show_default=True, help="Port on 127.0.0.1; 0 takes any free one.")
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same records.")
@click.option("--rows", default="", metavar="MODULE=N,...", help="Records to start with, e.g. leads=20k,contacts=1m.")
@click.option("--traffic", default="0", show_default=True, metavar="N/s", help="Changes a second, of all kinds.")
@click.option(
    "--faults", default="", metavar="NAME,...", help="Faults to begin with: 429, stall:download=2, reset=5%, ..."
)
@click.option("--job-seconds", default=0.0, show_default=True, help="How long a bulk read job waits and runs.")
@click.option("--rows-per-page", default=200_000, show_default=True, help="Rows of one result file.")
@click.option("--downloads-per-minute", default=10, show_default=True, help="Downloads that are allowed.")
@click.option(
    "--switch", "switches", multiple=True, metavar="NAME=VALUE", help="How Zoho behaves where it is not known."
)
@click.option("--with-parent", is_flag=True, hidden=True, help="Stop when stdin ends, as it does with its writer.")
def simulator(
    *,
    port: int,
    seed: int,
    rows: str,
    traffic: str,
    faults: str,
    job_seconds: float,
    rows_per_page: int,
    downloads_per_minute: int,
    switches: tuple[str, ...],
    with_parent: bool,
) -> None:
    """A simulated Zoho CRM on this machine, for trials and rehearsals.

    It prints its address and the secrets that it takes, and runs until Ctrl-C. Its control API is at /_sim/.
    """
    from syncd.cli.lifeline import follow_stdin
    from syncd.simulator import Behaviour, JobTiming

    if with_parent:
        follow_stdin()
    try:
        _serve(
            port=port,
            seed=seed,
            rows=rows,
            traffic=traffic,
            faults=faults,
            config={
                "rows_per_page": rows_per_page,
                "downloads_per_minute": downloads_per_minute,
                "timing": JobTiming(queued=job_seconds / 3, running=job_seconds * 2 / 3),
                "behaviour": Behaviour().changed(dict(_switch(text) for text in switches)),
            },
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _serve(*, port: int, seed: int, rows: str, traffic: str, faults: str, config: Mapping[str, object]) -> None:
    """Run it until a signal comes. ValueError for an option that says nothing it knows."""
    import threading

    from syncd.cli.stopping import stopped_by_signals
    from syncd.simulator import main

    ended = threading.Event()
    with stopped_by_signals(ended.set, "stopping"):
        try:
            main(
                port=port,
                seed=seed,
                rows=rows,
                traffic=traffic,
                faults=faults,
                config=config,
                announce=click.echo,
                stop=ended,
            )
        except OSError as error:
            raise click.ClickException(
                f"cannot listen on 127.0.0.1:{port}: {error.strerror}\nfix: choose another --port, or 0 for any"
            ) from error


def _switch(text: str) -> tuple[str, object]:
    """`between=closed` as a name and a value; numbers, true, false and null are what they are in JSON."""
    import json

    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"switch {text!r}: write NAME=VALUE")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value
