"""From a window and a user's criteria to what one bulk query asks for.

Whether Zoho's `between` includes its ends is not documented, so a window is asked for one second wider on both sides:
what comes in addition is true data, and no answer to the question can lose a row. Bounds carry `+00:00`, whole
seconds, never `Z` or fractions (Zoho's bulk read pages; other tools broke on both).
"""

from datetime import datetime

from syncd.core.limits import MAX_CRITERIA
from syncd.core.model import Comparison, Criterion, Group, Window
from syncd.core.windows import SECOND


def stamp(moment: datetime) -> str:
    """A moment as Zoho reads it.

    >>> from datetime import UTC
    >>> stamp(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    '2026-01-02T03:04:05+00:00'
    """
    if moment.tzinfo is None or moment.microsecond or moment.utcoffset():
        raise ValueError(f"not a whole second in UTC: {moment!r}")
    return moment.isoformat()


def between(window: Window) -> Comparison:
    """The one leaf that asks for a window, a second wider on both sides."""
    return Comparison(window.cursor.value, "between", (stamp(window.start - SECOND), stamp(window.end + SECOND)))


def all_of(*criteria: Criterion | None) -> Criterion | None:
    """And-join; None members vanish, and-groups are flattened, and a group of one is never made (Zoho refuses it)."""
    members: list[Criterion] = []
    for criterion in criteria:
        if isinstance(criterion, Group) and criterion.operator == "and":
            members.extend(criterion.members)
        elif criterion is not None:
            members.append(criterion)
    if len(members) < 2:
        return members[0] if members else None
    return Group("and", tuple(members))


def leaves(criterion: Criterion | None) -> int:
    """How many comparisons a criterion has; Zoho allows MAX_CRITERIA, those of a custom view included."""
    if criterion is None:
        return 0
    if isinstance(criterion, Comparison):
        return 1
    return sum(leaves(member) for member in criterion.members)


def export_criterion(window: Window | None, user: Criterion | None) -> Criterion | None:
    """What an export of `window` asks for, and-ed with the user's own criteria.

    Raises ValueError when the two have more leaves than Zoho takes.
    """
    criterion = all_of(between(window) if window else None, user)
    if (count := leaves(criterion)) > MAX_CRITERIA:
        raise ValueError(f"{count} criteria with the window's own; Zoho takes at most {MAX_CRITERIA}")
    return criterion
