"""The rules of security from outside: what leaks, what is followed, what a hostile name or archive can do.

A rule that is held where it lives is not repeated here: the callback listener and its floods in
tests/integration/web, the unit's score in tests/unit/systemd, pinned hosts and state files in tests/unit/zoho.
"""

import contextlib
import io
import logging
import re
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import structlog
from psycopg import sql
from psycopg.conninfo import make_conninfo

from syncd.core.model import StreamKey
from syncd.postgres.embedded import EmbeddedServer
from syncd.simulator import CLIENT_SECRET, REFRESH_TOKEN, Behaviour, Config, Field, JobTiming, Simulator
from tests.acceptance.test_daemon import configured, is_whole, running, until
from tests.acceptance.test_traffic import Differences, compare
from tests.campaign.gate import Plan
from tests.campaign.life import Life
from tests.rig import Outcomes, fleet_of, write_config

SECRETS = (CLIENT_SECRET, REFRESH_TOKEN, "Zoho-oauthtoken ")
ACCESS_TOKEN = re.compile(r"1000\.[0-9a-f]{32}\.[0-9a-f]{32}")


def leaks(text: str) -> list[str]:
    """The secrets that a text gives away."""
    return [secret for secret in SECRETS if secret in text] + ACCESS_TOKEN.findall(text)


def dump(dsn: str) -> str:
    """Everything in the schemas of syncd, as text."""
    out = io.StringIO()
    with psycopg.connect(dsn) as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('syncd', 'zoho') ORDER BY 1, 2"
        ).fetchall()
        for name in tables:
            query = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(*name))
            with connection.cursor() as cursor, cursor.copy(query) as copy:
                for block in copy:
                    out.write(bytes(block).decode())
    return out.getvalue()


class Patient:
    """The Pause port: time need not pass."""

    def wait(self, seconds: float, *, remote_id: str = "") -> None:
        threading.Event().wait(min(seconds, 0.02))

    def check(self) -> None:
        return


@pytest.fixture
def logged() -> Iterator[Callable[[], str]]:
    """Everything that is logged, at the level of debug, syncd's and the libraries'."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    root, level, before = logging.getLogger(), logging.getLogger().level, structlog.get_config()
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(out))
    yield out.getvalue
    structlog.configure(**before)
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.mark.parametrize("seed", [1, 6])
def test_a_life_of_faults_gives_no_secret_away(
    seed: int, postgres_server: EmbeddedServer, tmp_path: Path, logged: Callable[[], str]
) -> None:
    with Life(seed, postgres_server, tmp_path, plan=Plan(rate=0.04)) as life:
        life.live()
        life.rest()
        stored = dump(life.admin._dsn)
    told = "\n".join(life.chronicle.lines) + "\n".join(
        f"{outcome.error!r} {outcome.error} {outcome.notes}" for outcome in life.outcomes.ended
    )
    assert len(logged()) > 10_000
    assert len(stored) > 10_000
    assert leaks(logged()) == leaks(stored) == leaks(told) == []


@pytest.mark.process
def test_a_daemon_gives_no_secret_away_to_its_machine(dsn: str, tmp_path: Path) -> None:
    sim = Simulator(Config(rows={"Contacts": 40}, rows_per_page=15, downloads_per_minute=10_000))
    with sim.serve() as url:
        config = configured(tmp_path, url, dsn, ("Contacts",))
        with running(config, tmp_path) as daemon:
            until(is_whole(sim, dsn, ("Contacts",)), "Contacts was never filled", daemon)
            shown = Path(f"/proc/{daemon.process.pid}/cmdline").read_bytes().decode()
            with psycopg.connect(dsn) as connection:
                shown += str(connection.execute("SELECT * FROM pg_stat_activity").fetchall())
            assert daemon.stop() == 0
    assert leaks(shown) == leaks(daemon.output.read_text()) == leaks(dump(dsn)) == []
    state = tmp_path / "state"
    for path in [state, *state.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode & 0o077 == 0, f"{path} is {mode:04o}"


def test_no_redirect_is_followed_with_the_token(dsn: str, tmp_path: Path) -> None:
    with socket.socket() as elsewhere:
        elsewhere.bind(("127.0.0.1", 0))
        elsewhere.listen()
        elsewhere.settimeout(0.05)
        host = f"127.0.0.1:{elsewhere.getsockname()[1]}"
        sim = Simulator(Config(rows={"Contacts": 20}, behaviour=Behaviour(redirect_host=host)))
        for operation in ("download", "create", "details", "fields", "token"):
            sim.faults.add("redirect", path=operation, times=2)
        outcomes = synced(sim, dsn, tmp_path, ("Contacts",), passes=100, until_ok=True)
        assert outcomes.ended[-1].state == "ok"
        assert {operation for name, operation in sim.faults.struck} >= {"download", "create", "details", "fields"}
        with pytest.raises(TimeoutError):
            elsewhere.accept()


def synced(
    sim: Simulator, dsn: str, folder: Path, modules: tuple[str, ...], *, passes: int = 1, until_ok: bool = False
) -> Outcomes:
    """Make passes over modules, one after the other."""
    outcomes = Outcomes()
    with sim.serve() as url:
        config = write_config(
            folder,
            url=url,
            dsn=dsn,
            modules=dict.fromkeys(modules, '"1m"'),
            defaults={"settle": "0.1s", "overlap": "2s", "poll": "0.01s..0.02s"},
            zoho={"downloads_per_minute": 10_000},
        )
        with fleet_of(config, Patient(), outcomes) as fleet:
            for _ in range(passes):
                states = [fleet.sync(key).state for key in fleet.streams()]
                if until_ok and set(states) == {"ok"}:
                    break
                threading.Event().wait(0.3 if until_ok else 0.0)
    return outcomes


HOSTILE = (
    'Name"); DROP TABLE zoho.contacts; --',
    "x'); DELETE FROM syncd.stream; --",
    "100%s of %(it)s",
    "a\\b{0}{name}",
    "Größe_€__c",
    "n" * 80 + "__c",
    "n" * 80 + "_d",
    "select",
    "_synced_at",
)


def test_hostile_names_and_values_are_only_names_and_values(dsn: str, tmp_path: Path) -> None:
    sim = Simulator(Config(rows={"Contacts": 12}))
    for name in HOSTILE:
        sim.catalogue.add_field("Contacts", Field(api_name=name, data_type="text", label=name))
    first = sim.live_ids("Contacts")[0]
    evil = '=1+1\'; DROP TABLE zoho.contacts; -- "%s" \\. \\N'
    sim.edit("Contacts", [first], {"Description": evil})
    threading.Event().wait(1.3)
    outcomes = synced(sim, dsn, tmp_path, ("Contacts",), passes=2)
    assert [outcome.state for outcome in outcomes.ended] == ["ok", "ok"], outcomes.ended[-1].error
    key = StreamKey("default", "Contacts")
    assert compare(sim, key, dsn) == Differences()
    with psycopg.connect(dsn) as connection:
        stored = connection.execute("SELECT description FROM zoho.contacts WHERE id = %s", [first]).fetchone()
        columns: dict[str, str] = dict(
            connection.execute(
                "SELECT field, name FROM syncd.field_map WHERE field = ANY(%s)", [list(HOSTILE)]
            ).fetchall()
        )
    assert stored == (evil,)
    assert columns.keys() == set(HOSTILE)
    assert len(set(columns.values())) == len(HOSTILE)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9_]*", name) and len(name) <= 63 for name in columns.values()), columns


@pytest.mark.parametrize("fault", ["zip-bomb", "two-members", "no-members", "corrupt-zip"])
def test_a_hostile_archive_is_not_loaded_and_does_no_harm(fault: str, dsn: str, tmp_path: Path) -> None:
    sim = Simulator(Config(rows={"Contacts": 20}, timing=JobTiming()))
    sim.faults.add(fault, times=2, megabytes=80)
    outcomes = synced(sim, dsn, tmp_path, ("Contacts",), passes=2)
    assert [name for name, _ in sim.faults.struck] == [fault] * 2
    assert outcomes.ended[-1].state == "ok"
    assert compare(sim, StreamKey("default", "Contacts"), dsn) == Differences()
    assert not [path for path in tmp_path.rglob("*") if path.name == "readme.txt" or path.suffix == ".csv"]
    assert list((tmp_path / "state" / "spool" / "default").iterdir()) == []


def documented_role() -> str:
    """The SQL of docs/database-role.md."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "database-role.md").read_text()
    found = re.search(r"^```sql\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def test_the_documented_role_is_enough_and_can_do_nothing_else(empty_dsn: str, tmp_path: Path) -> None:
    with psycopg.connect(empty_dsn, autocommit=True) as admin:
        admin.execute(documented_role().encode())
        try:
            role = make_conninfo(empty_dsn, user="syncd")
            sim = Simulator(Config(rows={"Contacts": 20}))
            outcomes = synced_after_upgrade(sim, role, tmp_path)
            assert outcomes.ended[-1].state == "ok", outcomes.ended[-1].error
            assert compare(sim, StreamKey("default", "Contacts"), role) == Differences()
            for forbidden in (
                "CREATE TABLE public.mine (a int)",
                "CREATE SCHEMA mine",
                "CREATE ROLE mine",
                "COPY (SELECT 1) TO PROGRAM 'true'",
                "SELECT pg_read_file('/etc/passwd')",
                "ALTER SYSTEM SET log_min_messages = 'error'",
            ):
                with (
                    psycopg.connect(role, autocommit=True) as session,
                    pytest.raises(psycopg.errors.InsufficientPrivilege),
                ):
                    session.execute(forbidden.encode())
            admin.execute("SET ROLE crm_reader")
            assert admin.execute("SELECT count(*) FROM zoho_live.contacts").fetchone() == (20,)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                admin.execute("SELECT FROM syncd.stream")
            admin.execute("RESET ROLE")
        finally:
            with contextlib.suppress(psycopg.Error):
                admin.execute("RESET ROLE")
            admin.execute("DROP OWNED BY crm_reader; DROP OWNED BY syncd CASCADE; DROP ROLE syncd, crm_reader")


def synced_after_upgrade(sim: Simulator, dsn: str, folder: Path) -> Outcomes:
    """As `synced`, with the ledger made first, by the same role."""
    from syncd.bootstrap.database import Database

    with contextlib.closing(Database(dsn)) as database:
        database.upgrade()
    return synced(sim, dsn, folder, ("Contacts",))
