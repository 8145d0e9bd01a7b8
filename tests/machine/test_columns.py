"""A column that came after the first fill is called partial until a run that reads every row has ended (A7)."""

import random

import pytest

import syncd.sync.run
from syncd.core.evolve import columns_of
from syncd.errors import Unreachable
from syncd.sync.run import sync_stream
from tests.fakes.zoho import World
from tests.machine.interleaving import shuffled_drive
from tests.machine.test_sync_machine import KEY, POLICY, Campaign


def test_a_new_column_is_partial_while_a_full_read_is_under_way() -> None:
    campaign = Campaign(1, faults=0.0)
    campaign.world.pass_time(600, changes=20)
    campaign.busy = False
    campaign.world.pass_time(100, changes=0)
    assert sync_stream(campaign.context, KEY, POLICY).state == "ok"
    campaign.world.fields.append("City")
    campaign.world.pass_time(100, changes=0)
    partial: list[bool] = []

    def watching(name: str, *, before: bool) -> None:
        columns = columns_of(campaign.store.state.columns.get(KEY, {}).values())
        if campaign.store.unfinished_run(KEY) and "City" in columns:
            partial.append(columns["City"].partial)
        if name == "download" and len(partial) > 12:
            raise Unreachable("enough", where="here")

    campaign.zoho._effect = watching
    sync_stream(campaign.context, KEY, POLICY, full=True)
    assert partial
    assert all(partial)
    campaign.zoho._effect = campaign._effect
    assert sync_stream(campaign.context, KEY, POLICY).state == "ok"
    assert not columns_of(campaign.store.state.columns[KEY].values())["City"].partial


def test_a_field_refused_in_the_middle_of_the_first_fill_is_filled_in_once_it_is_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file asked for before the refusal brings the field back while others were exported without it."""
    met = 0
    for seed in range(6):
        campaign = Campaign(seed, faults=0.0)
        campaign.world.counts, campaign.busy = True, False
        campaign.world.refuses.clear()
        campaign.world.fields.append("City")
        campaign.world.pass_time(600, changes=30)
        campaign.world.pass_time(100, changes=0)
        created: list[str] = []

        def refusing(name: str, *, before: bool, world: World = campaign.world, created: list[str] = created) -> None:
            if name == "create" and not before:
                created.append(name)
                if len(created) == 2:
                    world.refuses.add("City")

        campaign.zoho._effect = refusing
        monkeypatch.setattr(syncd.sync.run, "drive", shuffled_drive(random.Random(seed)))
        outcome = sync_stream(campaign.context, KEY, POLICY)
        assert outcome.state == "ok"
        column = columns_of(campaign.store.state.columns[KEY].values()).get("City")
        values = [row.values.get("City") for row in campaign.store.state.rows["leads"].values()]
        if column is not None and not column.partial:
            assert all(values)
        met += "columns" in outcome.kinds
        campaign.world.refuses.clear()
        campaign.zoho._effect = campaign._effect
        if column is not None:
            campaign.rest()
    assert met
