"""Desks for the simulator's unit tests."""

from collections.abc import Callable, Iterator

import pytest

from syncd.simulator import Behaviour
from tests.unit.simulator.desk import Desk, small

MakeDesk = Callable[..., Desk]


@pytest.fixture
def make_desk() -> Iterator[MakeDesk]:
    """A factory of desks: `behaviour` switches by name in a dict, anything else is a field of Config."""
    made: list[Desk] = []

    def make(behaviour: dict[str, object] | None = None, **config: object) -> Desk:
        desk = Desk(small(behaviour=Behaviour().changed(behaviour or {}), **config))
        made.append(desk)
        return desk

    yield make
    for desk in made:
        desk.sim.close()


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    """A desk with the default behaviour and few records."""
    return make_desk()
