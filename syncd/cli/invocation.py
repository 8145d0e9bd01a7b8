"""What all verbs share: where the configuration is, and the options that every verb takes."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from syncd.settings.settings import Settings

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Invocation:
    """One command line. `config` is what --config says, before or after the verb."""

    config: Path | None = None
    debug: bool = False

    def settings(self, *, secrets: bool = True) -> "tuple[Settings, ...]":
        """The configuration, read anew; with `secrets` False only those of the database. Raises ConfigWrong."""
        from syncd.settings.load import load

        return load(self.config, os.environ, secrets=secrets)


def configured(function: Callable[..., T]) -> Callable[..., T]:
    """Give a verb its --config, so that it may stand behind the verb too, and the invocation as first argument."""

    def remember(ctx: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
        found = ctx.find_object(Invocation)
        if value is not None and found is not None:
            found.config = value

    option = click.option(
        "--config",
        type=click.Path(path_type=Path),
        expose_value=False,
        callback=remember,
        help="As before the verb: the configuration's file or folder.",
    )
    return option(click.pass_obj(function))


def json_option(function: Callable[..., T]) -> Callable[..., T]:
    """Give a verb its --json. That errors are JSON then as well is seen to in `main`."""
    option = click.option("--json", "as_json", is_flag=True, help="Print JSON, the contract of docs/json.md.")
    return option(function)
