"""Holds the calendar tables against the second reading: every difference in a sentence."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import psycopg

from tests.integration.calendar_faithful.reading import Seen, When

Connection = psycopg.Connection[Any]

_EVENTS = """
SELECT e.event_id, e.raw, e.uid, e.uid_synthetic, e.summary, e.description, e.location, e.time_kind, e.start_date,
    e.start_local, e.start_tzid, e.start_at,
    ARRAY(SELECT address FROM {0}.calendar_attendee a WHERE a.event_id = e.event_id ORDER BY ord),
    (SELECT count(*) FROM {0}.calendar_alarm a WHERE a.event_id = e.event_id)
FROM {0}.calendar_event e JOIN {0}.calendar c USING (calendar_id)
WHERE c.cal_key = %s AND e.deleted_at IS NULL
"""


def differences(connection: Connection, key: str, seen: Iterable[Seen], *, schema: str = "zoho") -> list[str]:
    """Where the tables of the calendar `key` differ from what the file was seen to hold."""
    found: list[str] = []
    rows = {}
    for row in connection.execute(_EVENTS.format(schema).encode(), [key]):
        rows[tuple(bytes(row[1]).rstrip(b"\r\n").split(b"\r\n"))] = row
    quarantined: Counter[tuple[bytes, ...]] = Counter()
    for raw, copies in connection.execute(
        f"SELECT q.raw, q.copies FROM {schema}.calendar_quarantine q JOIN {schema}.calendar c USING (calendar_id) "
        "WHERE c.cal_key = %s AND q.component = 'VEVENT'".encode(),
        [key],
    ):
        quarantined[tuple(bytes(raw).rstrip(b"\r\n").split(b"\r\n"))] += copies
    used: set[tuple[bytes, ...]] = set()
    for one in seen:
        text = tuple(one.lines)
        if text in rows and text not in used:
            used.add(text)
            found += _differences(one, rows[text])
        elif quarantined[text] > 0:
            quarantined[text] -= 1
        else:
            found.append(f"no row and not in quarantine: {b' | '.join(text)[:120]!r}")
    found += [f"a row that the file does not hold: {row[2]}" for text, row in rows.items() if text not in used]
    found += [f"in quarantine, but not in the file: {text[:3]}" for text, count in quarantined.items() if count > 0]
    return found


def _differences(one: Seen, row: tuple[Any, ...]) -> list[str]:
    (_, _, uid, synthetic, summary, description, location, kind, day, wall, zone, at, attendees, alarms) = row
    pairs: list[tuple[str, object, object]] = [
        ("attendees", one.attendees, attendees),
        ("alarms", one.alarms, alarms),
    ]
    named = one.first("UID")
    if named is not None and named.value.strip() and not synthetic:
        pairs.append(("uid", named.value.strip(), uid))
    for name, value in (("SUMMARY", summary), ("DESCRIPTION", description), ("LOCATION", location)):
        written = one.first(name)
        if written is None or "ENCODING" not in written.params:
            pairs.append((name.lower(), one.text(name), value))
    when = one.when()
    if when is not None:
        pairs += _times(when, When(kind, day, wall, zone, at))
    return [f"{uid}: {name} is {have!r}, the file says {want!r}" for name, want, have in pairs if want != have]


def _times(when: When, have: When) -> list[tuple[str, object, object]]:
    pairs: list[tuple[str, object, object]] = [("day", when.day, have.day), ("wall", when.wall, have.wall)]
    if when.kind == "zoned?":
        # The reader does not know the zone; the tables may.
        return [*pairs, ("kind", True, have.kind in {"zoned", "unresolved"}), ("zone", when.zone, have.zone)]
    pairs += [("kind", when.kind, have.kind), ("instant", when.at, have.at)]
    if when.kind in {"zoned", "utc"}:
        pairs.append(("zone", when.zone, have.zone))
    return pairs
