"""The movable clock."""

from datetime import UTC, datetime, timedelta

import pytest

from syncd.simulator import SimulatorClock

START = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_frozen_clock_moves_by_hand_only() -> None:
    clock = SimulatorClock(start=START, frozen=True)
    assert clock.now() == START
    clock.advance(1.5)
    clock.advance(timedelta(minutes=1))
    assert clock.now() == START + timedelta(seconds=61.5)


def test_a_running_clock_goes_on_from_where_it_was_frozen() -> None:
    clock = SimulatorClock(start=START)
    clock.freeze()
    stood = clock.timestamp()
    assert clock.timestamp() == stood
    assert clock.frozen
    clock.thaw()
    assert stood <= clock.timestamp() < stood + 5
    clock.advance(3600)
    assert clock.timestamp() >= stood + 3600


def test_time_never_goes_back() -> None:
    with pytest.raises(ValueError, match="cannot go back"):
        SimulatorClock().advance(-1)
