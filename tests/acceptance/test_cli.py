"""The verbs on a simulated organisation and a real database: what they do, print and return."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from syncd.simulator import Field
from tests.command import ROWS, Desk, desk


@pytest.fixture
def at(tmp_path: Path, dsn: str) -> Iterator[Desk]:
    with desk(tmp_path, dsn) as made:
        yield made


def moment(text: str) -> datetime:
    """A moment of JSON: ISO 8601 in UTC that ends in Z."""
    assert text.endswith("Z")
    return datetime.fromisoformat(text)


# ---------------------------------------------------------------------------------------------------------------- sync


def test_sync_loads_catches_up_and_says_so(at: Desk, connection: psycopg.Connection[Any]) -> None:
    first = at.run("sync")
    assert first.code == 0, first.err
    assert "Contacts  ok       fill: 60 rows read, 60 new; fresh to " in first.out
    assert connection.execute("SELECT count(*) FROM zoho_live.contacts").fetchone() == (60,)
    at.sim.clock.advance(60)
    ids = at.sim.create("Contacts", 2, {})
    at.sim.delete("Contacts", at.sim.live_ids("Contacts")[:1])
    at.sim.clock.advance(5)
    second = at.run("sync", "contacts")
    assert second.code == 0, second.err
    assert "catch-up: " in second.out
    assert "2 new, 1 deleted" in second.out
    assert "Deals" not in second.out
    found = connection.execute("SELECT count(*) FROM zoho.contacts WHERE id = ANY (%s)", [list(ids)]).fetchone()
    assert found == (2,)


def test_sync_full_reads_everything_again_and_changes_nothing(at: Desk) -> None:
    assert at.run("sync").code == 0
    at.sim.clock.advance(60)
    again = at.run("sync", "--full", "Deals")
    assert again.code == 0
    assert "fill: 40 rows read, nothing new" in again.out


def test_sync_makes_the_ledger_of_an_empty_database(tmp_path: Path, empty_dsn: str) -> None:
    with desk(tmp_path, empty_dsn) as at:
        assert at.run("sync").code == 0
        assert at.run("db", "upgrade").out == "the ledger is up to date\n"


def test_sync_as_json_is_a_line_a_module(at: Desk) -> None:
    import json

    ran = at.run("sync", "--json")
    assert ran.code == 0
    lines = {line["module"]: line for line in map(json.loads, ran.out.splitlines())}
    assert lines.keys() == ROWS.keys()
    line = lines["Contacts"]
    assert (line["org"], line["state"], line["kinds"], line["error"], line["notes"]) == (
        "default", "ok", ["fill"], None, [],
    )  # fmt: skip
    assert isinstance(line["run_id"], str)
    assert line["counts"] == {
        "read": 60, "inserted": 60, "updated": 0, "unchanged": 0, "rejected": 0, "bad_values": 0, "deleted": 0,
    }  # fmt: skip
    moment(line["fresh_to"])


def test_sync_of_a_paused_module_does_nothing_and_says_how_to_go_on(at: Desk) -> None:
    assert at.run("pause", "Deals").code == 0
    everything = at.run("sync")
    assert everything.code == 0
    assert "an operator paused this module" in everything.out
    assert "fix: syncd resume Deals" in everything.err
    assert at.run("sync", "Deals").code == 1
    assert at.run("resume", "deals").out == "Deals goes on\n"
    assert at.run("sync", "Deals").code == 0


def test_what_could_not_be_loaded_is_told_and_listed(at: Desk) -> None:
    at.sim.faults.add("bad-date", module="Deals")
    ran = at.run("sync", "Deals")
    assert ran.code == 0
    assert "1 bad values" in ran.out
    listed = at.run("rejected")
    titles, row = (line.split("\t") for line in listed.out.splitlines())
    assert titles == ["AT", "MODULE", "RECORD", "COLUMN", "REASON", "VALUE"]
    assert row[1] == "Deals"
    document = at.run("rejected", "Deals", "--json").document()["rejected"][0]
    assert (document["module"], document["column"], document["value"]) == ("Deals", row[3], row[5])
    assert isinstance(document["record_id"], str)
    assert at.run("rejected", "Contacts").out.splitlines() == ["\t".join(titles)]


# -------------------------------------------------------------------------------------------------------------- status


def test_status_before_and_after_the_first_sync(at: Desk) -> None:
    before = at.run("status")
    assert before.code == 0
    assert [line.split("\t")[:3] for line in before.out.splitlines()[1:]] == [
        ["Contacts", "pending", ""],
        ["Deals", "pending", ""],
    ]
    assert at.run("status", "--check", "1h").code == 1
    at.run("sync")
    titles, *rows = (line.split("\t") for line in at.run("status").out.splitlines())
    assert titles == ["MODULE", "STATE", "ROWS", "FRESH TO", "LAG", "DUE", "REJECTED", "LAST RUN"]
    contacts = dict(zip(titles, next(row for row in rows if row[0] == "Contacts"), strict=True))
    assert contacts["STATE"] == "ok"
    assert contacts["DUE"] == "2700" or int(contacts["DUE"]) == 2700
    assert contacts["LAST RUN"].startswith("ok: 60 new in ")
    moment(contacts["FRESH TO"])


def test_status_checks_for_monitors(at: Desk) -> None:
    at.run("sync")
    good = at.run("status", "--check", "1h")
    assert (good.code, good.out.startswith("OK: all 2 modules are fresh")) == (0, True)
    bad = at.run("status", "--check", "0.001s")
    assert (bad.code, bad.out.startswith("NOT OK: 0 of 2 modules are fresh")) == (1, True)
    wrong = at.run("status", "--check", "soon")
    assert wrong.code == 2
    assert "'soon' is not a duration; write 30m, 2h or 1d" in wrong.err


def test_status_as_json(at: Desk) -> None:
    at.run("sync", "Contacts")
    document = at.run("status", "--json").document()
    assert document["version"] == 1
    assert [module["module"] for module in document["modules"]] == ["Deals", "Contacts"]
    assert at.run("status", "--json", "Contacts").document()["ok"] is True
    assert at.run("status", "--json", "--check", "0.001s").code == 1


def test_status_needs_no_secret_of_zoho(at: Desk) -> None:
    from tests.command import environ, ran
    from tests.rig import environment

    at.run("sync")
    kept = {name: value for name, value in environment().items() if not name.startswith("SYNCD_ZOHO")}
    with environ(kept):
        assert ran("--config", str(at.config), "status").code == 0
        assert ran("status", "--config", str(at.config)).code == 0
        assert ran("--config", str(at.config), "sync").code == 78


# ---------------------------------------------------------------------------------------------------------------- runs


def test_runs_and_one_run_in_full(at: Desk) -> None:
    at.run("sync", "Contacts")
    titles, row = (line.split("\t") for line in at.run("runs").out.splitlines())
    run = dict(zip(titles, row, strict=True))
    assert (run["MODULE"], run["KIND"], run["OUTCOME"], run["READ"], run["NEW"]) == (
        "Contacts", "fill", "ok", "60", "60",
    )  # fmt: skip
    shown = at.run("runs", "show", run["RUN"])
    assert shown.code == 0
    assert "loaded\tCreated_Time\tbeginning\t" in shown.out
    document = at.run("runs", "show", run["RUN"], "--json").document()
    assert document["run_id"] == run["RUN"]
    job = document["job_list"][0]
    assert (job["state"], job["rows"], job["window"]["cursor"]) == ("loaded", 60, "Created_Time")
    assert job["remote_id"].isdecimal()
    assert [one["run_id"] for one in at.run("runs", "--json", "contacts").document()["runs"]] == [run["RUN"]]
    assert at.run("runs", "--json", "--failed").document() == {"runs": []}
    missing = at.run("runs", "show", "999")
    assert (missing.code, "there is no run '999'\nfix: syncd runs lists them" in missing.err) == (2, True)
    assert at.run("runs", "Contacts", "Deals").code == 2


# ------------------------------------------------------------------------------------------------- plan, modules, check


def test_plan_counts_and_sends_nothing(at: Desk) -> None:
    ran = at.run("plan")
    assert ran.code == 0, ran.err
    assert "Contacts: fill by Created_Time, " in ran.out
    assert "nothing was sent; to do it: syncd sync\n" in ran.out
    assert not at.sim.log.entries("create")
    plan = at.run("plan", "Contacts", "--json").document()["plans"][0]
    window = plan["windows"][0]
    assert (window["rows"], window["jobs"], window["credits"], plan["credits"]) == (60, 1, 50, 50)
    assert window["criteria"]["comparator"] == "between"
    assert window["criteria"]["api_name"] == "Created_Time"
    at.run("sync")
    assert "syncd sync Deals --full" in at.run("plan", "Deals", "--full").out


def test_modules_of_the_organisation(at: Desk) -> None:
    titles, *rows = (line.split("\t") for line in at.run("modules", "--count").out.splitlines())
    assert titles[0] == "MODULE"
    assert rows[0] == ["Contacts", "Contacts", "configured", "zoho.contacts", "15m", "60", ""]
    assert "Home" not in {row[0] for row in rows}
    everything = at.run("modules", "--all", "--json").document()["modules"]
    home = next(module for module in everything if module["module"] == "Home")
    assert (home["configured"], home["why_not"]) == (False, "Zoho's API does not support it")


def test_check_of_a_healthy_organisation(at: Desk) -> None:
    ran = at.run("check")
    assert ran.code == 0, ran.out
    assert "fail" not in ran.out
    assert "ok    ledger     schema syncd is up to date" in ran.out
    assert "ok    module     Contacts: " in ran.out
    document = at.run("check", "--json").document()
    assert (document["ok"], document["exit_code"]) == (True, 0)
    assert {"level", "area", "what", "fix"} == document["findings"][0].keys()


def test_check_changes_nothing_in_an_empty_database(tmp_path: Path, empty_dsn: str) -> None:
    with desk(tmp_path, empty_dsn) as at:
        ran = at.run("check")
    assert ran.code == 0
    assert "warn  ledger     1 upgrade(s) to come: 0001_ledger" in ran.out or "upgrade(s) to come" in ran.out
    with psycopg.connect(empty_dsn) as connection:
        assert connection.execute("SELECT to_regnamespace('syncd')").fetchone() == (None,)


def test_a_new_field_of_zoho_becomes_a_column(at: Desk, connection: psycopg.Connection[Any]) -> None:
    at.run("sync", "Deals")
    at.sim.catalogue.add_field("Deals", Field(api_name="Shoe_Size", data_type="integer"))
    at.sim.clock.advance(60)
    assert at.run("sync", "Deals").code == 0
    assert connection.execute(
        "SELECT type FROM syncd.field_map WHERE module = 'Deals' AND field = 'Shoe_Size'"
    ).fetchone() == ("bigint",)


# ------------------------------------------------------------------------------------------------------------ database


def test_upgrade_makes_the_ledger_once(tmp_path: Path, empty_dsn: str) -> None:
    with desk(tmp_path, empty_dsn) as at:
        first = at.run("db", "upgrade")
        assert first.code == 0
        assert first.out.startswith("applied 0001_ledger\n")
        assert at.run("db", "upgrade").out == "the ledger is up to date\n"


def test_the_printed_sql_makes_the_same_ledger(at: Desk, empty_dsn: str) -> None:
    script = at.run("db", "upgrade", "--sql").out
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        connection.execute(script.encode())
    at.configure(dsn=empty_dsn)
    assert at.run("db", "upgrade").out == "the ledger is up to date\n"
