import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.health import State
from syncd.web.drawing import favicon, lag_chart, meter, row_bars, run_ticks

NOW = datetime(2026, 11, 25, 12, 43, 10, tzinfo=UTC)
DAY = timedelta(days=1)
HALF_HOUR = timedelta(minutes=30)


def kinds(svg: str) -> list[str]:
    return re.findall(r'class="tick (\w+)"', svg)


def points(svg: str) -> list[tuple[float, float]]:
    found = re.search(r'<polyline class="lag" points="([^"]*)"', svg)
    pairs = (pair.split(",") for pair in (found[1] if found else "").split())
    return [(float(x), float(y)) for x, y in pairs]


def test_ticks_show_the_worst_of_each_half_hour() -> None:
    ends = [
        (NOW - timedelta(minutes=1), "ok"),
        (NOW - timedelta(minutes=2), "failed"),
        (NOW - timedelta(minutes=31), "ok"),
        (NOW - timedelta(minutes=61), "waiting"),
        (NOW - timedelta(hours=23, minutes=45), "paused"),
        (NOW - timedelta(hours=25), "failed"),
        (NOW + timedelta(seconds=2), "ok"),  # the database's clock may be a little ahead
    ]
    drawn = run_ticks(ends, NOW, UTC)
    found = kinds(drawn)
    assert len(found) == 48
    assert (found[-1], found[-2], found[-3], found[0]) == ("bad", "good", "warn", "mute")
    assert set(found[1:-3]) == {"none"}
    assert "12:13 to 12:43: 1 failed, 2 ok" in drawn


@given(st.lists(st.timedeltas(min_value=-DAY, max_value=2 * DAY), max_size=20))
def test_every_run_of_the_day_is_in_its_own_half_hour(lengths: list[timedelta]) -> None:
    found = kinds(run_ticks([(NOW - length, "ok") for length in lengths], NOW, UTC))
    wanted = {47 - int(length / HALF_HOUR) for length in lengths if timedelta(0) <= length < DAY}
    assert {index for index, kind in enumerate(found) if kind == "good"} >= wanted
    assert sum(kind == "good" for kind in found) <= len(lengths)


def test_bars_show_the_newest_thirty_and_keep_small_ones_visible() -> None:
    drawn = row_bars([999, *range(29), 1_000_000])
    heights = [float(height) for height in re.findall(r'height="([\d.]+)"', drawn)]
    assert len(heights) == 30
    assert heights[-1] == 18
    assert min(heights[1:]) == 2
    assert "1,000,000 rows changed" in drawn
    assert row_bars([]).count("<rect") == 0


@pytest.mark.parametrize(
    ("share", "kind", "width"), [(0.5, "good", "50.0"), (0.7, "warn", "70.0"), (2, "bad", "100.0"), (-1, "good", "0.0")]
)
def test_meter(share: float, kind: str, width: str) -> None:
    assert f'<rect class="{kind}" width="{width}"' in meter(share)
    assert 'class="busy"' in meter(share, kind="busy")


MARKS = st.lists(
    st.tuples(
        st.timedeltas(min_value=timedelta(0), max_value=DAY),
        st.one_of(st.none(), st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=9))),
    ),
    max_size=40,
)


@given(MARKS, st.timedeltas(min_value=timedelta(seconds=0.2), max_value=timedelta(days=30)))
def test_the_chart_stays_in_its_frame(marks: list[tuple[timedelta, timedelta | None]], deadline: timedelta) -> None:
    ends = [
        (NOW - age, None if lag is None else NOW - age - lag) for age, lag in sorted(marks, key=lambda mark: -mark[0])
    ]
    drawn = lag_chart(ends, deadline=deadline, now=NOW, zone=UTC)
    ET.fromstring(drawn)
    assert all(56 <= x <= 1092 and 10 <= y <= 176 for x, y in points(drawn))
    assert 'class="due"' in drawn


def test_the_lag_is_a_saw_that_ends_now() -> None:
    hour = timedelta(hours=1)
    ends = [(NOW - 2 * hour, NOW - 2 * hour - timedelta(minutes=1)), (NOW - hour, NOW - hour - timedelta(minutes=1))]
    corners = points(lag_chart(ends, deadline=hour, now=NOW, zone=UTC))
    heights = [y for _, y in corners]
    assert len(corners) == 4
    assert heights[0] == heights[2]
    assert heights[1] == heights[3] < heights[0]
    assert corners[-1][0] == 1092.0


def test_of_many_runs_the_peaks_are_kept() -> None:
    ends: list[tuple[datetime, datetime | None]] = [
        (NOW - timedelta(seconds=30 * n), NOW - timedelta(seconds=30 * n + 5)) for n in range(2000, 0, -1)
    ]
    ends[1000] = (ends[1000][0], None)
    corners = points(lag_chart(ends, deadline=timedelta(minutes=5), now=NOW, zone=UTC))
    assert len(corners) <= 200
    assert min(y for _, y in corners) < sorted(y for _, y in corners)[1]


@pytest.mark.parametrize("state", list(State))
def test_favicon_is_an_image_for_every_state(state: State) -> None:
    assert ET.fromstring(favicon(state)).tag.endswith("svg")


def test_alarm_and_health_look_different() -> None:
    assert favicon(State.LATE) != favicon(State.OK)
