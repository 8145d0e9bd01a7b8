"""The coming days out of the calendar tables."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import psycopg

from syncd.core.calendar.agenda import AgendaEntry
from syncd.core.calendar.moments import wall_at
from syncd.core.calendar.zones import iana_names, iana_zone
from syncd.postgres.calendar_schema import inside

Connection = psycopg.Connection[Any]

_AGENDA = """
SELECT a.cal_key, a.uid, a.record_id, coalesce(a.summary, ''), coalesce(a.location, ''), coalesce(a.status, ''),
    coalesce(a.organizer_cn, a.organizer_email, ''),
    ARRAY(SELECT coalesce(t.cn, t.email, t.address) FROM calendar_attendee t
        WHERE t.event_id = a.event_id ORDER BY t.ord),
    a.all_day, a.start_date, a.end_date, a.start_local, a.start_local + (a.end_at - a.start_at),
    a.tz, a.start_at, a.end_at, a.basis
FROM calendar_agenda a
WHERE a.during && tstzrange(%(from)s, %(to)s)
    AND (%(key)s::text IS NULL OR a.cal_key = %(key)s)
    AND (%(email)s::text IS NULL OR a.organizer_email = %(email)s OR EXISTS
        (SELECT FROM calendar_attendee t WHERE t.event_id = a.event_id AND t.email = %(email)s))
ORDER BY a.start_at, a.summary, a.series_id
LIMIT %(most)s
"""


def agenda(
    connection: Connection,
    start: datetime,
    *,
    schema: str,
    days: int = 7,
    email: str | None = None,
    key: str | None = None,
    most: int = 1_000,
) -> tuple[AgendaEntry, ...]:
    """What happens from `start` (aware, UTC) on for `days` days, in the order of the instants, at most `most` entries.

    `email`: only what this person attends or organizes. `key`: only this calendar.
    """
    values = {
        "from": start,
        "to": start + timedelta(days=days),
        "email": email.strip().lower() if email else None,
        "key": key,
        "most": most,
    }
    with connection.transaction(), inside(connection, schema):
        rows = connection.execute(_AGENDA, values).fetchall()
    return tuple(_entry(row) for row in rows)


def _entry(row: tuple[Any, ...]) -> AgendaEntry:
    names = list(AgendaEntry.__dataclass_fields__)
    values = dict(zip(names, row, strict=True))
    values["attendees"] = tuple(values["attendees"])
    entry = AgendaEntry(**values)
    if entry.all_day or entry.tz not in iana_names():
        return entry
    # The server cannot tell the wall time: its time zone data may be another one, and offsets change during an event.
    return replace(entry, ends=wall_at(entry.end_at, iana_zone(entry.tz)) or entry.ends)
