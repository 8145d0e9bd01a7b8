"""How long to wait, as values: polls of a running job and retries after a failure. Pure; `chance` is passed in."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class PollPace:
    """The first and the longest wait between two looks at a running job, in seconds."""

    first: float = 2.0
    longest: float = 30.0

    def wait(self, looks: int) -> float:
        """Seconds to wait before look number `looks` + 1: grows by half each time, capped.

        >>> [PollPace(2, 10).wait(n) for n in range(6)]
        [2.0, 3.0, 4.5, 6.75, 10.0, 10.0]
        """
        exponent = min(looks, 64)
        return min(float(self.longest), self.first * 1.5**exponent)


@dataclass(frozen=True, slots=True)
class RetryPace:
    """Exponential backoff with full jitter, in seconds, inside one run."""

    first: float = 1.0
    longest: float = 60.0
    most: int = 5

    def wait(self, failures: int, chance: float) -> float | None:
        """Seconds before the next try after `failures` failures; `chance` in [0, 1). None: give up for this run.

        >>> RetryPace(1, 60, 5).wait(3, 0.5), RetryPace(1, 60, 5).wait(6, 0.5)
        (2.25, None)
        """
        if failures > self.most:
            return None
        ceiling = min(self.longest, self.first * 2.0 ** (failures - 1))
        return self.first / 2 + (ceiling - self.first / 2) * chance if ceiling > self.first / 2 else ceiling


JOB_DEADLINE = timedelta(hours=6)
"""A remote job that still says it is running after so long is given up and exported again."""
