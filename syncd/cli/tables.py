"""Tables on stdout: aligned for a terminal, tab-separated for everything else.

For a terminal numbers are grouped and moments local; otherwise numbers are plain and moments ISO 8601 in UTC, so that
`cut` and `awk` can work with them.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import click

from syncd.cli.wording import grouped, local, stamp
from syncd.core.health import span


@dataclass(frozen=True, slots=True)
class Coloured:
    """A text that a terminal shows in a colour (a name of click.style)."""

    text: str
    colour: str


Value = str | int | datetime | timedelta | Coloured | None


def on_terminal() -> bool:
    """Whether a person reads stdout."""
    return sys.stdout.isatty()


def show(titles: Sequence[str], rows: Sequence[Sequence[Value]]) -> None:
    """Print a table; a row has one value per title."""
    if on_terminal():
        for line in aligned(titles, rows):
            click.echo(line)
    else:
        click.echo("\t".join(titles))
        for row in rows:
            click.echo("\t".join(plain(value) for value in row))


def aligned(titles: Sequence[str], rows: Sequence[Sequence[Value]]) -> list[str]:
    """The lines of a table for people; columns of numbers are aligned right. Colours are in the lines."""
    texts = [[human(value) for value in row] for row in rows]
    numeric = [all(isinstance(row[at], int | None) for row in rows) and bool(rows) for at in range(len(titles))]
    widths = [max(len(title), *(len(row[at]) for row in texts), 0) for at, title in enumerate(titles)]
    widths[-1] = 0 if not numeric[-1] else widths[-1]  # nothing follows that would have to be aligned
    lines = [click.style("  ".join(_padded(list(titles), widths, numeric)).rstrip(), bold=True)]
    for row, text in zip(rows, texts, strict=True):
        cells = _padded(text, widths, numeric)
        painted = [
            click.style(cell, fg=value.colour) if isinstance(value, Coloured) else cell
            for value, cell in zip(row, cells, strict=True)
        ]
        lines.append("  ".join(painted).rstrip())
    return lines


def _padded(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> list[str]:
    return [
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(cells, widths, numeric, strict=True)
    ]


def human(value: Value) -> str:
    """A value as a person reads it; None is a dash.

    >>> human(1204311), human(None), human("Leads")
    ('1 204 311', '-', 'Leads')
    """
    match value:
        case None:
            return "-"
        case Coloured():
            return value.text
        case int():
            return grouped(value)
        case datetime():
            return local(value)
        case timedelta():
            return span(value)
    return "".join(sign if sign.isprintable() else " " for sign in value)


def plain(value: Value) -> str:
    r"""A value as a script reads it: seconds for lengths, '' for None, nothing that would break a line.

    >>> plain(1204311), plain(None), plain(timedelta(minutes=2)), plain("two\nlines")
    ('1204311', '', '120', 'two lines')
    """
    match value:
        case None:
            return ""
        case Coloured():
            return value.text
        case int():
            return str(value)
        case datetime():
            return stamp(value)
        case timedelta():
            return str(round(value.total_seconds()))
    return " ".join(value.split())
