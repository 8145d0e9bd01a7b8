"""Who an event is, and whether it changed."""

from hypothesis import given
from hypothesis import strategies as st

from syncd.core.calendar.events import read_event
from syncd.core.calendar.identity import content_sha256, definitions_used, glance, record_id_of, without_stamp
from syncd.core.calendar.model import Event
from syncd.core.calendar.zones import ZoneTable
from tests.unit.core.calendar.made import event, text
from tests.unit.core.calendar.test_zones import custom


def test_a_record_id_is_all_digits_and_fits() -> None:
    assert record_id_of("5725767000000412345") == 5725767000000412345
    assert record_id_of("5725767000000412345@zoho.eu") == 5725767000000412345
    for other in ("123456789", "9999999999999999999", "abc", "12345678901x", "1234567890@a@b"):
        assert record_id_of(other) is None


def test_the_recurrence_key_meets_its_series() -> None:
    keys = {
        event("UID:a", f"RECURRENCE-ID{value}").recurrence_key
        for value in (
            ";TZID=America/New_York:20250305T090000",
            ":20250305T140000Z",
            ";TZID=Europe/Berlin:20250305T150000",
        )
    }
    assert keys == {"20250305T140000Z"}
    assert event("UID:a", "RECURRENCE-ID;VALUE=DATE:20250305").recurrence_key == "20250305"
    assert event("UID:a", "RECURRENCE-ID:20250305T090000").recurrence_key == "20250305T090000"
    assert event("UID:a", "RECURRENCE-ID:00010305T090000").recurrence_key == "00010305T090000"


def test_a_new_stamp_is_no_change_and_anything_else_is() -> None:
    one, two = (text("UID:a", f"DTSTAMP:2025010{day}T000000Z", "SUMMARY:x") for day in (1, 2))
    assert content_sha256(one) == content_sha256(two)
    assert content_sha256(one) != content_sha256(text("UID:a", "DTSTAMP:20250101T000000Z", "SUMMARY:y"))
    assert content_sha256(one) != content_sha256(one, [b"another zone"])


def test_stamps_however_written() -> None:
    plain = text("UID:a", "SUMMARY:x")
    for stamp in ("DTSTAMP:1", "dtstamp:1", "DTSTAMP;X=1:1", "DTSTAMP:1\nDTSTAMP:2"):
        assert without_stamp(text("UID:a", stamp, "SUMMARY:x")) == plain
    assert without_stamp(text("DTSTAMPED:1")) == text("DTSTAMPED:1")


def test_a_changed_definition_of_a_zone_is_a_change_of_the_events_that_use_it() -> None:
    deciding = ZoneTable([(1, custom("Mine", "+0100")), (2, custom("Mine", "+0200"))]).deciding
    using = text("DTSTART;TZID=Mine:20250101T000000")
    first, second = definitions_used(using, 1, deciding), definitions_used(using, 2, deciding)
    assert first != second
    assert definitions_used(using, 9, deciding) == first
    assert definitions_used(text("DTSTART:20250101T000000"), 1, deciding) == []


LINES = st.sampled_from(
    [
        "UID:a",
        "UID: b ",
        "uid:c",
        "UID;X=1:d",
        "UID:",
        "UID:ü",
        "RECURRENCE-ID:20250305T090000Z",
        "RECURRENCE-ID",
        "RECURRENCE-IDX:1",
        "recurrence-id:20250305T090000Z",
        "BEGIN:VALARM",
        "END:VALARM",
        "SUMMARY:x",
        "DTSTART:20250305T090000Z",
    ]
)


@given(st.lists(LINES, max_size=8))
def test_a_glance_never_sees_anything_else_than_a_careful_reading(lines: list[str]) -> None:
    seen = glance(text(*lines))
    if seen is not None:
        careful = read_event(text(*lines), ZoneTable())
        assert isinstance(careful, Event)
        assert seen == (careful.uid, careful.recurrence is not None)


def test_a_glance_is_enough_for_common_events() -> None:
    assert glance(text("UID:a", "DTSTART:20250101")) == ("a", False)
    assert glance(text("UID:a", "RECURRENCE-ID;TZID=Europe/Berlin:20250101T000000")) == ("a", True)
