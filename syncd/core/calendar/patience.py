"""How much work all series of one import may cost together.

One absurd rule is bounded by `expand.MOST_STEPS`; a file may hold a million. Counted in steps and not in time, so
that the same file comes to the same occurrences on any machine.
"""

from syncd.core.calendar.expand import MOST_STEPS

ORDINARY = 2_000
"""A rule that takes no more steps than this is always followed; real ones take far fewer."""

_TOGETHER = 20_000_000


class Patience:
    """What is left for rules that are out of the ordinary."""

    __slots__ = ("_left",)

    def __init__(self, left: int = _TOGETHER) -> None:
        self._left = left

    def allowance(self) -> int:
        """The most steps that the next series may take."""
        return MOST_STEPS if self._left > 0 else ORDINARY

    def spend(self, steps: int) -> None:
        """Note what a series took."""
        if steps > ORDINARY:
            self._left -= steps
