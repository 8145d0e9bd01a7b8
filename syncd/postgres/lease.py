"""The right to write one stream: a session's advisory lock that says who, and an epoch that makes it hold.

Owns: taking and giving back leases. Two parts, because each does what the other cannot:

- The advisory lock is freed by the server the moment its session ends, however that happens, so a killed process never
  leaves a stream locked; and who comes second learns it at once, before any work is done.
- The lock alone protects nothing: a session can be lost while its process goes on. Each lease therefore raises the
  stream's epoch, and every commit compares (`syncd.postgres.transaction`). A lost lease can cost work, never data.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from syncd.core.model import Lease, StreamKey
from syncd.errors import Fenced, Unreachable
from syncd.postgres.advisory import lock_number
from syncd.postgres.failures import translated
from syncd.postgres.pool import Connection, Pool, ended
from syncd.postgres.queries import query

_TRY, _EPOCH, _RELEASE = query("lease_try"), query("lease_epoch"), query("lease_release")


class Leases:
    """The leases this process holds, each with the session that its lock lives in."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._sessions: dict[Lease, Connection] = {}
        self._changed = threading.Lock()

    @contextmanager
    def hold(self, key: StreamKey) -> Iterator[Lease | None]:
        """Hold the lease of a stream for the block; None when somebody else has it, this process included.

        Taking it makes the stream's row if there is none, and voids what an earlier holder has not committed.
        """
        session = self._pool.open(f"syncd:{key} lease")
        try:
            lease = self._take(session, key)
            if lease is None:
                yield None
                return
            try:
                yield lease
            finally:
                self._give_back(lease, session)
        finally:
            session.close()

    def check(self, lease: Lease) -> None:
        """Fenced when the lease was given back, Unreachable when its session has ended; costs no round trip.

        Not what makes a commit safe, which is the epoch: it only keeps a process from working on for nothing.
        """
        with self._changed:
            session = self._sessions.get(lease)
        if session is None:
            raise Fenced("the lease is not held any more", where=str(lease.stream))
        if ended(session):
            raise Unreachable(
                "the session that held the lease has ended",
                where=f"{self._pool.where}, {lease.stream}",
                why="PostgreSQL broke it off",
                fix="the next pass takes a new lease",
            )

    def _take(self, session: Connection, key: StreamKey) -> Lease | None:
        with translated(self._pool.where):
            locked = session.execute(_TRY, {"lock": _lock_of(key)}).fetchone()
            if locked is None or not locked[0]:
                return None
            found = session.execute(_EPOCH, {"org": key.org, "module": key.module}).fetchone()
        lease = Lease(key, found[0] if found else 0)
        with self._changed:
            self._sessions[lease] = session
        return lease

    def _give_back(self, lease: Lease, session: Connection) -> None:
        with self._changed:
            del self._sessions[lease]
        # Said aloud because the server may notice the closed connection only after the next one has asked. If it fails
        # the session is gone, and the lock with it.
        with suppress(psycopg.Error):
            session.execute(_RELEASE, {"lock": _lock_of(lease.stream)})


def _lock_of(key: StreamKey) -> int:
    return lock_number("lease", key.org, key.module)
