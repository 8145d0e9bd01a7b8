"""The entry of the `syncd` command: which verbs there are, and the outermost boundary of the process.

Verbs are imported when they are needed. What a verb raises becomes text and an exit code in `failure`, nowhere else.
"""

import difflib
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from syncd.cli import failure
from syncd.cli.invocation import Invocation

SECTIONS: Mapping[str, Mapping[str, str]] = {
    "Try it": {"demo": "demo", "simulator": "simulator"},
    "Set up": {"init": "init", "check": "check", "modules": "modules", "plan": "plan", "export": "export", "db": "db"},
    "Sync": {"run": "run", "sync": "sync", "pause": "pause", "resume": "pause"},
    "Look": {"status": "status", "runs": "runs", "rejected": "rejected"},
    "Prove": {"verify": "verify", "resync": "resync", "replay": "replay"},
    "Calendars": {"calendar": "calendar"},
    "Shell": {"completion": "completion"},
}
"""The verbs by heading, each with the file of this package that holds it."""

_FILES = {verb: file for verbs in SECTIONS.values() for verb, file in verbs.items()}

EXIT_CODES = """\b
Exit codes: 0 ok, 1 failed, 2 usage, 3 some modules failed, 69 Zoho or PostgreSQL unreachable, 75 try later,
77 token or grant refused, 78 configuration wrong, 130 stopped by Ctrl-C, 143 by SIGTERM."""

_FIRST_STEPS = """\
to see it work, without Zoho and without a database:   syncd demo
to begin with your own organisation:                   syncd init (or: syncd export config > syncd.toml)
everything there is:                                   syncd --help, and README.md
"""


class Verbs(click.Group):
    """The verbs, imported one by one."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        return list(_FILES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _FILES:
            return None
        command = getattr(importlib.import_module(f"syncd.cli.{_FILES[cmd_name]}"), cmd_name)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in _FILES and not name.startswith("-") and not ctx.resilient_parsing:
            near = difflib.get_close_matches(name, _FILES, n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join(near)}?" if near else "the verbs are in: syncd --help"
            raise click.UsageError(f"there is no command {name!r}\nfix: {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for heading, verbs in SECTIONS.items():
            with formatter.section(heading):
                commands = [(verb, self.get_command(ctx, verb)) for verb in verbs]
                formatter.write_dl(
                    [(verb, command.get_short_help_str(90)) for verb, command in commands if command is not None]
                )


def _print_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from syncd.cli.versions import versions

    for name, version in versions():
        click.echo(f"{name} {version}")
    ctx.exit()


@click.group(cls=Verbs, invoke_without_command=True, epilog=EXIT_CODES)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Configuration: a file, or a folder with one file per organisation. Left out: $SYNCD_CONFIG, ./syncd.toml, "
    "~/.config/syncd/syncd.toml, /etc/syncd/syncd.toml.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error ($SYNCD_DEBUG does too).")
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the versions."
)
@click.pass_context
def syncd(ctx: click.Context, config: Path | None, debug: bool) -> None:
    """Keep a PostgreSQL database in step with Zoho CRM."""
    ctx.obj = Invocation(config=config, debug=debug)
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help() if _is_configured(config) else _FIRST_STEPS, nl=_is_configured(config))


def _is_configured(config: Path | None) -> bool:
    from syncd.errors import ConfigWrong
    from syncd.settings.places import find_configuration

    try:
        find_configuration(config, os.environ, Path.cwd())
    except ConfigWrong:
        return False
    return True


def entry() -> None:
    """The console script: runs the command of sys.argv and leaves the process."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code. Raises nothing."""
    as_json = "--json" in arguments
    try:
        result = syncd.main(args=list(arguments), prog_name="syncd", standalone_mode=False)
        sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 (the outermost boundary of the process)
        return failure.report(error, as_json=as_json, debug="--debug" in arguments or "SYNCD_DEBUG" in os.environ)
    return result if isinstance(result, int) else 0
