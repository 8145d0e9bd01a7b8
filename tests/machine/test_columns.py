"""A column that came after the first fill is called partial until a run that reads every row has ended (A7)."""

from syncd.core.evolve import columns_of
from syncd.errors import Unreachable
from syncd.sync.run import sync_stream
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
