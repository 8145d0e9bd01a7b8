"""Small calendars for the tests of the calendar tables, and what stands in the tables afterwards."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import psycopg

from syncd.core.calendar.imports import ImportCounts, ImportRequest
from syncd.core.calendar.model import Horizon
from syncd.postgres.calendar import import_calendar

Connection = psycopg.Connection[Any]

NOW = datetime(2025, 3, 1, tzinfo=UTC)
HORIZON = Horizon(date(2024, 1, 1), date(2026, 12, 31))


def vevent(uid: str, *lines: str, start: str = "DTSTART:20250303T090000Z") -> str:
    return "\n".join(["BEGIN:VEVENT", f"UID:{uid}", *([start] if start else []), *lines, "END:VEVENT"])


def vcalendar(*components: str, head: Iterable[str] = ()) -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//t//EN", *head, *components, "END:VCALENDAR", ""]
    return "\n".join(lines).replace("\n", "\r\n").encode()


def load(connection: Connection, data: bytes, key: str = "k", schema: str = "zoho", **request: Any) -> ImportCounts:
    given: dict[str, Any] = {"key": key, "evaluated_at": NOW, "horizon": HORIZON, **request}
    return import_calendar(connection, lambda: [data], ImportRequest(**given), schema=schema)


def rows(connection: Connection, query: str, *values: object) -> list[tuple[Any, ...]]:
    """The rows of a query on the tables in `zoho`."""
    with connection.transaction():
        connection.execute("SET LOCAL search_path TO zoho")
        return connection.execute(query.encode(), values).fetchall()


def starts(connection: Connection, uid: str = "a") -> list[str]:
    found = rows(
        connection,
        "SELECT o.start_local FROM calendar_occurrence o JOIN calendar_event e ON e.event_id = o.series_id "
        "WHERE e.uid = %s ORDER BY 1",
        uid,
    )
    return [f"{row[0]:%m-%d %H:%M}" for row in found]


def versions(connection: Connection) -> list[list[tuple[Any, ...]]]:
    """The version of every row about events: equal before and after means nothing was written."""
    tables = ("event", "attendee", "alarm", "recurrence_date", "occurrence", "timezone")
    return [rows(connection, f"SELECT ctid::text, xmin::text FROM calendar_{table} ORDER BY ctid") for table in tables]
