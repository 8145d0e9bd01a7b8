"""What a full export no longer holds, and what is not believed."""

from datetime import timedelta

import pytest

from syncd.core.model import Deletion
from syncd.postgres.calendar import blocked_imports, delete_records
from tests.integration.postgres.calendars import NOW, Connection, load, rows, starts, vcalendar, versions, vevent

HOUR = timedelta(hours=1)
TEN = [vevent(f"{number}") for number in range(10)]


def live(connection: Connection) -> set[str]:
    return {row[0] for row in rows(connection, "SELECT uid FROM calendar_event WHERE deleted_at IS NULL")}


def test_what_is_absent_from_a_full_export_is_marked_and_its_occurrences_go(connection: Connection) -> None:
    load(connection, vcalendar(*TEN), full=True)
    counts = load(connection, vcalendar(*TEN[2:]), full=True, evaluated_at=NOW + HOUR)
    assert (counts.deleted, counts.held) == (2, 0)
    assert live(connection) == {str(number) for number in range(2, 10)}
    assert rows(
        connection, "SELECT DISTINCT deleted_at, raw <> '' FROM calendar_event WHERE deleted_at IS NOT NULL"
    ) == [(NOW + HOUR, True)]
    assert starts(connection, "0") == []
    assert rows(connection, "SELECT count(*) FROM calendar_agenda") == [(8,)]


def test_absence_from_a_part_means_nothing(connection: Connection) -> None:
    load(connection, vcalendar(*TEN))
    assert load(connection, vcalendar(TEN[0]), evaluated_at=NOW + HOUR).deleted == 0
    assert len(live(connection)) == 10


def test_what_comes_back_lives_again_the_same(connection: Connection) -> None:
    load(connection, vcalendar(*TEN), full=True)
    load(connection, vcalendar(*TEN[1:]), full=True, evaluated_at=NOW + HOUR)
    counts = load(connection, vcalendar(*TEN), full=True, evaluated_at=NOW + 2 * HOUR)
    assert (counts.updated, counts.unchanged) == (1, 9)
    assert starts(connection, "0") == ["03-03 09:00"]


@pytest.mark.parametrize("left", [[], TEN[:7]])
def test_too_many_deletions_are_held_back(left: list[str], connection: Connection) -> None:
    load(connection, vcalendar(*TEN), full=True)
    counts = load(connection, vcalendar(*left), full=True, evaluated_at=NOW + HOUR)
    assert (counts.deleted, counts.held) == (0, 10 - len(left))
    assert len(live(connection)) == 10
    counts = load(connection, vcalendar(*left), full=True, evaluated_at=NOW + HOUR, max_delete_ratio=1.0)
    assert counts.deleted == (3 if left else 0)


def test_one_of_a_few_may_always_go(connection: Connection) -> None:
    load(connection, vcalendar(*TEN[:2]), full=True)
    assert load(connection, vcalendar(TEN[0]), full=True, evaluated_at=NOW + HOUR).deleted == 1


def test_an_older_full_export_deletes_nothing_that_is_newer(connection: Connection) -> None:
    load(connection, vcalendar(*TEN[:9]))
    load(connection, vcalendar(TEN[9]), evaluated_at=NOW + 2 * HOUR)
    counts = load(connection, vcalendar(*TEN[:9]), full=True, evaluated_at=NOW + HOUR)
    assert (counts.deleted, counts.held) == (0, 0)
    assert len(live(connection)) == 10


def test_what_is_in_quarantine_counts_as_seen(connection: Connection) -> None:
    load(connection, vcalendar(*TEN, TEN[0].replace("END", "RECURRENCE-ID:20250304T090000Z\nEND")), full=True)
    broken = vevent("0", start="DTSTART:never")
    counts = load(connection, vcalendar(broken, *TEN[1:]), full=True, evaluated_at=NOW + HOUR, max_quarantine_ratio=0.2)
    assert (counts.deleted, counts.quarantined) == (0, 1)
    assert "0" in live(connection)


def test_too_much_in_quarantine_or_a_cut_stream_blocks_deletions(connection: Connection) -> None:
    load(connection, vcalendar(*TEN), full=True)
    bad = [vevent(f"bad{number}", start="DTSTART:never") for number in range(3)]
    counts = load(connection, vcalendar(*bad, *TEN[1:]), full=True, evaluated_at=NOW + HOUR)
    assert (counts.deleted, counts.blocked) == (0, "3 of 12 events are in quarantine")
    cut = vcalendar(*TEN[1:])
    counts = load(connection, cut.removesuffix(b"END:VCALENDAR\r\n"), full=True, evaluated_at=NOW + HOUR)
    assert (counts.deleted, counts.blocked) == (0, "the stream is cut off")
    assert len(live(connection)) == 10


def test_a_series_that_goes_leaves_its_overrides_as_orphans(connection: Connection) -> None:
    series = vevent("a", "RRULE:FREQ=DAILY;COUNT=3")
    moved = vevent("a", "RECURRENCE-ID:20250304T090000Z", start="DTSTART:20250304T120000Z")
    load(connection, vcalendar(series, moved, *TEN), full=True)
    load(connection, vcalendar(moved, *TEN), full=True, evaluated_at=NOW + HOUR)
    assert starts(connection) == ["03-04 12:00"]
    assert rows(connection, "SELECT kind FROM calendar_event WHERE uid = 'a' AND deleted_at IS NULL") == [("orphan",)]
    load(connection, vcalendar(series, *TEN), full=True, evaluated_at=NOW + 2 * HOUR)
    assert starts(connection) == ["03-03 09:00", "03-04 09:00", "03-05 09:00"]


# --------------------------------------------------------------------------------------------------------------- pages


def page(connection: Connection, number: int, events: list[str], *, last: bool, export: int = 7, hours: int = 1):  # type: ignore[no-untyped-def]
    return load(
        connection, vcalendar(*events), full=True, export_id=export, page=number, last_page=last, run_id=export,
        evaluated_at=NOW + hours * HOUR,
    )  # fmt: skip


def test_only_the_last_page_of_an_export_deletes(connection: Connection) -> None:
    load(connection, vcalendar(*TEN), full=True)
    assert page(connection, 1, TEN[:4], last=False).deleted == 0
    assert page(connection, 2, TEN[4:9], last=True).deleted == 1
    assert live(connection) == {str(number) for number in range(9)}
    assert rows(connection, "SELECT count(*) FROM calendar_seen") == [(0,)]
    assert blocked_imports(connection, 7, schema="zoho") == ""


def test_a_missing_page_or_a_forgotten_one_blocks(connection: Connection) -> None:
    load(connection, vcalendar(*TEN), full=True)
    assert page(connection, 2, TEN[:9], last=True).blocked == "1 earlier pages of the export are missing"
    page(connection, 1, TEN[:4], last=False, export=8)
    connection.execute("TRUNCATE zoho.calendar_seen")
    assert page(connection, 2, TEN[4:], last=True, export=8).blocked.endswith("is forgotten")
    assert blocked_imports(connection, 8, schema="zoho").endswith("is forgotten")
    assert len(live(connection)) == 10


def test_a_page_that_is_retried_changes_nothing(connection: Connection) -> None:
    page(connection, 1, TEN[:4], last=False)
    before = versions(connection)
    page(connection, 1, TEN[:4], last=False)
    assert versions(connection) == before
    assert page(connection, 2, TEN[4:], last=True).deleted == 0
    assert len(live(connection)) == 10


# ---------------------------------------------------------------------------------------------------------------- feed


def test_records_that_a_feed_reports_are_marked_unless_a_later_export_brought_them(connection: Connection) -> None:
    ids = (5725767000000000001, 5725767000000000002)
    load(connection, vcalendar(*(vevent(str(each)) for each in ids)))
    early = Deletion(ids[0], NOW - HOUR)
    late = Deletion(ids[1], NOW + HOUR)
    assert delete_records(connection, [early, late, late], key="k", schema="zoho") == 1
    assert live(connection) == {str(ids[0])}
    assert starts(connection, str(ids[1])) == []
    assert delete_records(connection, [late], key="k", schema="zoho") == 0
    assert delete_records(connection, [late], key="k", schema="nowhere") == 0
    assert blocked_imports(connection, 1, schema="nowhere") == ""
