"""Traffic: each kind of change, and that the same seed does the same."""

from random import Random

import pytest

from syncd.simulator.traffic import WEIGHTS
from tests.unit.simulator.conftest import MakeDesk
from tests.unit.simulator.desk import Desk
from tests.unit.simulator.waiting import until


def stamps(desk: Desk, module: str) -> dict[int, str]:
    return {int(row["Id"]): row["Modified_Time"] for row in desk.export(module, fields=["Modified_Time"])}


@pytest.mark.parametrize("kind", WEIGHTS)
def test_each_kind_does_what_it_says(desk: Desk, kind: str) -> None:
    desk.sim.traffic.modules = ["Leads"]
    desk.sim.delete("Leads", desk.sim.live_ids("Leads")[:2])
    truth, seen = desk.sim.truth("Leads"), stamps(desk, "Leads")
    change = desk.sim.traffic.step(Random(1), kind)
    assert (change.kind, change.module) == (kind, "Leads")
    after = desk.sim.truth("Leads")
    changed = {i for i in truth.keys() & after.keys() if truth[i] != after[i]}
    new, gone, ids = after.keys() - truth.keys(), truth.keys() - after.keys(), set(change.ids)
    expected = {
        "create": (set(), ids, set()),
        "late-create": (set(), ids, set()),
        "delete": (set(), set(), ids),
        "restore": (set(), ids, set()),
        "purge": (set(), set(), set()),
        "merge": ({change.ids[0]}, set(), set(change.ids[1:])),
    }.get(kind, (ids, set(), set()))
    assert (changed, new, gone) == expected
    if kind.startswith("late"):
        assert stamps(desk, "Leads") == seen
        desk.sim.clock.advance(desk.sim.traffic.late_seconds)
    assert stamps(desk, "Leads") == {i: row["Modified_Time"] for i, row in desk.sim.truth("Leads").items()}


def test_a_mass_edit_shares_one_second(desk: Desk) -> None:
    desk.sim.traffic.modules = ["Contacts"]
    desk.sim.traffic.mass = 25
    change = desk.sim.traffic.step(Random(1), "mass-edit")
    assert len(change.ids) == 25
    truth = desk.sim.truth("Contacts")
    assert {truth[i]["Modified_Time"] for i in change.ids} == {"2026-03-01T12:00:00+00:00"}


def test_a_seed_decides_everything(make_desk: MakeDesk) -> None:
    runs = []
    for _ in range(2):
        desk, rng = make_desk(), Random(7)
        for _ in range(120):
            desk.sim.traffic.step(rng)
            desk.sim.clock.advance(0.5)
        runs.append({module: desk.sim.truth(module) for module in ("Leads", "Contacts", "Deals", "Audit_Trail__c")})
    assert runs[0] == runs[1]


def test_at_rest_an_export_equals_the_truth(desk: Desk) -> None:
    rng = Random(11)
    for _ in range(400):
        desk.sim.traffic.step(rng)
        desk.sim.clock.advance(0.3)
    desk.sim.clock.advance(60)
    for module in ("Leads", "Accounts", "Contacts", "Deals", "Events", "Audit_Trail__c"):
        assert {int(row["Id"]): row for row in desk.export(module)} == desk.sim.truth(module)
        assert not desk.sim.deleted(module) & set(desk.sim.live_ids(module))


def test_weights_and_modules_restrict_it(desk: Desk) -> None:
    desk.sim.traffic.weights = dict.fromkeys(WEIGHTS, 0.0) | {"delete": 1.0}
    desk.sim.traffic.modules = ["Deals"]
    changes = [desk.sim.traffic.step(Random(seed)) for seed in range(10)]
    assert {(change.kind, change.module) for change in changes} == {("delete", "Deals")}
    with pytest.raises(ValueError, match="no kind of traffic"):
        desk.sim.traffic.step(Random(1), "explode")


def test_the_thread_changes_things_until_it_is_stopped(desk: Desk) -> None:
    with pytest.raises(ValueError, match="rate above zero"):
        desk.sim.traffic.start(0)
    desk.sim.traffic.start(2000)
    until(lambda: desk.sim.traffic.steps >= 20)
    assert desk.sim.traffic.running
    desk.sim.traffic.stop()
    done = desk.sim.traffic.steps
    assert not desk.sim.traffic.running
    assert desk.sim.traffic.steps == done
