"""How passes over streams ended: a line or a JSON object each, and the exit code of them all."""

import json
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta

import click

from syncd.cli import failure
from syncd.cli.documents import outcome_document
from syncd.cli.tables import on_terminal
from syncd.cli.wording import changes, grouped, lasted, local, stamp
from syncd.core.model import Job, LoadCounts, Run, StreamKey
from syncd.sync.ports import RunOutcome

_COLOURS = {"ok": "green", "skipped": "yellow", "paused": "yellow", "waiting": "yellow", "drained": "yellow"}
_WITHOUT_ERROR = {
    "skipped": "another process is syncing this module right now; nothing was done here",
    "paused": "an operator paused this module; nothing was done",
}
_BUSY = 75
"""The exit code for a module that another process holds: nothing to do but try again later."""


class Results:
    """An observer of runs that prints how each pass ended, as it ends. `name` says what a stream is called."""

    def __init__(self, keys: Sequence[StreamKey], *, as_json: bool, name: Callable[[StreamKey], str]) -> None:
        self._as_json = as_json
        self._name = name
        self._width = max((len(name(key)) for key in keys), default=0)
        self._lock = threading.Lock()
        self._heard = True

    def run_finished(self, outcome: RunOutcome) -> None:
        with self._lock:
            if self._as_json:
                self._say(json.dumps(outcome_document(outcome), ensure_ascii=False))
                return
            name = self._name(outcome.stream)
            self._say(f"{name.ljust(self._width)}  {line(outcome)}")
            for said in _remarks(outcome):
                print(f"{' ' * self._width}  {said}", file=sys.stderr, flush=True)

    def run_started(self, run: Run, jobs: int) -> None: ...

    def job_moved(self, run: Run, job: Job) -> None: ...

    def job_loaded(self, run: Run, job: Job, counts: LoadCounts, open_jobs: int) -> None: ...

    def waiting(self, key: StreamKey, why: str, seconds: float) -> None: ...

    def _say(self, text: str) -> None:
        """A reader that went away must not stop the runs."""
        if not self._heard:
            return
        try:
            click.echo(text)
        except BrokenPipeError:
            self._heard = False
            failure.let_go_of_stdout()


def line(outcome: RunOutcome) -> str:
    """How a pass ended, for people, without the stream's name."""
    state = outcome.state.ljust(7)
    coloured = click.style(state, fg=_COLOURS.get(outcome.state, "red")) if on_terminal() else state
    if outcome.state != "ok":
        return f"{coloured}  {outcome.error or _WITHOUT_ERROR.get(outcome.state, '')}".rstrip()
    moment = local if on_terminal() else stamp
    fresh = f"fresh to {moment(outcome.fresh_to)}" if outcome.fresh_to else "not loaded yet"
    what = f"{'+'.join(outcome.kinds)}: {grouped(outcome.counts.read)} rows read, " if outcome.kinds else ""
    return f"{coloured}  {what}{changes(outcome.counts)}; {fresh}; {lasted(timedelta(seconds=outcome.seconds))}"


def exit_code(outcomes: Sequence[RunOutcome], *, named: bool) -> int:
    """The exit code of a whole pass: 0 when all went well, 3 when some did, else what they failed with.

    A paused module is as its operator wants it, unless it was asked for by name (`named`).
    """
    codes = [_code(outcome, named=named) for outcome in outcomes]
    if not any(codes):
        return 0
    if not all(codes):
        return failure.SOME_FAILED
    return codes[0] if len(set(codes)) == 1 else failure.FAILED


def _code(outcome: RunOutcome, *, named: bool) -> int:
    match outcome.state:
        case "ok":
            return 0
        case "paused":
            return failure.FAILED if named else 0
        case "skipped":
            return _BUSY
    return (failure.exit_code(outcome.error) if outcome.error else 0) or failure.FAILED


def _remarks(outcome: RunOutcome) -> list[str]:
    """What goes to stderr below a result: the fix, and notes."""
    fix = failure.fix_of(outcome.error)
    if outcome.state == "paused":
        fix = f"syncd resume {outcome.stream.module}"
    return [*([f"fix: {fix}"] if fix else []), *(f"note: {note}" for note in outcome.notes)]
