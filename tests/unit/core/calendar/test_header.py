"""What is known of a calendar itself."""

import pytest

from syncd.core.calendar.header import default_zone, header
from syncd.core.calendar.zones import ZoneTable
from tests.unit.core.calendar.test_zones import custom


def test_the_first_calendar_counts_and_later_ones_add_what_it_lacks() -> None:
    found = header(
        [(1, b"X-WR-CALNAME:One\\, two"), (1, b"X-A:1"), (1, b"X-A:2"), (2, b"X-WR-CALNAME:Three"), (2, b"X-B:3")]
    )
    assert found.text == b"X-WR-CALNAME:One\\, two\nX-A:1\nX-A:2\nX-B:3"
    assert found.value("X-WR-CALNAME") == "One, two"
    assert found.value("METHOD") is None
    assert header([]).props == []


def test_dates_are_placed_where_the_caller_or_the_calendar_says_else_in_utc() -> None:
    zones = ZoneTable([(1, custom("Mine"))])
    assert default_zone("Asia/Tokyo", "Europe/Berlin", zones).name == "Asia/Tokyo"
    assert default_zone("", "europe/berlin", zones).name == "Europe/Berlin"
    assert default_zone("", "Mine", zones).name == "Mine"
    assert default_zone("", "Mars/Olympus", zones).name == "UTC"
    assert default_zone("", None, zones).name == "UTC"
    with pytest.raises(ValueError, match="Mars"):
        default_zone("Mars/Olympus", None, zones)
