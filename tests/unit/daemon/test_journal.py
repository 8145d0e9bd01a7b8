from datetime import UTC, datetime, timedelta

from syncd.core.model import LoadCounts, StreamKey
from syncd.core.status import Activity
from syncd.daemon.journal import Journal
from syncd.errors import Draining, Unreachable
from syncd.sync.ports import RunOutcome

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
KEY = StreamKey("default", "Leads")


def activity(journal: Journal, now: datetime = NOW) -> Activity:
    return journal.activity(KEY, now=now, queued=False, failures=0, waiting_for="", next_at=None)


def test_a_pass_from_its_beginning_to_its_end() -> None:
    journal = Journal()
    assert activity(journal) == Activity(stream=KEY)
    journal.began(KEY, NOW)
    assert activity(journal).running_since == NOW
    error = Unreachable("no answer", fix="wait")
    counts = LoadCounts(inserted=1, updated=2, deleted=4, unchanged=8)
    journal.ended(RunOutcome(stream=KEY, state="failed", error=error, counts=counts), NOW)
    shown = activity(journal)
    assert (shown.running_since, shown.state, shown.error, shown.fix) == (None, "failed", "no answer", "wait")
    assert [(end.state, end.changed) for end in shown.ended] == [("failed", 7)]


def test_only_a_day_and_a_bounded_number_are_kept() -> None:
    journal = Journal()
    for minute in range(3000):
        journal.ended(RunOutcome(stream=KEY, state="ok"), NOW + timedelta(minutes=minute))
    assert len(activity(journal, NOW + timedelta(minutes=3000)).ended) == 500
    assert activity(journal, NOW + timedelta(days=9)).ended == ()


def test_a_stop_is_no_error_and_removed_streams_are_forgotten() -> None:
    journal = Journal()
    journal.ended(RunOutcome(stream=KEY, state="drained", error=Draining("stop")), NOW)
    assert journal.error_of(KEY) == ("", "")
    journal.keep([])
    assert activity(journal) == Activity(stream=KEY)
