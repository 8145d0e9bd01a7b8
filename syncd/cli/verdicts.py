"""What censuses came to: a line or a JSON object each, and the exit code of them all."""

import json
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import click

from syncd.cli import failure, results
from syncd.cli.documents import outcome_document
from syncd.cli.wording import grouped, lasted, stamp
from syncd.core.census import Census
from syncd.sync.ports import RunOutcome


def tell(outcomes: Sequence[RunOutcome], *, as_json: bool, several_orgs: bool) -> None:
    """Print a line per module on stdout; what its reader should do or know goes to stderr below it."""
    names = [str(outcome.stream) if several_orgs else outcome.stream.module for outcome in outcomes]
    width = max(map(len, names), default=0)
    for name, outcome in zip(names, outcomes, strict=True):
        if as_json:
            click.echo(json.dumps(document(outcome), ensure_ascii=False))
            continue
        click.echo(f"{name.ljust(width)}  {line(outcome)}")
        fix = failure.fix_of(outcome.error)
        for said in [*([f"fix: {fix}"] if fix else []), *(f"note: {note}" for note in outcome.notes)]:
            print(f"{' ' * width}  {said}", file=sys.stderr, flush=True)


def is_left(outcome: RunOutcome) -> bool:
    """Whether something found, or something not even looked for, is still to be put right."""
    return outcome.state != "ok" or outcome.census is None or bool(outcome.census.refused_deletes)


def exit_code(outcomes: Sequence[RunOutcome]) -> int:
    """0: every table is as Zoho is, or was put right; 1: something is left; else what the passes failed with."""
    failed = results.exit_code(outcomes, named=True)
    return failed or (failure.FAILED if any(map(is_left, outcomes)) else 0)


def line(outcome: RunOutcome) -> str:
    """What a census found and what was done about it, for people, without the stream's name."""
    if outcome.state != "ok":
        return results.line(outcome)
    found, seconds = outcome.census, lasted(timedelta(seconds=outcome.seconds))
    if found is None:
        return f"nothing was compared; {seconds}"
    if found.is_clean:
        return f"{grouped(found.compared)} compared, all as in Zoho; {seconds}"
    return (
        f"{grouped(found.compared)} compared: {grouped(found.missing)} missing, {grouped(found.extra)} extra,"
        f" {grouped(found.stale)} stale; {_done(found)}; {seconds}"
    )


def _done(found: Census) -> str:
    parts = (
        (found.missing + found.stale, "read again"),
        (found.tombstoned, "marked deleted"),
        (found.refused_deletes, "left as they are"),
    )
    return ", ".join(f"{grouped(number)} {word}" for number, word in parts if number)


def document(outcome: RunOutcome) -> dict[str, Any]:
    """What a census found, for machines: the outcome of the pass, with `census` and whether something is `left`."""
    found = outcome.census
    census = None if found is None else {
        "run_id": str(found.run_id),
        "at": stamp(found.at),
        "compared": found.compared,
        "missing": found.missing,
        "extra": found.extra,
        "stale": found.stale,
        "tombstoned": found.tombstoned,
        "refused_deletes": found.refused_deletes,
        "reason": found.reason,
        "reread_run": None if found.reread_run is None else str(found.reread_run),
    }  # fmt: skip
    return outcome_document(outcome) | {"census": census, "left": is_left(outcome)}
