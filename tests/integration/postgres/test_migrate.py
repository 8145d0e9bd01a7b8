"""The ledger's schema: made once, by whoever comes first, completely, and described in its own catalogue."""

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from syncd import shipped
from syncd.errors import NeedsOperator, Unreachable
from syncd.postgres import migrate
from syncd.postgres.queries import QUERIES

TABLES = {
    "stream",
    "sync_run",
    "bulk_job",
    "field_map",
    "warehouse_table",
    "rejected_row",
    "api_use",
    "census",
    "census_row",
}
VIEWS = {"module_status", "run", "job"}


def relations(dsn: str) -> set[str]:
    with psycopg.connect(dsn) as connection:
        found = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace('syncd') AND relkind IN ('r', 'v')"
        )
        return {row[0] for row in found}


def test_an_empty_database_is_brought_up_once(empty_dsn: str) -> None:
    assert migrate.current(empty_dsn) is None
    steps = migrate.pending(empty_dsn)
    assert steps[-1] == migrate.head()
    assert migrate.upgrade(empty_dsn) == steps
    assert migrate.current(empty_dsn) == migrate.head()
    assert migrate.pending(empty_dsn) == migrate.upgrade(empty_dsn) == ()
    assert relations(empty_dsn) == TABLES | VIEWS | {"alembic_version"}


def test_many_at_once_upgrade_once(empty_dsn: str) -> None:
    with ThreadPoolExecutor(6) as executor:
        done = list(executor.map(migrate.upgrade, [empty_dsn] * 6))
    assert sum(bool(steps) for steps in done) == 1
    assert migrate.current(empty_dsn) == migrate.head()


def test_an_upgrade_that_fails_leaves_nothing(empty_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "migrations"
    shutil.copytree(shipped.folder("migrations"), copy)
    (copy / "versions" / "0002_broken.py").write_text(
        'from alembic import op\nrevision, down_revision = "0002_broken", "' + migrate.head() + '"\n'
        'def upgrade(): op.execute("CREATE TABLE syncd.half (a int); SELECT 1 FROM syncd.nowhere")\n'
    )
    monkeypatch.setattr(migrate, "folder", lambda name: copy)
    with pytest.raises(NeedsOperator):
        migrate.upgrade(empty_dsn)
    assert migrate.current(empty_dsn) is None
    assert relations(empty_dsn) == set()


def test_a_ledger_from_the_future_is_left_alone(dsn: str, connection: psycopg.Connection[Any]) -> None:
    connection.execute("UPDATE syncd.alembic_version SET version_num = '9999_later'")
    for question in (migrate.pending, migrate.upgrade):
        with pytest.raises(NeedsOperator, match="9999_later") as raised:
            question(dsn)
        assert raised.value.fix
    assert migrate.current(dsn) == "9999_later"


def test_the_printed_sql_makes_the_same_ledger(empty_dsn: str, dsn: str) -> None:
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        connection.execute(migrate.sql().encode())
    assert migrate.pending(empty_dsn) == ()
    assert catalogue(empty_dsn) == catalogue(dsn)


def catalogue(dsn: str) -> list[Any]:
    with psycopg.connect(dsn) as connection:
        columns = connection.execute(
            "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns"
            " WHERE table_schema = 'syncd' ORDER BY 1, ordinal_position"
        ).fetchall()
        checks = connection.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE connamespace = 'syncd'::regnamespace ORDER BY 1, 2"
        ).fetchall()
        return [*columns, *checks]


def test_a_role_without_rights_is_told_what_is_missing(empty_dsn: str, connection: psycopg.Connection[Any]) -> None:
    connection.execute("CREATE ROLE clerk LOGIN")
    try:
        with pytest.raises(NeedsOperator) as raised:
            migrate.upgrade(make_conninfo(empty_dsn, user="clerk"))
        assert "permission denied" in raised.value.why
        assert "grant" in raised.value.fix
    finally:
        connection.execute("DROP ROLE clerk")


def test_a_role_that_owns_a_schema_made_for_it_needs_no_more(empty_dsn: str) -> None:
    with psycopg.connect(empty_dsn, autocommit=True) as admin:
        admin.execute("CREATE ROLE keeper LOGIN")
        admin.execute("CREATE SCHEMA syncd AUTHORIZATION keeper")
        try:
            assert migrate.upgrade(make_conninfo(empty_dsn, user="keeper"))
        finally:
            admin.execute("DROP OWNED BY keeper CASCADE; DROP ROLE keeper")


def test_no_server_is_unreachable() -> None:
    with pytest.raises(Unreachable):
        migrate.upgrade("postgresql://127.0.0.1:1/crm")


def test_everything_is_described(connection: psycopg.Connection[Any]) -> None:
    missing = connection.execute(
        """
        SELECT c.relname, a.attname FROM pg_class AS c
        LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND c.relkind = 'r'
        WHERE c.relnamespace = 'syncd'::regnamespace AND c.relkind IN ('r', 'v') AND c.relname <> 'alembic_version'
          AND (obj_description(c.oid, 'pg_class') IS NULL
               OR a.attnum IS NOT NULL AND col_description(c.oid, a.attnum) IS NULL)
        """
    ).fetchall()
    assert missing == []


PUBLIC = {
    "run": "run_id org module kind through started_at finished_at outcome error open_jobs done_jobs rows_read"
    " rows_inserted rows_updated rows_unchanged rows_rejected rows_deleted bad_values",
    "job": "job_id run_id org module run_kind cursor window_start window_end slice page state remote_id evaluated_at"
    " row_count more_records failures last_error parent_id created_at changed_at",
    "module_status": "org module state watermark lag fill_until cursor paused parked table_schema table_name"
    " row_estimate run_id run_kind run_started_at open_jobs done_jobs last_run_id last_run_kind last_started_at"
    " last_finished_at last_outcome last_error last_rows_read last_rows_inserted last_rows_updated"
    " last_rows_unchanged last_rows_rejected last_rows_deleted last_bad_values rejected_values partial_columns"
    " refused_fields trouble",
}


@pytest.mark.parametrize("view", sorted(VIEWS))
def test_the_public_views_keep_their_columns(connection: psycopg.Connection[Any], view: str) -> None:
    """Other people's queries stand on these names: new ones go at the end, none goes."""
    found = connection.execute(sql.SQL("SELECT * FROM syncd.{} LIMIT 0").format(sql.Identifier(view)))
    assert [column.name for column in found.description or ()] == PUBLIC[view].split()


@pytest.mark.parametrize(
    ("state", "change"),
    [
        ("new", "org = org"),
        ("idle", "watermark = now()"),
        ("paused", "paused = true"),
        ("parked", "paused = true, parked = 'why'"),
    ],
)
def test_a_modules_state_in_one_word(connection: psycopg.Connection[Any], state: str, change: str) -> None:
    connection.execute("INSERT INTO syncd.stream (org, module) VALUES ('acme', 'Deals')")
    connection.execute(f"UPDATE syncd.stream SET {change}".encode())
    assert connection.execute("SELECT state FROM syncd.module_status").fetchall() == [(state,)]


def test_a_module_with_a_run_under_way_is_running(connection: psycopg.Connection[Any]) -> None:
    connection.execute("INSERT INTO syncd.stream (org, module) VALUES ('acme', 'Deals')")
    connection.execute("INSERT INTO syncd.sync_run (org, module, kind, slices) VALUES ('acme', 'Deals', 'fill', '[]')")
    assert connection.execute("SELECT state FROM syncd.module_status").fetchall() == [("running",)]


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_every_statement_fits_the_schema_with_an_empty_search_path(
    connection: psycopg.Connection[Any], name: str
) -> None:
    """The server plans each of them: no misspelt column waits for its first use."""
    connection.execute("SET search_path = pg_catalog")
    connection.execute(b"PREPARE checked AS " + numbered(QUERIES[name]))


def numbered(statement: bytes) -> bytes:
    """psycopg's named parameters as PostgreSQL's numbered ones."""
    names = list(dict.fromkeys(re.findall(rb"%\((\w+)\)s", statement)))
    return re.sub(rb"%\((\w+)\)s", lambda found: b"$%d" % (names.index(found[1]) + 1), statement)


def test_every_statement_is_used() -> None:
    sources = "".join(path.read_text() for path in Path(migrate.__file__).parent.glob("*.py"))
    assert [name for name in QUERIES if f'query("{name}")' not in sources] == []
