"""The calendar tables come into being in any schema of any database, once, whoever asks."""

import threading
from typing import Any

import psycopg
import pytest

from syncd.errors import NeedsOperator
from syncd.postgres.calendar import ensure_tables
from tests.integration.postgres.calendars import Connection, load, rows, vcalendar, vevent


def tables(connection: psycopg.Connection[Any], schema: str) -> set[str]:
    found = connection.execute(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'v') AND relnamespace = %s::regnamespace", [schema]
    )
    return {row[0] for row in found}


EXPECTED = {
    *("calendar", "calendar_import", "calendar_timezone", "calendar_event", "calendar_attendee", "calendar_alarm"),
    *("calendar_recurrence_date", "calendar_occurrence", "calendar_quarantine", "calendar_seen", "calendar_migration"),
    *("calendar_agenda", "calendar_busy", "calendar_conflict", "calendar_property", "calendar_health"),
}


def test_they_are_made_in_an_empty_database_and_only_once(empty_dsn: str) -> None:
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        connection.execute("SET search_path = pg_catalog")
        assert ensure_tables(connection, "zoho") == (1,)
        assert ensure_tables(connection, "zoho") == ()
        assert ensure_tables(connection, "Other Org") == (1,)
        assert tables(connection, "zoho") == tables(connection, '"Other Org"') == EXPECTED
        assert connection.execute("SHOW search_path").fetchone() == ("pg_catalog",)


def test_what_people_see_is_commented_and_occurrences_have_their_index(connection: Connection) -> None:
    ensure_tables(connection, "zoho")
    bare = rows(
        connection,
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'v') AND relnamespace = 'zoho'::regnamespace "
        "AND relname <> 'calendar_migration' AND obj_description(oid, 'pg_class') IS NULL",
    )
    assert bare == []
    index = rows(connection, "SELECT indexdef FROM pg_indexes WHERE indexname = 'calendar_occurrence_during'")
    assert "USING gist (during)" in index[0][0]


def test_several_may_ask_at_once(empty_dsn: str) -> None:
    made: list[tuple[int, ...]] = []

    def ask() -> None:
        with psycopg.connect(empty_dsn, autocommit=True) as connection:
            made.append(ensure_tables(connection, "zoho"))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [(), (), (), (1,)]


def test_tables_that_are_not_ours_are_left_alone(connection: Connection) -> None:
    connection.execute("CREATE SCHEMA zoho CREATE TABLE calendar (mine int)")
    with pytest.raises(NeedsOperator, match="cannot be created"):
        ensure_tables(connection, "zoho")
    assert tables(connection, "zoho") == {"calendar"}


def test_a_role_without_rights_is_told(connection: Connection) -> None:
    connection.execute("CREATE ROLE reader")
    connection.execute("SET ROLE reader")
    with pytest.raises(NeedsOperator, match="cannot be created") as refused:
        ensure_tables(connection, "zoho")
    assert refused.value.fix
    connection.execute("RESET ROLE")
    connection.execute("DROP ROLE reader")


def test_a_newer_set_of_tables_is_not_touched(connection: Connection) -> None:
    ensure_tables(connection, "zoho")
    connection.execute("INSERT INTO zoho.calendar_migration (version) VALUES (99)")
    with pytest.raises(NeedsOperator, match="newer syncd"):
        ensure_tables(connection, "zoho")


def test_two_schemas_do_not_know_each_other(connection: Connection) -> None:
    load(connection, vcalendar(vevent("a")), schema="one")
    load(connection, vcalendar(vevent("b")), schema="two")
    assert connection.execute("SELECT uid FROM one.calendar_event").fetchall() == [("a",)]
    assert connection.execute("SELECT uid FROM two.calendar_event").fetchall() == [("b",)]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE zoho.calendar_event SET start_at = NULL",
        "UPDATE zoho.calendar_event SET time_kind = 'date'",
        "UPDATE zoho.calendar_event SET time_kind = 'floating'",
        "UPDATE zoho.calendar_event SET kind = 'other'",
        "UPDATE zoho.calendar_occurrence SET end_at = start_at - interval '1 second'",
        "UPDATE zoho.calendar_occurrence SET event_id = 0",
        "UPDATE zoho.calendar SET default_tz = NULL",
        "INSERT INTO zoho.calendar OVERRIDING SYSTEM VALUE SELECT * FROM zoho.calendar",
    ],
)
def test_the_tables_refuse_what_makes_no_sense(change: str, connection: Connection) -> None:
    load(connection, vcalendar(vevent("a")))
    with pytest.raises((psycopg.IntegrityError, psycopg.DataError)):
        connection.execute(change.encode())
