"""Numbers for advisory locks: 64 bits of a hash, so that they meet neither each other nor another program's."""

from hashlib import blake2b


def lock_number(*names: str) -> int:
    """The signed 64-bit number that `pg_advisory_lock` takes for a thing called by `names`."""
    digest = blake2b("\0".join(("syncd", *names)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
