"""Bad input and a bad world: each is told with what, where, why and a fix, has its exit code, and changes nothing."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from syncd.postgres import pool
from syncd.simulator import ALL_SCOPES
from tests.command import Desk, Ran, desk


@pytest.fixture
def at(tmp_path: Path, dsn: str) -> Iterator[Desk]:
    with desk(tmp_path, dsn) as made:
        yield made


def has_fix(told: Ran) -> bool:
    return any(line.strip().startswith("fix: ") for line in told.err.splitlines())


def nothing_was_written(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute("SELECT to_regnamespace('zoho'), (SELECT count(*) FROM syncd.sync_run)").fetchone()
    return row == (None, 0)


# ------------------------------------------------------------------------------------------------------ configuration


def test_a_wrong_configuration_is_told_whole_and_starts_nothing(at: Desk, connection: psycopg.Connection[Any]) -> None:
    text = at.config.read_text()
    at.config.write_text(text.replace("client_id", "cleint_id").replace('"15m"', '"15 minuets"'))
    for verb in ("sync", "run", "status", "check", "plan", "modules", "db upgrade"):
        told = at.run(*verb.split())
        assert told.code == 78, verb
        said = told.out if verb == "check" else told.err
        line = text.splitlines().index(next(line for line in text.splitlines() if line.startswith("client_id"))) + 1
        assert f"{at.config}:{line}" in said, verb
        assert "did you mean client_id?" in said or "client_id" in said, verb
        assert said.count("15 minuets") == 2, verb
        assert "fix: " in said
    document = json.loads(at.run("sync", "--json").err)["error"]
    assert document["exit_code"] == 78
    assert len(document["problems"]) >= 3
    assert not at.sim.log.entries()
    assert nothing_was_written(connection)


def test_no_configuration_at_all(tmp_path: Path) -> None:
    from tests.command import environ, ran

    with environ({"HOME": str(tmp_path)}):
        told = ran("--config", str(tmp_path / "nowhere.toml"), "sync")
    assert told.code == 78
    assert "nowhere.toml does not exist" in told.err
    assert "fix: write one (syncd export config > syncd.toml)" in told.err


@pytest.mark.parametrize(
    ("mode", "content", "said", "fix"),
    [
        (0o644, "simulated-client-secret", "is open to other users (mode 0644)", "run: chmod 600 "),
        (0o600, "", "is empty", "put the secret there, alone"),
        (None, "", "cannot be read: No such file or directory", "put the secret there, alone"),
    ],
)
def test_an_unreadable_secret(at: Desk, mode: int | None, content: str, said: str, fix: str) -> None:
    secret = at.folder / "secret"
    if mode is not None:
        secret.touch(mode=mode)
        secret.chmod(mode)
        secret.write_text(content)
    at.configure(zoho={"client_secret_file": "secret"})
    told = at.run("sync")
    assert told.code == 78
    assert f"{secret} {said}" in told.err
    assert fix in told.err
    assert not content or content not in told.err + told.out
    assert not at.sim.log.entries()


# ------------------------------------------------------------------------------------------------------------ modules


def test_a_module_that_is_not_configured(at: Desk, connection: psycopg.Connection[Any]) -> None:
    told = at.run("sync", "Contcats", "Deals")
    assert told.code == 78
    assert "'Contcats' is not a configured module" in told.err
    assert "fix: did you mean Contacts?" in told.err
    assert nothing_was_written(connection)


def test_a_module_that_zoho_does_not_have(at: Desk, connection: psycopg.Connection[Any]) -> None:
    at.configure({"Contacts": '"15m"', "Dealz": '"15m"'})
    told = at.run("sync")
    assert told.code == 3
    assert "Dealz     parked" in told.out
    assert "syncd modules" in told.err
    assert connection.execute("SELECT count(*) FROM zoho.contacts").fetchone() == (60,)
    checked = at.run("check")
    assert checked.code == 78
    assert "modules.Dealz: Zoho has no such module" in checked.out
    assert "fix: did you mean Deals" in checked.out
    assert at.run("sync", "Dealz").code == 1
    assert "Dealz\tparked" in at.run("status").out


def test_fields_that_zoho_does_not_have(at: Desk) -> None:
    criteria = '{ api_name = "Stge", comparator = "equal", value = "Won" }'
    deals = f'{{ every = "1h", fields = ["Amuont", "Account_Name.Phone", "Stage.Phone"], criteria = {criteria} }}'
    at.configure({"Deals": deals})
    checked = at.run("check")
    assert checked.code == 78
    assert "modules.Deals.fields: Zoho has no field 'Amuont'" in checked.out
    assert "fix: did you mean Amount" in checked.out
    assert "modules.Deals.fields: Zoho has no field 'Stage.Phone'" in checked.out
    assert "fix: Stage is not a lookup: write Stage alone" in checked.out
    assert "modules.Deals.criteria: Zoho has no field 'Stge'" in checked.out
    assert "Account_Name" not in checked.out


# -------------------------------------------------------------------------------------------------------------- grant


def test_a_refused_token(at: Desk, connection: psycopg.Connection[Any]) -> None:
    at.sim.accounts.revoke_refresh_token()
    for verb in ("sync", "plan", "modules", "check"):
        told = at.run(verb)
        assert told.code == 77, verb
        assert "invalid_code" in told.out + told.err, verb
        assert "fix: " in told.out + told.err, verb
    assert connection.execute("SELECT to_regnamespace('zoho')").fetchone() == (None,)


def test_a_missing_scope(at: Desk, connection: psycopg.Connection[Any]) -> None:
    at.sim.accounts.set_scopes([scope for scope in ALL_SCOPES if "bulk" not in scope.lower()])
    told = at.run("sync")
    assert told.code == 77
    assert "OAUTH_SCOPE_MISMATCH" in told.out
    assert "fix: make a new grant that includes the scope ZohoCRM.bulk.READ" in told.err
    assert connection.execute("SELECT to_regnamespace('zoho')").fetchone() == (None,)
    checked = at.run("check")
    assert checked.code == 77
    assert "fail  scope      look at bulk read jobs (ZohoCRM.bulk.READ): " in checked.out
    assert "fix: generate a new code with the scope ZohoCRM.bulk.READ" in checked.out


def test_a_scope_that_one_can_do_without(at: Desk) -> None:
    at.sim.accounts.set_scopes([scope for scope in ALL_SCOPES if "coql" not in scope.lower()])
    assert at.run("sync").code == 0
    checked = at.run("check")
    assert checked.code == 0
    assert "warn  scope      count rows (ZohoCRM.coql.READ) is not possible: " in checked.out
    plan = at.run("plan", "--full", "Deals", "--json").document()["plans"][0]
    assert [window["rows"] for window in plan["windows"]] == [None]


def test_zoho_is_down(at: Desk) -> None:
    at.configure(url="http://127.0.0.1:1")
    for verb in ("plan", "check"):
        told = at.run(verb)
        assert told.code == 69, verb
        assert "fix: " in told.out + told.err, verb


# ----------------------------------------------------------------------------------------------------------- database


def test_postgres_is_down(at: Desk) -> None:
    at.configure(dsn="postgresql://127.0.0.1:1/crm")
    for verb in ("sync", "status", "db upgrade", "runs", "pause Deals", "check"):
        told = at.run(*verb.split())
        assert told.code == 69, verb
        assert "PostgreSQL at 127.0.0.1:1, database crm" in told.out + told.err, verb
        assert "fix: see that the server runs" in told.out + told.err, verb
    assert not at.sim.log.entries("create")


def test_postgres_only_takes_reads(at: Desk, connection: psycopg.Connection[Any]) -> None:
    name = connection.info.dbname
    connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())
    told = at.run("sync")
    assert told.code == 69
    assert "read-only transaction" in told.out + told.err
    assert "fix: use the primary server" in told.err
    checked = at.run("check")
    assert checked.code == 69
    assert "fail  postgres   the server only takes reads" in checked.out
    assert not at.sim.log.entries("create")


def test_postgres_is_too_old(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "OLDEST_SERVER", 990000)
    for verb in ("sync", "check", "status"):
        told = at.run(verb)
        assert told.code == 1, verb
        assert "is too old" in told.out + told.err, verb
        assert "fix: syncd needs PostgreSQL 99 or newer" in told.out + told.err, verb
    assert not at.sim.log.entries("create")


def test_a_role_without_rights(at: Desk, connection: psycopg.Connection[Any]) -> None:
    name = connection.info.dbname
    connection.execute("CREATE ROLE poor LOGIN")
    try:
        connection.execute(f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC".encode())
        at.configure(dsn=f"{at.dsn} user=poor")
        checked = at.run("check")
        assert checked.code == 1
        assert f"role poor lacks CREATE on DATABASE {name}" in checked.out
        assert f"fix: as a superuser: GRANT TEMPORARY ON DATABASE {name} TO poor" in checked.out
        assert "role poor lacks USAGE, CREATE on SCHEMA syncd" in checked.out
        told = at.run("sync")
        assert told.code == 1
        assert has_fix(told)
    finally:
        connection.execute("DROP ROLE poor")


def test_a_table_of_the_same_name_that_is_not_ours(at: Desk, connection: psycopg.Connection[Any]) -> None:
    connection.execute("CREATE SCHEMA zoho")
    connection.execute("CREATE TABLE zoho.contacts (id text, mine text)")
    connection.execute("INSERT INTO zoho.contacts VALUES ('1', 'keep')")
    connection.execute("COMMENT ON TABLE zoho.contacts IS 'the work of somebody else'")
    checked = at.run("check")
    assert checked.code == 1
    assert "fail  postgres   zoho.contacts exists and is not syncd's" in checked.out
    told = at.run("sync")
    assert told.code == 3
    assert "Contacts  parked" in told.out
    assert "zoho.contacts: a relation of this name exists and is not the table of default/Contacts" in told.out
    assert "fix: rename it, or choose another name" in told.err
    assert connection.execute("SELECT * FROM zoho.contacts").fetchall() == [("1", "keep")]
    assert connection.execute("SELECT count(*) FROM zoho.deals").fetchone() == (40,)
    assert connection.execute("SELECT watermark FROM syncd.stream WHERE module = 'Contacts'").fetchone() == (None,)
    connection.execute("DROP TABLE zoho.contacts")
    assert at.run("sync", "Contacts").code == 0


def test_a_ledger_that_a_newer_syncd_made(at: Desk, connection: psycopg.Connection[Any]) -> None:
    connection.execute("UPDATE syncd.alembic_version SET version_num = '9999_future'")
    for verb in ("sync", "db upgrade", "check"):
        told = at.run(*verb.split())
        assert told.code == 1, verb
        assert "the ledger was made by a newer syncd" in told.out + told.err, verb
        assert "fix: install the newer syncd again" in told.out + told.err, verb


def test_no_ledger_yet(tmp_path: Path, empty_dsn: str) -> None:
    with desk(tmp_path, empty_dsn) as at:
        for verb in ("status", "runs", "rejected", "pause Deals"):
            told = at.run(*verb.split())
            assert told.code == 1, verb
            assert "fix: run: syncd db upgrade" in told.err, verb


# ------------------------------------------------------------------------------------------------------------- disk


def test_a_state_folder_that_cannot_be_used(at: Desk) -> None:
    (at.folder / "state").write_text("a file where a folder is due")
    checked = at.run("check")
    assert checked.code == 1
    assert f"fail  disk       {at.folder / 'state'} cannot be written" in checked.out
    told = at.run("sync")
    assert told.code == 1
    assert has_fix(told)


# ------------------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize(
    "fault", ["missing-id", "wrong-count", "truncated-zip", "corrupt-zip", "json-for-zip", "two-members"]
)
def test_a_file_that_must_not_be_loaded_is_fetched_or_exported_again(
    at: Desk, connection: psycopg.Connection[Any], fault: str
) -> None:
    at.sim.faults.add(fault, module="Deals" if fault in {"missing-id", "wrong-count"} else "", times=1)
    told = at.run("sync", "Deals")
    assert told.code == 0, told.out + told.err
    assert connection.execute("SELECT count(*) FROM zoho.deals").fetchone() == (40,)
    assert at.sim.faults.struck


@pytest.mark.parametrize("fault", ["bad-date", "bad-number", "nul-byte", "huge-cell", "duplicate-id", "broken-line"])
def test_bad_rows_cost_no_good_ones(at: Desk, connection: psycopg.Connection[Any], fault: str) -> None:
    at.sim.faults.add(fault, module="Deals", times=1)
    told = at.run("sync", "Deals")
    assert told.code == 0, told.out + told.err
    count = connection.execute("SELECT count(*) FROM zoho.deals").fetchone()
    assert count == ((39,) if fault == "broken-line" else (40,))
    listed = at.run("rejected", "--json").document()["rejected"]
    assert len(listed) == (0 if fault in {"huge-cell", "duplicate-id"} else 1)
