"""Tier 0: Hypothesis chooses what happens to a small CRM and to the process that follows it, and shrinks failures.

Everything is in memory: the planner, the job table, the load and the guard are the real ones. The invariants are those
of the campaign: nothing lost below the watermark (W2), nothing goes back in time (A3), at rest the truth (W1).
"""

import os
import random
from collections.abc import Iterable
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

import syncd.sync.run
from syncd.core.fields import slices
from syncd.errors import TryLater, Unreachable
from tests.machine.interleaving import shuffled_drive
from tests.machine.test_sync_machine import Campaign, Crash

SECONDS = st.sampled_from([1, 3, 20, 31, 45, 120, 3000])


class CrmAndCopy(RuleBasedStateMachine):
    """A world, a store that outlives crashes, and passes that may die at any effect."""

    campaign: Campaign
    patch: pytest.MonkeyPatch

    @initialize(seed=st.integers(0, 2**16), sliced=st.booleans(), interleaved=st.booleans(), rows=st.integers(1, 14))
    def begin(self, seed: int, sliced: bool, interleaved: bool, rows: int) -> None:
        self.campaign = Campaign(seed, faults=0.0)
        self.patch = pytest.MonkeyPatch()
        self.left: list[tuple[int, str]] = []
        self.effects = 0
        for port in (self.campaign.store, self.campaign.zoho):
            self.patch.setattr(port, "_effect", self._effect)
        if interleaved:
            self.patch.setattr(syncd.sync.run, "drive", shuffled_drive(random.Random(seed)))
        if sliced:
            self.patch.setattr(syncd.sync.run, "slices", lambda names: slices(names, 3))
        self.campaign.world.pass_time(600, changes=rows)

    def _effect(self, name: str, *, before: bool) -> None:
        """Strike at the effects whose turn has come."""
        self.effects += 1
        due, self.left = [kind for at, kind in self.left if at == self.effects], self.left
        self.left = [(at, kind) for at, kind in self.left if at > self.effects]
        for kind in due:
            if kind == "crash":
                self.campaign.crashes += 1
                raise Crash(name)
            if kind == "unreachable":
                raise Unreachable(f"{name}: broken off", where="here")
            if kind == "busy" and before and name != "commit":
                raise TryLater(f"{name}: too many requests", after=30.0)
            if kind in {"corrupt", "short", "not a zip"}:
                self.campaign.zoho.fail_next = kind
            if kind == "forget" and self.campaign.zoho.jobs:
                self.campaign.zoho.forget(max(self.campaign.zoho.jobs))

    # ------------------------------------------------------------------------------------------------------ the CRM

    def _live(self) -> list[int]:
        world = self.campaign.world
        return [number for number in world.versions if world.visible(number)]

    @rule()
    def create(self) -> None:
        self.campaign.world.create()

    @rule(which=st.integers(0, 1000), late=st.booleans())
    def edit(self, which: int, late: bool) -> None:
        if live := self._live():
            self.campaign.world.edit(live[which % len(live)], late=late)

    @rule(which=st.integers(0, 1000))
    def delete(self, which: int) -> None:
        if live := self._live():
            self.campaign.world.delete(live[which % len(live)])

    @rule(which=st.integers(0, 1000))
    def restore(self, which: int) -> None:
        world = self.campaign.world
        gone = [number for number in world.versions if world.versions[number][-1].deleted]
        if gone:
            world.edit(gone[which % len(gone)], late=False)

    @rule(share=st.sampled_from([0.5, 1.0]))
    def burst(self, share: float) -> None:
        """A mass update: many rows in one second."""
        live = self._live()
        for number in live[: max(1, int(len(live) * share))]:
            self.campaign.world.edit(number, late=False)

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: int) -> None:
        self.campaign.world.pass_time(seconds, changes=0)

    @rule()
    def a_day_passes(self) -> None:
        """Results expire."""
        self.campaign.world.pass_time(90_000, changes=0)
        self.campaign.zoho.jobs.clear()

    @rule(seconds=st.sampled_from([-40, 0, 5, 9]))
    def the_clock_of_the_answers_is_skewed(self, seconds: int) -> None:
        """Zoho's Date header against the clock of its jobs and stamps.

        Ahead it may be by what `settle` leaves over for lateness: a window that a count finds empty has no job by whose
        clock its end could be judged.
        """
        self.patch.setattr(
            self.campaign.zoho, "server_time", lambda: self.campaign.world.now + timedelta(seconds=seconds)
        )

    @rule()
    def a_field_comes(self) -> None:
        if "City" not in self.campaign.world.fields:
            self.campaign.world.fields.append("City")

    # ------------------------------------------------------------------------------------------------------ the copy

    @rule(
        strikes=st.lists(
            st.tuples(
                st.integers(1, 60),
                st.sampled_from(["crash", "crash", "unreachable", "busy", "corrupt", "short", "not a zip", "forget"]),
            ),
            max_size=3,
        ),
        full=st.sampled_from([False, False, False, True]),
        busy=st.booleans(),
    )
    def pass_over(self, strikes: Iterable[tuple[int, str]], full: bool, busy: bool) -> None:
        self.effects, self.left = 0, list(strikes)
        self.campaign.busy = busy
        self.campaign.one_pass(full=full)
        self.left = []

    @invariant()
    def nothing_is_lost(self) -> None:
        if hasattr(self, "campaign"):
            self.campaign.check_nothing_lost()

    def teardown(self) -> None:
        if not hasattr(self, "campaign"):
            return
        try:
            self.left = []
            self.campaign.world.pass_time(100, changes=0)
            self.campaign.one_pass()
            self.campaign.rest()
        finally:
            self.patch.undo()


LONG = os.environ.get("SYNCD_TEST_PROFILE") == "long"


@pytest.mark.parametrize("thousand", range(10))
def test_the_copy_follows_whatever_happens(thousand: int) -> None:
    """Ten thousand lives, the same in every check; as many new ones in the long profile."""
    machine = CrmAndCopy if LONG else seed(thousand)(CrmAndCopy)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=1000,
            stateful_step_count=10,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
        ),
    )
