"""Every boundary: one fixed workload, and a crash at effect 1, 2, 3 ... n, before it and after it."""

import random
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from syncd.postgres.embedded import EmbeddedServer
from tests.campaign.gate import Plan
from tests.campaign.ground import memory_folder
from tests.campaign.life import Life, Shape

SEED = 7
WORKLOAD = replace(
    Shape.of(SEED, random.Random(SEED)),
    version="v8",
    counted=False,
    daemons=1,
    threads=False,
    shuffled=True,
    sliced=True,
    census=False,
    fields_change=True,
    downloads=10,
    page=4,
    passes=1,
    replays=False,
    changes=5,
    same_second=2,
    modules={"Deals": 6},
)


def crash_at(server: EmbeddedServer, at: tuple[int, bool] | None) -> Life:
    """Live the workload with a crash there, or none; raises what a bad life raises."""
    with tempfile.TemporaryDirectory(prefix="syncd-life-", dir=memory_folder()) as folder:
        with Life(SEED, server, Path(folder), plan=Plan(rate=0.0, crash_at=at), shape=WORKLOAD) as life:
            life.live()
            life.lived = life.chronicle.effects
            life.rest()
        return life


def all_boundaries(server: EmbeddedServer, *, every: int = 1) -> Iterator[tuple[int, bool]]:
    """The points of the undisturbed workload at which a process can die, or every so-many-th of them."""
    life = crash_at(server, None)
    points = [point for point in life.chronicle.points if point[0] <= life.lived]
    yield from points[::every]
