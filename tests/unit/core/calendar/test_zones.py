"""The ladder from a TZID to rules, step by step."""

from datetime import UTC, datetime

import pytest

from syncd.core.calendar.file_zones import Definition, definition
from syncd.core.calendar.zones import ZoneTable, iana_zone

CUSTOM = """BEGIN:VTIMEZONE
TZID:{tzid}
{extra}BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:{offset}
TZOFFSETTO:{offset}
TZNAME:X
END:STANDARD
END:VTIMEZONE"""


def custom(tzid: str, offset: str = "+0345", extra: str = "") -> Definition:
    found = definition(CUSTOM.format(tzid=tzid, offset=offset, extra=extra).encode())
    assert found is not None
    return found


def hours(table: ZoneTable, tzid: str, calendar: int = 0) -> float | None:
    rules = table.rules(tzid, calendar)
    offset = rules.utcoffset(datetime(2025, 1, 15)) if rules else None  # noqa: DTZ001
    return offset.total_seconds() / 3600 if offset is not None else None


@pytest.mark.parametrize(
    ("tzid", "method", "resolved"),
    [
        ("Europe/Berlin", "iana", "Europe/Berlin"),
        ("UTC", "iana", "UTC"),
        ("europe/berlin", "alias", "Europe/Berlin"),
        ("America/New York", "alias", "America/New_York"),
        ('"Europe/Paris"', "iana", "Europe/Paris"),
        ("/Europe/Stockholm", "alias", "Europe/Stockholm"),
        ("W. Europe Standard Time", "windows", "Europe/Berlin"),
        ("w. europe standard time", "windows", "Europe/Berlin"),
        ("/mozilla.org/20050126_1/America/Boise", "prefix", "America/Boise"),
        ("/citadel.org/20250101_1/America/Argentina/Ushuaia", "prefix", "America/Argentina/Ushuaia"),
        ("/vendor/UTC", "prefix", "UTC"),
        ("GMT+0100", "offset", "+0100"),
        ("UTC-3", "offset", "-0300"),
        ("+05:30", "offset", "+0530"),
        ("Etc/GMT+1", "iana", "Etc/GMT+1"),
        ("Mars/Olympus", "unresolved", None),
        ("Custom Zone/UTC", "unresolved", None),
        ("Eastern Time (US & Canada)", "unresolved", None),
        ("(UTC+01:00) Amsterdam, Berlin, Bern", "unresolved", None),
        ("GMT+99", "unresolved", None),
        ("", "unresolved", None),
        ("x" * 5000, "unresolved", None),
    ],
)
def test_a_step(tzid: str, method: str, resolved: str | None) -> None:
    zone = ZoneTable().resolve(tzid)
    assert (zone.method, zone.resolved) == (method, resolved)
    assert (zone.rules is None) == (method == "unresolved")
    assert len(zone.tzid) <= 500


def test_iana_comes_before_a_definition_of_the_same_name() -> None:
    table = ZoneTable([(1, custom("Europe/Berlin"))])
    assert table.resolve("Europe/Berlin", 1).method == "iana"
    assert hours(table, "Europe/Berlin", 1) == 1.0
    assert table.deciding == {}


def test_a_definition_counts_where_there_is_no_name_for_it() -> None:
    table = ZoneTable([(1, custom("Mine"))])
    zone = table.resolve("Mine", 1)
    assert (zone.method, zone.resolved) == ("vtimezone", None)
    assert hours(table, "Mine", 1) == 3.75
    assert set(table.deciding) == {b"Mine"}


def test_a_definition_that_says_where_it_is_is_that_place() -> None:
    table = ZoneTable([(1, custom("Mine", extra="X-LIC-LOCATION:Asia/Tokyo\n"))])
    zone = table.resolve("Mine", 1)
    assert (zone.method, zone.resolved) == ("alias", "Asia/Tokyo")
    assert zone.definition is not None


def test_each_calendar_of_a_stream_has_its_own_definitions() -> None:
    table = ZoneTable([(1, custom("Mine", "+0100")), (2, custom("Mine", "-0800"))])
    assert [hours(table, "Mine", calendar) for calendar in (1, 2, 3)] == [1.0, -8.0, 1.0]


def test_one_import_knows_nothing_of_another() -> None:
    ZoneTable([(1, custom("Mine"))]).resolve("Mine", 1)
    assert ZoneTable().resolve("Mine", 1).method == "unresolved"


def test_zone_rules_come_from_the_package() -> None:
    assert iana_zone("Europe/Berlin").key == "Europe/Berlin"
    with pytest.raises(KeyError):
        iana_zone("../etc/passwd")
    assert datetime(2025, 7, 1, 12, tzinfo=UTC).astimezone(iana_zone("Europe/Berlin")).hour == 14
