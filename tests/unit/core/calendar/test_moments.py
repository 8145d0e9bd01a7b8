"""Dates and times: what is known of them, and what is not."""

from datetime import UTC, datetime, timedelta, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.calendar.lines import content_lines
from syncd.core.calendar.model import Moment, TimeKind
from syncd.core.calendar.moments import UnreadableTime, instant, moment_of, offset_zone, wall
from syncd.core.calendar.zones import ZoneTable, iana_zone


def read(line: str) -> tuple[Moment, list[str]]:
    issues: list[str] = []
    return moment_of(content_lines(line)[0], ZoneTable().rules, issues), issues


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("line", "expected", "issues"),
    [
        ("D:20250301", ("date", "2025-03-01", None, None), []),
        ("D;VALUE=DATE:20250301", ("date", "2025-03-01", None, None), []),
        ("D;VALUE=DATE;TZID=Europe/Berlin:20200101", ("date", "2020-01-01", "Europe/Berlin", None), []),
        ("D;VALUE=DATE:20250301T100000", ("date", "2025-03-01", None, None), ["date_with_time"]),
        ("D:20250301T090000Z", ("utc", "2025-03-01T09:00", None, at(2025, 3, 1, 9)), []),
        ("D:20250301T090000", ("floating", "2025-03-01T09:00", None, None), []),
        (
            "D;TZID=Europe/Berlin:20250301T090000",
            ("zoned", "2025-03-01T09:00", "Europe/Berlin", at(2025, 3, 1, 8)),
            [],
        ),
        ("D;TZID=Mars/Olympus:20250301T090000", ("unresolved", "2025-03-01T09:00", "Mars/Olympus", None), []),
        (
            "D;TZID=America/New_York:20250301T120000Z",
            ("utc", "2025-03-01T12:00", "America/New_York", at(2025, 3, 1, 12)),
            ["tzid_with_z"],
        ),
        (
            "D;TZID=(UTC+01:00) Amsterdam, Berlin:20250301T090000",
            ("unresolved", "2025-03-01T09:00", "(UTC+01:00) Amsterdam, Berlin", None),
            ["tzid_with_colon"],
        ),
        ("D:2025-03-01T09:00:00Z", ("utc", "2025-03-01T09:00", None, at(2025, 3, 1, 9)), ["date_format"]),
        ("D:20250301T2400", ("floating", "2025-03-02", None, None), ["date_format"]),
        ("D:20250301T235960Z", ("utc", "2025-03-01T23:59:59", None, at(2025, 3, 1, 23, 59, 59)), ["date_format"]),
        (
            "D:20250301T090000+0530",
            ("zoned", "2025-03-01T09:00", "+0530", at(2025, 3, 1, 3, 30)),
            ["date_format", "offset_in_value"],
        ),
        (
            "D;TZID=America/New_York:99991231T230000",
            ("unresolved", "9999-12-31T23:00", "America/New_York", None),
            ["out_of_range"],
        ),
    ],
)
def test_a_time(line: str, expected: tuple[str, str, str | None, datetime | None], issues: list[str]) -> None:
    moment, found = read(line)
    kind, local, tzid, instant_ = expected
    assert (moment.kind, moment.tzid, moment.at) == (TimeKind(kind), tzid, instant_)
    assert moment.local == datetime.fromisoformat(local)
    assert found == issues


@pytest.mark.parametrize(
    "value", ["", "soon", "20251301", "00000101", "20250230", "2025W011", "20250301T250000", "٢٠٢٥٠١٠١"]
)
def test_what_is_no_time_is_refused(value: str) -> None:
    with pytest.raises(UnreadableTime):
        wall(value)


NEW_YORK = iana_zone("America/New_York")


def test_the_first_of_two_and_the_offset_before_the_gap() -> None:
    assert instant(datetime(2025, 11, 2, 1, 30), NEW_YORK) == at(2025, 11, 2, 5, 30)  # noqa: DTZ001
    assert instant(datetime(2025, 3, 9, 2, 30), NEW_YORK) == at(2025, 3, 9, 7, 30)  # noqa: DTZ001


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)), st.sampled_from(["Europe/London", "Asia/Kolkata"]))  # noqa: DTZ001
def test_an_instant_is_what_the_standard_library_says(local: datetime, name: str) -> None:
    zone: tzinfo = iana_zone(name)
    try:
        expected = local.replace(tzinfo=zone).astimezone(UTC)
    except OverflowError:
        expected = None
    assert instant(local, zone) == expected


def test_offsets() -> None:
    assert offset_zone("-0330").utcoffset(None) == -timedelta(hours=3, minutes=30)
    assert offset_zone("+9900") is UTC
