"""Quotas: downloads a minute, credits a day, calls at once."""

import pytest

from syncd.simulator.refusals import Refusal
from tests.unit.simulator.conftest import MakeDesk
from tests.unit.simulator.desk import Desk

LEADS = {"module": {"api_name": "Leads"}}


@pytest.mark.parametrize(("penalty", "wait"), [("window", 31), ("minute", 60)])
def test_ten_downloads_a_minute(make_desk: MakeDesk, penalty: str, wait: float) -> None:
    desk = make_desk({"download_penalty": penalty})
    job = desk.job(LEADS)
    assert [desk.download(job).status for _ in range(10)] == [200] * 10
    desk.sim.clock.advance(29)
    refused = desk.download(job)
    assert refused.status == 429
    assert b"TOO_MANY_REQUESTS" in refused.body
    assert "Retry-After" not in refused.headers
    desk.sim.clock.advance(wait - 1)
    assert desk.download(job).status == (200 if penalty == "window" and wait > 31 else 429)
    desk.sim.clock.advance(1)
    assert desk.download(job).status == 200


def test_every_download_counts_whatever_its_job(desk: Desk) -> None:
    jobs = [desk.job(LEADS) for _ in range(11)]
    assert [desk.download(job).status for job in jobs] == [200] * 10 + [429]


def test_credits_of_each_call_are_logged(desk: Desk) -> None:
    job = desk.job(LEADS)
    desk.details(job)
    desk.download(job)
    count = "select COUNT(id) from Leads where id is not null"
    desk.ask("POST", "/crm/v8/coql", {"select_query": count})
    for limit in (200, 201, 1001):
        desk.ask("POST", "/crm/v8/coql", {"select_query": f"select id from Leads where id is not null limit {limit}"})
    desk.ask("GET", "/crm/v8/Leads/deleted")
    desk.ask("GET", "/crm/v8/Leads/actions/count")
    spent = [(entry.operation, entry.credits) for entry in desk.sim.log]
    assert spent == [
        ("token", 0),
        ("create", 50),
        ("details", 1),
        ("download", 1),
        ("coql", 1),
        ("coql", 1),
        ("coql", 2),
        ("coql", 3),
        ("deleted", 2),
        ("count", 50),
    ]


@pytest.mark.parametrize("status", [429, 400])
def test_credits_run_out_and_come_back_after_a_day(make_desk: MakeDesk, status: int) -> None:
    desk = make_desk({"too_many_requests_status": status}, daily_credits=200)
    headers = [desk.create(LEADS).headers.get("X-API-CREDITS-REMAINING") for _ in range(4)]
    assert headers == [None, "100", "50", "0"]
    refused = desk.ask("GET", "/crm/v8/org")
    assert (refused.status, refused.code) == (status, "TOO_MANY_REQUESTS")
    assert refused.headers["X-API-CREDITS-REMAINING"] == "0"
    desk.sim.clock.advance(86400)
    desk._token = ""
    assert desk.create(LEADS).status == 201


def test_calls_at_once_are_limited(make_desk: MakeDesk) -> None:
    limits = make_desk(concurrent_calls=2).sim.limits
    limits.enter("details")
    limits.enter("coql")
    with pytest.raises(Refusal, match="TOO_MANY_REQUESTS"):
        limits.enter("details")
    limits.leave("coql")
    limits.enter("details")
    assert limits.highest_running == 2


def test_coql_calls_at_once_are_limited_further(make_desk: MakeDesk) -> None:
    limits = make_desk().sim.limits
    for _ in range(10):
        limits.enter("coql")
    with pytest.raises(Refusal, match="TOO_MANY_REQUESTS"):
        limits.enter("coql")
    limits.enter("details")


def test_a_refused_call_leaves_the_room_it_took(make_desk: MakeDesk) -> None:
    desk = make_desk(concurrent_calls=1)
    assert [desk.create({"module": 1}).status for _ in range(3)] == [400] * 3
    assert desk.create(LEADS).status == 201
