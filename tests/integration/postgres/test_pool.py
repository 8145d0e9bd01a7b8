"""Connections: the settings they carry, how they are shared, and what becomes of PostgreSQL's errors."""

import threading
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from syncd.errors import NeedsOperator, SyncdError, TryLater, Unreachable
from syncd.postgres import pool as pool_module
from syncd.postgres.embedded import EmbeddedServer
from syncd.postgres.pool import Pool, parameters


@pytest.fixture
def pool(dsn: str) -> Any:
    opened = Pool(dsn, size=2, patience=0.05)
    yield opened
    opened.close()


def _show(connection: psycopg.Connection[Any], name: str) -> str:
    row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


def test_every_session_carries_the_settings_that_the_sql_relies_on(dsn: str) -> None:
    hostile = make_conninfo(
        dsn, options="-c search_path=public -c TimeZone=Asia/Kolkata -c default_transaction_isolation=serializable"
    )
    pool = Pool(hostile)
    with pool.connection("syncd:acme/Deals") as connection:
        assert _show(connection, "search_path") == "pg_catalog"
        assert _show(connection, "TimeZone") == "UTC"
        assert _show(connection, "DateStyle") == "ISO, YMD"
        assert _show(connection, "lock_timeout") == "5s"
        assert _show(connection, "transaction_isolation") == "read committed"
        assert _show(connection, "application_name") == "syncd:acme/Deals"
        assert _show(connection, "idle_in_transaction_session_timeout") == "5min"
    pool.close()


def test_the_last_connection_is_lent_first_and_renamed_for_its_use(pool: Pool) -> None:
    with pool.connection("one") as first, pool.connection("two") as second:
        pids = first.info.backend_pid, second.info.backend_pid
    with pool.connection("three") as again:
        assert again.info.backend_pid == pids[0]
        assert _show(again, "application_name") == "three"


def test_a_full_pool_says_try_later_and_goes_on_when_one_comes_back(pool: Pool) -> None:
    with pool.connection(), pool.connection():
        refused: list[BaseException] = []

        def third() -> None:
            try:
                with pool.connection():
                    pass
            except TryLater as error:
                refused.append(error)

        thread = threading.Thread(target=third)
        thread.start()
        thread.join(10)
        assert len(refused) == 1
    with pool.connection() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_thread_that_holds_a_connection_gets_a_second_one_from_a_full_pool(dsn: str) -> None:
    pool = Pool(dsn, size=1, patience=0.0)
    with pool.transaction() as outer, pool.connection() as inner:
        assert outer is not inner
    with pool.connection():
        pass
    pool.close()


def test_a_session_ended_while_idle_is_replaced_unseen(pool: Pool, connection: psycopg.Connection[Any]) -> None:
    with pool.connection() as lent:
        pid = lent.info.backend_pid
    _terminate(connection, pid)
    with pool.connection() as fresh:
        assert fresh.info.backend_pid != pid


def test_a_session_ended_in_a_transaction_is_unreachable_and_not_lent_again(
    pool: Pool, connection: psycopg.Connection[Any]
) -> None:
    def broken_off() -> None:
        with pool.transaction() as lent:
            _terminate(connection, lent.info.backend_pid)
            lent.execute("SELECT 1")

    with pytest.raises(Unreachable):
        broken_off()
    with pool.connection() as fresh:
        assert fresh.execute("SELECT 1").fetchone() == (1,)


def test_an_error_rolls_back_and_the_connection_stays_usable(pool: Pool, connection: psycopg.Connection[Any]) -> None:
    connection.execute("CREATE TABLE public.t (a int)")
    pids: list[int] = []

    def given_up() -> None:
        with pool.transaction() as lent:
            pids.append(lent.info.backend_pid)
            lent.execute("INSERT INTO public.t VALUES (1)")
            raise KeyError("anything")

    with pytest.raises(KeyError):
        given_up()
    assert connection.execute("SELECT count(*) FROM public.t").fetchone() == (0,)
    with pool.connection() as again:
        assert [again.info.backend_pid] == pids


def test_a_connection_left_inside_a_transaction_is_closed(pool: Pool, connection: psycopg.Connection[Any]) -> None:
    with pool.connection() as lent:
        pid = lent.info.backend_pid
        lent.execute("BEGIN")
    with pool.connection() as other:
        assert other.info.backend_pid != pid


def test_a_closed_pool_lends_nothing(pool: Pool) -> None:
    pool.close()
    with pytest.raises(Unreachable), pool.connection():
        pass


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("SELECT 1 FROM syncd.nothing", NeedsOperator),
        ("SELECT nothing FROM syncd.stream", NeedsOperator),
        ("SELECT 'twelve euros'::numeric", NeedsOperator),
        ("SET LOCAL statement_timeout = 1; SELECT pg_sleep(5)", TryLater),
        ("SET TRANSACTION READ ONLY; CREATE TABLE public.t ()", Unreachable),
        ("SET LOCAL lock_timeout = 1; LOCK TABLE syncd.stream", TryLater),
        ("SELECT pg_terminate_backend(pg_backend_pid())", Unreachable),
        ("DO $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = 'disk_full'; END $$", TryLater),
        ("DO $$ BEGIN RAISE EXCEPTION 'dead' USING ERRCODE = 'deadlock_detected'; END $$", TryLater),
        ("DO $$ BEGIN RAISE EXCEPTION 'shut' USING ERRCODE = 'cannot_connect_now'; END $$", Unreachable),
        ("SET LOCAL ROLE pg_monitor; SELECT * FROM syncd.stream", NeedsOperator),
    ],
)
def test_each_kind_of_error_becomes_its_remedy(
    pool: Pool, connection: psycopg.Connection[Any], statement: str, kind: type[SyncdError]
) -> None:
    with connection.transaction():
        connection.execute("LOCK TABLE syncd.stream IN ACCESS SHARE MODE")
        with pytest.raises(kind) as raised, pool.transaction() as lent:
            lent.execute(statement.encode())
    assert raised.value.fix
    assert raised.value.where.startswith("PostgreSQL at")
    if isinstance(raised.value, TryLater):
        assert 0 < raised.value.after <= 60


def test_a_value_that_does_not_fit_is_not_quoted(pool: Pool) -> None:
    with pytest.raises(NeedsOperator) as raised, pool.connection() as lent:
        lent.execute("SELECT 'twelve euros'::numeric")
    assert "twelve" not in f"{raised.value} {raised.value.fix}"
    assert raised.value.__cause__ is None


def test_a_wrong_use_of_psycopg_stays_a_fault_of_ours(pool: Pool) -> None:
    with pytest.raises(psycopg.ProgrammingError), pool.connection() as lent:
        lent.execute("SELECT %s, %s", [1])


def test_nobody_listening_is_unreachable_without_the_password() -> None:
    pool = Pool("postgresql://me:hunter2@127.0.0.1:1/crm")
    with pytest.raises(Unreachable) as raised, pool.connection():
        pass
    assert "127.0.0.1:1, database crm" in raised.value.where
    assert "hunter2" not in f"{raised.value} {raised.value.fix} {vars(pool)['where']}"


def test_a_refused_user_a_missing_database_and_a_missing_role_need_the_operator(
    postgres_server: EmbeddedServer,
) -> None:
    for dsn, word in (
        (make_conninfo(postgres_server.dsn(), dbname="nowhere"), "createdb"),
        (make_conninfo(postgres_server.dsn(), user="nobody_we_know"), "user or the password"),
    ):
        with pytest.raises(NeedsOperator) as raised, Pool(dsn).connection():
            pass
        assert word in raised.value.fix


def test_a_server_that_is_too_old_needs_the_operator(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "OLDEST_SERVER", 990000)
    with pytest.raises(NeedsOperator) as raised, Pool(dsn).connection():
        pass
    assert "99 or newer" in raised.value.fix


@pytest.mark.parametrize(
    "dsn", ["postgresql://me:hunter%zz2@host/db", "host=h password='hunter2", "postgresql://me:hun@ter2@host/db"]
)
def test_a_dsn_that_cannot_be_read_is_not_quoted(dsn: str) -> None:
    with pytest.raises(NeedsOperator) as raised:
        Pool(dsn)
    assert not any(part in f"{raised.value} {raised.value.fix}" for part in ("hunter", "hun@", "ter2"))
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    ("dsn", "environ", "mode"),
    [
        ("postgresql:///crm", {}, None),
        ("postgresql://localhost/crm", {}, None),
        ("host=/run/postgresql", {}, None),
        ("host=127.0.0.1", {}, None),
        ("", {"PGHOST": "db.example.com"}, "verify-full"),
        ("postgresql://db.example.com/crm", {}, "verify-full"),
        ("postgresql://localhost,db.example.com/crm", {}, "verify-full"),
        ("postgresql://db.example.com/crm?sslmode=disable", {}, "disable"),
        ("postgresql://db.example.com/crm", {"PGSSLMODE": "require"}, None),
        ("service=crm", {}, None),
    ],
)
def test_a_server_on_another_machine_must_prove_who_it_is(dsn: str, environ: dict[str, str], mode: str | None) -> None:
    assert parameters(dsn, environ).get("sslmode") == mode


def test_the_dsn_overrules_our_defaults(dsn: str) -> None:
    chosen = parameters(make_conninfo(dsn, connect_timeout="3", application_name="mine"), {})
    assert chosen["connect_timeout"] == "3"
    assert chosen["application_name"] == "mine"
    assert chosen["dbname"] == conninfo_to_dict(dsn)["dbname"]


def _terminate(connection: psycopg.Connection[Any], pid: int) -> None:
    """End a session and wait until it is gone: the second argument is the longest wait in milliseconds."""
    assert connection.execute("SELECT pg_terminate_backend(%s, 5000)", [pid]).fetchone() == (True,)
