"""ICS: read back by icalendar and compared with the meetings that should be there."""

from datetime import UTC, date, datetime
from typing import Any

import icalendar
import pytest

from syncd.simulator.ics_export import _folded
from syncd.simulator.meetings import Meeting
from tests.unit.simulator.conftest import MakeDesk
from tests.unit.simulator.desk import Desk, at, between

EVENTS = {"module": {"api_name": "Events"}}
FLAVOURS: list[dict[str, Any]] = [
    {},
    {"ics_flavour": "calendar", "ics_uid": "opaque"},
    {"ics_folded": False, "ics_uid": "record-id-at-host", "ics_vtimezone": False},
]


def components(text: str) -> list[icalendar.Component]:
    return [
        event for part in icalendar.Calendar.from_ical(text.encode(), multiple=True) for event in part.walk("VEVENT")
    ]


def _text(event: icalendar.Component, name: str) -> str:
    value: Any = event.get(name)
    return str(value.to_ical().decode()) if value is not None else ""


def key(meeting: Meeting) -> tuple[str, str]:
    return meeting.uid, meeting.recurrence_id


@pytest.mark.parametrize("flavour", FLAVOURS, ids=lambda flavour: "+".join(flavour) or "default")
def test_a_parser_finds_every_meeting(make_desk: MakeDesk, flavour: dict[str, Any]) -> None:
    desk = make_desk(flavour, rows={"Events": 60})
    text = desk.text(desk.job(EVENTS, file_type="ics"))
    assert "\n" not in text.replace("\r\n", "")
    expected = {key(meeting): meeting for meeting in desk.sim.meetings()}
    found = components(text)
    assert len(found) == len(expected) > 60
    for event in found:
        recurrence = _text(event, "RECURRENCE-ID")
        meeting = expected.pop((str(event["UID"]), recurrence))
        assert str(event["SUMMARY"]) == meeting.summary
        assert str(event["DESCRIPTION"]) == meeting.description.replace("\r\n", "\n")
        assert str(event["ORGANIZER"]).startswith("MAILTO:user")
        assert ("RRULE" in event, "EXDATE" in event) == (bool(meeting.rule), bool(meeting.excluded))
        start: Any = event.decoded("DTSTART")
        if meeting.all_day:
            assert isinstance(start, date)
            assert not isinstance(start, datetime)
        else:
            assert start.astimezone(UTC).timestamp() == meeting.start
    assert expected == {}


def test_meetings_agree_with_the_csv(desk: Desk) -> None:
    masters = {meeting.uid: meeting for meeting in desk.sim.meetings() if not meeting.recurrence_id}
    for record_id, row in desk.sim.truth("Events").items():
        meeting = masters[str(record_id)]
        assert row["Start_DateTime"] == at(meeting.start)
        assert row["End_DateTime"] == at(meeting.end)
        assert row["Event_Title"] == meeting.summary
        assert (row["All_day"] == "true") == meeting.all_day


def test_all_kinds_of_times_occur(make_desk: MakeDesk) -> None:
    desk = make_desk(rows={"Events": 60})
    text = desk.text(desk.job(EVENTS, file_type="ics"))
    for part in (
        "DTSTART;VALUE=DATE:",
        "DTSTART;TZID=Europe/Berlin:",
        "BEGIN:VTIMEZONE",
        "RECURRENCE-ID;TZID=",
        "EXDATE;",
        "METHOD:",
    ):
        assert part in text
    assert any(line.startswith("DTSTART:") and line.endswith("Z") for line in text.split("\r\n"))
    assert "DTSTAMP:20260301T120000Z" in text


def test_ics_pages_and_windows(make_desk: MakeDesk) -> None:
    desk = make_desk(rows_per_page=8)
    job = desk.job(EVENTS, file_type="ics")
    uids: list[str] = []
    pages = 0
    while True:
        pages += 1
        result = desk.details(job)["result"]
        uids += dict.fromkeys(str(event["UID"]) for event in components(desk.text(job)))
        if not result["more_records"]:
            break
        job = desk.job({"page_token": result["next_page_token"]})
    assert pages == 3
    assert sorted(map(int, uids)) == desk.sim.live_ids("Events")
    desk.sim.clock.advance(5)
    edited = desk.sim.live_ids("Events")[4]
    desk.sim.edit("Events", [edited])
    window = between("Modified_Time", "2026-03-01T12:00:01+00:00", "2026-03-01T13:00:00+00:00")
    job = desk.job({**EVENTS, "criteria": window}, file_type="ics")
    assert {str(event["UID"]) for event in components(desk.text(job))} == {str(edited)}


def test_a_page_of_ics_has_at_most_20000(desk: Desk) -> None:
    assert desk.details(desk.job(EVENTS, file_type="ics"))["result"]["per_page"] == 20_000
    assert desk.details(desk.job(EVENTS))["result"]["per_page"] == 200_000


def test_several_calendars_in_one_file(make_desk: MakeDesk) -> None:
    desk = make_desk({"ics_events_per_calendar": 5})
    text = desk.text(desk.job(EVENTS, file_type="ics"))
    assert text.count("BEGIN:VCALENDAR") == text.count("END:VCALENDAR") > 3
    assert len(components(text)) == len(desk.sim.meetings())


def test_long_lines_are_folded_between_characters() -> None:
    line = "DESCRIPTION:" + "ä€👍" * 40
    parts = _folded(line).split("\r\n")
    assert all(len(part.encode()) <= 75 for part in parts)
    assert all(part.startswith(" ") for part in parts[1:])
    assert parts[0] + "".join(part[1:] for part in parts[1:]) == line
