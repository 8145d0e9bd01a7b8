"""The one place where an error becomes text on stderr and an exit code.

Whatever a verb raises ends here: errors of syncd with what, where, why and `fix:`, wrong usage with click's own words,
a closed pipe in silence, and a bug with a short apology instead of a traceback.
"""

import json
import os
import signal
import sys
import traceback
from typing import Any

import click

from syncd.errors import BadArchive, ConfigWrong, Fenced, GrantRefused, Refused, SyncdError, Unreachable

USAGE = 2
FAILED = 1
SOME_FAILED = 3
INTERRUPTED = 128 + signal.SIGINT


_FIXES: tuple[tuple[type[SyncdError], str], ...] = (
    (Unreachable, "see that this machine reaches it (network, proxy, firewall) and that it is up; then try again"),
    (GrantRefused, "make a new grant in Zoho's API console and put its secrets in place; then: syncd check"),
    (Refused, "see what Zoho objects to with: syncd check"),
    (BadArchive, "nothing to do: the file is fetched or exported again"),
    (Fenced, "nothing to do: another process goes on with this module"),
    (SyncdError, "see what is wrong with: syncd check"),
)
"""For errors that do not say it themselves."""


class Interrupted(Exception):
    """A signal stopped the command at a safe point; `number` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number


def report(error: BaseException, *, as_json: bool, debug: bool) -> int:
    """Say on stderr what went wrong and return the exit code of the process."""
    if isinstance(error, BrokenPipeError):
        let_go_of_stdout()
        return FAILED
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else FAILED
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    code = exit_code(error)
    text = json.dumps({"error": document(error)}, ensure_ascii=False) if as_json else describe(error)
    print(text, file=sys.stderr)
    if debug and not isinstance(error, click.ClickException):
        traceback.print_exception(error, file=sys.stderr)
    return code


def exit_code(error: BaseException) -> int:
    """The exit code that an error stands for; the table is in the README."""
    match error:
        case Refused(code="OAUTH_SCOPE_MISMATCH"):
            return GrantRefused.exit_code
        case SyncdError() | click.ClickException():
            return error.exit_code
        case Interrupted():
            return 128 + error.number
        case KeyboardInterrupt() | click.Abort():
            return INTERRUPTED
    return FAILED


def fix_of(error: BaseException | None) -> str:
    """What the reader can do: what the error says itself, else what goes for its kind; '' for no error of syncd."""
    if not isinstance(error, SyncdError):
        return ""
    return error.fix or next((fix for kind, fix in _FIXES if isinstance(error, kind)), "")


def describe(error: BaseException) -> str:
    """An error for people, in lines: what, where, why, and last `fix:`."""
    match error:
        case ConfigWrong():
            return "\n".join(_problems(error))
        case SyncdError():
            return "\n".join(_lines(error))
        case click.UsageError():
            usage = f"{error.ctx.get_usage()}\n" if error.ctx else ""
            return f"{usage}{_with_fix(error)}"
        case click.ClickException():
            return f"syncd: {error.format_message()}"
        case Interrupted() | KeyboardInterrupt() | click.Abort():
            return f"syncd: {error}" if isinstance(error, Interrupted) else "syncd: stopped by SIGINT"
    return (
        f"syncd: this should not have happened, and it is a fault of syncd: {type(error).__name__}: {error}\n"
        "fix: repeat it with SYNCD_DEBUG=1 and report what it prints; nothing is half done, the next start goes on"
    )


def document(error: BaseException) -> dict[str, Any]:
    """An error for machines; the keys are those of docs/json.md."""
    known = error if isinstance(error, SyncdError) else None
    what = error.format_message() if isinstance(error, click.ClickException) else str(error)
    found: dict[str, Any] = {
        "kind": type(error).__name__,
        "what": known.what if known else what or type(error).__name__,
        "where": known.where if known else "",
        "why": known.why if known else "",
        "fix": fix_of(error),
        "exit_code": exit_code(error),
    }
    if isinstance(error, ConfigWrong):
        found["problems"] = [
            {"where": problem.where, "what": problem.what, "fix": problem.fix} for problem in error.problems
        ]
    return found


def _problems(error: ConfigWrong) -> list[str]:
    lines = [f"syncd: {error.what}"]
    for problem in error.problems:
        lines += [f"  {problem.where}: {problem.what}", f"    fix: {problem.fix}"]
    return lines


def _lines(error: SyncdError) -> list[str]:
    lines = [f"syncd: {error.what}"]
    lines += [f"  where: {error.where}"] if error.where else []
    lines += [f"  why: {error.why}"] if error.why else []
    return [*lines, f"fix: {fix_of(error)}"]


def _with_fix(error: click.UsageError) -> str:
    said = error.format_message()
    name = error.ctx.command_path if error.ctx else "syncd"
    return f"syncd: {said}" if "\nfix: " in said else f"syncd: {said}\nfix: see {name} --help"


def let_go_of_stdout() -> None:
    """Nobody reads any more: what is still in the buffer must not become a second error at exit.

    https://docs.python.org/3/library/signal.html#note-on-sigpipe
    """
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)
