"""One daemon of a life: the real client, spool, pool and store, each behind the gate, in one process with the others.

It dies by a Crash: its sessions are ended by the server, and whatever it still tries is a Crash again.
"""

import random
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from syncd.core.model import Quota
from syncd.core.pacing import PollPace, RetryPace
from syncd.postgres import pool as pool_module
from syncd.postgres import quotas as quotas_module
from syncd.postgres import transaction as transaction_module
from syncd.postgres.ledger import PostgresStore
from syncd.postgres.pool import Connection, Pool
from syncd.postgres.quotas import PostgresQuotas
from syncd.simulator import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from syncd.sync.context import SyncContext
from syncd.sync.ports import Observer, Pause
from syncd.zoho.auth import Authorizer, RefreshTokenGrant, token_state
from syncd.zoho.breaker import Breaker
from syncd.zoho.limiter import CreditBudget, Limiter, QuotaStore
from syncd.zoho.redaction import Secret
from syncd.zoho.regions import custom_region
from syncd.zoho.server_clock import ServerClock
from syncd.zoho.session import Session
from syncd.zoho.transport import Timeouts, Transport
from tests.campaign.gate import Gate
from tests.campaign.ports import GatedClient, GatedSpool, GatedStore

ORG = "acme"
_CERTIFICATES = ssl.create_default_context()
"""Read once: a life starts many daemons."""


@contextmanager
def hurried() -> Iterator[None]:
    """Quotas count in the life's own time, and a lock is waited for a fraction of a second."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_TAKE", "_WAIT", "_PRUNE", "_SPENT"):
            statement: bytes = getattr(quotas_module, name)
            patch.setattr(quotas_module, name, statement.replace(b"clock_timestamp()", b"campaign.now()"))
        patch.setattr(pool_module, "_SET_UP", pool_module._SET_UP.replace("'5s'", "'150ms'"))
        patch.setattr(transaction_module, "_POLITE", b"SET LOCAL lock_timeout = '150ms'")
        patch.setattr(transaction_module, "_PATIENT", b"SET LOCAL lock_timeout = '5s'")
        yield


class NotedPool(Pool):
    """A pool that tells the gate which sessions are the daemon's."""

    def __init__(self, dsn: str, gate: Gate) -> None:
        super().__init__(dsn, size=16, environ={})
        self._gate = gate

    def open(self, use: str) -> Connection:
        connection = super().open(use)
        pid = connection.info.backend_pid
        self._gate.pids.add(pid)
        if use.endswith(" lease"):
            self._gate.lease_pids.add(pid)
        return connection


class LifeQuotas:
    """The real quotas, on the life's clock."""

    def __init__(self, pool: Pool, timestamp: Callable[[], float]) -> None:
        self._inner = PostgresQuotas(pool)
        self._pool = pool
        self._timestamp = timestamp

    def take(self, org: str, quota: Quota, cost: int = 1) -> float:
        with self._pool.connection() as connection:
            connection.execute("UPDATE campaign.clock SET at = to_timestamp(%s)", [self._timestamp()])
        return self._inner.take(org, quota, cost)


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a life gives to each of its daemons."""

    url: str
    dsn: str
    folder: Path
    version: str
    timestamp: Callable[[], float]
    rng: random.Random
    observer: Observer
    executor: Executor
    lanes: int
    credits: int
    downloads: int


class Daemon:
    """A process, but for the process: `close` is its orderly end, the gate's death the other one."""

    def __init__(self, around: Surroundings, gate: Gate, pause: Pause) -> None:
        self.gate = gate
        self.pool = NotedPool(around.dsn, gate)
        self.store = PostgresStore(self.pool)
        self._client = _client(around, LifeQuotas(self.pool, around.timestamp), pause, gate)
        self.context = SyncContext(
            org=ORG,
            schema="zoho",
            api=self._client,
            archives=GatedSpool(around.folder / "spool", gate),
            store=GatedStore(self.pool, gate),
            pause=pause,
            observer=around.observer,
            executor=around.executor,
            lanes=around.lanes,
            monotonic=around.timestamp,
            chance=around.rng.random,
            poll_pace=PollPace(1, 8),
            retry_pace=RetryPace(1, 16, 5),
        )

    def close(self) -> None:
        self._client.close()
        self.pool.close()


def _client(around: Surroundings, quotas: QuotaStore, pause: Pause, gate: Gate) -> GatedClient:
    """As `syncd.zoho.connect` makes it, with every clock the life's own."""
    region = custom_region(around.url, around.url)
    grant = RefreshTokenGrant(
        client_id=CLIENT_ID, client_secret=Secret(CLIENT_SECRET), refresh_token=Secret(REFRESH_TOKEN)
    )
    transport = Transport(timeouts=Timeouts(connect=10, read=10, call=20), trust_env=False)
    transport._verify = _CERTIFICATES
    tokens = token_state(around.folder / "state", ORG, region, grant)
    limiter = Limiter(
        org=ORG,
        store=quotas,
        wait=pause.wait,
        downloads_per_minute=around.downloads,
        budget=CreditBudget(credits=around.credits),
        state=tokens.sibling("credits"),
        monotonic=around.timestamp,
    )
    authorizer = Authorizer(
        org=ORG,
        region=region,
        grant=grant,
        transport=transport,
        limiter=limiter,
        state=tokens,
        wait=pause.wait,
        clock=around.timestamp,
        chance=around.rng.random,
    )
    session = Session(
        org=ORG,
        authorizer=authorizer,
        transport=transport,
        limiter=limiter,
        wait=pause.wait,
        clock=ServerClock(monotonic=around.timestamp),
        breaker=Breaker(monotonic=around.timestamp),
        chance=around.rng.random,
    )
    keep = around.folder / "kept"
    keep.mkdir(exist_ok=True)
    return GatedClient(session, transport, wait=pause.wait, api_version=around.version, gate=gate, keep=keep)
