"""The census against a simulated organisation: what the feed of deletes hides, and what a verb says about it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from syncd.simulator import Behaviour, Config
from tests.command import Desk, Ran, desk

ROWS = {"Contacts": 60, "Deals": 40}


@pytest.fixture
def at(tmp_path: Path, dsn: str) -> Iterator[Desk]:
    """A desk whose exports hold few rows, so that every window overflows."""
    config = Config(
        rows=ROWS,
        rows_per_page=25,
        downloads_per_minute=10_000,
        behaviour=Behaviour(merge_losers_in_deleted_feed=False, restore_moves_modified_time=False),
    )
    with desk(tmp_path, dsn, config) as made:
        yield made


Connection = psycopg.Connection[Any]


def live(connection: Connection, module: str) -> set[int]:
    return {row[0] for row in connection.execute(f"SELECT id FROM zoho_live.{module.lower()}".encode())}


def verdict(told: Ran) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(told.out)["census"]
    return found


def numbers(told: Ran) -> tuple[int, int, int, int, int]:
    """missing, extra, stale, tombstoned, refused deletes."""
    found = verdict(told)
    return found["missing"], found["extra"], found["stale"], found["tombstoned"], found["refused_deletes"]


def test_a_census_of_what_is_right_finds_nothing_and_writes_nothing(at: Desk, connection: Connection) -> None:
    assert at.run("sync").code == 0
    before = connection.execute("SELECT xmin, * FROM zoho.contacts ORDER BY id").fetchall()
    told = at.run("verify")
    assert told.code == 0, told.err
    assert "Contacts  60 compared, all as in Zoho; " in told.out
    assert "Deals     40 compared, all as in Zoho; " in told.out
    assert connection.execute("SELECT xmin, * FROM zoho.contacts ORDER BY id").fetchall() == before
    assert connection.execute("SELECT count(*) FROM syncd.census_row").fetchone() == (0,)


def test_what_the_feed_hides_is_found_and_put_right(at: Desk, connection: Connection) -> None:
    assert at.run("sync").code == 0
    ids = at.sim.live_ids("Contacts")
    at.sim.merge("Contacts", ids[0], ids[1])  # the loser goes, and no feed says so
    at.sim.delete("Contacts", ids[2:4])
    at.sim.clock.advance(60)
    assert at.run("sync", "Contacts").code == 0
    assert live(connection, "Contacts") == {ids[0], ids[1], *ids[4:]}
    at.sim.restore("Contacts", [ids[2]])  # back with the stamp that it had
    at.sim.clock.advance(60)
    assert at.run("sync", "Contacts").code == 0
    assert ids[2] not in live(connection, "Contacts")

    told = at.run("verify", "contacts", "--json")
    assert told.code == 0, told.err
    assert numbers(told) == (1, 1, 0, 1, 0)
    assert live(connection, "Contacts") == set(at.sim.live_ids("Contacts"))
    at.sim.clock.advance(60)
    again = at.run("verify", "Contacts")
    assert "all as in Zoho" in again.out
    assert connection.execute(
        "SELECT missing, extra, stale, tombstoned, reread_run IS NOT NULL FROM syncd.census ORDER BY run_id"
    ).fetchall() == [(1, 1, 0, 1, True), (0, 0, 0, 0, False)]


def test_rows_that_someone_lost_aged_or_invented_are_put_right(at: Desk, connection: Connection) -> None:
    assert at.run("sync").code == 0
    ids = at.sim.live_ids("Deals")
    connection.execute("DELETE FROM zoho.deals WHERE id = ANY (%s)", [ids[:3]])
    connection.execute(
        "UPDATE zoho.deals SET modified_time = modified_time - interval '1 day', deal_name = 'old' WHERE id = %s",
        [ids[5]],
    )
    connection.execute(
        "INSERT INTO zoho.deals (id, created_time, modified_time, _synced_at)"
        " SELECT 7, created_time, modified_time, _synced_at FROM zoho.deals WHERE id = %s",
        [ids[6]],
    )
    told = at.run("verify", "Deals")
    assert told.code == 0, told.err
    assert "41 compared: 3 missing, 1 extra, 1 stale; 4 read again, 1 marked deleted; " in told.out
    assert "note: a census of 41 rows found 3 missing, 1 extra, 1 stale" in told.err
    assert live(connection, "Deals") == set(ids)
    name = connection.execute("SELECT deal_name FROM zoho.deals WHERE id = %s", [ids[5]]).fetchone()
    assert name == (at.sim.truth("Deals")[ids[5]]["Deal_Name"],)
    assert at.run("verify", "Deals").out.startswith("Deals  40 compared, all as in Zoho")


def test_a_lost_table_is_made_and_filled_again(at: Desk, connection: Connection) -> None:
    assert at.run("sync").code == 0
    connection.execute("DROP TABLE zoho.deals CASCADE")
    told = at.run("verify", "Deals", "--json")
    assert told.code == 0, told.err
    assert numbers(told) == (40, 0, 0, 0, 0)
    assert live(connection, "Deals") == set(at.sim.live_ids("Deals"))


def test_more_deletes_than_allowed_need_a_word(at: Desk, connection: Connection) -> None:
    assert at.run("sync").code == 0
    ids = at.sim.live_ids("Contacts")
    for loser in ids[1:8]:  # 7 of 60 are more than 10 %
        at.sim.merge("Contacts", ids[0], loser)
    at.sim.clock.advance(60)
    told = at.run("verify", "Contacts")
    assert told.code == 1
    assert "60 compared: 0 missing, 7 extra, 0 stale; 7 left as they are; " in told.out
    assert "7 of 60 rows are more than 10%" in told.err
    assert "syncd verify Contacts --accept-deletes" in told.err
    assert live(connection, "Contacts") == set(ids)
    at.sim.clock.advance(60)
    accepted = at.run("verify", "Contacts", "--accept-deletes", "--json")
    assert accepted.code == 0
    assert numbers(accepted) == (0, 7, 0, 7, 0)
    assert live(connection, "Contacts") == set(at.sim.live_ids("Contacts"))


def test_an_empty_export_deletes_nothing_without_a_word(at: Desk, connection: Connection) -> None:
    at.configure({"Deals": '{ every = "15m", census_max_deleted = "100%", deletes = "off" }'})
    assert at.run("sync").code == 0
    ids = at.sim.live_ids("Deals")
    at.sim.delete("Deals", ids, permanent=True)
    at.sim.clock.advance(60)
    told = at.run("verify", "Deals", "--json")
    assert told.code == 1
    assert numbers(told) == (0, 40, 0, 0, 40)
    assert verdict(told)["reason"] == "the export was empty"
    assert live(connection, "Deals") == set(ids)
    assert at.run("verify", "Deals", "--accept-deletes").code == 0
    assert live(connection, "Deals") == set()


def test_accepting_deletes_needs_names(at: Desk) -> None:
    told = at.run("verify", "--accept-deletes")
    assert told.code == 2
    assert "needs the names" in told.err


def test_a_census_comes_by_itself_when_it_is_due(at: Desk, connection: Connection) -> None:
    at.configure({"Deals": '{ every = "15m", census = "daily" }'})
    assert at.run("sync").code == 0
    ids = at.sim.live_ids("Deals")
    at.sim.merge("Deals", ids[0], ids[1])
    at.sim.clock.advance(3600)
    assert "census" not in at.run("sync").out
    assert ids[1] in live(connection, "Deals")
    at.sim.clock.advance(86_400)
    told = at.run("sync")
    assert told.code == 0
    assert "census" in told.out
    assert "1 deleted" in told.out
    assert ids[1] not in live(connection, "Deals")
    assert "census" not in at.run("sync").out


def test_resync_reads_all_again_and_finds_what_is_gone(at: Desk, connection: Connection) -> None:
    assert at.run("sync").code == 0
    ids = at.sim.live_ids("Deals")
    at.sim.drift("Deals", ids[:5])
    at.sim.merge("Deals", ids[0], ids[1])
    connection.execute("UPDATE zoho.deals SET deal_name = 'tampered' WHERE id = %s", [ids[9]])
    at.sim.clock.advance(60)
    told = at.run("resync", "Deals")
    assert told.code == 0, told.err
    assert "fill+census: " in told.out
    assert live(connection, "Deals") == set(at.sim.live_ids("Deals"))
    name = connection.execute("SELECT deal_name FROM zoho.deals WHERE id = %s", [ids[9]]).fetchone()
    assert name == (at.sim.truth("Deals")[ids[9]]["Deal_Name"],)
    assert at.run("resync").code == 2


def test_a_module_without_modified_time_is_counted_by_creation(at: Desk, connection: Connection) -> None:
    at.configure({"Deals": '{ every = "15m", cursor = "Created_Time", deletes = "off" }'})
    assert at.run("sync").code == 0
    ids = at.sim.live_ids("Deals")
    at.sim.delete("Deals", ids[:2], permanent=True)
    connection.execute("DELETE FROM zoho.deals WHERE id = %s", [ids[10]])
    at.sim.clock.advance(60)
    told = at.run("verify", "Deals", "--json")
    assert told.code == 0, told.err
    assert numbers(told) == (1, 2, 0, 2, 0)
    assert live(connection, "Deals") == set(at.sim.live_ids("Deals"))


def test_a_module_without_stamps_loses_what_its_full_reads_do_not_show(tmp_path: Path, dsn: str) -> None:
    config = Config(rows={"Contacts": 40, "Contacts_X_Skills": 30}, rows_per_page=12, downloads_per_minute=10_000)
    with desk(tmp_path, dsn, config) as at, psycopg.connect(dsn, autocommit=True) as connection:
        at.configure({"Contacts_X_Skills": '{ every = "15m", deletes = "off" }'})
        assert at.run("sync").code == 0
        ids = at.sim.live_ids("Contacts_X_Skills")
        at.sim.delete("Contacts_X_Skills", ids[:2], permanent=True)
        at.sim.clock.advance(60)
        told = at.run("sync")
        assert told.code == 0
        assert "full-read: " in told.out
        assert "2 deleted" in told.out
        assert live(connection, "Contacts_X_Skills") == set(ids[2:])
        at.sim.delete("Contacts_X_Skills", ids[2:20], permanent=True)
        at.sim.clock.advance(60)
        told = at.run("verify", "--json")
        assert told.code == 1
        assert numbers(told) == (0, 18, 0, 0, 18)
        assert at.run("verify", "Contacts_X_Skills", "--accept-deletes").code == 0
        assert live(connection, "Contacts_X_Skills") == set(ids[20:])


def test_replay_puts_values_back_that_fit_by_now(at: Desk, connection: Connection) -> None:
    assert at.run("sync", "Deals").code == 0
    ids = at.sim.live_ids("Deals")
    at.sim.edit("Deals", ids[:1], {"Amount": "a lot"})
    at.sim.clock.advance(60)
    assert at.run("sync", "Deals").code == 0
    assert at.run("replay", "Deals").out.splitlines() == ["MODULE\tPUT BACK\tLEFT", "Deals\t0\t1"]
    connection.execute("UPDATE syncd.rejected_row SET value = '12.5'")  # as if it were read better by now
    told = at.run("replay", "--dry-run", "--json").document()
    assert [(one["module"], one["put_back"], one["left"]) for one in told["replayed"]] == [
        ("Contacts", 0, 0), ("Deals", 1, 0),
    ]  # fmt: skip
    assert at.run("replay", "Deals").out.splitlines()[1] == "Deals\t1\t0"
    found = connection.execute("SELECT amount FROM zoho.deals WHERE id = %s", [ids[0]]).fetchone()
    assert found is not None
    assert str(found[0]) == "12.5"
    assert connection.execute("SELECT count(*) FROM syncd.rejected_row").fetchone() == (0,)
