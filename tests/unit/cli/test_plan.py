"""How long a plan is said to take."""

from datetime import timedelta

from syncd.cli.plan import estimate
from syncd.sync.preview import PlannedWindow


def planned(rows: int | None, jobs: int) -> PlannedWindow:
    return PlannedWindow(window=None, criterion=None, rows=rows, jobs=jobs, credits=50 * jobs)


def test_a_few_rows_take_a_second() -> None:
    assert estimate([planned(12, 1)], 10) == timedelta(seconds=1)


def test_every_further_lot_of_downloads_waits_a_minute() -> None:
    assert estimate([planned(0, 10)], 10) == timedelta(0)
    assert estimate([planned(0, 11)], 10) == timedelta(minutes=1)
    assert estimate([planned(3_000_000, 15), planned(3_000_000, 15)], 10) == timedelta(minutes=2, seconds=200)


def test_unknown_rows_give_no_time() -> None:
    assert estimate([planned(None, 1), planned(5, 1)], 10) is None
