"""How passes are reported, and what a script learns from the exit code."""

import io
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime

import pytest

from syncd.cli import results
from syncd.core.model import LoadCounts, StreamKey
from syncd.errors import GrantRefused, NeedsOperator, Refused, TryLater, Unreachable
from syncd.sync.ports import RunOutcome

OK = RunOutcome(stream=StreamKey("default", "Deals"), state="ok")


def outcome(state: str, error: Exception | None = None) -> RunOutcome:
    return RunOutcome(stream=StreamKey("default", "Deals"), state=state, error=error)


UNREACHABLE = outcome("failed", Unreachable("x"))
WAITING = outcome("waiting", TryLater("x", after=1))
GRANT = outcome("parked", GrantRefused("x"))
PARKED = outcome("parked", NeedsOperator("x"))
REFUSED = outcome("parked", Refused("x", code="INVALID_MODULE"))


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([], 0),
        ([OK, OK], 0),
        ([OK, UNREACHABLE], 3),
        ([UNREACHABLE, UNREACHABLE], 69),
        ([WAITING], 75),
        ([GRANT, GRANT], 77),
        ([PARKED], 1),
        ([PARKED, REFUSED], 1),
        ([GRANT, UNREACHABLE], 1),
        ([outcome("skipped")], 75),
        ([outcome("skipped"), OK], 3),
        ([outcome("paused"), OK], 0),
    ],
)
def test_exit_code(outcomes: list[RunOutcome], code: int) -> None:
    assert results.exit_code(outcomes, named=False) == code


def test_a_paused_module_that_was_asked_for_is_a_failure() -> None:
    assert results.exit_code([outcome("paused")], named=True) == 1


def test_a_failure_is_told_on_stdout_and_its_fix_on_stderr() -> None:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        printer = results.Results([OK.stream], as_json=False, name=str)
        printer.run_finished(outcome("failed", Unreachable("no answer", where="zoho", why="refused", fix="wait")))
        printer.run_finished(outcome("skipped"))
    assert out.getvalue().splitlines() == [
        "default/Deals  failed   zoho: no answer: refused",
        "default/Deals  skipped  another process is syncing this module right now; nothing was done here",
    ]
    assert err.getvalue() == "               fix: wait\n"


def test_a_success_says_what_changed_and_how_fresh_it_is() -> None:
    done = RunOutcome(
        stream=OK.stream,
        state="ok",
        kinds=("fill", "catch-up"),
        run_id=7,
        counts=LoadCounts(read=1500, inserted=1400, updated=90, unchanged=10),
        fresh_to=datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
        seconds=75.2,
        notes=("something to know",),
    )
    assert results.line(done) == (
        "ok       fill+catch-up: 1 500 rows read, 1 400 new, 90 changed; fresh to 2026-03-01T12:00:00Z; 1 min"
    )


def test_a_reader_that_went_away_does_not_stop_the_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_text: str) -> None:
        raise BrokenPipeError

    let_go: list[int] = []
    monkeypatch.setattr("click.echo", gone)
    monkeypatch.setattr("syncd.cli.failure.let_go_of_stdout", lambda: let_go.append(1))
    printer = results.Results([OK.stream], as_json=True, name=str)
    printer.run_finished(OK)
    printer.run_finished(OK)
    assert let_go == [1]
