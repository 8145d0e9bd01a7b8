"""The events of one UID -> their occurrences: the series, what replaces parts of it, and what stands alone.

Owns exceptions, additions, overrides and the horizon. Sets are computed on wall time and placed afterwards, so that a
meeting at nine stays at nine over a change of offset.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

from syncd.core.calendar.expand import walls
from syncd.core.calendar.model import DefaultZone, Event, Expansion, Horizon, Moment, Occurrence, TimeKind
from syncd.core.calendar.moments import wall_at
from syncd.core.calendar.occurrences import LONGEST, Placer
from syncd.core.calendar.overrides import apply_overrides
from syncd.core.calendar.patience import Patience
from syncd.core.calendar.rules import MOST_OCCURRENCES, RuleRefused, parse_rule

MOST_RULES = 20
"""At most so many RRULEs, and EXRULEs, of one event are followed; real ones have one."""

MOST_DETACHED = 100
"""At most so many series of one UID are followed that name a RECURRENCE-ID of a series that is not there."""

_DAY_END = time(23, 59, 59)


@dataclass(slots=True)
class _Set:
    """A recurrence set in the making: wall times with the length of a period where they have their own."""

    starts: dict[datetime, timedelta | None] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    issues: list[str] = field(default_factory=list)
    refused: bool = False
    cut: bool = False
    ended: bool = True


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What holds for all series of an import."""

    horizon: Horizon
    default: DefaultZone
    patience: Patience


def expand(
    events: Sequence[Event], horizon: Horizon, default: DefaultZone, patience: Patience | None = None
) -> tuple[list[Occurrence], list[Expansion]]:
    """The occurrences of all events that share a UID, and for each event what became of it.

    An event that does not recur, an override and an orphan are listed whenever they are; a series within the horizon
    only, and at most its 4,000 earliest there. `patience` is shared by all groups of an import.
    """
    bounds = _Bounds(horizon, default, patience or Patience())
    master = _master(events)
    if len(events) == 1 and master == 0:
        occurrences, expansion = _expand_one(events[0], 0, bounds)
        return occurrences, [expansion]
    expansions = [Expansion("orphan" if master is None else "override") for _ in events]
    base: list[Occurrence] = []
    if master is not None:
        base, expansions[master] = _expand_one(events[master], master, bounds)
    occurrences = apply_overrides(base, events, master, default)
    if master is None:
        # RRULE beside RECURRENCE-ID, and no series: some exporters write a detached series like that.
        detached = [index for index, event in enumerate(events) if event.recurs][:MOST_DETACHED]
        occurrences = [one for one in occurrences if one.member not in detached]
        for index in detached:
            own, expansions[index] = _expand_one(events[index], index, bounds)
            occurrences += own
    ends: dict[int, datetime] = {}
    for one in occurrences:
        ends[one.member] = max(ends.get(one.member, one.end_at), one.end_at)
    for index, end in ends.items():
        if index != master and expansions[index].kind != "series":
            expansions[index] = replace(expansions[index], last_end=end)
    return occurrences, expansions


def _master(events: Sequence[Event]) -> int | None:
    return next((index for index, event in enumerate(events) if not event.recurrence_key), None)


def _expand_one(event: Event, member: int, bounds: _Bounds) -> tuple[list[Occurrence], Expansion]:
    """An event without its overrides."""
    kind = "series" if event.recurs else "single"
    start = event.start
    if start is None or event.is_cancelled:
        return [], Expansion(kind)
    placer = Placer(event, start, member, bounds.default)
    if not event.recurs:
        only = placer.place(start.local)
        return [only], Expansion(kind, last_end=only.end_at, issues=_long(event))
    found = _recurrence_set(event, start, bounds)
    listed = _placed(found, placer, bounds.horizon)
    if len(listed) > MOST_OCCURRENCES:
        found.cut = True
        found.notes.append(f"only the first {MOST_OCCURRENCES} are listed")
        listed = listed[:MOST_OCCURRENCES]
    state = "refused" if found.refused else "capped" if found.cut else "ok"
    last = max((one.end_at for one in listed), default=None) if found.ended and state == "ok" else None
    note = "; ".join(dict.fromkeys(found.notes)) or None
    return listed, Expansion(kind, state, note, last, (*dict.fromkeys(found.issues), *_long(event)))


def _placed(found: _Set, placer: Placer, horizon: Horizon) -> list[Occurrence]:
    """The occurrences of a set that touch the horizon; a refused series lists all that is left of it."""
    first, last = datetime.combine(horizon.first, time()), datetime.combine(horizon.last, _DAY_END)
    listed: list[Occurrence] = []
    keys: set[str] = set()
    for local in sorted(found.starts):
        if local > last and not found.refused:
            break
        one = placer.place(local, found.starts[local])
        # Two wall times in a gap may be one instant.
        if one.key not in keys and (local >= first or one.end_local > first or found.refused):
            keys.add(one.key)
            listed.append(one)
    return listed


def _long(event: Event) -> tuple[str, ...]:
    start, end = event.start, event.end
    return ("long_duration",) if start and end and end.local - start.local > LONGEST else ()


# --------------------------------------------------------------------------------------------------------------- sets


def _recurrence_set(event: Event, start: Moment, bounds: _Bounds) -> _Set:
    """DTSTART, RRULEs and RDATEs, less EXRULEs and EXDATEs."""
    found = _Set()
    if len(event.rrules) > MOST_RULES:
        found.refused = True
        found.notes.append(f"only the first {MOST_RULES} of {len(event.rrules)} rules are followed")
    for value in event.rrules[:MOST_RULES]:
        _add_rule(found, value, event, start, bounds)
    if not event.rrules or found.refused:
        found.starts.setdefault(start.local, None)
    for entry in event.dates:
        if entry.kind == "RDATE":
            local = _in_series(entry.moment, start)
            length = entry.end - entry.moment.local if entry.end is not None else None
            found.starts.setdefault(local, length)
    for value in event.exrules[:MOST_RULES]:
        excluded = _Set()
        _add_rule(excluded, value, event, start, bounds)
        # EXRULE has no DTSTART of its own: the start is only excluded where the rule matches it.
        if "dtstart_off_rule" in excluded.issues:
            excluded.starts.pop(start.local, None)
        if excluded.refused:
            found.notes.append("EXRULE is ignored: " + "; ".join(excluded.notes))
            continue
        for local in excluded.starts:
            found.starts.pop(local, None)
    _remove_exceptions(found, event, start)
    return found


def _add_rule(found: _Set, value: str, event: Event, start: Moment, bounds: _Bounds) -> None:
    try:
        rule = parse_rule(value, start.local, all_day=start.kind == TimeKind.DATE)
    except RuleRefused as refusal:
        found.refused = True
        found.notes.append(str(refusal))
        return
    zone = start.zone

    def to_wall(until: datetime) -> datetime | None:
        return wall_at(until.replace(tzinfo=UTC), zone) if zone is not None else None

    result = walls(
        rule,
        start.local,
        first=_reach_back(event, start, bounds.horizon),
        last=datetime.combine(bounds.horizon.last, _DAY_END),
        until=rule.last_wall(to_wall),
        steps=bounds.patience.allowance() // max(min(len(event.rrules) + len(event.exrules), MOST_RULES), 1),
    )
    bounds.patience.spend(result.steps)
    for local in result.starts:
        found.starts.setdefault(local, None)
    found.notes += rule.notes
    if not result.on_rule:
        found.issues.append("dtstart_off_rule")
    if result.cut:
        found.cut = True
        found.notes.append(result.cut)
    found.ended = found.ended and result.ended


def _reach_back(event: Event, start: Moment, horizon: Horizon) -> datetime:
    """The earliest start whose occurrence may still reach into the horizon."""
    first = datetime.combine(horizon.first, time())
    length = event.end.local - start.local if event.end is not None else timedelta()
    length = min(max(length, timedelta()), LONGEST)
    try:
        return first - length
    except OverflowError:
        return first


def _in_series(moment: Moment, start: Moment) -> datetime:
    """A moment as a wall time of the series."""
    if start.kind == TimeKind.DATE:
        return moment.local.replace(hour=0, minute=0, second=0)
    if moment.kind == TimeKind.DATE:
        return datetime.combine(moment.local.date(), start.local.time())
    if moment.at is not None and start.zone is not None:
        return wall_at(moment.at, start.zone) or moment.local
    return moment.local


def _remove_exceptions(found: _Set, event: Event, start: Moment) -> None:
    """EXDATE takes out by instant, by wall time where no instant is known, and by the day when it is a date."""
    days: set[date] = set()
    for entry in event.dates:
        if entry.kind != "EXDATE":
            continue
        if entry.moment.kind == TimeKind.DATE and start.kind != TimeKind.DATE:
            days.add(entry.moment.local.date())
        else:
            found.starts.pop(_in_series(entry.moment, start), None)
    if days:
        found.starts = {local: length for local, length in found.starts.items() if local.date() not in days}
