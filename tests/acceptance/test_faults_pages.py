"""A page token may stand for the rows as its first page had them: what is deleted meanwhile must not come to stay."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.core.model import AcceptedJob, BulkQuery, StreamKey
from syncd.simulator import Behaviour, Config, JobTiming, Simulator, SimulatorClock
from syncd.zoho.client import ZohoClient
from tests.acceptance.test_traffic import Differences, compare
from tests.rig import Outcomes, fleet_of, write_config

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = StreamKey("default", "Contacts")


class Passing:
    """The Pause port: waiting lets the simulator's time pass."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim

    def wait(self, seconds: float, *, remote_id: str = "") -> None:
        self._sim.clock.advance(seconds)

    def check(self) -> None:
        return


@pytest.mark.parametrize("token_mode", ["snapshot", "ids", "live"])
def test_a_record_deleted_between_two_pages_is_deleted_here_too(
    token_mode: str, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sim = Simulator(
        Config(
            rows={"Contacts": 24},
            rows_per_page=8,
            same_second=12,
            downloads_per_minute=10_000,
            timing=JobTiming(),
            behaviour=Behaviour(token_mode=token_mode),  # type: ignore[arg-type]
        ),
        SimulatorClock(start=NOON, frozen=True),
    )
    deleted: list[int] = []

    def create(self: ZohoClient, query: BulkQuery) -> AcceptedJob:
        if query.page_token and not deleted:
            sim.clock.advance(5)
            here = compare(sim, KEY, dsn).missing  # what is on no page yet that was loaded
            deleted.extend(sorted(here)[-4:])
            sim.delete("Contacts", deleted)
            sim.clock.advance(5)
        return original(self, query)

    original = ZohoClient.create
    monkeypatch.setattr(ZohoClient, "create", create)
    with sim.serve() as url:
        config = write_config(
            tmp_path,
            url=url,
            dsn=dsn,
            modules={"Contacts": '"1m"'},
            defaults={"settle": "20s", "overlap": "30s", "poll": "0.2s..1s"},
            zoho={"downloads_per_minute": 10_000},
        )
        outcomes = Outcomes()
        with fleet_of(config, Passing(sim), outcomes) as fleet:
            for _ in range(3):
                fleet.sync(KEY)
                sim.clock.advance(100)
    assert [outcome.state for outcome in outcomes.ended] == ["ok"] * 3
    assert len(deleted) == 4
    assert compare(sim, KEY, dsn) == Differences()
