"""The deleted-records feed."""

import pytest

from tests.unit.simulator.conftest import MakeDesk
from tests.unit.simulator.desk import START, Desk, at

PATH = "/crm/v8/Contacts/deleted"


def test_the_feed_in_pages(desk: Desk) -> None:
    ids = desk.sim.live_ids("Contacts")
    desk.sim.delete("Contacts", ids[:5])
    desk.sim.delete("Contacts", ids[5:8], permanent=True)
    pages = [desk.ask("GET", PATH, query={"page": str(page), "per_page": "3"}) for page in (1, 2, 3, 4)]
    assert [page.status for page in pages] == [200, 200, 200, 204]
    assert [page.data["info"] for page in pages[:3]] == [
        {"per_page": 3, "count": count, "page": page, "more_records": more}
        for page, count, more in ((1, 3, True), (2, 3, True), (3, 2, False))
    ]
    entries = [entry for page in pages[:3] for entry in page.data["data"]]
    assert {int(entry["id"]) for entry in entries} == set(ids[:8]) == desk.sim.deleted("Contacts")
    assert {entry["deleted_time"] for entry in entries} == {"2026-03-01T12:00:00+00:00"}
    assert [int(entry["id"]) for entry in entries] != ids[:8], "no order is promised"
    (gone,) = [entry for entry in entries if int(entry["id"]) == ids[6]]
    assert (gone["type"], gone["deleted_by"], gone["display_name"]) == ("permanent", None, None)


@pytest.mark.parametrize(("kind", "count"), [("all", 5), ("recycle", 3), ("permanent", 2)])
def test_types(desk: Desk, kind: str, count: int) -> None:
    ids = desk.sim.live_ids("Contacts")
    desk.sim.delete("Contacts", ids[:4])
    desk.sim.purge("Contacts", ids[:1])
    desk.sim.delete("Contacts", ids[4:5], permanent=True)
    assert desk.ask("GET", PATH, query={"type": kind}).data["info"]["count"] == count


@pytest.mark.parametrize("inclusive", [True, False])
def test_if_modified_since(make_desk: MakeDesk, inclusive: bool) -> None:
    desk = make_desk({"deleted_feed_inclusive": inclusive, "deleted_feed_304": True})
    ids = desk.sim.live_ids("Contacts")
    for index in range(3):
        desk.sim.delete("Contacts", ids[index : index + 1])
        desk.sim.clock.advance(10)
    since = {"if-modified-since": at(START.timestamp() + 10)}
    found = {int(entry["id"]) for entry in desk.ask("GET", PATH, headers=since).data["data"]}
    assert found == set(ids[1:3] if inclusive else ids[2:3])
    late = desk.ask("GET", PATH, headers={"if-modified-since": at(START.timestamp() + 100)})
    assert (late.status, late.data) == (304, None)
    wrong = desk.ask("GET", PATH, headers={"if-modified-since": "yesterday"})
    assert (wrong.status, wrong.code) == (400, "PATTERN_NOT_MATCHED")


def test_nothing_deleted_is_204(desk: Desk) -> None:
    answer = desk.ask("GET", PATH)
    assert (answer.status, answer.data) == (204, None)


def test_refused(desk: Desk) -> None:
    assert desk.ask("GET", "/crm/v8/Nowhere/deleted").code == "INVALID_MODULE"
    assert desk.ask("GET", PATH, query={"page": "0"}).code == "PATTERN_NOT_MATCHED"
    assert desk.ask("GET", PATH, query={"per_page": "201"}).code == "PATTERN_NOT_MATCHED"
    assert desk.ask("GET", PATH, query={"type": "some"}).code == "INVALID_DATA"


@pytest.mark.parametrize("stays", [True, False])
@pytest.mark.parametrize("moves", [True, False])
def test_restored_records(make_desk: MakeDesk, stays: bool, moves: bool) -> None:
    desk = make_desk({"deleted_feed_lists_restored": stays, "restore_moves_modified_time": moves})
    (victim, *_) = desk.sim.live_ids("Contacts")
    before = desk.sim.truth("Contacts")[victim]["Modified_Time"]
    desk.sim.delete("Contacts", [victim])
    desk.sim.clock.advance(30)
    desk.sim.restore("Contacts", [victim])
    assert desk.ask("GET", PATH).status == (200 if stays else 204)
    after = desk.sim.truth("Contacts")[victim]["Modified_Time"]
    assert after == ("2026-03-01T12:00:30+00:00" if moves else before)
    assert desk.sim.deleted("Contacts") == set()


@pytest.mark.parametrize("listed", [True, False])
def test_merges(make_desk: MakeDesk, listed: bool) -> None:
    desk = make_desk({"merge_losers_in_deleted_feed": listed})
    winner, loser, *_ = desk.sim.live_ids("Contacts")
    desk.sim.merge("Contacts", winner, loser)
    assert desk.ask("GET", PATH).status == (200 if listed else 204)
    assert loser not in desk.sim.truth("Contacts")
    assert desk.sim.deleted("Contacts") == {loser}
    assert desk.sim.truth("Contacts")[winner]["Modified_Time"] == "2026-03-01T12:00:00+00:00"


def test_the_feed_can_lag(make_desk: MakeDesk) -> None:
    desk = make_desk({"deleted_feed_lag": 20.0})
    desk.sim.delete("Contacts", desk.sim.live_ids("Contacts")[:1])
    assert desk.ask("GET", PATH).status == 204
    desk.sim.clock.advance(20)
    (entry,) = desk.ask("GET", PATH).data["data"]
    assert entry["deleted_time"] == "2026-03-01T12:00:00+00:00"
