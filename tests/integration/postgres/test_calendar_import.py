"""An import into calendar tables: what becomes a row, what a second one changes, and what is put aside."""

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from syncd.core.calendar.imports import ImportRequest
from syncd.core.calendar.model import Horizon
from syncd.postgres.calendar import import_calendar
from tests.integration.postgres.calendars import (
    HORIZON,
    NOW,
    Connection,
    load,
    rows,
    starts,
    vcalendar,
    versions,
    vevent,
)

HOUR = timedelta(hours=1)
ZONE = """BEGIN:VTIMEZONE
TZID:Mine
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0300
TZOFFSETTO:+0300
END:STANDARD
END:VTIMEZONE"""


def test_an_event_is_a_row_with_everything_in_it(connection: Connection) -> None:
    counts = load(
        connection,
        vcalendar(
            vevent(
                "5725767000000000001",
                "DTEND;TZID=Europe/Berlin:20250303T100000",
                "SUMMARY:Tab\there\\, \\\\N",
                "ATTENDEE;CN=A:mailto:A@x.org",
                "ATTENDEE;CN=B:mailto:a@x.org",
                "EXDATE;TZID=Europe/Berlin:20250310T090000",
                "RRULE:FREQ=WEEKLY;COUNT=3",
                "BEGIN:VALARM",
                "ACTION:DISPLAY",
                "TRIGGER:-PT15M",
                "END:VALARM",
                start="DTSTART;TZID=Europe/Berlin:20250303T090000",
            ),
            head=["X-WR-CALNAME:Team", "X-WR-TIMEZONE:Europe/Paris", "METHOD:PUBLISH"],
        ),
    )
    assert (counts.events, counts.inserted, counts.complete, counts.blocked) == (1, 1, True, "")
    assert rows(connection, "SELECT name, method, tzid, default_tz, cal_key, source FROM calendar") == [
        ("Team", "PUBLISH", "Europe/Paris", "Europe/Paris", "k", "file")
    ]
    ((summary, record, kind, state, start, zone, at, rule, raw),) = rows(
        connection,
        "SELECT summary, record_id, kind, expansion, start_local, start_tzid, start_at, rrule, raw FROM calendar_event",
    )
    assert (summary, record, kind, state) == ("Tab\there, \\N", 5725767000000000001, "series", "ok")
    assert (start, zone, at) == (datetime(2025, 3, 3, 9), "Europe/Berlin", datetime(2025, 3, 3, 8, tzinfo=UTC))  # noqa: DTZ001
    assert rule == "FREQ=WEEKLY;COUNT=3"
    assert raw.startswith(b"BEGIN:VEVENT\r\nUID:")
    assert rows(connection, "SELECT ord, email, cn FROM calendar_attendee ORDER BY ord") == [
        (1, "a@x.org", "A"),
        (2, "a@x.org", "B"),
    ]
    assert rows(connection, "SELECT action, trigger_rel, trigger_offset FROM calendar_alarm") == [
        ("DISPLAY", "START", timedelta(minutes=-15))
    ]
    assert rows(connection, "SELECT kind, at_local::text FROM calendar_recurrence_date") == [
        ("EXDATE", "2025-03-10 09:00:00")
    ]
    assert starts(connection, "5725767000000000001") == ["03-03 09:00", "03-17 09:00"]
    assert rows(connection, "SELECT tzid, method, resolved FROM calendar_timezone ORDER BY 1") == [
        ("Europe/Berlin", "iana", "Europe/Berlin"),
        ("Europe/Paris", "iana", "Europe/Paris"),
    ]


def test_times_of_every_kind(connection: Connection) -> None:
    load(
        connection,
        vcalendar(
            vevent("utc"),
            vevent("day", start="DTSTART;VALUE=DATE:20250303"),
            vevent("floating", start="DTSTART:20250303T090000"),
            vevent("lost", start="DTSTART;TZID=Mars/Olympus:20250303T090000"),
            vevent("mine", start="DTSTART;TZID=Mine:20250303T090000"),
            vevent("none", start=""),
            ZONE,
        ),
        default_tz="Asia/Tokyo",
    )
    found = rows(connection, "SELECT uid, time_kind, start_at IS NOT NULL, start_date FROM calendar_event ORDER BY uid")
    assert found == [
        ("day", "date", False, date(2025, 3, 3)),
        ("floating", "floating", False, None),
        ("lost", "unresolved", False, None),
        ("mine", "zoned", True, None),
        ("none", "missing", False, None),
        ("utc", "utc", True, None),
    ]
    placed = rows(
        connection,
        "SELECT uid, o.start_local::text, o.end_date::text, o.start_at, tz, basis "
        "FROM calendar_occurrence o JOIN calendar_event e USING (event_id) ORDER BY uid",
    )
    expected = [
        ("day", "2025-03-03 00:00:00", "2025-03-04", datetime(2025, 3, 2, 15, tzinfo=UTC), "Asia/Tokyo", "date"),
        ("floating", "2025-03-03 09:00:00", "2025-03-04", datetime(2025, 3, 3, tzinfo=UTC), "Asia/Tokyo", "floating"),
        ("lost", "2025-03-03 09:00:00", "2025-03-04", datetime(2025, 3, 3, tzinfo=UTC), "Asia/Tokyo", "unresolved"),
        ("mine", "2025-03-03 09:00:00", "2025-03-04", datetime(2025, 3, 3, 6, tzinfo=UTC), "Mine", "zoned"),
        ("utc", "2025-03-03 09:00:00", "2025-03-04", datetime(2025, 3, 3, 9, tzinfo=UTC), "UTC", "utc"),
    ]
    assert [(row[0], row[1], row[2], row[3].astimezone(UTC), *row[4:]) for row in placed] == [
        (uid, wall, end, at, *rest) for uid, wall, end, at, *rest in expected
    ]


# ------------------------------------------------------------------------------------------------------------- change


def test_nothing_is_written_for_what_has_not_changed(connection: Connection) -> None:
    first = vcalendar(
        ZONE, vevent("a", "DTSTAMP:20250101T000000Z", "ATTENDEE:mailto:x@y"), vevent("b", "RRULE:FREQ=DAILY")
    )
    load(connection, first)
    before = versions(connection)
    counts = load(connection, first.replace(b"DTSTAMP:20250101", b"DTSTAMP:20250202"), evaluated_at=NOW + HOUR)
    assert (counts.unchanged, counts.updated, counts.relisted) == (2, 0, 0)
    assert versions(connection) == before


def test_a_changed_event_is_rewritten_and_its_parts_only_where_they_differ(connection: Connection) -> None:
    load(connection, vcalendar(vevent("a", "ATTENDEE:mailto:x@y", "ATTENDEE:mailto:z@y", "RRULE:FREQ=DAILY;COUNT=3")))
    attendees, occurrences = versions(connection)[1], versions(connection)[4]
    counts = load(
        connection,
        vcalendar(vevent("a", "ATTENDEE:mailto:x@y", "ATTENDEE:mailto:w@y", "RRULE:FREQ=DAILY;COUNT=4")),
        evaluated_at=NOW + HOUR,
    )
    assert (counts.inserted, counts.updated) == (0, 1)
    assert len(set(attendees) & set(versions(connection)[1])) == 1
    assert set(occurrences) < set(versions(connection)[4])
    assert rows(connection, "SELECT first_import_id < changed_import_id FROM calendar_event") == [(True,)]


def test_a_changed_definition_of_a_zone_moves_the_events_that_use_it(connection: Connection) -> None:
    data = vcalendar(vevent("a", start="DTSTART;TZID=Mine:20250303T090000"), vevent("b"), ZONE)
    load(connection, data)
    counts = load(connection, data.replace(b"+0300", b"+0400"), evaluated_at=NOW + HOUR)
    assert (counts.updated, counts.unchanged) == (1, 1)
    assert rows(connection, "SELECT start_at FROM calendar_event WHERE uid = 'a'")[0][0] == datetime(
        2025, 3, 3, 5, tzinfo=UTC
    )


def test_an_older_export_never_replaces_a_newer_one(connection: Connection) -> None:
    load(connection, vcalendar(vevent("a", "SUMMARY:new")), evaluated_at=NOW)
    counts = load(connection, vcalendar(vevent("a", "SUMMARY:old"), vevent("b")), evaluated_at=NOW - HOUR)
    assert (counts.older, counts.inserted) == (1, 1)
    assert rows(connection, "SELECT summary FROM calendar_event WHERE uid = 'a'") == [("new",)]


def test_after_a_full_export_nothing_older_changes_anything(connection: Connection) -> None:
    load(connection, vcalendar(vevent("a", "SUMMARY:new")), evaluated_at=NOW, full=True)
    load(connection, vcalendar(vevent("a", "SUMMARY:new")), evaluated_at=NOW + HOUR, full=True)
    counts = load(connection, vcalendar(vevent("a", "SUMMARY:old"), vevent("b")), evaluated_at=NOW + HOUR / 2)
    assert counts.older == 2
    assert rows(connection, "SELECT summary FROM calendar_event") == [("new",)]


# -------------------------------------------------------------------------------------------------------------- series

SERIES = vevent("a", "RRULE:FREQ=DAILY;COUNT=3")
MOVED = vevent("a", "RECURRENCE-ID:20250304T090000Z", start="DTSTART:20250304T120000Z")


@pytest.mark.parametrize("data", [vcalendar(SERIES, MOVED), vcalendar(MOVED, SERIES)])
def test_an_override_meets_its_series_wherever_it_stands(data: bytes, connection: Connection) -> None:
    load(connection, data)
    assert starts(connection) == ["03-03 09:00", "03-04 12:00", "03-05 09:00"]
    assert rows(connection, "SELECT kind FROM calendar_event ORDER BY recurrence_key") == [("series",), ("override",)]
    before = versions(connection)
    load(connection, data, evaluated_at=NOW + HOUR)
    assert versions(connection) == before


def test_an_override_and_its_series_may_come_in_any_order_and_import(connection: Connection) -> None:
    load(connection, vcalendar(MOVED))
    assert rows(connection, "SELECT kind FROM calendar_event") == [("orphan",)]
    assert starts(connection) == ["03-04 12:00"]
    load(connection, vcalendar(SERIES), evaluated_at=NOW + HOUR)
    assert starts(connection) == ["03-03 09:00", "03-04 12:00", "03-05 09:00"]
    load(connection, vcalendar(MOVED.replace("12:00", "12:00").replace("T12", "T15")), evaluated_at=NOW + 2 * HOUR)
    assert starts(connection) == ["03-03 09:00", "03-04 15:00", "03-05 09:00"]
    load(connection, vcalendar(SERIES.replace("COUNT=3", "COUNT=2")), evaluated_at=NOW + 3 * HOUR)
    assert starts(connection) == ["03-03 09:00", "03-04 15:00"]
    assert rows(connection, "SELECT kind FROM calendar_event ORDER BY recurrence_key") == [("series",), ("override",)]


def test_a_cancelled_override_takes_its_occurrence_away(connection: Connection) -> None:
    load(connection, vcalendar(SERIES, vevent("a", "RECURRENCE-ID:20250304T090000Z", "STATUS:CANCELLED")))
    assert starts(connection) == ["03-03 09:00", "03-05 09:00"]


def test_a_pinned_horizon_lists_every_series_anew_and_a_small_slide_none(connection: Connection) -> None:
    data = vcalendar(vevent("a", "RRULE:FREQ=DAILY"), SERIES.replace("UID:a", "UID:b"))
    load(connection, data)
    assert rows(connection, "SELECT DISTINCT lower(expanded), upper(expanded) FROM calendar_event") == [
        (date(2024, 1, 1), date(2027, 1, 1))
    ]
    slide = Horizon(HORIZON.first + timedelta(days=5), HORIZON.last + timedelta(days=5))
    assert load(connection, data, horizon=slide).relisted == 0
    week = Horizon(date(2025, 3, 4), date(2025, 3, 6))
    assert load(connection, data, horizon=week, pinned=True).relisted == 2
    assert starts(connection, "a") == ["03-04 09:00", "03-05 09:00", "03-06 09:00"]
    assert load(connection, data).relisted == 2
    assert len(starts(connection, "a")) == 669


def test_another_default_zone_moves_days_and_floating_times(connection: Connection) -> None:
    data = vcalendar(vevent("a", start="DTSTART:20250303T090000"), vevent("b"))
    load(connection, data)
    load(connection, data, default_tz="Asia/Tokyo", evaluated_at=NOW + HOUR)
    found = rows(
        connection,
        "SELECT e.uid, o.start_at FROM calendar_occurrence o JOIN calendar_event e USING (event_id) ORDER BY 1",
    )
    assert [(row[0], row[1].astimezone(UTC).hour) for row in found] == [("a", 0), ("b", 9)]


# ---------------------------------------------------------------------------------------------------------- quarantine


def test_what_cannot_be_a_row_is_kept_with_its_text_and_the_reason(connection: Connection) -> None:
    bad = vevent("bad", start="DTSTART:never")
    counts = load(connection, vcalendar(bad, vevent("a")))
    assert (counts.quarantined, counts.inserted) == (1, 1)
    ((uid, line, stage, error, raw, copies, resolved),) = rows(
        connection, "SELECT uid, line_no, stage, error, raw, copies, resolved_at FROM calendar_quarantine"
    )
    assert (uid, line, stage, copies, resolved) == ("bad", 4, "time", 1, None)
    assert "never" in error
    assert raw.decode() == bad.replace("\n", "\r\n") + "\r\n"


def test_the_same_bad_text_is_one_row_until_a_good_version_comes(connection: Connection) -> None:
    bad = vevent("bad", start="DTSTART:never")
    load(connection, vcalendar(bad, bad))
    assert rows(connection, "SELECT copies FROM calendar_quarantine") == [(2,)]
    load(connection, vcalendar(bad))
    assert rows(connection, "SELECT copies, resolved_at IS NULL, last_seen > first_seen FROM calendar_quarantine") == [
        (1, True, True)
    ]
    load(connection, vcalendar(vevent("bad")), evaluated_at=NOW + HOUR)
    assert rows(connection, "SELECT resolved_at IS NULL FROM calendar_quarantine") == [(False,)]
    load(connection, vcalendar(bad), evaluated_at=NOW + HOUR)
    assert rows(connection, "SELECT resolved_at IS NULL FROM calendar_quarantine") == [(True,)]


@pytest.mark.parametrize(
    ("first", "second", "wins"),
    [
        (("SEQUENCE:2", "SUMMARY:x"), ("SEQUENCE:1", "SUMMARY:y"), "x"),
        (("SEQUENCE:1", "SUMMARY:x"), ("SEQUENCE:2", "SUMMARY:y"), "y"),
        (("LAST-MODIFIED:20250102T000000Z", "SUMMARY:x"), ("LAST-MODIFIED:20250101T000000Z", "SUMMARY:y"), "x"),
        (("SUMMARY:x",), ("SUMMARY:y",), "y"),
        (("SUMMARY:x",), ("SUMMARY:x",), "x"),
        (("SUMMARY:x", "DTSTAMP:20250101T000000Z"), ("SUMMARY:x", "DTSTAMP:20250102T000000Z"), "x"),
    ],
)
def test_of_two_with_one_identity_the_newest_is_the_row(
    first: tuple[str, ...], second: tuple[str, ...], wins: str, connection: Connection
) -> None:
    data = vcalendar(vevent("a", *first), vevent("b"), vevent("a", *second))
    counts = load(connection, data)
    assert (counts.inserted, counts.duplicates, counts.quarantined) == (2, 1, 1)
    assert rows(connection, "SELECT summary FROM calendar_event WHERE uid = 'a'") == [(wins,)]
    before, quarantine = versions(connection), rows(connection, "SELECT raw, copies FROM calendar_quarantine")
    again = load(connection, data, evaluated_at=NOW + HOUR)
    assert (again.updated, again.duplicates) == (0, 1)
    assert versions(connection) == before
    assert rows(connection, "SELECT raw, copies FROM calendar_quarantine") == quarantine


def test_a_cut_off_stream_keeps_its_whole_events_and_vouches_for_nothing(connection: Connection) -> None:
    data = vcalendar(vevent("a"), vevent("b"))
    counts = load(connection, data[: data.index(b"UID:b")], full=True)
    assert (counts.inserted, counts.quarantined, counts.complete) == (1, 1, False)
    assert counts.blocked == "the stream is cut off"
    assert rows(connection, "SELECT complete FROM calendar_import") == [(False,)]


def test_a_server_that_refuses_one_row_costs_that_row(connection: Connection) -> None:
    load(connection, vcalendar(vevent("a")))
    connection.execute("ALTER TABLE zoho.calendar_event ADD CHECK (summary <> 'refused')")
    events = [vevent(str(number), f"SUMMARY:{'refused' if number == 7 else number}") for number in range(20)]
    counts = load(connection, vcalendar(*events))
    assert (counts.inserted, counts.quarantined) == (19, 1)
    assert rows(connection, "SELECT uid, stage FROM calendar_quarantine") == [("7", "store")]
    changed = [event.replace("SUMMARY:", "SUMMARY:x") if "UID:7\n" not in event else event for event in events]
    changed[3] = changed[3].replace("SUMMARY:x3", "SUMMARY:refused")
    counts = load(connection, vcalendar(*changed), evaluated_at=NOW + HOUR)
    assert (counts.updated, counts.quarantined) == (18, 2)


# -------------------------------------------------------------------------------------------------------- transactions


def test_a_stream_that_breaks_off_with_an_error_changes_nothing(connection: Connection) -> None:
    data = vcalendar(*(vevent(str(number)) for number in range(2000)))
    passes = []

    def blocks() -> Iterator[bytes]:
        passes.append(1)
        yield data[: len(data) // 2]
        if len(passes) == 2:
            raise OSError("the disk is gone")
        yield data[len(data) // 2 :]

    request = ImportRequest(key="k", evaluated_at=NOW, horizon=HORIZON)
    load(connection, vcalendar(vevent("a")), key="other")
    with pytest.raises(OSError, match="gone"):
        import_calendar(connection, blocks, request, schema="zoho")
    assert rows(connection, "SELECT cal_key FROM calendar") == [("other",)]
    assert rows(connection, "SELECT count(*) FROM calendar_event") == [(1,)]


def test_it_joins_the_callers_transaction(connection: Connection) -> None:
    load(connection, vcalendar(vevent("a")))
    connection.execute("BEGIN")
    load(connection, vcalendar(vevent("b")))
    load(connection, vcalendar(vevent("c"), vevent("b", "SUMMARY:x")), evaluated_at=NOW + HOUR)
    assert rows(connection, "SELECT count(*) FROM calendar_event") == [(3,)]
    connection.execute("ROLLBACK")
    assert rows(connection, "SELECT count(*) FROM calendar_event") == [(1,)]


def test_imports_at_once_do_not_disturb_one_another(dsn: str, connection: Connection) -> None:
    failures: list[BaseException] = []

    def run(key: str) -> None:
        try:
            with psycopg.connect(dsn, autocommit=True) as own:
                for number in range(3):
                    data = vcalendar(*(vevent(f"{each}", f"SUMMARY:{number}") for each in range(300)))
                    load(own, data, key=key, evaluated_at=NOW + number * HOUR)
        except BaseException as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=run, args=(key,)) for key in ("one", "two", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert rows(
        connection,
        "SELECT cal_key, count(*), max(summary) FROM calendar JOIN calendar_event USING (calendar_id) "
        "GROUP BY 1 ORDER BY 1",
    ) == [
        ("one", 300, "2"),
        ("two", 300, "2"),
    ]


def test_the_first_load_of_many_events_leaves_all_indexes_and_keys(connection: Connection) -> None:
    def shape() -> list[tuple[object, ...]]:
        return rows(
            connection,
            "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'calendar_occurrence'::regclass "
            "UNION ALL SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE conrelid = 'calendar_occurrence'::regclass ORDER BY 1",
        )

    load(connection, vcalendar(), key="empty")
    before = shape()
    counts = load(connection, vcalendar(*(vevent(str(number)) for number in range(5_100))), full=True)
    assert counts.inserted == 5_100
    assert shape() == before
    assert any("gist" in str(row[0]) for row in before)
    again = load(connection, vcalendar(*(vevent(str(number)) for number in range(5_100))), full=True)
    assert again.unchanged == 5_100
