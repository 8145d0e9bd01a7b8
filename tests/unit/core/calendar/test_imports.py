"""Horizons as people write them."""

from datetime import date

import pytest

from syncd.core.calendar.imports import ImportCounts, RebuildCounts, default_horizon, parse_horizon
from syncd.core.calendar.model import Horizon


def test_a_horizon_as_written() -> None:
    assert parse_horizon("0001-01-01..9999-12-31") == Horizon(date.min, date.max)
    assert parse_horizon(" 2024-01-01 .. 2024-01-01 ") == Horizon(date(2024, 1, 1), date(2024, 1, 1))


@pytest.mark.parametrize(
    "text", ["", "2024-01-01", "2024-01-01..", "2024-02-01..2024-01-01", "2024-1-1..2024-2-2", "0000-01-01..2024-01-01"]
)
def test_anything_else_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"FROM|ends before"):
        parse_horizon(text)


def test_the_usual_horizon_is_two_years_back_and_a_year_and_a_half_ahead() -> None:
    assert default_horizon(date(2025, 8, 31)) == Horizon(date(2023, 8, 31), date(2027, 2, 28))
    assert default_horizon(date(1, 1, 1)).first == date.min
    assert default_horizon(date(9999, 12, 1)).last == date.max


def test_counts_have_names() -> None:
    assert ImportCounts(events=2, blocked="x").as_dict()["blocked"] == "x"
    assert (RebuildCounts(events=1) + RebuildCounts(events=2, updated=1)).as_dict() == {
        "calendars": 0,
        "events": 3,
        "updated": 1,
        "relisted": 0,
    }
