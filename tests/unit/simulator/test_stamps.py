"""Moments as text, against the standard library."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.simulator.stamps import Stamps, http_date, parse_strict

MOMENTS = st.integers(min_value=0, max_value=4_000_000_000)


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
@given(moment=MOMENTS)
def test_zones_with_rules_agree_with_datetime(zone: str, moment: int) -> None:
    expected = datetime.fromtimestamp(moment, ZoneInfo(zone)).isoformat(timespec="seconds")
    assert Stamps(zone).text(moment) == expected


@pytest.mark.parametrize("zone", ["+00:00", "+05:30", "-07:00"])
@given(moment=MOMENTS)
def test_fixed_offsets_name_the_same_moment(zone: str, moment: int) -> None:
    text = Stamps(zone).text(moment)
    assert text.endswith(zone)
    assert datetime.fromisoformat(text).timestamp() == moment
    assert parse_strict(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T12:00:00Z",
        "2026-03-01T12:00:00.000+00:00",
        "2026-03-01T12:00:00",
        "2026-03-01",
        "2026-13-01T12:00:00+00:00",
        "2026-03-01 12:00:00+00:00",
        "2026-03-01T12:00:00+0000",
        17,
        None,
    ],
)
def test_requests_may_not_write_moments_otherwise(text: object) -> None:
    assert parse_strict(text) is None


def test_the_date_header_is_an_imf_fixdate() -> None:
    assert http_date(datetime(2026, 3, 1, 9, 5, 7, tzinfo=UTC).timestamp()) == "Sun, 01 Mar 2026 09:05:07 GMT"
