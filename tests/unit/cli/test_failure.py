"""Every error of syncd becomes its text and its exit code at one place."""

import json
import os
import signal
import subprocess
import sys

import click
import pytest

from syncd.cli import failure
from syncd.cli.failure import Interrupted
from syncd.errors import (
    BadArchive,
    ConfigWrong,
    Draining,
    Fenced,
    GrantRefused,
    NeedsOperator,
    Problem,
    Refused,
    SyncdError,
    TryLater,
    Unreachable,
)

CODES: list[tuple[BaseException, int]] = [
    (Unreachable("x"), 69),
    (TryLater("x", after=3), 75),
    (GrantRefused("x"), 77),
    (ConfigWrong((Problem(where="a:1", what="b", fix="c"),)), 78),
    (Refused("x", code="INVALID_MODULE"), 1),
    (Refused("x", code="OAUTH_SCOPE_MISMATCH"), 77),
    (NeedsOperator("x"), 1),
    (BadArchive("x"), 1),
    (Fenced("x"), 1),
    (Draining("x"), 0),
    (click.UsageError("x"), 2),
    (click.ClickException("x"), 1),
    (Interrupted(signal.SIGTERM), 143),
    (KeyboardInterrupt(), 130),
    (click.Abort(), 130),
    (ZeroDivisionError("x"), 1),
]


@pytest.mark.parametrize(("error", "code"), CODES, ids=[f"{type(error).__name__}-{code}" for error, code in CODES])
def test_exit_codes(error: BaseException, code: int) -> None:
    assert failure.exit_code(error) == code


def test_every_remedy_has_a_code_here() -> None:
    covered = {type(error) for error, _ in CODES}
    assert set(SyncdError.__subclasses__()) <= covered


def test_an_error_is_told_in_lines(capsys: pytest.CaptureFixture[str]) -> None:
    error = Unreachable("PostgreSQL is not reachable", where="db, port 5432", why="refused", fix="start it")
    assert failure.report(error, as_json=False, debug=False) == 69
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "syncd: PostgreSQL is not reachable\n  where: db, port 5432\n  why: refused\nfix: start it\n"


@pytest.mark.parametrize("error", [error for error, _ in CODES if isinstance(error, SyncdError)], ids=str)
def test_every_error_ends_in_a_fix(error: SyncdError) -> None:
    last = failure.describe(error).splitlines()[-1].strip()
    assert last.startswith("fix: ")
    assert len(last) > len("fix: ")


def test_all_problems_of_a_configuration_are_told() -> None:
    error = ConfigWrong(
        (Problem(where="a.toml:2", what="no", fix="yes"), Problem(where="a.toml:7", what="nor", fix="so"))
    )
    assert failure.describe(error).splitlines() == [
        "syncd: 2 problems in the configuration",
        "  a.toml:2: no",
        "    fix: yes",
        "  a.toml:7: nor",
        "    fix: so",
    ]


def test_errors_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    error = ConfigWrong((Problem(where="a.toml:2", what="no", fix="yes"),))
    assert failure.report(error, as_json=True, debug=False) == 78
    assert json.loads(capsys.readouterr().err) == {
        "error": {
            "kind": "ConfigWrong",
            "what": "1 problem in the configuration",
            "where": "a.toml:2",
            "why": "no",
            "fix": "yes",
            "exit_code": 78,
            "problems": [{"where": "a.toml:2", "what": "no", "fix": "yes"}],
        }
    }


def test_a_bug_is_an_apology_and_its_traceback_only_for_those_who_ask(capsys: pytest.CaptureFixture[str]) -> None:
    bug = ZeroDivisionError("by zero")
    assert failure.report(bug, as_json=False, debug=False) == 1
    short = capsys.readouterr().err
    assert failure.report(bug, as_json=True, debug=True) == 1
    long = capsys.readouterr().err
    assert "it is a fault of syncd: ZeroDivisionError: by zero\nfix: " in short
    assert "Traceback" not in short
    assert "ZeroDivisionError: by zero" in long.splitlines()[-1]


def test_a_reader_that_goes_away_is_no_error() -> None:
    """`syncd export config | head -1`."""
    pipe = subprocess.Popen(
        [sys.executable, "-m", "syncd", "export", "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert pipe.stdout is not None
    pipe.stdout.close()
    _, err = pipe.communicate(timeout=60)
    assert err == b""
    assert pipe.returncode == 1


def test_debug_may_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from syncd.cli import main

    def broken() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(main, "_FIRST_STEPS", None)
    monkeypatch.setattr(main, "_is_configured", lambda _config: broken())
    monkeypatch.setenv("SYNCD_DEBUG", "1")
    assert main.run([]) == 1
    assert "Traceback" in capsys.readouterr().err
    os.environ.pop("SYNCD_DEBUG")
    assert main.run([]) == 1
    assert "Traceback" not in capsys.readouterr().err
