"""The part of the campaign that every check runs: some lives, some boundaries, and a mutant that must die.

`python3 dev.py campaign` runs as much more of it as there is time for.
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from syncd.postgres.embedded import EmbeddedServer
from tests.campaign.boundaries import all_boundaries, crash_at
from tests.campaign.command import kill, live_one
from tests.campaign.gate import Plan
from tests.campaign.life import Life, Shape
from tests.campaign.mutants import MUTANTS


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """A life logs much at the level of debug, which nobody reads."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.configure(**before)


@pytest.mark.parametrize("seed", range(4))
def test_a_life_of_faults_ends_in_the_truth(seed: int, postgres_server: EmbeddedServer, tmp_path: Path) -> None:
    with Life(seed, postgres_server, tmp_path, plan=Plan(rate=0.04)) as life:
        life.live()
        life.rest()
    assert life.chronicle.faults.total() > 3
    assert life.checks > 3


@pytest.mark.parametrize("tens", range(15))
def test_many_small_lives_of_faults_end_in_the_truth(tens: int, postgres_server: EmbeddedServer) -> None:
    """A hundred and fifty seeds; the faults of ten are counted together, because a small one may be spared."""
    struck = 0
    for seed in range(10 * tens, 10 * tens + 10):
        life, error = live_one(seed, postgres_server, plan=Plan(rate=0.06), small=True)
        assert error is None, f"again: python3 dev.py campaign --small --rate 0.06 --seed {seed}"
        struck += life.chronicle.faults.total()
    assert struck > 30


@pytest.mark.parametrize("start", [datetime(2026, 3, 8, 6, 55, tzinfo=UTC), datetime(2026, 11, 1, 5, 55, tzinfo=UTC)])
def test_a_life_on_the_day_the_clocks_change(start: datetime, postgres_server: EmbeddedServer, tmp_path: Path) -> None:
    """Zoho writes its stamps in the zone of New York, where an hour is left out, or comes twice, as the life begins."""
    shape = Shape.of(8, random.Random(8)).small()
    shape = replace(shape, start=start, behaviour=replace(shape.behaviour, csv_zone="America/New_York"))
    with Life(8, postgres_server, tmp_path, plan=Plan(rate=0.04), shape=shape) as life:
        life.live()
        assert life.sim.clock.now() - start > timedelta(minutes=10)
        life.rest()
    assert life.chronicle.faults.total() > 3


def test_a_crash_at_any_boundary_is_made_good(postgres_server: EmbeddedServer) -> None:
    lives = [crash_at(postgres_server, at) for at in all_boundaries(postgres_server, every=131)]
    assert sum(life.chronicle.crashes for life in lives) > 0


@pytest.mark.parametrize("name", ["no-settle", "half-forgotten"])
def test_a_planted_bug_is_found(name: str, postgres_server: EmbeddedServer) -> None:
    death = kill(MUTANTS[name], postgres_server, first=0, most=6)
    assert death.seed is not None
