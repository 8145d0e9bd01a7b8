"""What is written back is what came in."""

import psycopg
import pytest

from syncd.errors import NeedsOperator
from syncd.postgres.calendar import ensure_tables, export_calendar
from tests.integration.postgres.calendars import NOW, Connection, load, rows, vcalendar, vevent
from tests.integration.postgres.test_calendar_import import ZONE


def exported(connection: Connection, key: str = "k") -> bytes:
    return b"".join(export_calendar(connection, key=key, schema="zoho"))


def test_a_calendar_comes_out_as_it_went_in(connection: Connection) -> None:
    data = vcalendar(
        ZONE, vevent("a", "X-LONG:" + "ü" * 20, start="DTSTART;TZID=Mine:20250303T090000"), head=["X-WR-CALNAME:Team"]
    )
    load(connection, data)
    assert exported(connection) == data


def test_long_lines_are_folded_and_deleted_events_left_out(connection: Connection) -> None:
    load(connection, vcalendar(vevent("a", "SUMMARY:" + "x" * 200), vevent("b")), full=True)
    load(connection, vcalendar(vevent("a", "SUMMARY:" + "x" * 200)), full=True, evaluated_at=NOW.replace(hour=1))
    out = exported(connection)
    assert max(map(len, out.split(b"\r\n"))) == 75
    assert b"UID:b" not in out


def test_two_zones_of_one_name_stand_in_calendars_of_their_own(connection: Connection) -> None:
    using = "DTSTART;TZID=Mine:20250303T090000"
    load(
        connection,
        vcalendar(ZONE, vevent("a", start=using))
        + vcalendar(ZONE.replace("0300", "0400"), vevent("b", start=using))
        + vcalendar(vevent("c")),
    )
    out = exported(connection)
    assert out.count(b"BEGIN:VTIMEZONE") == 2
    load(connection, out, key="again")
    instants = (
        "SELECT uid, start_at FROM calendar_event JOIN calendar USING (calendar_id) WHERE cal_key = %s ORDER BY uid"
    )
    assert rows(connection, instants, "again") == rows(connection, instants, "k")


def test_an_unknown_key_is_an_error_with_advice(connection: Connection, empty_dsn: str) -> None:
    ensure_tables(connection, "zoho")
    with pytest.raises(NeedsOperator, match="no calendar under the key 'x'"):
        exported(connection, "x")
    with psycopg.connect(empty_dsn, autocommit=True) as bare, pytest.raises(NeedsOperator):
        list(export_calendar(bare, key="x", schema="zoho"))
