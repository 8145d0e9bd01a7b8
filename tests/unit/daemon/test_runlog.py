from datetime import UTC, datetime

from structlog.testing import capture_logs

from syncd.core.census import Census
from syncd.core.model import LoadCounts, StreamKey
from syncd.daemon.runlog import RunLog, run_fields
from syncd.errors import Draining, Refused, TryLater, Unreachable
from syncd.sync.ports import RunOutcome

KEY = StreamKey("default", "Leads")
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
OK = RunOutcome(
    stream=KEY,
    state="ok",
    kinds=("catch-up", "columns"),
    run_id=9_007_199_254_740_993,
    jobs=2,
    counts=LoadCounts(read=9, inserted=4, updated=3, unchanged=1, rejected=1, bad_values=7, deleted=2),
    fresh_to=datetime(2026, 11, 25, 12, 0, 0, 999, tzinfo=UTC),
    seconds=1.23456,
    notes=("a note", "another"),
)


def failed(text: str = "no answer") -> RunOutcome:
    return RunOutcome(stream=KEY, state="failed", error=Unreachable(text, fix="wait"))


def test_the_line_of_a_good_pass() -> None:
    assert run_fields(OK) == {
        "org": "default",
        "module": "Leads",
        "state": "ok",
        "kinds": "catch-up+columns",
        "run": "9007199254740993",
        "jobs": 2,
        "read": 9,
        "inserted": 4,
        "updated": 3,
        "unchanged": 1,
        "rejected": 1,
        "bad_values": 7,
        "deleted": 2,
        "seconds": 1.235,
        "fresh_to": "2026-11-25T12:00:00Z",
        "notes": "a note; another",
    }


def test_a_census_is_told() -> None:
    census = Census(run_id=1, stream=KEY, at=NOW, compared=9, missing=0, extra=2, stale=1, tombstoned=2)
    fields = run_fields(RunOutcome(stream=KEY, state="ok", census=census))
    found = {name: value for name, value in fields.items() if name.startswith("census_")}
    assert found == {"census_missing": 0, "census_extra": 2, "census_stale": 1, "census_tombstoned": 2}


def test_the_line_of_a_refusal_names_code_and_fix() -> None:
    error = Refused("Zoho refuses this module", code="INVALID_MODULE", where="Leads", why="gone", fix="remove it")
    fields = run_fields(RunOutcome(stream=KEY, state="parked", error=error))
    assert fields["error"] == "Leads: Zoho refuses this module: gone"
    assert (fields["error_kind"], fields["code"], fields["fix"]) == ("Refused", "INVALID_MODULE", "remove it")
    assert "read" not in fields


def test_zero_counts_are_said_and_a_drain_is_no_error() -> None:
    quiet = RunOutcome(stream=KEY, state="ok", run_id=1)
    assert run_fields(quiet)["read"] == 0
    assert "error" not in run_fields(RunOutcome(stream=KEY, state="drained", error=Draining("stop")))


def test_one_line_a_pass_with_a_level_that_fits() -> None:
    log = RunLog()
    with capture_logs() as lines:
        log.write(OK, failed_before=0)
        log.write(RunOutcome(stream=KEY, state="waiting", error=TryLater("quota", after=9)), failed_before=0)
        log.write(failed(), failed_before=0)
    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("run", "info"),
        ("run", "warning"),
        ("run", "error"),
    ]


def test_a_repeated_trouble_is_throttled_and_a_new_one_is_not() -> None:
    log = RunLog()
    with capture_logs() as lines:
        for number in range(10):
            log.write(failed(), failed_before=number)
        log.write(failed("another cause"), failed_before=10)
        log.write(OK, failed_before=11)
        log.write(failed(), failed_before=0)
    assert [line.get("repeats") for line in lines if line["log_level"] == "error"] == [None, 2, 4, 8, None, None]
    assert sum(line["log_level"] == "debug" for line in lines) == 6
    assert [line["after_failures"] for line in lines if line["event"] == "recovered"] == [11]


def test_a_bug_brings_its_traceback() -> None:
    bug = ZeroDivisionError("division by zero")
    with capture_logs() as lines:
        RunLog().write(RunOutcome(stream=KEY, state="failed", error=bug), failed_before=0)
    assert lines[0]["exc_info"] is bug
    assert lines[0]["error_kind"] == "ZeroDivisionError"
