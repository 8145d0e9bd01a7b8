"""Durations: what is written is read back as the same, and nonsense is refused."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.settings.durations import format_duration, parse_duration, parse_range

TEN_YEARS = timedelta(days=3_650)


@given(st.timedeltas(timedelta(0), TEN_YEARS))
def test_a_length_that_was_written_is_read_back_exactly(length: timedelta) -> None:
    assert parse_duration(format_duration(length)) == length


@given(st.integers(0, 3_650 * 86_400))
def test_whole_units_are_written_without_a_fraction(seconds: int) -> None:
    assert "." not in format_duration(timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("2h", timedelta(hours=2)),
        ("1d", timedelta(days=1)),
        ("0.2s", timedelta(milliseconds=200)),
        ("1.5s", timedelta(milliseconds=1500)),
        (" 5 m ", timedelta(minutes=5)),
        ("3650d", TEN_YEARS),
    ],
)
def test_each_unit_and_fractions(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    "text", ["", "15", "15 minuets", "-5s", "5S", "m", "1.s", ".5s", "1e3s", "٣s", "1h30m", "nan", "9" * 400 + "d"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


def test_more_than_ten_years_is_a_slip() -> None:
    with pytest.raises(ValueError, match="ten years"):
        parse_duration("3651d")


@given(
    st.timedeltas(timedelta(microseconds=1), TEN_YEARS / 2),
    st.timedeltas(timedelta(0), TEN_YEARS / 2),
)
def test_ranges(first: timedelta, more: timedelta) -> None:
    assert parse_range(f"{format_duration(first)}..{format_duration(first + more)}") == (first, first + more)


@pytest.mark.parametrize("text", ["2s", "", "..", "2s..", "30s..2s", "0s..2s", "2s...30s", "2s..30s..1m"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a"):
        parse_range(text)
