"""Tables: for people aligned and grouped, for scripts one tab between values."""

from datetime import UTC, datetime, timedelta

import click
import pytest

from syncd.cli import tables
from syncd.cli.tables import Coloured

TITLES = ("MODULE", "ROWS", "STATE", "LAG", "FRESH TO")
ROWS: list[list[tables.Value]] = [
    ["Deals", 1_204_311, Coloured("late", "red"), timedelta(minutes=93), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)],
    ["Audit\tTrail", None, Coloured("ok", "green"), None, None],
]


def test_aligned_for_people() -> None:
    lines = [click.unstyle(line) for line in tables.aligned(TITLES, ROWS)]
    assert lines[0] == "MODULE            ROWS  STATE  LAG         FRESH TO"
    assert lines[1].startswith("Deals        1 204 311  late   1 h 33 min  2026-01-0")
    assert lines[2] == "Audit Trail          -  ok     -           -"


def test_states_are_coloured() -> None:
    assert "\x1b[31mlate" in tables.aligned(TITLES, ROWS)[1]


def test_tab_separated_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    tables.show(TITLES, ROWS)
    assert capsys.readouterr().out.splitlines() == [
        "MODULE\tROWS\tSTATE\tLAG\tFRESH TO",
        "Deals\t1204311\tlate\t5580\t2026-01-02T03:04:05Z",
        "Audit Trail\t\tok\t\t",
    ]


def test_on_a_terminal_it_is_aligned(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "on_terminal", lambda: True)
    tables.show(TITLES, [])
    assert capsys.readouterr().out == "MODULE  ROWS  STATE  LAG  FRESH TO\n"
