"""Window arithmetic: where a window starts and ends, and how one is cut.

Rules that lose no row (DESIGN.md section 5): a window ends `settle` before Zoho's now and starts `overlap` before the
watermark; windows are whole seconds with both ends included; a cut leaves no second out. Nothing here knows jobs.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from syncd.core.limits import BEGINNING
from syncd.core.model import Cursor, Window

SECOND = timedelta(seconds=1)
LEAST_OVERLAP = timedelta(seconds=2)


def whole_second(moment: datetime) -> datetime:
    """The second a moment lies in.

    >>> from datetime import UTC
    >>> whole_second(datetime(2026, 1, 2, 3, 4, 5, 999_999, tzinfo=UTC)).isoformat()
    '2026-01-02T03:04:05+00:00'
    """
    return moment.replace(microsecond=0)


def settled_until(now: datetime, settle: timedelta) -> datetime:
    """The last whole second that is settled: all of it lies at least `settle` before `now` (Zoho's clock)."""
    return whole_second(now - settle) - SECOND


def fill_window(until: datetime, walk: Cursor = Cursor.CREATED) -> Window:
    """Everything stamped up to and including `until`."""
    return Window(walk, BEGINNING, whole_second(until))


def catch_up_window(
    watermark: datetime, now: datetime, *, cursor: Cursor, settle: timedelta, overlap: timedelta
) -> Window | None:
    """The next window of a stream, or None when nothing has settled since the watermark.

    It reaches back `overlap`, at least two seconds, so that neither a late-visible row nor the unknown inclusivity of
    `between` can lose one.
    """
    end = settled_until(now, settle)
    if end <= watermark:
        return None
    return Window(cursor, max(whole_second(watermark) - max(overlap, LEAST_OVERLAP), BEGINNING), end)


def cut(window: Window, at: datetime | None = None) -> tuple[Window, Window]:
    """Two windows that together hold every second of `window` once.

    The first ends at `at` if that leaves a second for the other, else in the middle. A window of one second cannot be
    cut: ValueError.
    """
    if window.seconds < 2:
        raise ValueError(f"a window of one second cannot be cut: {window}")
    middle = whole_second(window.start + (window.end - window.start) / 2)
    end = whole_second(at) if at is not None else middle
    if not window.start <= end < window.end:
        end = middle
    return Window(window.cursor, window.start, end), Window(window.cursor, end + SECOND, window.end)


def sized(window: Window, count: Callable[[Window], int], *, rows: int, most: int = 200) -> list[Window]:
    """Cut a window into consecutive ones of at most `rows` rows each, asking `count` for their sizes.

    Empty parts are left out: `count` is an upper bound, so nothing is there to export. Neighbours are joined again
    while they fit, so that few exports are wasted. The largest part is cut first, until about `most` counts are spent;
    what is still too large then will be cut after its export overflows. One second is never cut.
    """
    parts = [(window, count(window))]
    asked = 1
    while asked < most:
        large = [(size, at) for at, (part, size) in enumerate(parts) if size > rows and part.seconds > 1]
        if not large:
            break
        size, at = max(large)
        early, late = cut(parts[at][0])
        in_early, asked = count(early), asked + 1
        # What is not early is late; under traffic the difference is off by what changed meanwhile, which only moves
        # a cut. Zero is the one answer that would skip an export, so it is asked for, never inferred.
        in_late = size - in_early
        if in_late <= 0:
            in_late, asked = count(late), asked + 1
        parts[at : at + 1] = [(early, in_early), (late, in_late)]

    joined: list[tuple[Window, int]] = []
    for part, size in parts:
        if size == 0:
            continue
        if joined and joined[-1][1] + size <= rows:
            before, before_size = joined.pop()
            joined.append((Window(part.cursor, before.start, part.end), before_size + size))
        else:
            joined.append((part, size))
    return [part for part, _ in joined]
