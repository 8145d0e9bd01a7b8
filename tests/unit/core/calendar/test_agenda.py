"""A week in text."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from syncd.core.calendar.agenda import AgendaEntry, agenda_text


def entry(start: datetime, hours: float, **values: Any) -> AgendaEntry:
    given: dict[str, Any] = {
        "cal_key": "c",
        "uid": "u",
        "record_id": None,
        "summary": "Call",
        "location": "",
        "status": "",
        "organizer": "",
        "attendees": (),
        "all_day": False,
        "tz": "Europe/Berlin",
        "basis": "zoned",
    }
    end = start + timedelta(hours=hours)
    given |= {"start_date": start.date(), "end_date": end.date() + timedelta(days=1), "starts": start, "ends": end}
    given |= {"start_at": start.replace(tzinfo=UTC), "end_at": end.replace(tzinfo=UTC)}
    return AgendaEntry(**(given | values))


MONDAY = datetime(2025, 3, 3, 9)  # noqa: DTZ001


def test_days_hours_and_what_matters() -> None:
    text = agenda_text(
        [
            entry(MONDAY + timedelta(days=1), 0.5, attendees=("A", "B"), status="TENTATIVE"),
            entry(MONDAY, 1, summary="", location="Room\n2"),
            entry(MONDAY, 0),
            entry(MONDAY, 30),
            entry(MONDAY.replace(hour=0), 24, all_day=True, end_date=date(2025, 3, 4), summary="Fair"),
            entry(MONDAY.replace(hour=0), 48, all_day=True, end_date=date(2025, 3, 6), summary="Trip", tz="UTC"),
        ]
    )
    assert text.splitlines() == [
        "Monday, 3 March 2025",
        "  all day       Fair",
        "  to 5 Mar      Trip",
        "  09:00-10:00   (no title) · Room, 2 · Europe/Berlin",
        "  09:00         Call · Europe/Berlin",
        "  09:00-04 Mar 15:00  Call · Europe/Berlin",
        "",
        "Tuesday, 4 March 2025",
        "  09:00-09:30   Call · Europe/Berlin · 2 attendees · tentative",
    ]
    assert agenda_text([]) == ""


def test_an_entry_as_json() -> None:
    assert entry(MONDAY, 1).as_dict()["start_local"] == "2025-03-03T09:00:00"
