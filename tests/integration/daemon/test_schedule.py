"""The scheduler library as it is used here, with real threads and real time."""

import threading
from collections import Counter
from datetime import timedelta

import pytest

from syncd.core.model import StreamKey
from syncd.daemon.schedule import Schedule, Timing
from tests.integration.daemon.world import until

KEYS = [StreamKey("default", f"Module_{number}") for number in range(40)]
OFTEN, SELDOM = Timing(every=timedelta(seconds=0.05)), Timing(every=timedelta(days=300))


def test_forty_streams_at_once_lose_no_turn() -> None:
    turns: Counter[StreamKey] = Counter()
    schedule = Schedule(lambda key: turns.update([key]))
    schedule.apply(dict.fromkeys(KEYS, OFTEN))
    schedule.start()
    until(lambda: min(turns[key] for key in KEYS) >= 3)
    schedule.stop()
    assert not any(thread.name == "APScheduler" for thread in threading.enumerate())
    after = turns.total()
    assert schedule.next_turns() == {}
    assert turns.total() == after


def test_a_machine_that_was_busy_for_longer_than_a_second_loses_no_turn(caplog: pytest.LogCaptureFixture) -> None:
    """The library drops a turn that is a second late unless it is told otherwise, with only a line in the log."""
    turns: Counter[StreamKey] = Counter()
    busy = threading.Event()

    def submit(key: StreamKey) -> None:
        if not turns:
            busy.wait(1.4)
        turns.update([key])

    schedule = Schedule(submit)
    schedule.apply(dict.fromkeys(KEYS, Timing(every=timedelta(seconds=1.5))))
    schedule.start()
    until(lambda: len(turns) == len(KEYS))
    schedule.stop()
    assert [record.message for record in caplog.records if "missed" in record.message] == []


def test_apply_adds_changes_and_removes() -> None:
    first, second, third = KEYS[:3]
    turns: Counter[StreamKey] = Counter()
    schedule = Schedule(lambda key: turns.update([key]))
    schedule.start()
    schedule.apply({first: OFTEN, second: SELDOM})
    until(lambda: turns[first] > 1)
    kept = schedule.next_turns()[second]
    schedule.apply({second: SELDOM, third: OFTEN})
    assert set(schedule.next_turns()) == {second, third}
    assert schedule.next_turns()[second] == kept
    until(lambda: turns[third] > 1)
    stopped = turns[first]
    schedule.apply({second: OFTEN})
    until(lambda: turns[second] > 1)
    assert turns[first] == stopped
    schedule.stop()


def test_a_turn_that_fails_does_not_end_the_schedule() -> None:
    turns: Counter[StreamKey] = Counter()

    def submit(key: StreamKey) -> None:
        turns.update([key])
        raise RuntimeError("the pool is gone")

    schedule = Schedule(submit)
    schedule.apply({KEYS[0]: OFTEN})
    schedule.start()
    until(lambda: turns[KEYS[0]] > 3)
    schedule.stop()


def test_a_dead_scheduler_is_noticed_and_revived() -> None:
    moment = [0.0]
    turns: Counter[StreamKey] = Counter()
    schedule = Schedule(lambda key: turns.update([key]), beat=timedelta(seconds=0.05), monotonic=lambda: moment[0])
    schedule.apply({KEYS[0]: OFTEN})
    schedule.start()
    moment[0] = 0.1
    until(lambda: turns[KEYS[0]] > 1)
    assert schedule.alive()
    schedule._scheduler.shutdown(wait=False)  # type: ignore[union-attr]
    schedule._scheduler.start(paused=True)  # type: ignore[union-attr]  # alive to itself, but gives no turns
    moment[0] = 10.0
    assert not schedule.alive()
    before = turns[KEYS[0]]
    schedule.revive()
    assert schedule.alive()
    until(lambda: turns[KEYS[0]] > before + 1)
    schedule.stop()


def test_stopping_what_was_never_started_is_fine() -> None:
    schedule = Schedule(lambda key: None)
    schedule.stop()
    schedule.revive()
    schedule.apply({KEYS[0]: SELDOM})
    assert schedule.next_turns() == {}
