"""The life of a job: states, the moment it sees, paging, expiry."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.simulator import JobTiming
from syncd.simulator.jobs import scattered
from tests.unit.simulator.conftest import MakeDesk
from tests.unit.simulator.desk import EVER, Desk, between

CONTACTS: dict[str, Any] = {"module": {"api_name": "Contacts"}, "fields": ["Last_Name"]}
SLOW = JobTiming(queued=10, running=10)


def ids(rows: list[dict[str, str]]) -> list[int]:
    return [int(row["Id"]) for row in rows]


def test_a_job_passes_through_all_states(make_desk: MakeDesk) -> None:
    desk = make_desk(timing=SLOW)
    job = desk.job(CONTACTS)
    seen = []
    for _ in range(9):
        details = desk.details(job)
        seen.append(details["state"])
        assert ("result" in details) == (details["state"] == "COMPLETED")
        desk.sim.clock.advance(2.5)
    assert seen == ["ADDED"] * 2 + ["QUEUED"] * 2 + ["IN PROGRESS"] * 4 + ["COMPLETED"]
    assert details["result"] == {
        "page": 1,
        "per_page": 200000,
        "count": 40,
        "download_url": f"/crm/bulk/v8/read/{job}/result",
        "more_records": False,
    }


def test_criteria_are_evaluated_when_the_job_runs(make_desk: MakeDesk) -> None:
    desk = make_desk(timing=SLOW)
    job = desk.job({**CONTACTS, "criteria": between("Created_Time", *EVER)})
    before = desk.sim.create("Contacts")[0]  # after create, before the run at 15 s
    desk.sim.clock.advance(16)
    after = desk.sim.create("Contacts")[0]
    desk.sim.edit("Contacts", [before], {"Last_Name": "Later"})
    desk.sim.clock.advance(10)
    rows = {int(row["Id"]): row for row in desk.rows(job)}
    assert before in rows
    assert rows[before]["Last_Name"] != "Later"
    assert after not in rows


def test_a_job_sees_late_changes_only_if_they_were_visible_at_its_moment(make_desk: MakeDesk) -> None:
    desk = make_desk(timing=SLOW)
    job = desk.job({**CONTACTS, "fields": ["Modified_Time"]})  # runs at 15 s
    victim, other = desk.sim.live_ids("Contacts")[:2]
    old = desk.sim.truth("Contacts")[victim]["Modified_Time"]
    desk.sim.edit("Contacts", [victim], late=16)
    desk.sim.edit("Contacts", [other], late=14)
    desk.sim.clock.advance(60)
    rows = {int(row["Id"]): row["Modified_Time"] for row in desk.rows(job)}
    assert rows[victim] == old
    assert rows[other] == desk.sim.truth("Contacts")[other]["Modified_Time"] == "2026-03-01T12:00:00+00:00"


def test_a_download_shows_the_moment_of_the_run_even_much_later(desk: Desk) -> None:
    job = desk.job({"module": {"api_name": "Contacts"}})
    desk.details(job)
    truth = desk.sim.truth("Contacts")
    desk.sim.clock.advance(1800)
    desk.sim.edit("Contacts", list(truth)[:10])
    desk.sim.delete("Contacts", list(truth)[10:20])
    assert {int(row["Id"]): row for row in desk.rows(job)} == truth


@pytest.mark.parametrize("version", ["v2", "v6"])
def test_pages_are_jobs_of_their_own_before_v7(make_desk: MakeDesk, version: str) -> None:
    desk = make_desk(rows_per_page=15)
    query = {"module": "Contacts" if version == "v2" else {"api_name": "Contacts"}}
    pages = [desk.job({**query, "page": page}, version) for page in (1, 2, 3, 4)]
    results = [desk.details(job, version)["result"] for job in pages]
    assert [(r["count"], r["more_records"]) for r in results] == [(15, True), (15, True), (10, False), (0, False)]
    assert all("next_page_token" not in result for result in results)
    found = [record_id for job in pages for record_id in ids(desk.rows(job, version))]
    assert sorted(found) == desk.sim.live_ids("Contacts")


def test_unstable_pages_overlap_and_miss(make_desk: MakeDesk) -> None:
    desk = make_desk({"page_order_stable": False}, rows_per_page=15)
    pages = [desk.job({"module": "Contacts", "page": page}, "v2") for page in (1, 2, 3)]
    found = [record_id for job in pages for record_id in ids(desk.rows(job, "v2"))]
    assert len(found) == 40
    assert len(set(found)) < 40


@pytest.mark.parametrize("mode", ["snapshot", "ids", "live"])
def test_page_tokens_continue_an_export(make_desk: MakeDesk, mode: str) -> None:
    desk = make_desk({"token_mode": mode, "row_order": "id"}, rows_per_page=15)
    everything = desk.sim.live_ids("Contacts")
    first = desk.job({**CONTACTS, "fields": ["Last_Name", "Modified_Time"]})
    result = desk.details(first)["result"]
    desk.sim.clock.advance(60)
    gone, edited = everything[0], everything[20]
    desk.sim.delete("Contacts", [gone, everything[16]])
    desk.sim.edit("Contacts", [edited])
    second = desk.job({"page_token": result["next_page_token"]})
    rows = desk.rows(second)
    fresh = {row["Id"]: row["Modified_Time"] for row in rows}.get(str(edited)) == "2026-03-01T12:01:00+00:00"
    expected = {
        "snapshot": (everything[15:30], False),
        "ids": ([everything[15], *everything[17:30]], True),
        "live": ([everything[17], *everything[18:32]][:15], True),
    }[mode]
    assert (ids(rows), fresh) == expected
    assert desk.details(second)["result"]["page"] == 2
    assert desk.details(second)["result"]["more_records"]


def test_tokens_end_after_a_day_and_stand_alone(make_desk: MakeDesk) -> None:
    desk = make_desk(rows_per_page=15)
    token = desk.details(desk.job(CONTACTS))["result"]["next_page_token"]
    assert len(token) == 64
    assert desk.create({"page_token": token, "page": 2}).code == "INVALID_DATA"
    assert desk.create({"page_token": "unknown"}).code == "INVALID_DATA"
    last = desk.job({"page_token": desk.details(desk.job({"page_token": token}))["result"]["next_page_token"]})
    assert "next_page_token" not in desk.details(last)["result"]
    desk.sim.clock.advance(86400)
    desk._token = ""
    assert desk.create({"page_token": token}).code == "EXPIRED_VALUE"


def test_an_empty_export_completes_with_a_header(desk: Desk) -> None:
    job = desk.job({**CONTACTS, "criteria": between("Created_Time", EVER[1], EVER[1])})
    assert desk.details(job)["result"]["count"] == 0
    assert desk.text(job) == "Id,Last_Name\n"


@pytest.mark.parametrize("status", [404, 400])
def test_results_are_there_for_one_day(make_desk: MakeDesk, status: int) -> None:
    desk = make_desk({"result_missing_status": status}, timing=JobTiming(running=10))
    job = desk.job(CONTACTS)
    assert desk.download(job).status == status
    desk.sim.clock.advance(10)
    file = desk.download(job).file
    assert file is not None
    assert file.exists()
    desk.sim.clock.advance(86400)
    desk._token = ""
    reply = desk.download(job)
    assert reply.status == status
    assert b"RESOURCE_NOT_FOUND" in reply.body
    assert not file.exists()
    assert desk.details(job)["state"] == "COMPLETED"
    assert desk.ask("GET", "/crm/bulk/v8/read/5725767000000000001").status == 404


@pytest.mark.parametrize("order", ["id", "time", "random"])
def test_rows_come_in_the_order_of_the_switch(make_desk: MakeDesk, order: str) -> None:
    desk = make_desk({"row_order": order})
    rows = desk.export("Contacts", fields=["Modified_Time"])
    by_id = [int(row["Id"]) for row in rows]
    by_time = [row["Modified_Time"] for row in rows]
    assert (by_id == sorted(by_id)) == (order == "id")
    assert (by_time == sorted(by_time)) == (order == "time")


@given(rows=st.sets(st.integers(0, 5000)), gone=st.sets(st.integers(0, 5000)), seed=st.integers(0, 9))
def test_scattered_rows_keep_their_order_when_others_leave(rows: set[int], gone: set[int], seed: int) -> None:
    before = scattered(sorted(rows), seed)
    assert sorted(before) == sorted(rows)
    assert scattered(sorted(rows - gone), seed) == [index for index in before if index not in gone]


def test_a_ghost_result_does_not_mean_completed(make_desk: MakeDesk) -> None:
    desk = make_desk({"not_completed_result_ghost": True}, timing=SLOW)
    job = desk.job(CONTACTS)
    details = desk.details(job)
    assert details["state"] == "ADDED"
    assert job not in details["result"]["download_url"]


@pytest.mark.parametrize("shown", [True, False])
def test_converted_leads_are_in_a_plain_export_or_not(make_desk: MakeDesk, shown: bool) -> None:
    desk = make_desk({"converted_in_unfiltered_export": shown})
    converted = desk.sim.live_ids("Leads")[:5]
    desk.sim.convert("Leads", converted)
    rows = desk.export("Leads", fields=["$converted"])
    assert len(rows) == (30 if shown else 25)
    assert sum(row["$converted"] == "true" for row in rows) == (5 if shown else 0)
    assert {int(row["Id"]) for row in rows} == set(desk.sim.truth("Leads"))


def test_modules_without_stamps_export_whole(make_desk: MakeDesk) -> None:
    desk = make_desk(rows={"Contacts": 5, "Contacts_X_Skills": 9, "Audit_Trail__c": 4})
    assert "Modified_Time" not in desk.export("Audit_Trail__c")[0]
    rows = desk.export("Contacts_X_Skills")
    assert len(rows) == 9
    assert not {"Created_Time", "Modified_Time"} & set(rows[0])
    window = between("Modified_Time", *EVER)
    answer = desk.create({"module": {"api_name": "Audit_Trail__c"}, "criteria": window})
    assert answer.code == "FIELD_IN_CRITERIA_NOT_AVAILABLE"
