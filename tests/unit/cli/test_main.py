"""The command as a whole: its verbs, its help, and what it costs to ask for it."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import click
import pytest

from syncd.cli import main
from tests.command import environ, ran

DESIGNED = {
    "init",
    *("run", "sync", "status", "check", "plan", "modules", "runs", "rejected", "pause", "resume", "db", "export"),
    *("verify", "resync", "replay", "demo", "simulator", "completion", "calendar"),
}
HEAVY = ("sqlalchemy", "psycopg", "httpx2", "alembic", "pydantic", "apscheduler", "starlette", "structlog", "rich")


def test_the_verbs_are_those_of_the_design() -> None:
    assert set(main.syncd.list_commands(click.Context(main.syncd))) == DESIGNED


def test_help_names_every_verb_and_every_exit_code() -> None:
    told = ran("--help")
    assert told.code == 0
    for verb in DESIGNED:
        assert f"\n  {verb} " in told.out
    for code in ("0 ok", "1 failed", "2 usage", "3 some", "69", "75", "77", "78", "130", "143"):
        assert code in told.out


@pytest.mark.parametrize("verb", sorted(DESIGNED))
def test_every_verb_has_a_help_that_ends_in_options(verb: str) -> None:
    told = ran(verb, "--help")
    assert told.code == 0
    assert told.out.startswith(f"Usage: syncd {verb}")
    assert "\n  --help" in told.out


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from syncd.cli import main; code = main.run(['--help']); "
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_help_costs_less_than_a_tenth_of_a_second() -> None:
    """Of processor time, in the best of some tries: a busy machine must not fail this."""
    best = min(_cost([sys.executable, "-m", "syncd", "--help"]) for _ in range(7))
    assert best < 0.1


def _cost(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def test_without_a_configuration_it_says_how_to_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with environ({"PATH": os.environ["PATH"], "HOME": str(tmp_path)}):
        told = ran()
        assert told.code == 0
        assert len(told.out.splitlines()) == 3
        assert "syncd demo" in told.out
        assert "syncd init (or: syncd export config > syncd.toml)" in told.out
        (tmp_path / "syncd.toml").write_text("")
        assert ran().out.startswith("Usage: syncd")


def test_a_verb_that_does_not_exist_is_told_with_the_nearest_ones() -> None:
    told = ran("stauts")
    assert (told.code, told.out) == (2, "")
    assert "there is no command 'stauts'\nfix: did you mean status or pause?" in told.err
    assert "fix: the verbs are in: syncd --help" in ran("xyzzy").err


def test_wrong_usage_ends_in_a_fix() -> None:
    told = ran("status", "--colour")
    assert told.code == 2
    assert told.err.splitlines()[-1] == "fix: see syncd status --help"
    document = json.loads(ran("status", "--colour", "--json").err)["error"]
    assert (document["kind"], document["exit_code"]) == ("NoSuchOption", 2)


def test_versions() -> None:
    told = ran("--version")
    names = [line.split()[0] for line in told.out.splitlines()]
    assert names[:4] == ["syncd", "python", "libpq", "psycopg"]
    assert all(len(line.split()) == 2 for line in told.out.splitlines())


def test_completion_for_each_shell() -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "_SYNCD_COMPLETE" in ran("completion", shell).out


def test_completion_completes_verbs() -> None:
    asked = {"_SYNCD_COMPLETE": "bash_complete", "COMP_WORDS": "syncd sta", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "syncd"], env=os.environ | asked, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "plain,status"
