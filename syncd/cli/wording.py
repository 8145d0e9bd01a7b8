"""Numbers, moments and lengths of time as people read them, and as scripts do."""

from datetime import UTC, datetime, timedelta

from syncd.core.health import span
from syncd.core.model import LoadCounts


def grouped(number: int) -> str:
    """A number in groups of three.

    >>> grouped(1204311), grouped(7)
    ('1 204 311', '7')
    """
    return f"{number:,}".replace(",", " ")


def stamp(moment: datetime) -> str:
    """A moment for machines: ISO 8601 in UTC, whole seconds.

    >>> stamp(datetime(2026, 1, 2, 3, 4, 5, 600_000, tzinfo=UTC))
    '2026-01-02T03:04:05Z'
    """
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def local(moment: datetime) -> str:
    """A moment for people, in the time zone of this machine."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def lasted(length: timedelta) -> str:
    """How long something took; below ten seconds with a fraction.

    >>> [lasted(timedelta(seconds=s)) for s in (0.04, 9.26, 10, 71)]
    ['0.0 s', '9.3 s', '10 s', '1 min']
    """
    seconds = length.total_seconds()
    return f"{seconds:.1f} s" if seconds < 9.95 else span(length)


def changes(counts: LoadCounts) -> str:
    """What a run did to the rows: the parts that are not zero.

    >>> changes(LoadCounts(read=12, inserted=3, updated=2, unchanged=6, rejected=1))
    '3 new, 2 changed, 1 rejected'
    >>> changes(LoadCounts(read=5, unchanged=5))
    'nothing new'
    """
    named = (
        (counts.inserted, "new"),
        (counts.updated, "changed"),
        (counts.deleted, "deleted"),
        (counts.rejected, "rejected"),
        (counts.bad_values, "bad values"),
    )
    return ", ".join(f"{grouped(number)} {word}" for number, word in named if number) or "nothing new"
