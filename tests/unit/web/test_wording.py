import doctest
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from syncd.core.model import Cursor, LoadCounts, Window
from syncd.web import wording

NOW = datetime(2026, 11, 25, 12, 43, 10, tzinfo=UTC)


def test_examples() -> None:
    assert doctest.testmod(wording).failed == 0


@pytest.mark.parametrize(
    ("length", "shown"),
    [
        (timedelta(seconds=3), ">12:43:07</time>"),
        (timedelta(hours=13), ">24 Nov 23:43</time>"),
        (timedelta(days=800), ">2024-09-16</time>"),
        (timedelta(seconds=-90), ">12:44:40</time>"),
    ],
)
def test_moment(length: timedelta, shown: str) -> None:
    assert shown in wording.moment(NOW - length, NOW, UTC)


def test_a_moment_is_shown_in_the_zone_and_titled_in_utc() -> None:
    shown = wording.moment(NOW, NOW, ZoneInfo("Asia/Kolkata"))
    assert shown == '<time datetime="2026-11-25T12:43:10+00:00" title="2026-11-25 12:43:10 UTC">18:13:10</time>'
    assert wording.moment(None, NOW, UTC) == "–"


def test_ago() -> None:
    assert wording.ago(NOW - timedelta(minutes=3), NOW) == "3 min ago"
    assert wording.ago(NOW + timedelta(seconds=64), NOW) == "in 1 min"
    assert wording.ago(None, NOW) == ""


def test_changes() -> None:
    assert wording.changes(LoadCounts(read=9, inserted=1204, updated=3, deleted=2)) == "+1\u202f204 ~3 −2"
    assert wording.changes(LoadCounts(read=9, unchanged=9)) == "no change"


def test_window() -> None:
    window = Window(Cursor.CREATED, datetime(1970, 1, 1, tzinfo=UTC), NOW)
    assert wording.window_text(window, UTC) == "the beginning … 2026-11-25 12:43:10"
    assert wording.window_text(None, UTC) == "everything"
