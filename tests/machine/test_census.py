"""Censuses that go wrong or are slow, and ghosts where only pages can be read: one life each, in memory."""

from dataclasses import replace
from datetime import timedelta

from syncd.core.census import CensusCall
from syncd.core.model import AcceptedJob, BulkQuery, JobReport
from syncd.errors import Refused, TryLater
from tests.machine.test_sync_machine import KEY, POLICY, Campaign


def counted(seed: int) -> Campaign:
    """A stream that is filled and at rest, with a ghost in its table."""
    campaign = Campaign(seed, faults=0.0)
    campaign.world.hides, campaign.world.counts, campaign.busy = 0.0, True, False
    campaign.policy = replace(POLICY, census_every=timedelta(days=7), census_max_deleted=1.0)
    campaign.world.pass_time(600, changes=30)
    assert campaign.one_pass() is not None
    campaign.haunt()
    campaign.world.pass_time(200, changes=0)
    return campaign


def test_a_census_that_zoho_refuses_stops_nothing() -> None:
    campaign = counted(1)
    create = campaign.zoho.create

    def refuse(query: BulkQuery) -> AcceptedJob:
        if "Name" not in query.fields:
            raise Refused("no", code="NOT_TODAY")
        return create(query)

    campaign.zoho.create = refuse  # type: ignore[method-assign]
    outcome = campaign.one_pass(census=CensusCall.NOW)
    assert outcome is not None
    assert (outcome.state, outcome.census) == ("ok", None)
    assert outcome.notes == ("a census was given up: no",)
    assert not campaign.store.state.noted
    assert campaign.store.unfinished_run(KEY) is None
    stream = campaign.store.stream(KEY)
    assert stream.parked == ""
    assert stream.census_at == campaign.world.now  # not again before its time
    campaign.zoho.create = create  # type: ignore[method-assign]
    assert ghosts(campaign) == 1
    campaign.world.pass_time(7 * 86_400, changes=0)
    campaign.one_pass()
    assert ghosts(campaign) == 0


def test_a_census_that_does_not_end_makes_way_for_catching_up() -> None:
    campaign = counted(2)
    poll = campaign.zoho.poll

    def busy(remote_id: str) -> JobReport:
        if "Name" not in campaign.zoho.jobs[remote_id].query.fields:
            raise TryLater("no credits", after=3600)
        return poll(remote_id)

    campaign.zoho.poll = busy  # type: ignore[method-assign]
    outcome = campaign.one_pass(census=CensusCall.NOW)
    assert outcome is not None
    assert outcome.state == "waiting"
    before = campaign.store.stream(KEY).watermark
    campaign.world.pass_time(3600, changes=3)
    campaign.one_pass()
    assert campaign.store.stream(KEY).watermark == before
    campaign.world.pass_time(86_400, changes=3)
    outcome = campaign.one_pass()
    assert outcome is not None
    assert "the census was not done in a day" in outcome.notes[0]
    assert campaign.store.stream(KEY).watermark != before


def ghosts(campaign: Campaign) -> int:
    rows = campaign.store.state.rows["leads"]
    return sum(row.deleted_at is None for number, row in rows.items() if number > 9_000_000)


def test_a_second_of_creation_that_pages_is_counted_whole() -> None:
    """Ghosts among rows of one second: pages there are read round after round until two agree."""
    campaign = counted(3)
    for _ in range(3 * campaign.world.page):
        campaign.world.create()
    campaign.world.pass_time(200, changes=0)
    campaign.one_pass()
    lost = max(campaign.world.versions)
    campaign.world.versions[lost].append(
        replace(campaign.world.versions[lost][-1], visible_at=campaign.world.now, deleted=True)
    )
    campaign.world.pass_time(200, changes=0)
    outcome = campaign.one_pass(census=CensusCall.NOW)
    assert outcome is not None
    assert outcome.census is not None
    assert (outcome.census.extra, outcome.census.tombstoned, outcome.census.missing) == (2, 2, 0)


def test_a_full_read_whose_rounds_do_not_agree_marks_nothing_deleted() -> None:
    campaign = Campaign(4, faults=0.0, stamped=False)
    campaign.world.hides, campaign.busy = 0.0, False
    campaign.policy = replace(POLICY, census_every=timedelta(days=7), census_max_deleted=1.0)
    campaign.world.pass_time(600, changes=30)
    assert campaign.one_pass() is not None
    campaign.haunt()
    campaign.world.pass_time(200, changes=0)
    create = campaign.zoho.create

    def moving(query: BulkQuery) -> AcceptedJob:
        if not query.page_token:  # each round has one row more than the round before
            campaign.world.create()
        return create(query)

    campaign.zoho.create = moving  # type: ignore[method-assign]
    for call in (CensusCall.NOW, CensusCall.ACCEPT_DELETES):
        campaign.world.pass_time(200, changes=0)
        outcome = campaign.one_pass(census=call)
        assert outcome is not None
        assert outcome.census is not None
        assert (outcome.census.tombstoned, outcome.census.refused_deletes) == (0, 1)
        assert "pages kept moving" in outcome.census.reason
    campaign.zoho.create = create  # type: ignore[method-assign]
    campaign.world.pass_time(200, changes=0)
    campaign.one_pass()
    assert ghosts(campaign) == 0
