"""A week as people read it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby


@dataclass(frozen=True, slots=True, kw_only=True)
class AgendaEntry:
    """One occurrence. `starts` and `ends` are in the event's own wall clock; `end_date` is the day after the last."""

    cal_key: str
    uid: str
    record_id: int | None
    summary: str
    location: str
    status: str
    organizer: str
    attendees: tuple[str, ...]
    all_day: bool
    start_date: date
    end_date: date
    starts: datetime
    ends: datetime
    tz: str
    start_at: datetime
    end_at: datetime
    basis: str

    def as_dict(self) -> dict[str, object]:
        """The entry for JSON: moments in ISO form."""
        return {
            "calendar": self.cal_key,
            "uid": self.uid,
            "record_id": self.record_id,
            "summary": self.summary,
            "location": self.location,
            "status": self.status,
            "organizer": self.organizer,
            "attendees": list(self.attendees),
            "all_day": self.all_day,
            "start_date": self.start_date.isoformat(),
            "end_date": self.end_date.isoformat(),
            "start_local": self.starts.isoformat(),
            "end_local": self.ends.isoformat(),
            "tz": self.tz,
            "start_at": self.start_at.isoformat(),
            "end_at": self.end_at.isoformat(),
            "basis": self.basis,
        }


def agenda_text(entries: Iterable[AgendaEntry]) -> str:
    """The entries by day, in the order of their wall time; '' when there are none."""
    ordered = sorted(entries, key=lambda entry: (entry.start_date, not entry.all_day, entry.starts, entry.summary))
    lines: list[str] = []
    for day, on_day in groupby(ordered, key=lambda entry: entry.start_date):
        if lines:
            lines.append("")
        lines.append(f"{day:%A}, {day.day} {day:%B} {day.year}")
        lines += [f"  {_line(entry)}" for entry in on_day]
    return "\n".join(lines)


def _line(entry: AgendaEntry) -> str:
    parts = [f"{_hours(entry):<12}  {entry.summary or '(no title)'}"]
    if entry.location:
        parts.append(entry.location.replace("\n", ", "))
    if not entry.all_day:
        parts.append(entry.tz)
    people = len(entry.attendees)
    if people:
        parts.append(f"{people} attendee{'s' if people != 1 else ''}")
    if entry.status not in {"", "CONFIRMED"}:
        parts.append(entry.status.lower())
    return " · ".join(parts)


def _hours(entry: AgendaEntry) -> str:
    if entry.all_day:
        last = entry.end_date - timedelta(days=1)
        return "all day" if last <= entry.start_date else f"to {last.day} {last:%b}"
    if entry.ends == entry.starts:
        return f"{entry.starts:%H:%M}"
    if entry.ends.date() == entry.starts.date():
        return f"{entry.starts:%H:%M}-{entry.ends:%H:%M}"
    return f"{entry.starts:%H:%M}-{entry.ends:%d %b %H:%M}"
