"""Events read by a second process are the same as those read in this one, and losing it loses nothing."""

from typing import Any

import pytest

from syncd.postgres import calendar_reader_process
from syncd.postgres.calendar_reader_process import ReaderProcess
from tests.integration.postgres.calendars import Connection, load, rows, vcalendar, vevent
from tests.integration.postgres.test_calendar_import import ZONE

CONTENT = """
SELECT to_jsonb(e) - '{event_id,calendar_id,first_import_id,changed_import_id}'::text[],
    (SELECT jsonb_agg(to_jsonb(o) - '{event_id,series_id,calendar_id}'::text[] ORDER BY o.recurrence_key)
        FROM calendar_occurrence o WHERE o.series_id = e.event_id)
FROM calendar_event e JOIN calendar c USING (calendar_id) WHERE cal_key = %s ORDER BY e.uid, e.recurrence_key
"""

EVENTS = [
    vevent(
        f"{number:05d}",
        f"SUMMARY:meeting {number}",
        *(["RRULE:FREQ=WEEKLY;COUNT=5"] if number % 7 == 0 else []),
        start=("DTSTART;TZID=Mine:20250303T090000", "DTSTART:never", "DTSTART;TZID=Europe/Berlin:20250303T090000")[
            number % 3
        ],
    )
    for number in range(2_400)
]
DATA = vcalendar(*EVENTS, vevent("00000", "RECURRENCE-ID;TZID=Mine:20250310T090000"), ZONE)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[ReaderProcess]:
    """The processes that were started; there is always a core for them."""
    found: list[ReaderProcess] = []

    class Noted(ReaderProcess):
        def __init__(self, settings: Any) -> None:
            super().__init__(settings)
            found.append(self)

    monkeypatch.setattr(calendar_reader_process, "ReaderProcess", Noted)
    monkeypatch.setattr(calendar_reader_process, "has_another_core", lambda: True)
    return found


def test_both_ways_come_to_the_same(
    connection: Connection, started: list[ReaderProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    there = load(connection, DATA, key="there")
    assert len(started) == 1
    assert started[0]._process.poll() is not None
    monkeypatch.setattr(calendar_reader_process, "has_another_core", lambda: False)
    here = load(connection, DATA, key="here")
    assert len(started) == 1
    assert there == here
    assert (there.inserted, there.quarantined) == (1601, 800)
    assert rows(connection, CONTENT, "there") == rows(connection, CONTENT, "here")
    zones = (
        "SELECT t.tzid, t.method FROM calendar_timezone t JOIN calendar USING (calendar_id) "
        "WHERE cal_key = %s ORDER BY 1"
    )
    assert rows(connection, zones, "there") == rows(connection, zones, "here")


def test_a_process_that_is_killed_is_done_without(
    connection: Connection, started: list[ReaderProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = ReaderProcess._ask

    def killed(self: ReaderProcess, question: object) -> object:
        if isinstance(question, list) and question[0].key == "" and question[0].event_id % 2 == 0:
            self._process.kill()
        return ask(self, question)

    monkeypatch.setattr(ReaderProcess, "_ask", killed)
    assert load(connection, DATA).inserted == 1601
    assert len(started) == 1


def test_where_no_process_can_be_started_it_is_done_without(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[object] = []

    def refused(settings: object) -> None:
        tries.append(settings)
        raise BlockingIOError("Resource temporarily unavailable")

    monkeypatch.setattr(calendar_reader_process, "ReaderProcess", refused)
    monkeypatch.setattr(calendar_reader_process, "has_another_core", lambda: True)
    assert load(connection, DATA).inserted == 1601
    assert len(tries) == 1


def test_a_few_events_need_no_process(connection: Connection, started: list[ReaderProcess]) -> None:
    load(connection, vcalendar(*EVENTS[:100], ZONE))
    load(connection, vcalendar(*EVENTS[:1_500], ZONE))
    assert started == []
