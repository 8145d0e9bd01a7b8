"""What `verify` says of a census, and its exit code."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from syncd.cli.verdicts import document, exit_code, line
from syncd.core.census import Census
from syncd.core.model import StreamKey
from syncd.errors import TryLater
from syncd.sync.ports import RunOutcome

KEY = StreamKey("acme", "Leads")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLEAN = Census(run_id=7, stream=KEY, at=NOON, compared=1200, missing=0, extra=0, stale=0)
REPAIRED = replace(CLEAN, missing=2, extra=1, stale=3, tombstoned=1, reread_run=8)
REFUSED = replace(CLEAN, extra=900, refused_deletes=900, reason="too many")


def ended(census: Census | None = None, **facts: Any) -> RunOutcome:
    return RunOutcome(stream=KEY, state="ok", census=census, seconds=1.25) if not facts else RunOutcome(
        stream=KEY, census=census, **facts
    )  # fmt: skip


WAITING = ended(state="waiting", error=TryLater("no credits", after=5))


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (ended(CLEAN), "1 200 compared, all as in Zoho; 1.2 s"),
        (ended(REPAIRED), "1 200 compared: 2 missing, 1 extra, 3 stale; 5 read again, 1 marked deleted; 1.2 s"),
        (ended(REFUSED), "1 200 compared: 0 missing, 900 extra, 0 stale; 900 left as they are; 1.2 s"),
        (ended(), "nothing was compared; 1.2 s"),
        (WAITING, "waiting  no credits"),
    ],
)
def test_a_line(outcome: RunOutcome, said: str) -> None:
    assert line(outcome) == said


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([], 0),
        ([ended(CLEAN), ended(REPAIRED)], 0),
        ([ended(CLEAN), ended(REFUSED)], 1),
        ([ended()], 1),
        ([WAITING], 75),
        ([WAITING, ended(CLEAN)], 3),
        ([ended(state="paused")], 1),
    ],
)
def test_the_exit_code(outcomes: list[RunOutcome], code: int) -> None:
    assert exit_code(outcomes) == code


def test_a_document() -> None:
    found = document(ended(REFUSED))
    assert (found["module"], found["state"], found["left"]) == ("Leads", "ok", True)
    assert found["census"] == {
        "run_id": "7",
        "at": "2026-03-01T12:00:00Z",
        "compared": 1200,
        "missing": 0,
        "extra": 900,
        "stale": 0,
        "tombstoned": 0,
        "refused_deletes": 900,
        "reason": "too many",
        "reread_run": None,
    }
    assert document(WAITING)["census"] is None
    assert not document(ended(REPAIRED))["left"]
