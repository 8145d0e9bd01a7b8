"""A table is made and widened, never rewritten; what is not ours is left alone and said so."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from syncd.core.model import Column, StreamKey, Table
from syncd.errors import NeedsOperator
from syncd.postgres import shape
from syncd.postgres.warehouse import Warehouse
from tests.integration.postgres.loader import COLUMNS, DEALS, TABLE, Loader

NAME = COLUMNS[1]
CITY = Column(field="City", name="city", type="text", zoho_type="picklist", label="Home City")


@pytest.fixture
def look(connection: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    return connection


def evolve(dsn: str, columns: tuple[Column, ...] = COLUMNS, table: Table = TABLE, stream: StreamKey = DEALS) -> None:
    with psycopg.connect(dsn) as connection:
        Warehouse(connection, stream).evolve(table, columns)


def shown(look: psycopg.Connection[Any], relation: str) -> list[tuple[str, str]]:
    query = (
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
    )
    return look.execute(query, [relation]).fetchall()


def comment(look: psycopg.Connection[Any], relation: str, column: str = "") -> str | None:
    query = (
        "SELECT col_description(%s::regclass, (SELECT attnum FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attname = %s))"
        if column
        else "SELECT obj_description(%s::regclass, 'pg_class')"
    )
    row = look.execute(query, [relation, relation, column] if column else [relation]).fetchone()
    return row[0] if row else None


def test_the_table_and_its_view(dsn: str, look: psycopg.Connection[Any]) -> None:
    evolve(dsn)
    stamped = "timestamp with time zone"
    assert shown(look, "zoho.deals") == [
        ("id", "bigint"),
        ("modified_time", stamped),
        ("deal_name", "text"),
        ("amount", "numeric"),
        ("stage_number", "bigint"),
        ("probability", "double precision"),
        ("closing_date", "date"),
        ("won", "boolean"),
        ("account_name", "bigint"),
        ("_synced_at", stamped),
        ("_deleted_at", stamped),
        ("_run_id", "bigint"),
    ]
    view = [name for name, _ in shown(look, "zoho_live.deals")]
    assert view == [name for name, _ in shown(look, "zoho.deals") if name != "_deleted_at"]
    assert comment(look, "zoho.deals") == "Deals | syncd acme/Deals"
    assert comment(look, "zoho.deals", "deal_name") == "Deal Name | text | Deal_Name"
    assert comment(look, "zoho.deals", "account_name") == "Account Name | lookup | Account_Name -> zoho.accounts"
    assert "Zoho's clock" in (comment(look, "zoho.deals", "_synced_at") or "")
    assert comment(look, "zoho_live.deals") == "Deals: records that are not deleted | syncd acme/Deals"


def test_the_view_shows_rows_that_are_not_deleted(dsn: str, look: psycopg.Connection[Any]) -> None:
    loader = Loader(dsn)
    loader.load(b"Id,Deal_Name\n1,one\n2,two\n")
    loader.delete((1, loader.rows()[0]["_synced_at"]))
    assert look.execute("SELECT id, deal_name FROM zoho_live.deals").fetchall() == [(2, "two")]


def test_a_second_time_changes_nothing(dsn: str) -> None:
    evolve(dsn)
    with psycopg.connect(dsn) as connection:
        asked: list[str] = []

        class Listening(psycopg.Cursor[Any]):
            def execute(self, query: Any, *arguments: Any, **options: Any) -> Any:
                asked.append(str(query))
                return super().execute(query, *arguments, **options)

        connection.cursor_factory = Listening
        Warehouse(connection, DEALS).evolve(TABLE, COLUMNS)
        assert len(asked) == 1
        row = connection.execute("SELECT pg_current_xact_id_if_assigned()").fetchone()
        assert row == (None,)


def test_new_columns_are_added_and_old_ones_stay(dsn: str, look: psycopg.Connection[Any]) -> None:
    evolve(dsn, (NAME,))
    look.execute("INSERT INTO zoho.deals (id, deal_name, _synced_at) VALUES (1, 'kept', now())")
    look.execute("COMMENT ON COLUMN zoho.deals.deal_name IS 'mine'")
    before = look.execute("SELECT relfilenode FROM pg_class WHERE oid = 'zoho.deals'::regclass").fetchone()
    evolve(dsn, (CITY,))
    evolve(dsn, (CITY, NAME, COLUMNS[2]))
    names = ["id", "deal_name", "_synced_at", "_deleted_at", "_run_id", "city", "amount"]
    assert [name for name, _ in shown(look, "zoho.deals")] == names
    assert [name for name, _ in shown(look, "zoho_live.deals")] == [n for n in names if n != "_deleted_at"]
    assert comment(look, "zoho.deals", "city") == "Home City | picklist | City"
    assert comment(look, "zoho.deals", "deal_name") == "mine"
    assert look.execute("SELECT deal_name, city FROM zoho_live.deals").fetchall() == [("kept", None)]
    assert look.execute("SELECT relfilenode FROM pg_class WHERE oid = 'zoho.deals'::regclass").fetchone() == before


def test_views_and_grants_of_users_survive(dsn: str, look: psycopg.Connection[Any]) -> None:
    evolve(dsn, (NAME,))
    look.execute("CREATE VIEW public.mine AS SELECT deal_name FROM zoho.deals")
    look.execute("CREATE VIEW public.live AS SELECT * FROM zoho_live.deals")
    look.execute("CREATE ROLE reader")
    try:
        look.execute("GRANT USAGE ON SCHEMA zoho, zoho_live TO reader")
        look.execute("GRANT SELECT ON zoho.deals, zoho_live.deals, public.mine TO reader")
        evolve(dsn, COLUMNS)
        look.execute("SET ROLE reader")
        for relation in ("zoho.deals", "zoho_live.deals", "public.mine"):
            look.execute(f"SELECT deal_name FROM {relation}".encode())
        look.execute("RESET ROLE")
        assert look.execute("SELECT * FROM public.live").fetchall() == []
    finally:
        look.execute("RESET ROLE")
        look.execute("DROP OWNED BY reader")
        look.execute("DROP ROLE reader")


def test_refused_columns_get_none(dsn: str, look: psycopg.Connection[Any]) -> None:
    bare = Column(field="Photo", name="-Photo", type="text", refused="not exported")
    evolve(dsn, (NAME, replace(CITY, refused="gone"), bare, Column(field="Id", name="id", type="bigint")))
    assert [name for name, _ in shown(look, "zoho.deals")] == [
        "id",
        "deal_name",
        "_synced_at",
        "_deleted_at",
        "_run_id",
    ]


OURS = "COMMENT ON TABLE zoho.deals IS 'Deals | syncd acme/Deals'"
WHOLE = "id bigint PRIMARY KEY, _synced_at timestamptz NOT NULL, _deleted_at timestamptz, _run_id bigint"


@pytest.mark.parametrize(
    ("statements", "why"),
    [
        (["CREATE TABLE zoho.deals (id bigint PRIMARY KEY, amount money)"], "does not have the comment"),
        ([f"CREATE TABLE zoho.deals ({WHOLE})"], "does not have the comment"),
        (["CREATE SEQUENCE zoho.deals"], "is no table"),
        (
            [
                "CREATE VIEW zoho.deals AS SELECT 1::bigint AS id",
                "COMMENT ON VIEW zoho.deals IS 'Deals | syncd acme/Deals'",
            ],
            "is no table",
        ),
        (
            [f"CREATE TABLE zoho.deals ({WHOLE})", "COMMENT ON TABLE zoho.deals IS 'Leads | syncd acme/Leads'"],
            "belongs to acme/Leads",
        ),
        (
            [f"CREATE TABLE zoho.deals ({WHOLE.replace('PRIMARY KEY', 'NOT NULL')})", OURS],
            "id is not the primary key",
        ),
        (
            [
                f"CREATE TABLE zoho.deals ({WHOLE.replace('PRIMARY KEY', 'NOT NULL')}, o text, PRIMARY KEY (id, o))",
                OURS,
            ],
            "id is not the primary key",
        ),
        (
            [f"CREATE TABLE zoho.deals ({WHOLE.replace('id bigint P', 'id text P')})", OURS],
            "id is text instead of bigint",
        ),
        ([f"CREATE TABLE zoho.deals ({WHOLE.replace(' NOT NULL', '')})", OURS], "_synced_at may be NULL"),
        (["CREATE TABLE zoho.deals (id bigint PRIMARY KEY)", OURS], "_synced_at is missing"),
        ([f"CREATE TABLE zoho.deals ({WHOLE}, amount text)", OURS], "amount is text instead of numeric"),
    ],
)
def test_a_table_that_cannot_be_used_is_left_alone(
    dsn: str, look: psycopg.Connection[Any], statements: list[str], why: str
) -> None:
    look.execute("CREATE SCHEMA zoho")
    for statement in statements:
        look.execute(statement.encode())
    before = shown(look, "zoho.deals")
    with pytest.raises(NeedsOperator) as caught:
        evolve(dsn)
    assert why in caught.value.why
    assert caught.value.where == "zoho.deals"
    assert caught.value.fix
    assert shown(look, "zoho.deals") == before
    assert look.execute("SELECT FROM pg_namespace WHERE nspname = 'zoho_live'").rowcount == 0


def test_the_fix_for_a_lost_comment_works(dsn: str, look: psycopg.Connection[Any]) -> None:
    evolve(dsn)
    look.execute("COMMENT ON TABLE zoho.deals IS 'our deals'")
    with pytest.raises(NeedsOperator) as caught:
        evolve(dsn)
    look.execute(caught.value.fix.partition("own: ")[2].encode())
    evolve(dsn)


def test_a_view_that_is_not_ours_is_left_alone(dsn: str, look: psycopg.Connection[Any]) -> None:
    look.execute("CREATE SCHEMA zoho_live")
    look.execute("CREATE VIEW zoho_live.deals AS SELECT 1 AS id")
    with pytest.raises(NeedsOperator, match="not the view of acme/Deals"):
        evolve(dsn)
    assert look.execute("SELECT FROM pg_namespace WHERE nspname = 'zoho'").rowcount == 0


def test_a_view_that_was_dropped_comes_back(dsn: str, look: psycopg.Connection[Any]) -> None:
    evolve(dsn)
    look.execute("DROP VIEW zoho_live.deals")
    evolve(dsn)
    assert ("deal_name", "text") in shown(look, "zoho_live.deals")


def test_a_view_that_shows_other_names_is_for_the_operator(dsn: str, look: psycopg.Connection[Any]) -> None:
    evolve(dsn)
    look.execute("ALTER VIEW zoho_live.deals RENAME COLUMN deal_name TO name")
    with pytest.raises(NeedsOperator) as caught:
        evolve(dsn)
    look.execute(caught.value.fix.partition(";")[0].encode())
    evolve(dsn)


def test_a_role_that_may_not_create_schemas_can_load(dsn: str, look: psycopg.Connection[Any]) -> None:
    look.execute("CREATE ROLE loader")
    try:
        look.execute("CREATE SCHEMA zoho AUTHORIZATION loader")
        look.execute("CREATE SCHEMA zoho_live AUTHORIZATION loader")
        with psycopg.connect(dsn) as connection:
            connection.execute("SET ROLE loader")
            Warehouse(connection, DEALS).evolve(TABLE, COLUMNS)
    finally:
        look.execute("DROP OWNED BY loader")
        look.execute("DROP ROLE loader")


def test_names_are_taken_literally(dsn: str, look: psycopg.Connection[Any]) -> None:
    table = Table(schema='we"ird', name="ta.b'le %s", label="It's 100 %")
    column = Column(field="F", name='col"; DROP SCHEMA syncd', type="text", label="quote ' %s")
    evolve(dsn, (column,), table)
    evolve(dsn, (column, NAME), table)
    assert [name for name, _ in shown(look, '"we""ird"."ta.b\'le %s"')][1] == column.name
    assert comment(look, '"we""ird"."ta.b\'le %s"', column.name) == "quote ' %s | unknown type | F"


def test_lanes_that_create_the_same_table_do_so_once(dsn: str, look: psycopg.Connection[Any]) -> None:
    lanes = 4
    together = threading.Barrier(lanes)

    def lane(number: int) -> None:
        together.wait(20)
        evolve(dsn, (*COLUMNS, Column(field=f"F{number}", name=f"f{number}", type="text")))

    with ThreadPoolExecutor(lanes) as executor:
        list(executor.map(lane, range(lanes)))
    assert len(shown(look, "zoho.deals")) == len(COLUMNS) + 4 + lanes


@pytest.fixture
def impatient(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(dsn) as connection:
        connection.execute("SET lock_timeout = '50ms'")
        connection.commit()
        yield connection


def test_a_table_that_somebody_works_on_is_not_waited_for(
    dsn: str, impatient: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    evolve(dsn, (NAME,))
    with psycopg.connect(dsn) as other:
        other.execute("LOCK TABLE zoho.deals IN ACCESS SHARE MODE")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            Warehouse(impatient, DEALS).evolve(TABLE, COLUMNS)
        impatient.rollback()
        # Nothing to add: no lock is asked for.
        other.execute("LOCK TABLE zoho.deals IN ACCESS EXCLUSIVE MODE")
        Warehouse(impatient, DEALS).evolve(TABLE, (NAME,))


def test_the_live_schema_stands_beside() -> None:
    assert shape.live_schema("crm") == "crm_live"
