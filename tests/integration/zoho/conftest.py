"""The real client against the simulator, over a socket."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import stamina

from syncd.core.model import AcceptedJob, BulkQuery, JobReport, Quota, RemoteState
from syncd.simulator import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, Simulator, SimulatorClock
from syncd.zoho.archive import Spool
from syncd.zoho.auth import RefreshTokenGrant
from syncd.zoho.client import ZohoClient
from syncd.zoho.connect import Account, connect
from syncd.zoho.redaction import Secret
from syncd.zoho.regions import custom_region
from syncd.zoho.transport import Timeouts

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
GRANT = RefreshTokenGrant(client_id=CLIENT_ID, client_secret=Secret(CLIENT_SECRET), refresh_token=Secret(REFRESH_TOKEN))


class WindowQuotas:
    """A sliding window per quota on the simulator's clock: what the ledger does on PostgreSQL's."""

    def __init__(self, clock: SimulatorClock) -> None:
        self._clock = clock
        self._spent: dict[str, list[tuple[float, int]]] = {}

    def take(self, org: str, quota: Quota, cost: int = 1) -> float:
        assert org == "acme"
        now, period = self._clock.timestamp(), quota.period.total_seconds()
        spent = [entry for entry in self._spent.get(quota.name, []) if entry[0] > now - period]
        if sum(units for _, units in spent) + cost > quota.limit:
            return max(spent[0][0] + period - now, 0.001)
        self._spent[quota.name] = [*spent, (now, cost)]
        return 0.0


@dataclass
class Bench:
    """A simulator on a clock that only the test (and a waiting client) moves, and clients for it."""

    sim: Simulator
    url: str
    state: Path
    spool: Spool
    quotas: WindowQuotas
    clients: ExitStack

    def wait(self, seconds: float) -> None:
        self.sim.clock.advance(seconds)

    @property
    def account(self) -> Account:
        return Account(org="acme", region=custom_region(self.url, self.url), grant=GRANT)

    def client(self, *, timeouts: Timeouts | None = None, **changes: object) -> ZohoClient:
        """A new client, as a process that starts makes one."""
        account = replace(self.account, **changes)  # type: ignore[arg-type]  # by name, in tests
        made = connect(account, quotas=self.quotas, state_dir=self.state, wait=self.wait, timeouts=timeouts)
        self.clients.callback(made.close)
        return made

    def finished(self, client: ZohoClient, query: BulkQuery) -> tuple[AcceptedJob, JobReport]:
        """Create a job and poll it to its end."""
        job = client.create(query)
        for _ in range(20):
            report = client.poll(job.remote_id)
            if report.state is not RemoteState.RUNNING:
                return job, report
            self.sim.clock.advance(1)
        raise AssertionError("the job does not end")

    def rows(self, client: ZohoClient, remote_id: str) -> list[bytes]:
        """The lines of a job's result, header first."""
        path = self.spool.path(remote_id)
        assert client.download(remote_id, path)
        return b"".join(self.spool.blocks(path)).splitlines()


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture
def open_bench(tmp_path: Path) -> Iterator[Callable[[Simulator], Bench]]:
    """Serve a simulator and give what is needed to talk to it."""
    with ExitStack() as stack:

        def open_it(sim: Simulator) -> Bench:
            url = stack.enter_context(sim.serve())
            clients = stack.enter_context(ExitStack())
            spool = Spool(tmp_path / "spool")
            return Bench(sim, url, tmp_path / "state", spool, WindowQuotas(sim.clock), clients)

        yield open_it


@pytest.fixture
def bench(open_bench: Callable[[Simulator], Bench]) -> Bench:
    """A small org on a frozen clock."""
    return open_bench(Simulator(clock=SimulatorClock(start=START, frozen=True)))
