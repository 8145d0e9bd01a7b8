"""A VEVENT's lines -> typed columns.

Owns which property feeds which column, and what happens to a bad one: it becomes an issue and stays in `props`. Only an
unreadable DTSTART or RECURRENCE-ID, or far too many lines, keep an event from being a row.
"""

from datetime import tzinfo

from syncd.core.calendar.alarms import alarm
from syncd.core.calendar.identity import record_id_of, recurrence_key, uid_of
from syncd.core.calendar.lines import content_lines, decode
from syncd.core.calendar.model import Alarm, Event, Line, Person, Rejected
from syncd.core.calendar.moments import UnreadableTime, ZoneOf
from syncd.core.calendar.people import person
from syncd.core.calendar.properties import Properties
from syncd.core.calendar.recurrence_dates import recurrence_dates
from syncd.core.calendar.spans import end_of
from syncd.core.calendar.zones import ZoneTable

MOST_LINES = 50_000
"""An event of more content lines is not taken apart."""

MOST_ATTENDEES = 10_000
"""Attendees beyond these stay in `props` alone."""


def read_event(text: bytes, zones: ZoneTable, calendar: int = 0) -> Event | Rejected:
    """The event in the unfolded lines of a terminated VEVENT, BEGIN and END included.

    `calendar` is the ordinal of its VCALENDAR, whose VTIMEZONEs it means.
    """
    decoded, clean = decode(text)
    issues: list[str] = [] if clean else ["encoding"]

    def zone_of(tzid: str) -> tzinfo | None:
        return zones.rules(tzid, calendar)

    lines = content_lines(decoded)
    if len(lines) > MOST_LINES:
        return Rejected("size", f"{len(lines)} lines are more than {MOST_LINES}")
    own, alarms = lines[1:-1], tuple[Alarm, ...]()
    lowered = decoded.lower()
    if "\nbegin:" in lowered or lowered.count("\nend:") > 1:
        own, alarms = _parts(own, zone_of, issues)
    properties = Properties(own, zone_of, issues)
    uid, synthetic = uid_of(properties.raw("UID"), text)
    if synthetic:
        issues.append("uid_too_long" if properties.raw("UID") else "no_uid")
    try:
        return _event(properties, uid=uid, synthetic=synthetic, own=own, alarms=alarms, zone_of=zone_of)
    except UnreadableTime as error:
        return Rejected("time", str(error), uid)


def _event(
    properties: Properties, *, uid: str, synthetic: bool, own: list[Line], alarms: tuple[Alarm, ...], zone_of: ZoneOf
) -> Event:
    issues = properties.issues
    start, recurrence = properties.moment("DTSTART"), properties.moment("RECURRENCE-ID")
    end, duration = end_of(start, properties)
    organizer = properties.one("ORGANIZER")
    dates = recurrence_dates([*properties.all("RDATE"), *properties.all("EXDATE")], zone_of, issues)
    return Event(
        uid=uid,
        uid_synthetic=synthetic,
        recurrence_key=recurrence_key(recurrence) if recurrence else "",
        record_id=record_id_of(uid),
        recurrence=recurrence,
        this_and_future=_is_range(properties),
        summary=properties.text("SUMMARY"),
        description=properties.text("DESCRIPTION"),
        location=properties.text("LOCATION"),
        url=properties.raw("URL"),
        status=properties.word("STATUS"),
        classification=properties.word("CLASS"),
        transp=properties.word("TRANSP"),
        priority=properties.integer("PRIORITY"),
        sequence=properties.integer("SEQUENCE"),
        categories=properties.categories(),
        geo=properties.geo(),
        organizer=person(organizer) if organizer else None,
        created=properties.stamp("CREATED"),
        last_modified=properties.stamp("LAST-MODIFIED"),
        dtstamp=properties.stamp("DTSTAMP"),
        start=start,
        end=end,
        duration=duration,
        rrules=properties.values("RRULE"),
        exrules=properties.values("EXRULE"),
        dates=dates,
        attendees=_attendees(properties),
        alarms=alarms,
        props=own,
        issues=tuple(dict.fromkeys(issues)),
    )


def _is_range(properties: Properties) -> bool:
    line = properties.one("RECURRENCE-ID")
    text = (line.param("RANGE") or "").strip().upper() if line else ""
    if text not in {"", "THISANDFUTURE"}:
        properties.issues.append("bad_value:RANGE")
    return text == "THISANDFUTURE"


def _attendees(properties: Properties) -> tuple[Person, ...]:
    lines = properties.all("ATTENDEE")
    if len(lines) > MOST_ATTENDEES:
        properties.issues.append("too_many_attendees")
    return tuple(person(line) for line in lines[:MOST_ATTENDEES])


# -------------------------------------------------------------------------------------------------------- components


class _Nesting:
    """Sorts an event's lines: its own, its alarms' (BEGIN and END of the same name belong together), other things'."""

    def __init__(self, zone_of: ZoneOf, issues: list[str]) -> None:
        self.own: list[Line] = []
        self.alarms: list[Alarm] = []
        self._zone_of = zone_of
        self._issues = issues
        self._names: list[str] = []
        self._lines: list[Line] = []

    def add(self, line: Line) -> None:
        if line.name == "BEGIN":
            name = line.value.strip().upper()
            if name == "VALARM" and self._names:
                self.end_early()
            self._names.append(name)
        elif line.name == "END":
            self._end(line.value.strip().upper())
        elif not self._names:
            self.own.append(line)
        elif len(self._names) == 1:
            self._lines.append(line)

    def end_early(self) -> None:
        """Close whatever is open without having seen its END."""
        if self._names:
            self._issues.append(f"unterminated:{self._names[0]}")
            self._close(["unterminated"])

    def _end(self, name: str) -> None:
        if name not in self._names:
            self._issues.append("stray_end")
            return
        while self._names[-1] != name:
            self._issues.append(f"unterminated:{self._names.pop()}")
        if len(self._names) == 1:
            self._close([])
        else:
            self._names.pop()

    def _close(self, issues: list[str]) -> None:
        if self._names[0] == "VALARM":
            self.alarms.append(alarm(self._lines, self._zone_of, issues))
        self._lines = []
        self._names = []


def _parts(body: list[Line], zone_of: ZoneOf, issues: list[str]) -> tuple[list[Line], tuple[Alarm, ...]]:
    """The event's own lines, and its alarms; lines of other things nested in it are only in its raw text."""
    nesting = _Nesting(zone_of, issues)
    for line in body:
        nesting.add(line)
    nesting.end_early()
    return nesting.own, tuple(nesting.alarms)
