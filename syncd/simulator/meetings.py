"""Meetings as values: when they are, how they recur, which occurrences were changed. Derived from the row alone.

Owns: the times that the Events module's CSV and ICS agree on. Writes no text of either.
"""

from dataclasses import dataclass
from typing import Literal

_FIRST = 1_640_995_200  # 2022-01-01
_SPAN_QUARTERS = 4 * 24 * 365 * 5
ZONES = ("America/Chicago", "Europe/Berlin", "Asia/Kolkata", "UTC")

Recurrence = Literal["single", "weekly", "daily", "monthly"]
_RECURRENCES: tuple[Recurrence, ...] = ("single", "single", "weekly", "single", "daily", "single", "monthly")


def meeting_start(index: int) -> int:
    """Start of the meeting in row `index`, in epoch seconds on a quarter of an hour."""
    return _FIRST + (index * 2654435761 >> 5) % _SPAN_QUARTERS * 900


def meeting_end(index: int) -> int:
    """End of the meeting: 15 minutes to 2 hours later."""
    return meeting_start(index) + (1 + index % 8) * 900


def zone_of(index: int) -> str:
    """The zone a meeting was entered in."""
    return ZONES[index % len(ZONES)]


def recurrence_of(index: int) -> Recurrence:
    """How a meeting recurs."""
    return _RECURRENCES[index % len(_RECURRENCES)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """One VEVENT. `recurrence_id` is '' for a master or single meeting, else the text of RECURRENCE-ID's value.

    Texts are not escaped. `start`, `end` are epoch seconds; `all_day` meetings have the day of `start` only.
    """

    uid: str
    recurrence_id: str
    summary: str
    description: str
    location: str
    organizer_name: str
    organizer_email: str
    start: int
    end: int
    all_day: bool
    zone: str
    rule: str
    excluded: tuple[str, ...]
    created: int
    modified: int
    version: int
