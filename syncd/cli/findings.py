"""What a check finds: one line for people, one object for machines."""

from dataclasses import dataclass
from typing import Any, Literal

import click

from syncd.cli.tables import on_terminal
from syncd.errors import ConfigWrong, Problem

Level = Literal["ok", "warn", "fail"]

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One result. `code` is the exit code that a failure stands for."""

    level: Level
    area: str
    text: str
    fix: str = ""
    code: int = 0

    def document(self) -> dict[str, Any]:
        """For machines; the keys are those of docs/json.md."""
        return {"level": self.level, "area": self.area, "what": self.text, "fix": self.fix}


def ok(area: str, text: str) -> Finding:
    """All is well."""
    return Finding("ok", area, text)


def warn(area: str, text: str, *, fix: str) -> Finding:
    """It works, but not as one may believe."""
    return Finding("warn", area, text, fix)


def failed(area: str, text: str, *, fix: str) -> Finding:
    """It does not work, for a reason that no other exit code names."""
    return Finding("fail", area, text, fix, 1)


def problem(area: str, found: Problem) -> Finding:
    """The configuration is wrong."""
    return Finding("fail", area, f"{found.where}: {found.what}", found.fix, ConfigWrong.exit_code)


def print_finding(finding: Finding) -> None:
    """Print a finding for people, on stdout."""
    level = finding.level.ljust(5)
    painted = click.style(level, fg=_COLOURS[finding.level]) if on_terminal() else level
    click.echo(f"{painted} {finding.area.ljust(10)} {finding.text}")
    if finding.fix:
        click.echo(f"{' ' * 17}fix: {finding.fix}")
