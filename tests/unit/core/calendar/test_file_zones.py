"""Rules that a file brings along."""

from datetime import UTC, datetime, timedelta, tzinfo
from io import StringIO

import pytest
from dateutil import tz
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.calendar.file_zones import build, definition
from syncd.core.calendar.zones import iana_zone

EASTERN = """BEGIN:VTIMEZONE
TZID:Eastern
BEGIN:DAYLIGHT
DTSTART:20070311T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU
TZOFFSETFROM:-0500
TZOFFSETTO:-0400
TZNAME:EDT
END:DAYLIGHT
BEGIN:STANDARD
DTSTART:20071104T020000
RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU
TZOFFSETFROM:-0400
TZOFFSETTO:-0500
TZNAME:EST
END:STANDARD
END:VTIMEZONE"""


def rules(text: str) -> tzinfo:
    found = definition(text.encode())
    assert found is not None
    built = build(found)
    assert built is not None
    return built


MOMENTS = st.datetimes(datetime(2008, 1, 1), datetime(2030, 1, 1))  # noqa: DTZ001


@given(MOMENTS, st.booleans())
def test_new_york_spelled_out_is_new_york(moment: datetime, second: bool) -> None:
    local = moment.replace(fold=second)
    assert rules(EASTERN).utcoffset(local) == iana_zone("America/New_York").utcoffset(local)


@pytest.mark.parametrize("fold", [0, 1])
@pytest.mark.parametrize("minute", range(0, 240, 15))
@pytest.mark.parametrize("day", [datetime(2025, 3, 9), datetime(2025, 11, 2)])  # noqa: DTZ001
def test_the_hours_around_a_change_are_those_of_new_york(day: datetime, minute: int, fold: int) -> None:
    local = (day + timedelta(minutes=minute)).replace(fold=fold)
    assert rules(EASTERN).utcoffset(local) == iana_zone("America/New_York").utcoffset(local)
    at = (day + timedelta(hours=4, minutes=minute)).replace(tzinfo=UTC)
    here, there = at.astimezone(rules(EASTERN)), at.astimezone(iana_zone("America/New_York"))
    assert (here.replace(tzinfo=None), here.fold) == (there.replace(tzinfo=None), there.fold)


@given(MOMENTS)
def test_an_instant_has_the_wall_time_of_new_york(moment: datetime) -> None:
    at = moment.replace(tzinfo=UTC)
    here, there = at.astimezone(rules(EASTERN)), at.astimezone(iana_zone("America/New_York"))
    assert (here.replace(tzinfo=None), here.fold) == (there.replace(tzinfo=None), there.fold)


@given(MOMENTS)
def test_dateutil_reads_the_same(moment: datetime) -> None:
    other = tz.tzical(StringIO(EASTERN)).get("Eastern")
    assert other is not None
    offset = rules(EASTERN).utcoffset(moment)
    if not tz.datetime_ambiguous(moment, other) and tz.datetime_exists(moment, other):
        assert offset == other.utcoffset(moment)


def part(**lines: str) -> str:
    body = "\n".join(f"{name}:{value}" for name, value in lines.items())
    return f"BEGIN:VTIMEZONE\nTZID:X\nBEGIN:STANDARD\n{body}\nEND:STANDARD\nEND:VTIMEZONE"


@pytest.mark.parametrize(
    ("offset", "minutes"),
    [("+0200", 120), ("0200", 120), ("200", 120), ("-0330", -210), ("+01:00", 60), ("+013652", 96 + 52 / 60)],
)
def test_offsets_however_written(offset: str, minutes: float) -> None:
    text = part(DTSTART="19700101T000000", TZOFFSETFROM=offset, TZOFFSETTO=offset)
    assert rules(text).utcoffset(datetime(2025, 1, 1)) == timedelta(minutes=minutes)  # noqa: DTZ001


def test_a_part_without_a_usable_offset_is_no_part() -> None:
    found = definition(part(DTSTART="19700101", TZOFFSETTO="+9900").encode())
    assert found is not None
    assert build(found) is None


def test_a_date_for_a_start_and_a_rule_nobody_understands_are_borne() -> None:
    text = part(DTSTART="19700101", TZOFFSETFROM="+0100", TZOFFSETTO="+0200", RRULE="nonsense")
    assert rules(text).utcoffset(datetime(2025, 1, 1)) == timedelta(hours=2)  # noqa: DTZ001


def test_rdates_are_onsets() -> None:
    text = EASTERN.replace("RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU", "RDATE:20081102T020000,20091101T020000")
    assert rules(text).utcoffset(datetime(2009, 12, 1)) == timedelta(hours=-5)  # noqa: DTZ001


def test_a_definition_needs_a_name() -> None:
    assert definition(b"BEGIN:VTIMEZONE\nEND:VTIMEZONE") is None


def test_hostile_rules_do_not_hold_up_a_zone() -> None:
    parts = "BEGIN:STANDARD\nDTSTART:00010101T000000\nTZOFFSETFROM:+0000\nTZOFFSETTO:+0100\nRRULE:FREQ=SECONDLY\n" * 3
    found = definition(f"BEGIN:VTIMEZONE\nTZID:X\n{parts}END:STANDARD\nEND:VTIMEZONE".encode())
    assert found is not None
    assert build(found) is not None
