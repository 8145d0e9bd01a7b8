"""What each fault of the simulated Zoho makes the client do."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from syncd.core.model import BulkQuery
from syncd.errors import BadArchive, GrantRefused, Refused, SyncdError, TryLater, Unreachable
from syncd.simulator import CLIENT_SECRET, REFRESH_TOKEN, Simulator, SimulatorClock
from syncd.zoho.archive import Spool
from syncd.zoho.transport import Timeouts
from tests.integration.zoho.conftest import START, Bench, WindowQuotas

QUICK = Timeouts(connect=2, read=0.3, call=0.5, least_rate=1_000_000)
QUERY = BulkQuery(module="Contacts", fields=("Last_Name", "First_Name", "Email", "Description"))


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Simulator, str]]:
    """One simulator for all tests here."""
    sim = Simulator(clock=SimulatorClock(start=START, frozen=True))
    with sim.serve() as url:
        yield sim, url


@pytest.fixture
def bench(served: tuple[Simulator, str], tmp_path: Path) -> Iterator[Bench]:
    sim, url = served
    sim.clock.advance(700)  # beyond what the tests before have used up
    sim.faults.clear()
    sim.faults.struck.clear()
    sim.log.clear()
    sim.accounts.restore_refresh_token()
    with ExitStack() as clients:
        yield Bench(sim, url, tmp_path / "state", Spool(tmp_path / "spool"), WindowQuotas(sim.clock), clients)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("429", TryLater),
        ("400-throttle", TryLater),
        ("500", Unreachable),
        ("502", Unreachable),
        ("503", Unreachable),
        ("html", Unreachable),
        ("empty-body", Unreachable),
        ("scope", Refused),
        ("no-permission", Refused),
        ("redirect", Unreachable),
        ("stall", Unreachable),
        ("reset", Unreachable),
        ("lost-reply", Unreachable),
    ],
)
def test_a_call_that_fails_for_good(bench: Bench, fault: str, error: type[SyncdError]) -> None:
    client = bench.client(timeouts=QUICK)
    bench.sim.faults.add(fault, path="modules", times=None)
    with pytest.raises(error) as caught:
        client.modules()
    assert "/crm/v8/settings/modules" in caught.value.where
    bench.sim.faults.clear()
    if error is not TryLater:
        assert client.modules()


@pytest.mark.parametrize("fault", ["reset", "lost-reply", "expired-token"])
def test_a_call_that_fails_once_is_not_noticed(bench: Bench, fault: str) -> None:
    client = bench.client()
    bench.sim.faults.add(fault, path="modules")
    assert client.modules()
    assert len(bench.sim.faults.struck) == 1


@pytest.mark.parametrize(("wait", "after"), [("7", 7), ("86400", 900)])
def test_zohos_own_wait_is_obeyed(bench: Bench, wait: str, after: float) -> None:
    bench.sim.faults.add("429", path="modules", retry_after=wait)
    with pytest.raises(TryLater) as caught:
        bench.client().modules()
    assert caught.value.after == after


def test_a_create_whose_reply_is_lost_is_made_once(bench: Bench) -> None:
    client = bench.client()
    bench.sim.faults.add("lost-reply", path="create", times=None)
    with pytest.raises(Unreachable):
        client.create(QUERY)
    assert len(bench.sim.log.entries("create")) == 1
    bench.sim.faults.clear()
    assert client.create(QUERY).remote_id


@pytest.mark.parametrize(
    ("fault", "options", "error"),
    [
        ("html", {}, Unreachable),
        ("empty-body", {}, Unreachable),
        ("json-for-zip", {}, Unreachable),
        ("redirect", {}, Unreachable),
        ("stall", {}, Unreachable),
        ("wrong-length", {}, Unreachable),
        ("cut-off", {}, Unreachable),
        ("drip", {"chunk": 16, "seconds": 0.05}, Unreachable),
        ("truncated-zip", {}, BadArchive),
        ("429", {}, TryLater),
    ],
)
def test_a_download_that_fails_leaves_nothing_behind(
    bench: Bench, fault: str, options: dict[str, Any], error: type[SyncdError]
) -> None:
    client = bench.client(timeouts=QUICK)
    job, _ = bench.finished(client, QUERY)
    bench.sim.faults.add(fault, path="download", times=None, **options)
    target = bench.spool.path(job.remote_id)
    with pytest.raises(error):
        client.download(job.remote_id, target)
    assert list(target.parent.iterdir()) == []
    bench.sim.faults.clear()
    if error is not TryLater:
        assert client.download(job.remote_id, target)


@pytest.mark.parametrize("fault", ["cut-off", "wrong-length", "reset"])
def test_a_download_that_breaks_off_once_is_repeated(bench: Bench, fault: str) -> None:
    client = bench.client()
    job, report = bench.finished(client, QUERY)
    bench.sim.faults.add(fault, path="download")
    assert len(bench.rows(client, job.remote_id)) > report.count


@pytest.mark.parametrize("fault", ["corrupt-zip", "two-members", "no-members", "zip-bomb"])
def test_an_archive_that_must_not_be_loaded(bench: Bench, fault: str) -> None:
    client = bench.client()
    job, _ = bench.finished(client, QUERY)
    bench.sim.faults.add(fault)
    with pytest.raises(BadArchive):
        bench.rows(client, job.remote_id)


def test_an_unreachable_zoho(bench: Bench) -> None:
    client = bench.client()
    client.modules()
    client.close()
    bench.sim.faults.add("reset", path="", times=None)
    for _ in range(10):
        with pytest.raises(Unreachable):
            client.modules()
    assert client.circuit_open
    requests = len(bench.sim.log)
    with pytest.raises(Unreachable, match="not being called"):
        client.modules()
    assert len(bench.sim.log) == requests


def test_no_secret_is_logged_or_shown_whatever_happens(bench: Bench, tmp_path: Path) -> None:
    faults = ("429", "500", "502", "html", "expired-token", "scope", "reset", "redirect")
    shown = []
    with capture_logs() as logs:
        client = bench.client()
        for fault in faults:
            bench.sim.faults.add(fault, path="modules", times=3)
            try:
                client.modules()
            except SyncdError as error:
                shown.append(f"{error} {error.fix}")
            bench.sim.faults.clear()
        bench.sim.faults.add("revoked")
        bench.sim.accounts.expire_tokens()
        with pytest.raises(GrantRefused) as caught:
            client.modules()
    text = f"{logs} {shown} {caught.value} {caught.value.fix}"
    assert logs
    assert len(shown) >= 5
    secrets = [CLIENT_SECRET, REFRESH_TOKEN, "Zoho-oauthtoken 1000"]
    secrets += [token.text for token in bench.sim.accounts._client.live]
    stored = next(tmp_path.glob("state/zoho-token-*.json")).read_text()
    assert "access_token" in stored
    for secret in secrets:
        assert secret not in text
