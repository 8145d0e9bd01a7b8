"""Bulk read's ICS of Events: meetings made from rows, and the calendar text with Zoho's quirks.

Owns: what stands in the file. One VEVENT per single meeting, one per series, and one more with RECURRENCE-ID for each
occurrence that was changed by hand (Zoho's limitations page).
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from syncd.simulator.behaviour import Behaviour
from syncd.simulator.cells import CANONICAL
from syncd.simulator.csv_export import Snapshot
from syncd.simulator.meetings import Meeting, meeting_end, meeting_start, recurrence_of, zone_of
from syncd.simulator.records import Records
from syncd.simulator.schema import settings_id
from syncd.simulator.users import BY_ID
from syncd.simulator.zones import VTIMEZONES

_FOLD = 75
_RULES = {
    "weekly": "FREQ=WEEKLY;INTERVAL=1;COUNT=20",
    "daily": "FREQ=DAILY;INTERVAL=1;COUNT=10",
    "monthly": "FREQ=MONTHLY;INTERVAL=1;COUNT=12",
}
_EVERY = {"weekly": timedelta(days=7), "daily": timedelta(days=1)}


def meetings(snapshot: Snapshot, records: Records, behaviour: Behaviour) -> Iterator[Meeting]:
    """All VEVENTs of a snapshot of Events, a series before its changed occurrences."""
    block, module = snapshot.block, snapshot.module
    wanted = ("id", "Event_Title", "Description", "Venue", "All_day", "Owner")
    columns = [records.texts(module, name, block, CANONICAL) for name in wanted]
    for at, (record_id, title, description, venue, all_day, owner) in enumerate(zip(*columns, strict=True)):
        index, organizer = block.indexes[at], BY_ID[owner]
        recurrence = recurrence_of(index)
        zone = "" if all_day == "true" else zone_of(index)
        start = meeting_start(index)
        master = Meeting(
            uid=_uid(record_id, behaviour),
            recurrence_id="",
            summary=title,
            description=description,
            location=venue,
            organizer_name=organizer.full_name,
            organizer_email=organizer.email,
            start=start,
            end=meeting_end(index),
            all_day=all_day == "true",
            zone=zone,
            rule=_RULES.get(recurrence, ""),
            excluded=(_occurrence(start, zone, _EVERY["weekly"], 3),) if recurrence == "weekly" else (),
            created=block.created[at],
            modified=block.modified[at],
            version=block.versions[at],
        )
        yield master
        if recurrence == "daily" or (recurrence == "weekly" and index % 2):
            yield _changed_occurrence(master, _EVERY[recurrence])


def _changed_occurrence(master: Meeting, every: timedelta) -> Meeting:
    """The second occurrence, an hour later and under another title."""
    start = _shifted(master.start, master.zone, every)
    return Meeting(
        uid=master.uid,
        recurrence_id=_occurrence(master.start, master.zone, every, 1),
        summary=f"{master.summary} (moved)",
        description=master.description,
        location=master.location,
        organizer_name=master.organizer_name,
        organizer_email=master.organizer_email,
        start=start + 3600,
        end=start + 3600 + master.end - master.start,
        all_day=master.all_day,
        zone=master.zone,
        rule="",
        excluded=(),
        created=master.created,
        modified=master.modified,
        version=master.version,
    )


def _uid(record_id: str, behaviour: Behaviour) -> str:
    match behaviour.ics_uid:
        case "record-id":
            return record_id
        case "record-id-at-host":
            return f"{record_id}@zoho.com"
        case _:
            return f"{settings_id('uid', record_id)}aabb@zoho.com"


def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name or "UTC")


def _shifted(start: int, zone: str, step: timedelta) -> int:
    """The moment `step` later on the wall clock of the zone."""
    return int((datetime.fromtimestamp(start, _zone(zone)) + step).timestamp())


def _occurrence(start: int, zone: str, every: timedelta, number: int) -> str:
    """RECURRENCE-ID or EXDATE value of an occurrence: wall time, UTC with Z, or a date for all-day meetings."""
    moment = _shifted(start, zone, every * number)
    return _date(moment) if not zone else _wall(moment, zone)


def _date(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y%m%d")


def _wall(moment: int, zone: str) -> str:
    text = datetime.fromtimestamp(moment, _zone(zone)).strftime("%Y%m%dT%H%M%S")
    return f"{text}Z" if zone == "UTC" else text


# ------------------------------------------------------------------------------------------------------------- text


def ics_blocks(snapshot: Snapshot, records: Records, behaviour: Behaviour) -> Iterator[str]:
    """The calendar's text in pieces. DTSTAMP is the moment of the export."""
    limit = behaviour.ics_events_per_calendar
    dtstamp = _wall(int(snapshot.evaluated_at), "UTC")
    yield _head(behaviour)
    for number, meeting in enumerate(meetings(snapshot, records, behaviour)):
        if limit and number and number % limit == 0:
            yield _lines(["END:VCALENDAR"], behaviour) + _head(behaviour)
        yield _lines(_event(meeting, behaviour, dtstamp), behaviour)
    yield _lines(["END:VCALENDAR"], behaviour)


def _head(behaviour: Behaviour) -> str:
    product = {
        "crm": "-//Zoho CRM//NONSGML Calendar//EN",
        "calendar": "-//Zoho Corporation//Zoho Calendar-US//EN",
    }[behaviour.ics_flavour]
    lines = [
        "BEGIN:VCALENDAR",
        f"PRODID:{product}",
        "VERSION:2.0",
        "X-WR-CALNAME:Simulated Holdings",
        "X-WR-TIMEZONE:America/Chicago",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
    ]
    if behaviour.ics_vtimezone:
        lines += [line for zone in VTIMEZONES.values() for line in zone]
    return _lines(lines, behaviour)


def _event(meeting: Meeting, behaviour: Behaviour, dtstamp: str) -> list[str]:
    lines = ["BEGIN:VEVENT", f"SUMMARY:{_escape(meeting.summary)}", f"DESCRIPTION:{_escape(meeting.description)}"]
    lines += _times(meeting)
    lines += [f"LOCATION:{_escape(meeting.location)}", "CLASS:PUBLIC"]
    if behaviour.ics_flavour == "calendar":
        lines += ["IMPORTANT:0", "STATUS:CONFIRMED", "TRANSP:OPAQUE"]
    lines += [
        f"UID:{meeting.uid}",
        f"CREATED:{_wall(meeting.created, 'UTC')}",
        f"LAST-MODIFIED:{_wall(meeting.modified, 'UTC')}",
        f"DTSTAMP:{dtstamp}",
        f"SEQUENCE:{meeting.version}",
        f'ORGANIZER;CN="{meeting.organizer_name}":MAILTO:{meeting.organizer_email}',
        f"ATTENDEE;CUTYPE=INDIVIDUAL;PARTSTAT=ACCEPTED:mailto:{meeting.organizer_email}",
        "ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:guest@example.com",
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        "TRIGGER;VALUE=DURATION;RELATED=START:-PT15M",
        f"DESCRIPTION:{_escape(meeting.summary)}",
        "END:VALARM",
        "END:VEVENT",
    ]
    return lines


def _times(meeting: Meeting) -> list[str]:
    if meeting.all_day:
        parameter, start = ";VALUE=DATE", _date(meeting.start)
        end = _date(meeting.start + 86400)
    else:
        parameter = "" if meeting.zone == "UTC" else f";TZID={meeting.zone}"
        start, end = _wall(meeting.start, meeting.zone), _wall(meeting.end, meeting.zone)
    lines = [f"DTSTART{parameter}:{start}", f"DTEND{parameter}:{end}"]
    if meeting.recurrence_id:
        lines.append(f"RECURRENCE-ID{parameter}:{meeting.recurrence_id}")
    if meeting.rule:
        lines.append(f"RRULE:{meeting.rule}")
    if meeting.excluded:
        lines.append(f"EXDATE{parameter}:{','.join(meeting.excluded)}")
    return lines


def _escape(text: str) -> str:
    """RFC 5545 3.3.11."""
    escaped = text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return escaped.replace("\r\n", "\\n").replace("\n", "\\n")


def _lines(lines: list[str], behaviour: Behaviour) -> str:
    if behaviour.ics_folded:
        lines = [_folded(line) for line in lines]
    return "".join(f"{line}\r\n" for line in lines)


def _folded(line: str) -> str:
    """RFC 5545 3.1: at most 75 octets a line, here never inside a character."""
    if len(line.encode()) <= _FOLD:
        return line
    parts, current, size = [], "", 0
    for character in line:
        width = len(character.encode())
        if size + width > _FOLD:
            parts.append(current)
            current, size = "", 1
        current += character
        size += width
    return "\r\n ".join([*parts, current])
