"""Events as lines of COPY's text format.

Owns the column lists of the calendar tables and the escapes. Text and not binary: one string per row is by far the
cheapest thing Python can make, and the server's side costs the same.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache

from syncd.core.calendar.model import Component, Event, Expansion, Horizon, Line, Moment, Occurrence, Person, TimeKind

EVENT = (
    *("event_id", "calendar_id", "uid", "recurrence_key", "uid_synthetic", "record_id", "kind", "this_and_future"),
    *("summary", "description", "location", "url", "status", "class", "transp", "priority", "sequence", "categories"),
    *("geo_lat", "geo_lon", "organizer_email", "organizer_cn", "created_at", "last_modified", "dtstamp"),
    *("time_kind", "start_date", "end_date", "start_local", "end_local", "start_tzid", "end_tzid"),
    *("start_at", "end_at", "duration", "is_busy", "rrule", "rrule_extra", "expansion", "expansion_note", "expanded"),
    *("last_end_at", "raw", "raw_sha256", "content_sha256", "timezone_sha256", "props", "issues"),
    *("snapshot_at", "first_import_id", "changed_import_id"),
)
ATTENDEE = ("event_id", "ord", "address", "email", "cn", "role", "partstat", "cutype", "rsvp", "params")
ALARM = (
    *("event_id", "ord", "action", "trigger_rel", "trigger_offset", "trigger_at", "repeat_count", "repeat_every"),
    *("summary", "description", "props", "issues"),
)
RECURRENCE_DATE = ("event_id", "ord", "kind", "on_date", "at_local", "tzid", "at", "period_end")
OCCURRENCE = (
    *("series_id", "recurrence_key", "event_id", "calendar_id", "all_day", "start_date", "end_date"),
    *("start_local", "tz", "start_at", "end_at", "is_busy", "basis"),
)

LISTED = frozenset({"ok", "capped"})
"""Expansions that depend on the horizon."""

_NULL = "\\N"
_LAST_DAY = date.max.toordinal()
_quoted = json.encoder.encode_basestring


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a row knows of where it came from, beside what it says."""

    event_id: int
    calendar_id: int
    raw: bytes
    raw_sha256: bytes
    content_sha256: bytes
    timezones: Sequence[bytes]
    snapshot_at: datetime
    first_import_id: int
    import_id: int


@dataclass(slots=True)
class Lines:
    """Lines for each table, ready to be copied."""

    events: list[str] = field(default_factory=list)
    attendees: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    dates: list[str] = field(default_factory=list)
    occurrences: list[str] = field(default_factory=list)

    def tables(self) -> tuple[tuple[str, tuple[str, ...], list[str]], ...]:
        """(table, columns, lines), parents first."""
        return (
            ("calendar_event", EVENT, self.events),
            ("calendar_attendee", ATTENDEE, self.attendees),
            ("calendar_alarm", ALARM, self.alarms),
            ("calendar_recurrence_date", RECURRENCE_DATE, self.dates),
            ("calendar_occurrence", OCCURRENCE, self.occurrences),
        )


def add_event(lines: Lines, event: Event, expansion: Expansion, source: Source, horizon: Horizon) -> None:
    """Append the row of an event and of everything in it but its occurrences."""
    lines.events.append(_event(event, expansion, source, horizon))
    event_id = str(source.event_id)
    for ord_, person in enumerate(event.attendees, 1):
        lines.attendees.append(_attendee(event_id, ord_, person))
    for ord_, alarm in enumerate(event.alarms, 1):
        lines.alarms.append(
            "\t".join(
                (
                    event_id,
                    str(ord_),
                    copy_text(alarm.action),
                    copy_text(alarm.trigger_rel),
                    _interval(alarm.trigger_offset),
                    _stamp(alarm.trigger_at),
                    _number(alarm.repeat_count),
                    _interval(alarm.repeat_every),
                    copy_text(alarm.summary),
                    copy_text(alarm.description),
                    _props(alarm.props),
                    _array(alarm.issues),
                )
            )
            + "\n"
        )
    for ord_, entry in enumerate(event.dates, 1):
        moment = entry.moment
        on_date, at_local = _NULL, _NULL
        if moment.kind == TimeKind.DATE:
            on_date = moment.local.date().isoformat()
        else:
            at_local = moment.local.isoformat(" ")
        lines.dates.append(
            f"{event_id}\t{ord_}\t{entry.kind}\t{on_date}\t{at_local}\t{copy_text(moment.tzid)}\t{_stamp(moment.at)}\t"
            f"{_stamp(entry.end_at)}\n"
        )


def add_occurrences(lines: Lines, occurrences: Iterable[Occurrence], ids: Sequence[int], calendar_id: int) -> None:
    """Append the rows of occurrences; `ids` are the event ids by index."""
    append = lines.occurrences.append
    for one in occurrences:
        start, end = one.start_local, one.end_local
        wall = start.isoformat(" ")
        # Up to midnight is all of the day before.
        goes_on = end.hour or end.minute or end.second or end <= start
        append(
            f"{ids[one.series]}\t{one.key}\t{ids[one.member]}\t{calendar_id}\t{'t' if one.all_day else 'f'}\t"
            f"{wall[:10]}\t{_day_text(end.toordinal() + bool(goes_on))}\t{wall}\t{_zone_text(one.tz)}\t"
            f"{one.start_at.isoformat()}\t{one.end_at.isoformat()}\t{'t' if one.is_busy else 'f'}\t{one.basis}\n"
        )


@lru_cache(4096)
def _day_text(ordinal: int) -> str:
    return date.fromordinal(min(ordinal, _LAST_DAY)).isoformat()


@lru_cache(256)
def _zone_text(name: str) -> str:
    return copy_text(name)


def late_line(
    component: Component, uid: str, key: str, content: bytes, *, sequence: int | None, modified: datetime | None
) -> str:
    """A line, less its position, for the table of components that wait for their duplicates."""
    return (
        f"{component.calendar}\t{component.line_no}\t{copy_text(uid)}\t{key}\t{sequence or 0}\t{_stamp(modified)}\t"
        f"\\\\x{content.hex()}\t\\\\x{component.text.hex()}\n"
    )


def state_line(event_id: int, expansion: Expansion, horizon: Horizon) -> str:
    """A line of what the expansion of its group says of an event."""
    expanded = horizon_text(horizon) if expansion.state in LISTED else _NULL
    return (
        f"{event_id}\t{expansion.kind}\t{expansion.state}\t{copy_text(expansion.note)}\t{expanded}\t"
        f"{_stamp(expansion.last_end)}\n"
    )


def horizon_text(horizon: Horizon) -> str:
    """A horizon as a daterange."""
    return f"[{horizon.first},{horizon.last}]"


def raw_of(text: bytes) -> bytes:
    """A component's text as it is stored: every line ends in CR LF."""
    return text.replace(b"\n", b"\r\n") + b"\r\n"


def text_of(raw: bytes) -> bytes:
    """The reverse."""
    return raw.removesuffix(b"\r\n").replace(b"\r\n", b"\n")


# ------------------------------------------------------------------------------------------------------------- parts


def _event(event: Event, expansion: Expansion, source: Source, horizon: Horizon) -> str:
    issues = (*event.issues, *expansion.issues)
    fields = (
        str(source.event_id),
        str(source.calendar_id),
        *_what(event, expansion),
        *_times(event.start, event.end),
        _interval_of(event),
        _flag(event.is_busy),
        copy_text(event.rrules[0]) if event.rrules else _NULL,
        _extra_rules(event),
        expansion.state,
        copy_text(expansion.note),
        horizon_text(horizon) if expansion.state in LISTED else _NULL,
        _stamp(expansion.last_end),
        "\\\\x" + source.raw.hex(),
        "\\\\x" + source.raw_sha256.hex(),
        "\\\\x" + source.content_sha256.hex(),
        "{" + ",".join(f'"\\\\\\\\x{one.hex()}"' for one in source.timezones) + "}",
        _props(event.props),
        _array(issues) if issues else "{}",
        _stamp(source.snapshot_at),
        str(source.first_import_id),
        str(source.import_id),
    )
    return "\t".join(fields) + "\n"


def _what(event: Event, expansion: Expansion) -> tuple[str, ...]:
    """The columns from uid to dtstamp."""
    organizer, geo = event.organizer, event.geo
    return (
        copy_text(event.uid),
        event.recurrence_key,
        _flag(event.uid_synthetic),
        _number(event.record_id),
        expansion.kind,
        _flag(event.this_and_future),
        copy_text(event.summary),
        copy_text(event.description),
        copy_text(event.location),
        copy_text(event.url),
        copy_text(event.status),
        copy_text(event.classification),
        copy_text(event.transp),
        _number(event.priority),
        _number(event.sequence),
        _NULL if event.categories is None else _array(event.categories),
        repr(geo[0]) if geo else _NULL,
        repr(geo[1]) if geo else _NULL,
        copy_text(organizer.email) if organizer else _NULL,
        copy_text(organizer.cn) if organizer else _NULL,
        _stamp(event.created),
        _stamp(event.last_modified),
        _stamp(event.dtstamp),
    )


def _times(start: Moment | None, end: Moment | None) -> tuple[str, ...]:
    """time_kind, start_date, end_date, start_local, end_local, start_tzid, end_tzid, start_at, end_at."""
    kind = start.kind if start is not None else TimeKind.MISSING
    if start is None:
        return kind.value, *(_NULL,) * 8
    end_tzid = copy_text(end.tzid) if end is not None else _NULL
    if kind == TimeKind.DATE:
        first = start.local.date().isoformat()
        last = end.local.date().isoformat() if end is not None else _NULL
        return kind.value, first, last, _NULL, _NULL, copy_text(start.tzid), end_tzid, _NULL, _NULL
    return (
        kind.value,
        _NULL,
        _NULL,
        start.local.isoformat(" "),
        end.local.isoformat(" ") if end is not None else _NULL,
        copy_text(start.tzid),
        end_tzid,
        _stamp(start.at),
        _stamp(end.at) if end is not None else _NULL,
    )


def _interval_of(event: Event) -> str:
    duration = event.duration
    return _NULL if duration is None else f"{duration.days} days {duration.seconds} seconds"


def _extra_rules(event: Event) -> str:
    extra = [*(f"RRULE:{value}" for value in event.rrules[1:]), *(f"EXRULE:{value}" for value in event.exrules)]
    return _array(extra) if extra else _NULL


def _attendee(event_id: str, ord_: int, person: Person) -> str:
    rsvp = _NULL if person.rsvp is None else _flag(person.rsvp)
    params = "{}"
    if person.params:
        params = json.dumps(person.params, ensure_ascii=False).replace("\\", "\\\\")
    return (
        f"{event_id}\t{ord_}\t{copy_text(person.address)}\t{copy_text(person.email)}\t{copy_text(person.cn)}\t{copy_text(person.role)}\t"
        f"{copy_text(person.partstat)}\t{copy_text(person.cutype)}\t{rsvp}\t{params}\n"
    )


def copy_text(value: str | None) -> str:
    """A text as a field of a COPY line."""
    if value is None:
        return _NULL
    if "\\" not in value and value.isprintable():
        return value
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")


def _flag(value: bool) -> str:  # noqa: FBT001 - a value, not a choice
    return "t" if value else "f"


def _number(value: int | None) -> str:
    return _NULL if value is None else str(value)


def _stamp(value: datetime | None) -> str:
    return _NULL if value is None else value.isoformat(" ")


def _interval(value: timedelta | None) -> str:
    return _NULL if value is None else f"{value // timedelta(seconds=1)} seconds"


def _props(lines: Iterable[Line]) -> str:
    """Lines as JSON: [[name, [[parameter, [values]]], value], ..]. Twice as fast as a general encoder."""
    found = []
    for name, params, value in lines:
        text = ",".join([_param(key, values) for key, values in params]) if params else ""
        found.append(f"[{_quoted(name)},[{text}],{_quoted(value)}]")
    # JSON has no raw control characters, so its backslashes are all there is to escape.
    return f"[{','.join(found)}]".replace("\\", "\\\\")


def _param(name: str, values: Iterable[str]) -> str:
    return f"[{_quoted(name)},[{','.join(map(_quoted, values))}]]"


def _array(items: Iterable[str]) -> str:
    quoted = ('"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"' for item in items)
    return copy_text("{" + ",".join(quoted) + "}")
