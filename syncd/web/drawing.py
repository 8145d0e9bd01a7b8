"""Small pictures as SVG text: run ticks, bars of rows, meters, the lag over a day, the favicon.

Pure: values in, markup out. Colours come from the style sheet by class, so they follow dark and light; nothing is
styled inline, which the page's content policy forbids. Whatever text goes in is escaped.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo

from markupsafe import Markup, escape

from syncd.core.health import State, span

_TICKS = 48
_WORST_FIRST = ("failed", "parked", "abandoned", "waiting", "drained", "ok", "paused", "skipped")
_CLASS_OF = {
    "failed": "bad",
    "parked": "bad",
    "abandoned": "warn",
    "waiting": "warn",
    "drained": "mute",
    "ok": "good",
    "paused": "mute",
    "skipped": "mute",
}


def run_ticks(ends: Iterable[tuple[datetime, str]], now: datetime, zone: tzinfo) -> Markup:
    """The last 24 hours in 48 ticks: each coloured by the worst end of a run in its half hour, grey without one."""
    slot = timedelta(days=1) / _TICKS
    slots: list[Counter[str]] = [Counter() for _ in range(_TICKS)]
    for at, state in ends:
        index = _TICKS - 1 - int((now - at) / slot)
        if 0 <= index < _TICKS:
            slots[index][state] += 1
    parts = []
    for index, states in enumerate(slots):
        start = (now - slot * (_TICKS - index)).astimezone(zone)
        worst = next((state for state in _WORST_FIRST if states[state]), "")
        said = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "no run"
        kind = _CLASS_OF.get(worst, "warn" if states else "none")
        parts.append(
            Markup('<rect class="tick {}" x="{}" y="1" width="3" height="18" rx="1"><title>{}</title></rect>').format(
                kind, index * 4, f"{start:%H:%M} to {(start + slot):%H:%M}: {said}"
            )
        )
    return Markup(
        '<svg class="ticks" viewBox="0 0 192 20" preserveAspectRatio="xMinYMid" role="img" '
        'aria-label="runs of the last 24 hours">{}</svg>'
    ).format(Markup("").join(parts))


def row_bars(changed: Sequence[int]) -> Markup:
    """One bar a run, oldest first, the newest 30: rows it changed, on a square-root scale so that small ones show."""
    newest = list(changed)[-30:]
    most = max(newest, default=0)
    bars = []
    for index, rows in enumerate(newest):
        height = 1.0 if rows <= 0 else max(2.0, 18 * math.sqrt(rows / most))
        bars.append(
            Markup('<rect class="bar{}" x="{}" y="{:.1f}" width="2" height="{:.1f}"><title>{}</title></rect>').format(
                "" if rows else " none", (30 - len(newest) + index) * 3, 19 - height, height, f"{rows:,} rows changed"
            )
        )
    label = f"rows changed by each of the last {len(newest)} runs, at most {most}"
    return Markup(
        '<svg class="bars" viewBox="0 0 90 20" preserveAspectRatio="xMaxYMid" role="img" aria-label="{}">{}</svg>'
    ).format(label, Markup("").join(bars))


def meter(share: float, *, kind: str = "") -> Markup:
    """A horizontal bar that is filled by `share` in [0, 1]; amber from 70 %, red from 90 %, or of the class `kind`."""
    part = min(max(share, 0.0), 1.0)
    if not kind:
        kind = "bad" if part >= 0.9 else "warn" if part >= 0.7 else "good"
    return Markup(
        '<svg class="meter" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="rail" width="100" height="6"/><rect class="{}" width="{:.1f}" height="6"/></svg>'
    ).format(kind, part * 100)


# --------------------------------------------------------------------------------------------------------- lag of a day

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 1100, 200, 56, 24, 10
_SAW, _PEAK_EVERY = 200, timedelta(minutes=8)
_GRID = ((1, "1 s"), (10, "10 s"), (60, "1 min"), (600, "10 min"), (3_600, "1 h"), (21_600, "6 h"), (86_400, "1 d"))


def lag_chart(
    marks: Sequence[tuple[datetime, datetime | None]], *, deadline: timedelta, now: datetime, zone: tzinfo
) -> Markup:
    """The lag over the last 24 hours on a logarithmic scale, with the deadline as a dashed line.

    `marks` are the ends of runs, oldest first: when, and up to where the run made the stream fresh (None: it did not).
    Between two of them the lag grows by a second a second; of many runs only the peaks are drawn.
    """
    line = _lag_line(marks, now)
    if len(line) > _SAW:
        line = _peaks(line)
    lags = [lag for _, lag in line]
    least = max(min([*lags, deadline.total_seconds()]) / 2, 0.5)
    most = max([*lags, deadline.total_seconds()]) * 1.5
    start = now - timedelta(days=1)

    def x(moment: datetime) -> float:
        return _LEFT + (_WIDTH - _LEFT - 8) * ((moment - start) / timedelta(days=1))

    def y(seconds: float) -> float:
        share = math.log(min(max(seconds, least), most) / least) / math.log(most / least)
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - share)

    parts = [_level(y(seconds), text, "grid") for seconds, text in _GRID if least <= seconds <= most]
    parts += [_hour(x(moment), moment.astimezone(zone)) for moment in _hours(start, now, zone)]
    parts.append(_level(y(deadline.total_seconds()), "", "due"))
    if line:
        points = " ".join(f"{x(max(moment, start)):.1f},{y(lag):.1f}" for moment, lag in line)
        floor, left, right = _HEIGHT - _BOTTOM, x(max(line[0][0], start)), x(line[-1][0])
        parts.append(
            Markup('<polygon class="area" points="{:.1f},{} {} {:.1f},{}"/><polyline class="lag" points="{}"/>').format(
                left, floor, points, right, floor, points
            )
        )
    label = f"lag over the last 24 hours; deadline {span(deadline)}"
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        _WIDTH, _HEIGHT, label, Markup("").join(parts)
    )


def _lag_line(marks: Sequence[tuple[datetime, datetime | None]], now: datetime) -> list[tuple[datetime, float]]:
    """The corners of the saw: before and after each run that moved the watermark, and now."""
    line: list[tuple[datetime, float]] = []
    fresh_to: datetime | None = None
    for at, through in marks:
        if through is None:
            continue
        if fresh_to is not None:
            line.append((at, (at - fresh_to).total_seconds()))
        line.append((at, (at - through).total_seconds()))
        fresh_to = through
    if fresh_to is not None:
        line.append((now, (now - fresh_to).total_seconds()))
    return line


def _peaks(line: Sequence[tuple[datetime, float]]) -> list[tuple[datetime, float]]:
    """The greatest lag of each stretch of the day."""
    highest: dict[int, tuple[datetime, float]] = {}
    for moment, lag in line:
        stretch = int(moment.timestamp() / _PEAK_EVERY.total_seconds())
        if stretch not in highest or lag > highest[stretch][1]:
            highest[stretch] = (moment, lag)
    return list(highest.values())


def _level(y: float, text: str, kind: str) -> Markup:
    return Markup(
        '<line class="{}" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/><text x="{}" y="{:.1f}" text-anchor="end">{}</text>'
    ).format(kind, _LEFT, _WIDTH - 8, y, y, _LEFT - 6, y + 4, text)


def _hour(x: float, local: datetime) -> Markup:
    return Markup('<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(x, _HEIGHT - 6, f"{local:%H:%M}")


def _hours(start: datetime, now: datetime, zone: tzinfo) -> list[datetime]:
    """Every fourth full hour of the shown zone."""
    first = start.astimezone(zone).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    every = [first + timedelta(hours=hour) for hour in range(25)]
    return [moment for moment in every if moment.hour % 4 == 0 and moment <= now - timedelta(minutes=20)]


# -------------------------------------------------------------------------------------------------------------- favicon

_GREEN, _AMBER, _RED, _BLUE, _GREY = "#1a9f5b", "#e09112", "#d93a3a", "#3178e6", "#8a929e"
_COLOUR_OF = {
    State.OK: _GREEN,
    State.LATE: _RED,
    State.PARKED: _RED,
    State.FAILED: _AMBER,
    State.LOADING: _BLUE,
    State.PENDING: _GREY,
    State.PAUSED: _GREY,
}


def favicon(state: State) -> str:
    """The tab's icon: two arrows on the colour of the state. The style sheet does not reach it."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
        f'<rect width="32" height="32" rx="8" fill="{escape(_COLOUR_OF[state])}"/>'
        '<g fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round">'
        '<path d="M8 14a8.5 8.5 0 0 1 15-3.5M24 5.5v5.5h-5.5"/><path d="M24 18a8.5 8.5 0 0 1-15 3.5M8 26.5V21h5.5"/>'
        "</g></svg>"
    )
