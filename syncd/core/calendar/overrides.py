"""RECURRENCE-ID: events that replace an occurrence of their series, or it and all later ones (RFC 5545 3.8.4.4)."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time

from syncd.core.calendar.model import DefaultZone, Event, Moment, Occurrence, TimeKind
from syncd.core.calendar.moments import wall_at
from syncd.core.calendar.occurrences import Placer


@dataclass(frozen=True, slots=True)
class _Range:
    """An override with RANGE=THISANDFUTURE, from its RECURRENCE-ID as a wall time of the series on."""

    begins: datetime
    member: int
    event: Event
    recurrence: Moment


def apply_overrides(
    base: Sequence[Occurrence], events: Sequence[Event], master: int | None, default: DefaultZone
) -> list[Occurrence]:
    """The occurrences of a series with its overrides in place, in no particular order.

    `base` are the occurrences of `events[master]`; every other event is an override. One that matches no occurrence is
    an occurrence of its own; without a master all of them are. A cancelled one only takes away.
    """
    remaining = _Remaining(base)
    taken: list[Occurrence] = []
    ranges: list[_Range] = []
    for member, event in enumerate(events):
        recurrence = event.recurrence
        if member == master or recurrence is None:
            continue
        replaced = remaining.take(recurrence, event.recurrence_key)
        if event.this_and_future and master is not None:
            begins = replaced.start_local if replaced else _in_wall_of(recurrence, events[master])
            ranges.append(_Range(begins, member, event, recurrence))
        placed = _own(event, recurrence, member, replaced, default)
        if placed is not None:
            taken.append(placed._replace(series=member if master is None else master, key=event.recurrence_key))
    ranges.sort(key=lambda one: one.begins)
    return [*_shifted(remaining.left(), ranges, default), *taken]


class _Remaining:
    """The occurrences that no override has replaced yet, found by key, wall time or day."""

    def __init__(self, base: Sequence[Occurrence]) -> None:
        self._by_key = {one.key: one for one in base}
        self._by_wall = {one.start_local: one.key for one in reversed(base)}
        self._by_day = {one.start_local.date(): one.key for one in reversed(base)}

    def take(self, recurrence: Moment, key: str) -> Occurrence | None:
        """Remove and return the occurrence that a RECURRENCE-ID means."""
        found = self._by_key.pop(key, None)
        if found is not None:
            return found
        if recurrence.kind == TimeKind.DATE:
            other = self._by_day.get(recurrence.local.date())
        else:
            other = self._by_wall.get(recurrence.local)
            if other is None:
                day = self._by_day.get(recurrence.local.date())
                other = day if day is not None and day in self._by_key and self._by_key[day].all_day else None
        return self._by_key.pop(other, None) if other is not None else None

    def left(self) -> list[Occurrence]:
        """What no override has taken."""
        return list(self._by_key.values())


def _own(
    event: Event, recurrence: Moment, member: int, replaced: Occurrence | None, default: DefaultZone
) -> Occurrence | None:
    """The occurrence that an override itself is; without a DTSTART it keeps the time that it replaces."""
    if event.is_cancelled:
        return None
    if event.start is None and replaced is not None:
        return replaced._replace(member=member, is_busy=event.is_busy)
    start = event.start or recurrence
    return Placer(event, start, member, default).place(start.local)


def _in_wall_of(recurrence: Moment, master: Event) -> datetime:
    zone = master.start.zone if master.start is not None else None
    if zone is not None and recurrence.at is not None:
        return wall_at(recurrence.at, zone) or recurrence.local
    return recurrence.local


def _shifted(left: list[Occurrence], ranges: list[_Range], default: DefaultZone) -> list[Occurrence]:
    """What is left, moved by the ranges that cover it."""
    if not ranges:
        return left
    begins = [one.begins for one in ranges]
    found: list[Occurrence] = []
    for occurrence in left:
        index = bisect_left(begins, occurrence.start_local)
        if index == 0:
            found.append(occurrence)
            continue
        moved = _moved(occurrence, ranges[index - 1], default)
        if moved is not None:
            found.append(moved)
    return found


def _moved(occurrence: Occurrence, by: _Range, default: DefaultZone) -> Occurrence | None:
    """A later occurrence of a range: described by its event, and moved as far as its event was."""
    event, start = by.event, by.event.start
    if event.is_cancelled:
        return None
    if start is None:
        return occurrence._replace(member=by.member, is_busy=event.is_busy)
    try:
        local = _moved_wall(occurrence, by, start)
    except OverflowError:
        return None
    placed = Placer(event, start, by.member, default).place(local)
    return placed._replace(series=occurrence.series, key=occurrence.key)


def _moved_wall(occurrence: Occurrence, by: _Range, start: Moment) -> datetime:
    if start.kind == TimeKind.DATE or occurrence.all_day:
        midnight = datetime.combine(occurrence.start_local.date(), time())
        return midnight + (start.local - datetime.combine(by.begins.date(), time()))
    if start.zone is not None and by.recurrence.at is not None:
        was, shown = wall_at(by.recurrence.at, start.zone), wall_at(occurrence.start_at, start.zone)
        if was is not None and shown is not None:
            return shown + (start.local - was)
    return occurrence.start_local + (start.local - by.begins)
