"""A world for the service, and a way to start one in it."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from syncd.daemon.plan import Patience, Plan
from syncd.daemon.service import Service
from tests.integration.daemon.world import Running, World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def start(world: World) -> Iterator[Callable[..., Running]]:
    """Start a service over `world`: `start(plan, watch=..)` returns when it is ready, unless `wait` is false."""
    started: list[Running] = []

    def run(plan: Plan, *, wait: bool = True, **patience: float) -> Running:
        service = Service(plan, world.around(), replace(Patience(watch=3600.0, drain=10.0), **patience))
        running = Running(service)
        started.append(running)
        if wait:
            assert world.ready.wait(10)
        return running

    yield run
    for running in started:
        running.finish()
    world.executor.shutdown()
