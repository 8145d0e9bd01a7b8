"""How long a stream waits after its passes failed, and small offsets that spread streams apart. Pure arithmetic.

Nothing here is random: the same stream and failure always give the same number, so that a log can be explained, while
different streams still do not come back at the same moment.
"""

import hashlib
from datetime import timedelta

from syncd.core.model import StreamKey

FIRST = timedelta(seconds=30)
LONGEST = timedelta(minutes=30)
_SPREAD = 0.2


def share(key: StreamKey, salt: str = "") -> float:
    """A number in [0, 1) that belongs to a stream: evenly spread over streams, the same in every process."""
    digest = hashlib.blake2b(f"{key}\0{salt}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def retry_wait(
    failures: int, key: StreamKey, *, every: timedelta, first: timedelta = FIRST, longest: timedelta = LONGEST
) -> float:
    """Seconds until a stream whose last `failures` (at least 1) passes failed is tried again.

    Doubles from `first` up to `longest`, less up to a fifth. A stream that runs more often than `first` starts at its
    own interval: it need not wait longer for its first retry than for its next turn.
    """
    start = min(first, every).total_seconds()
    ceiling = max(longest.total_seconds(), start)
    wait = min(ceiling, start * 2.0 ** min(failures - 1, 40))
    return wait * (1.0 - _SPREAD * share(key, str(failures)))


def start_offset(key: StreamKey, every: timedelta) -> timedelta:
    """Where in its interval a stream's turn lies, so that streams with the same interval do not start together."""
    return every * share(key)
