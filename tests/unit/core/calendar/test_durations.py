"""Durations: days apart from seconds."""

from datetime import timedelta
from typing import Any

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.calendar.durations import Duration, parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PT15M", Duration(0, 900)),
        ("-P1DT2H", Duration(-1, -7200)),
        ("+P2W", Duration(14, 0)),
        ("pt0s", Duration(0, 0)),
        ("P", None),
        ("PT", None),
        ("15M", None),
        ("", None),
        ("P99999999W", None),
        ("P9999999999W", None),
    ],
)
def test_a_duration(text: str, expected: Duration | None) -> None:
    assert parse(text) == expected


@given(st.integers(-3_000_000, 3_000_000), st.integers(0, 86_399))
def test_icalendar_reads_the_same(days: int, seconds: int) -> None:
    span = timedelta(days=days, seconds=seconds if days >= 0 else -seconds)
    library: Any = icalendar.vDuration
    written = library(span).to_ical().decode()
    read = parse(written)
    assert read is not None
    assert read.total == span == library.from_ical(written)
