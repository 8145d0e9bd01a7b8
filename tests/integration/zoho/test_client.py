"""Every endpoint, in every dialect, against the simulated Zoho."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from syncd.core.criteria import between
from syncd.core.limits import BEGINNING
from syncd.core.model import BulkQuery, Comparison, Cursor, FileType, Group, RemoteState, Window
from syncd.errors import Refused
from syncd.simulator import ALL_SCOPES, Behaviour, Config, Simulator, SimulatorClock
from syncd.zoho.probe import probe
from syncd.zoho.wire import VERSIONS
from tests.integration.zoho.conftest import START, Bench

EVERYTHING = Window(Cursor.CREATED, BEGINNING, START)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_export_from_metadata_to_rows(bench: Bench, version: str) -> None:
    client = bench.client(api_version=version)
    assert "Contacts" in {module.api_name for module in client.modules() if not module.why_not}
    fields = {field.api_name: field for field in client.fields("Contacts")}
    assert fields["Account_Name"].lookup_module == "Accounts"
    truth = bench.sim.truth("Contacts")
    assert client.count("Contacts", EVERYTHING) == len(truth)

    names = ("Last_Name", "Created_Time", "Modified_Time")
    query = BulkQuery(module="Contacts", fields=names, criterion=between(EVERYTHING))
    job, report = bench.finished(client, query)
    assert abs(job.created_at - START) < timedelta(seconds=5)
    assert (report.state, report.count, report.more_records) == (RemoteState.COMPLETED, len(truth), False)
    header, *rows = bench.rows(client, job.remote_id)
    assert header.decode() == "Id,Last_Name,Created_Time,Modified_Time"
    assert {int(row.split(b",")[0]) for row in rows} == set(truth)


@pytest.mark.parametrize("version", ["v2", "v8"])
def test_criteria_are_understood(bench: Bench, version: str) -> None:
    truth = bench.sim.truth("Deals")
    stages = sorted({row["Stage"] for row in truth.values()})[:2]
    criterion = Group(
        "and",
        (
            between(EVERYTHING),
            Group("or", tuple(Comparison("Stage", "equal", stage) for stage in stages)),
            Group("and", (Comparison("Deal_Name", "not_equal", "${EMPTY}"),)),
        ),
    )
    client = bench.client(api_version=version)
    job, report = bench.finished(client, BulkQuery(module="Deals", fields=("Stage",), criterion=criterion))
    expected = {identity for identity, row in truth.items() if row["Stage"] in stages}
    assert report.count == len(expected) > 0
    _, *rows = bench.rows(client, job.remote_id)
    assert {int(row.split(b",")[0]) for row in rows} == expected


@pytest.mark.parametrize("version", ["v2", "v6", "v8"])
def test_an_overflowing_export_is_continued(open_bench: Callable[[Simulator], Bench], version: str) -> None:
    config = Config(rows={"Contacts": 25}, rows_per_page=10, behaviour=Behaviour(page_order_stable=True))
    bench = open_bench(Simulator(config, SimulatorClock(start=START, frozen=True)))
    client = bench.client(api_version=version)
    query = BulkQuery(module="Contacts", fields=("Last_Name",))
    seen: list[int] = []
    for page in (1, 2, 3):
        job, report = bench.finished(client, query)
        assert report.more_records == (page < 3)
        assert bool(report.next_page_token) == (version == "v8" and page < 3)
        seen += [int(row.split(b",")[0]) for row in bench.rows(client, job.remote_id)[1:]]
        query = BulkQuery(module="Contacts", fields=("Last_Name",), page=page + 1, page_token=report.next_page_token)
    assert sorted(seen) == sorted(bench.sim.truth("Contacts"))


def test_an_old_page_token_is_refused_by_its_code(open_bench: Callable[[Simulator], Bench]) -> None:
    config = Config(rows={"Contacts": 25}, rows_per_page=10)
    bench = open_bench(Simulator(config, SimulatorClock(start=START, frozen=True)))
    client = bench.client()
    _, report = bench.finished(client, BulkQuery(module="Contacts", fields=("Last_Name",)))
    bench.sim.clock.advance(timedelta(hours=25))
    with pytest.raises(Refused) as caught:
        client.create(BulkQuery(module="Contacts", page=2, page_token=report.next_page_token))
    assert caught.value.code == "EXPIRED_VALUE"


@pytest.mark.parametrize("inside", [False, True])
def test_a_field_that_metadata_lists_and_bulk_read_refuses(bench: Bench, inside: bool) -> None:
    bench.sim.behave(create_errors_in_data=inside)
    client = bench.client()
    names = tuple(field.api_name for field in client.fields("Contacts") if field.api_name != "id")
    refused: list[Refused] = []
    while len(refused) < len(names):
        try:
            client.create(BulkQuery(module="Contacts", fields=names))
            break
        except Refused as error:
            refused.append(error)
            names = tuple(name for name in names if name != error.field)
    assert {error.code for error in refused} <= {"FIELD_NOT_SUPPORTED", "FIELD_NOT_AVAILABLE"}
    assert "Mailing_Address" in {error.field for error in refused}
    assert len(names) > 10


def test_an_unknown_module_is_refused(bench: Bench) -> None:
    client = bench.client()
    for action in (
        lambda: client.fields("Nothing"),
        lambda: client.create(BulkQuery(module="Nothing")),
        lambda: list(client.deleted("Nothing", START)),
    ):
        with pytest.raises(Refused) as caught:
            action()
        assert caught.value.fix
    assert client.count("Nothing", EVERYTHING) is None


def test_an_ics_export(bench: Bench) -> None:
    client = bench.client()
    job, report = bench.finished(client, BulkQuery(module="Events", file_type=FileType.ICS))
    assert report.count > 0
    text = b"\n".join(bench.rows(client, job.remote_id))
    assert text.startswith(b"BEGIN:VCALENDAR")
    assert len(re.findall(rb"BEGIN:VEVENT", text)) >= report.count


def test_states_nobody_documented_and_ghosts_of_results(bench: Bench) -> None:
    bench.sim.behave(not_completed_result_ghost=True)
    bench.sim.jobs.timing = type(bench.sim.jobs.timing)(queued=10, running=10)
    bench.sim.faults.add("unknown-state", polls=1)
    client = bench.client()
    job = client.create(BulkQuery(module="Contacts", fields=("Last_Name",)))
    states = []
    for _ in range(7):
        states.append(client.poll(job.remote_id).state)
        bench.sim.clock.advance(4)
    assert states[:5] == [RemoteState.RUNNING] * 5
    assert states[-1] is RemoteState.COMPLETED


@pytest.mark.parametrize("word", ["FAILURE", "FAILED"])
def test_a_failed_job_says_why(bench: Bench, word: str) -> None:
    bench.sim.faults.add("job-failure", state=word)
    _, report = bench.finished(bench.client(), BulkQuery(module="Contacts", fields=("Last_Name",)))
    assert report.state is RemoteState.FAILED
    assert "INTERNAL_SERVER_ERROR" in report.error


@pytest.mark.parametrize("status", [404, 400])
def test_a_result_older_than_a_day_is_gone(bench: Bench, status: int) -> None:
    bench.sim.behave(result_missing_status=status)
    client = bench.client()
    job, _ = bench.finished(client, BulkQuery(module="Contacts", fields=("Last_Name",)))
    bench.sim.clock.advance(timedelta(hours=25))
    assert client.download(job.remote_id, bench.spool.path(job.remote_id)) is False
    assert not bench.spool.held(job.remote_id)
    assert client.download("123", bench.spool.path("123")) is False
    assert client.poll("123").state is RemoteState.GONE


def test_the_deleted_feed_over_several_pages(bench: Bench) -> None:
    since = bench.sim.clock.now()
    bench.sim.clock.advance(60)
    ids = bench.sim.create("Contacts", 430)
    bench.sim.delete("Contacts", ids[:200])
    bench.sim.clock.advance(1)
    bench.sim.delete("Contacts", ids[200:], permanent=True)
    bench.sim.clock.advance(1)
    client = bench.client()
    found = list(client.deleted("Contacts", since))
    assert {entry.record_id for entry in found} == set(ids)
    assert {entry.deleted_at for entry in found} == {since + timedelta(seconds=60), since + timedelta(seconds=61)}
    assert len(bench.sim.log.entries("deleted")) == 3
    later = since + timedelta(seconds=61)
    assert {entry.record_id for entry in client.deleted("Contacts", later)} == set(ids[200:])


@pytest.mark.parametrize("with_304", [False, True])
def test_an_empty_feed(bench: Bench, with_304: bool) -> None:
    bench.sim.behave(deleted_feed_304=with_304)
    assert list(bench.client().deleted("Contacts", START)) == []


def test_zohos_clock_is_the_simulators(bench: Bench) -> None:
    client = bench.client()
    assert START - timedelta(seconds=1) <= client.server_time() <= START + timedelta(seconds=30)
    bench.sim.clock.advance(timedelta(days=3))
    client.modules()
    assert timedelta(0) <= client.server_time() - START - timedelta(days=3) < timedelta(seconds=30)


def test_a_silent_zero_is_no_zero(bench: Bench) -> None:
    bench.sim.behave(coql_zero_as_204=True)
    future = Window(Cursor.CREATED, START + timedelta(days=1), START + timedelta(days=2))
    assert bench.client().count("Contacts", future) is None
    bench.sim.behave(coql_zero_as_204=False, coql_count_key="count")
    assert bench.client().count("Contacts", future) == 0


def test_what_a_grant_can_do_is_found_out(bench: Bench) -> None:
    assert all(line.works for line in probe(bench.client(), "Contacts"))
    assert bench.sim.log.entries("create") == []
    lacking = {"ZohoCRM.coql.READ", "ZohoCRM.org.READ", "ZohoCRM.bulk.READ"}
    bench.sim.accounts.set_scopes(set(ALL_SCOPES) - lacking)
    found = probe(bench.client(), "Contacts")
    assert {line.scope for line in found if not line.works} == lacking
    assert [line.call for line in found if line.needed and not line.works] == ["look at bulk read jobs"]
    assert all(line.why for line in found if not line.works)


def test_the_organisation_is_named(bench: Bench) -> None:
    organisation = bench.client().organisation()
    assert organisation.org_id
    assert organisation.name
