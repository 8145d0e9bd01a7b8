from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.health import (
    Health,
    State,
    assess,
    assess_all,
    headline,
    overall,
    span,
    status_document,
    unlisted,
    unreadable_document,
    worst_first,
)
from syncd.core.model import LoadCounts, ModuleStatus, RunKind, StreamKey
from syncd.core.status import Activity

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
DUE = timedelta(minutes=45)
LEADS = StreamKey("default", "Leads")


def fresh(minutes: float, module: str = "Leads", org: str = "default") -> ModuleStatus:
    return replace(unlisted(StreamKey(org, module)), watermark=NOW - timedelta(minutes=minutes))


def filling(done: int, left: int, module: str = "Leads") -> ModuleStatus:
    status = unlisted(StreamKey("default", module))
    return replace(status, run_kind=RunKind.FILL, done_jobs=done, open_jobs=left)


def doing(**facts: object) -> Activity:
    return replace(Activity(stream=LEADS), **facts)  # type: ignore[arg-type]


BROKEN = doing(failures=2, state="failed", error="no answer", fix="wait")

CASES = [
    (unlisted(LEADS), None, State.PENDING),
    (unlisted(LEADS), doing(running_since=NOW), State.LOADING),
    (unlisted(LEADS), BROKEN, State.FAILED),
    (filling(1, 3), None, State.LOADING),
    (filling(1, 3), BROKEN, State.FAILED),
    (fresh(3), None, State.OK),
    (fresh(45), None, State.OK),
    (fresh(45.01), None, State.LATE),
    (fresh(3), BROKEN, State.FAILED),
    (fresh(90), BROKEN, State.LATE),
    (replace(fresh(90), parked="no permission"), BROKEN, State.PARKED),
    (replace(fresh(3), paused=True), None, State.PAUSED),
    (replace(fresh(90), paused=True, parked="x"), None, State.PAUSED),
    (replace(fresh(3), last_error="abandoned"), None, State.FAILED),
    (replace(fresh(3), last_error="abandoned"), doing(state="ok"), State.OK),
    (replace(fresh(3), last_error="abandoned", run_kind=RunKind.CATCH_UP), None, State.OK),
    (replace(fresh(3), trouble="no answer"), None, State.FAILED),
    (replace(fresh(3), trouble="no answer"), doing(queued=True), State.FAILED),
    (replace(fresh(3), trouble="quota"), doing(state="waiting"), State.OK),
    (replace(fresh(90), trouble="no answer"), None, State.LATE),
    (replace(filling(1, 3), trouble="no answer"), None, State.FAILED),
]


@pytest.mark.parametrize(("status", "activity", "state"), CASES)
def test_state(status: ModuleStatus, activity: Activity | None, state: State) -> None:
    assert assess(status, DUE, NOW, activity).state is state


@pytest.mark.parametrize(
    ("status", "activity", "alarming"),
    [
        (fresh(3), None, False),
        (fresh(90), None, True),
        (fresh(3), BROKEN, False),
        (unlisted(LEADS), BROKEN, True),
        (replace(fresh(3), parked="no permission"), None, True),
        (replace(fresh(90), paused=True), None, False),
        (unlisted(LEADS), None, False),
    ],
)
def test_alarm_is_for_what_a_person_must_see(status: ModuleStatus, activity: Activity | None, alarming: bool) -> None:
    assert assess(status, DUE, NOW, activity).alarming is alarming


def test_the_cause_and_the_fix_come_along() -> None:
    late = assess(fresh(90), DUE, NOW, BROKEN)
    assert (late.why, late.fix, late.lag) == ("no answer", "wait", timedelta(minutes=90))
    waiting = assess(fresh(90), DUE, NOW, doing(waiting_for="downloads: 10 a minute are used"))
    assert waiting.why == "downloads: 10 a minute are used"
    assert assess(fresh(3), DUE, NOW, doing(fix="stale")).fix == ""


def test_lag_is_never_negative_and_progress_is_a_share() -> None:
    assert assess(fresh(-5), DUE, NOW).lag == timedelta(0)
    assert assess(filling(1, 3), DUE, NOW).progress == 0.25
    assert assess(fresh(1), DUE, NOW).progress is None


def test_configured_streams_only_and_unknown_ones_pending() -> None:
    tasks = StreamKey("default", "Tasks")
    found = assess_all([fresh(1), fresh(1, "Old")], {LEADS: DUE, tasks: DUE}, NOW, [Activity(stream=tasks)])
    assert [(one.stream.module, one.state) for one in found] == [("Tasks", State.PENDING), ("Leads", State.OK)]


@given(st.permutations([assess(status, DUE, NOW, activity) for status, activity, _ in CASES]))
def test_worst_first_whatever_the_order(healths: list[Health]) -> None:
    ranked = [one.state for one in worst_first(healths)]
    assert ranked == sorted(ranked, key=list(State).index)
    assert overall(healths) is State.PARKED


def test_a_paused_stream_does_not_hide_the_others() -> None:
    paused = assess(replace(fresh(1), paused=True), DUE, NOW)
    assert overall([paused, assess(fresh(1), DUE, NOW)]) is State.OK
    assert overall([paused]) is State.PAUSED
    assert overall([]) is State.PENDING


@pytest.mark.parametrize(
    ("statuses", "sentence"),
    [
        ([], "no modules are configured"),
        ([fresh(4)], "the one module is fresh, 4 min behind"),
        ([fresh(4), fresh(9, "Deals")], "all 2 modules are fresh; the oldest is 9 min behind"),
        ([fresh(4), replace(fresh(9, "Deals"), paused=True)], "1 module is fresh, 1 paused, 4 min behind"),
        ([replace(fresh(9), paused=True)], "1 module is paused"),
        ([fresh(1), fresh(93, "Deals")], "1 of 2 modules are fresh; Deals is 1 h 33 min behind (due within 45 min)"),
        ([filling(11, 7)], "0 of 1 module is fresh; Leads is loading (61 %)"),
        ([unlisted(LEADS)], "0 of 1 module is fresh; Leads waits for its first run"),
        (
            [replace(fresh(1), parked="no permission"), fresh(93, "Deals"), filling(0, 2, "Tasks"), fresh(99, "Old")],
            "0 of 4 modules are fresh; Leads is parked: no permission; also 2 late, 1 loading",
        ),
        (
            [fresh(93), fresh(1, org="acme")],
            "1 of 2 modules are fresh; default/Leads is 1 h 33 min behind (due within 45 min)",
        ),
    ],
)
def test_headline(statuses: list[ModuleStatus], sentence: str) -> None:
    assert headline([assess(status, DUE, NOW) for status in statuses]) == sentence


@given(st.integers(min_value=0, max_value=10**9))
def test_span_never_says_more_than_is_true(seconds: int) -> None:
    units = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}
    words = span(timedelta(seconds=seconds)).split()
    said = sum(int(number) * units[unit] for number, unit in zip(words[::2], words[1::2], strict=True))
    assert said <= seconds < said + max(units[words[-1]], 1) * (1 if len(words) > 2 else 60)


def test_the_document_is_a_contract() -> None:
    counts = LoadCounts(read=9, inserted=4, updated=3, unchanged=1, rejected=1, bad_values=7, deleted=2)
    status = replace(
        fresh(93),
        rows=88214,
        last_run_id=9_007_199_254_740_993,
        last_started_at=NOW - timedelta(minutes=94),
        last_finished_at=NOW - timedelta(minutes=93, microseconds=1),
        last_outcome="ok",
        last_counts=counts,
        run_kind=RunKind.CATCH_UP,
        open_jobs=1,
        rejected_values=2,
        partial_columns=3,
        refused_fields=4,
    )
    health = assess(status, DUE, NOW, doing(failures=1, error="no answer", fix="wait", next_at=NOW))
    assert status_document([health], now=NOW) == {
        "version": 1,
        "at": "2026-11-25T12:00:00Z",
        "ok": False,
        "state": "late",
        "headline": "0 of 1 module is fresh; Leads is 1 h 33 min behind (due within 45 min): no answer",
        "modules": [
            {
                "org": "default",
                "module": "Leads",
                "state": "late",
                "alarming": True,
                "why": "no answer",
                "fix": "wait",
                "fresh_to": "2026-11-25T10:27:00Z",
                "lag_seconds": 5580.0,
                "deadline_seconds": 2700.0,
                "rows": 88214,
                "progress": 0.0,
                "running": {"kind": "catch-up", "done_jobs": 0, "open_jobs": 1},
                "last_run": {
                    "id": "9007199254740993",
                    "started_at": "2026-11-25T10:26:00Z",
                    "finished_at": "2026-11-25T10:26:59Z",
                    "outcome": "ok",
                    "error": "",
                    "counts": {"read": 9, "inserted": 4, "updated": 3, "unchanged": 1, "rejected": 1, "deleted": 2},
                },
                "next_at": "2026-11-25T12:00:00Z",
                "rejected_values": 2,
                "partial_columns": 3,
                "refused_fields": 4,
            }
        ],
    }


def test_the_document_of_an_unreadable_ledger_has_the_same_keys() -> None:
    document = unreadable_document("PostgreSQL does not answer", now=NOW)
    assert document.keys() == status_document([], now=NOW).keys()
    assert not document["ok"]
    assert "PostgreSQL does not answer" in document["headline"]
