"""Zoho's quotas are kept by the simulator's own log: over fifty restarts, by two daemons, and by a day's credits.

Time is the simulator's: ten minutes of it pass in a moment, and the ledger counts by it.
"""

import random
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from syncd.errors import TryLater
from syncd.postgres.embedded import EmbeddedServer
from tests.campaign.baton import Crash
from tests.campaign.gate import Plan
from tests.campaign.life import Life, Shape
from tests.campaign.truth import quota_is_kept

CALM = Plan(rate=0.0)
SHAPE = replace(
    Shape.of(0, random.Random(0)),
    daemons=2,
    counted=False,
    threads=False,
    shuffled=True,
    sliced=False,
    census=False,
    version="v8",
)


def test_a_crash_loop_of_fifty_restarts_keeps_downloads_and_tokens(
    postgres_server: EmbeddedServer, tmp_path: Path
) -> None:
    rng = random.Random(50)
    with Life(50, postgres_server, tmp_path, plan=CALM, shape=SHAPE) as life:
        number = 0
        while life.chronicle.crashes < 50:
            number += 1
            gate = life.slots[number % 2].daemon.gate
            gate.plan = Plan(rate=0.0, crash_at=(life.chronicle.effects + rng.randint(8, 40), True))
            with suppress(Crash):
                life._pass(life.slots[number % 2].daemon, rng.choice(life.keys))
        life.rest()  # looks at both quotas, too
        downloads = life.sim.log.entries("download")
        assert len(downloads) > 15
        assert not [entry for entry in downloads if entry.code == "TOO_MANY_REQUESTS"]
        assert len(life.sim.log.entries("token")) <= 3


def test_a_process_that_loses_its_token_every_time_stays_within_ten_in_ten_minutes(
    postgres_server: EmbeddedServer, tmp_path: Path
) -> None:
    with Life(51, postgres_server, tmp_path, plan=CALM, shape=SHAPE) as life:
        for number in range(30):
            slot = life.slots[number % 2]
            slot.restart()
            life.sim.accounts.expire_tokens()
            life.chronicle.faults["revoked-grant"] += 1
            life._pass(slot.daemon, life.keys[number % 3])
        quota_is_kept(life.sim, "token", limit=10, seconds=600.0)
        tokens = life.sim.log.entries("token")
        assert 10 <= len(tokens) <= 30
        assert all(entry.status == 200 and not entry.code for entry in tokens)


def test_a_budget_of_credits_is_kept_to_the_credit(postgres_server: EmbeddedServer, tmp_path: Path) -> None:
    budget = 420
    with Life(52, postgres_server, tmp_path, plan=CALM, shape=replace(SHAPE, credits=budget)) as life:
        ends = []
        for number in range(12):
            slot = life.slots[number % 2]
            slot.restart()
            ends.append(life._pass(slot.daemon, life.keys[number % 3]))
        spent = sum(entry.credits for entry in life.sim.log)
        assert budget - 50 < spent <= budget
        refused = [end for end in ends if isinstance(end.error, TryLater)]
        assert refused
        assert all(end.state == "waiting" for end in refused)
        life.sim.clock.advance(25 * 3600)
        assert life._pass(life.slots[0].daemon, life.keys[0]).counts.read > 0
