"""How values are written on the page: numbers, times, lengths, names. Pure; used as filters of the templates."""

from datetime import UTC, datetime, timedelta, tzinfo

from markupsafe import Markup

from syncd.core.health import span
from syncd.core.model import LoadCounts, Window

_THIN = "\u202f"


def number(value: int | None) -> str:
    """Thousands apart by a thin space; a dash for None.

    >>> number(1204311) == "1\\u202f204\\u202f311", number(None)
    (True, '–')
    """
    return "–" if value is None else f"{value:,}".replace(",", _THIN)


def short_number(value: int | None) -> str:
    """Three significant digits at most, for places where the exact number is in a title.

    >>> [short_number(n) for n in (None, 0, 999, 1000, 88214, 1204311, 999999)]
    ['–', '0', '999', '1k', '88k', '1.2M', '1M']
    """
    if value is None:
        return "–"
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if value >= size * 0.9995:
            scaled = value / size
            return f"{scaled:.1f}".removesuffix(".0") + letter if scaled < 10 else f"{scaled:.0f}{letter}"
    return str(value)


def moment(at: datetime | None, now: datetime, zone: tzinfo) -> Markup:
    """A `time` element: the time of day, with the date when it is not today's; the exact moment in UTC as its title."""
    if at is None:
        return Markup("–")
    local, today = at.astimezone(zone), now.astimezone(zone)
    pattern = "%H:%M:%S" if local.date() == today.date() else "%-d %b %H:%M"
    if local.year != today.year:
        pattern = "%Y-%m-%d"
    exact = at.astimezone(UTC)
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        exact.isoformat(timespec="seconds"), f"{exact:%Y-%m-%d %H:%M:%S}", local.strftime(pattern)
    )


def ago(at: datetime | None, now: datetime) -> str:
    """How long ago, or in how long; '' for None."""
    if at is None:
        return ""
    length = now - at
    return f"{span(length)} ago" if length >= timedelta(0) else f"in {span(-length)}"


def changes(counts: LoadCounts) -> str:
    """What a run did to rows, in signs: `+218 ~96 −3`, or `no change`."""
    signs = (("+", counts.inserted), ("~", counts.updated), ("−", counts.deleted))
    said = " ".join(f"{sign}{number(count)}" for sign, count in signs if count)
    return said or "no change"


def window_text(window: Window | None, zone: tzinfo) -> str:
    """A window's ends; `from the beginning` for the epoch, `everything` for no window."""
    if window is None:
        return "everything"
    start, end = window.start.astimezone(zone), window.end.astimezone(zone)
    begins = "the beginning" if window.start.year == 1970 else f"{start:%Y-%m-%d %H:%M:%S}"
    return f"{begins} … {end:%Y-%m-%d %H:%M:%S}"
