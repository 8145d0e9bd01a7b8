"""Zoho's quotas as the simulator keeps them: it never has to refuse a client that keeps them too."""

import subprocess
import sys
from pathlib import Path

import pytest

from syncd.core.model import BulkQuery
from syncd.errors import GrantRefused, TryLater
from syncd.simulator import CLIENT_ID, CLIENT_SECRET, SOID
from syncd.zoho.auth import ClientCredentialsGrant, exchange_code
from syncd.zoho.connect import open_transport
from syncd.zoho.limiter import CreditBudget
from syncd.zoho.redaction import Secret
from tests.integration.zoho.conftest import Bench

QUERY = BulkQuery(module="Contacts", fields=("Last_Name",))


def test_more_downloads_than_a_minute_allows_are_never_refused(bench: Bench) -> None:
    bench.sim.behave(download_penalty="minute")
    client = bench.client()
    job, _ = bench.finished(client, QUERY)
    for number in range(35):
        if number % 7 == 0:
            client = bench.client()  # a restart in between
        assert client.download(job.remote_id, bench.spool.path(job.remote_id))
    entries = bench.sim.log.entries("download")
    assert [entry.status for entry in entries] == [200] * 35
    moments = [entry.at for entry in entries]
    assert all(later - early > 60 for early, later in zip(moments, moments[10:], strict=False))


def test_a_refused_download_lets_the_minute_pass(bench: Bench) -> None:
    """Another program of the org has used the minute up."""
    client = bench.client(downloads_per_minute=1000)
    job, _ = bench.finished(client, QUERY)
    for _ in range(10):
        client.download(job.remote_id, bench.spool.path(job.remote_id))
    with pytest.raises(TryLater) as caught:
        client.download(job.remote_id, bench.spool.path(job.remote_id))
    assert caught.value.after >= 60


def test_a_crash_loop_spends_no_grants(bench: Bench) -> None:
    for _ in range(30):
        bench.client().modules()
    assert bench.sim.accounts.tokens_issued == 1


def test_tokens_that_keep_dying_never_meet_access_denied(bench: Bench) -> None:
    client = bench.client()
    for _ in range(10):
        client.modules()
        bench.sim.accounts.expire_tokens()
    with pytest.raises(TryLater, match="token grants") as caught:
        client.modules()
    assert 500 < caught.value.after <= 600
    assert bench.sim.accounts.tokens_issued == 10
    bench.sim.clock.advance(caught.value.after + 1)
    assert client.modules()
    assert "Access Denied" not in str([entry.code for entry in bench.sim.log])


def test_access_denied_is_waited_out(bench: Bench) -> None:
    bench.sim.faults.add("access-denied")
    client = bench.client()
    for process in (client, client, bench.client()):
        with pytest.raises(TryLater) as caught:
            process.modules()
        assert 590 <= caught.value.after <= 660
    assert len(bench.sim.log.entries("token")) == 1


@pytest.mark.parametrize("fault", ["revoked", "invalid-client"])
def test_a_refused_grant_is_asked_for_once(bench: Bench, fault: str) -> None:
    bench.sim.faults.add(fault)
    client = bench.client()
    for _ in range(5):
        with pytest.raises(GrantRefused):
            client.modules()
    assert len(bench.sim.log.entries("token")) == 1


def test_credits_are_kept_within_the_budget(bench: Bench) -> None:
    client = bench.client(budget=CreditBudget(credits=120))
    client.create(QUERY)
    client.create(QUERY)
    with pytest.raises(TryLater, match="credits"):
        client.create(QUERY)
    assert len(bench.sim.log.entries("create")) == 2
    assert client.modules()


def test_a_share_of_the_allowance_is_kept_once_zoho_shows_it(bench: Bench) -> None:
    bench.sim.limits.daily_credits = 1000
    client = bench.client(budget=CreditBudget(share=0.6))
    for _ in range(12):
        client.create(QUERY)
    with pytest.raises(TryLater, match="credits"):
        client.create(QUERY)
    assert sum(entry.credits for entry in bench.sim.log) == 600


def test_exhausted_credits_are_try_later_under_either_status(bench: Bench) -> None:
    for status in (429, 400):
        bench.sim.behave(too_many_requests_status=status)
        bench.sim.limits.daily_credits = 0
        with pytest.raises(TryLater):
            bench.client().modules()


def test_client_credentials(bench: Bench) -> None:
    grant = ClientCredentialsGrant(
        client_id=CLIENT_ID,
        client_secret=Secret(CLIENT_SECRET),
        scopes=("ZohoCRM.settings.modules.READ", "ZohoCRM.bulk.READ"),
        org_id=SOID.removeprefix("ZohoCRM."),
    )
    assert bench.client(grant=grant).modules()


def test_a_self_clients_code_is_exchanged_once(bench: Bench) -> None:
    region = bench.account.region
    transport = open_transport(region)
    code = Secret(bench.sim.accounts.issue_code(bench.sim.clock.timestamp()))
    arguments = {"client_id": CLIENT_ID, "client_secret": Secret(CLIENT_SECRET), "code": code}
    consent = exchange_code(transport, region, **arguments)  # type: ignore[arg-type]  # by name
    assert "ZohoCRM.bulk.READ" in consent.scopes
    assert consent.api_url == bench.url
    with pytest.raises(GrantRefused, match="invalid_code"):
        exchange_code(transport, region, **arguments)  # type: ignore[arg-type]  # by name
    transport.close()


PROCESS = """
import sys
from pathlib import Path
from tests.integration.zoho.conftest import GRANT
from syncd.zoho.connect import Account, connect
from syncd.zoho.regions import custom_region
import threading

class Free:
    def take(self, org, quota, cost=1):
        return 0.0

url, state = sys.argv[1:]
account = Account(org="acme", region=custom_region(url, url), grant=GRANT)
client = connect(account, quotas=Free(), state_dir=Path(state), wait=threading.Event().wait)
print("ready", flush=True)
sys.stdin.readline()
for _ in range(3):
    client.modules()
print(len(client.modules()), flush=True)
client.close()
"""


def test_processes_of_a_host_share_one_token(bench: Bench, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROCESS, bench.url, str(tmp_path / "state")]
    root = Path(__file__).parents[3]
    processes = [
        subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        output, _ = process.communicate(timeout=30)
        assert output.strip().splitlines()[-1].isdigit()
        assert process.returncode == 0
    assert bench.sim.accounts.tokens_issued == 1
