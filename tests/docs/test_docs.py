"""The documentation is true: commands parse, samples load, output is what is printed, names exist."""

import json
import re
import shlex
import time
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import psycopg
import pytest

from syncd.cli import main, tables
from syncd.cli.findings import failed, ok, problem, warn
from syncd.cli.status_text import TITLES, row
from syncd.core import health
from syncd.core.fields import column_type
from syncd.core.model import Field, LoadCounts, ModuleStatus, StreamKey
from syncd.errors import Problem, SyncdError
from syncd.settings.load import load
from syncd.settings.tree import SCOPES
from tests.command import Desk, desk

ROOT = Path(__file__).resolve().parents[2]
README, ARCHITECTURE, CHANGELOG, JSON, SECURITY, CAMPAIGN = (
    (ROOT / name).read_text()
    for name in ("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "docs/json.md", "docs/security.md", "docs/campaign.md")
)
PAGES = {
    "README": README,
    "ARCHITECTURE": ARCHITECTURE,
    "CHANGELOG": CHANGELOG,
    "docs/json": JSON,
    "docs/security": SECURITY,
    "docs/campaign": CAMPAIGN,
}


def blocks(text: str, kind: str) -> list[str]:
    """The code blocks of that kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


# ------------------------------------------------------------------------------------------------------------ commands


def commands(text: str) -> list[str]:
    """Every `syncd ...` of a page: in console blocks, and inline with at least a verb."""
    console = [line[2:] for block in blocks(text, "console") for line in block.splitlines() if line.startswith("$ ")]
    inline = re.findall(r"`(syncd [^`]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
    found = [part.strip() for line in (*console, *inline) for part in re.split(r"[|>]|\s#\s|&&", line)]
    return [part.removeprefix("sudo ") for part in found if part.removeprefix("sudo ").startswith("syncd ")]


ALL_COMMANDS = sorted({command for page in PAGES.values() for command in commands(page)})


def test_there_are_commands() -> None:
    assert len(ALL_COMMANDS) > 25


@pytest.mark.parametrize("command", ALL_COMMANDS)
def test_every_command_exists_with_its_options(command: str) -> None:
    words = re.sub(r"[,.;:]$", "", command).split()[1:] if "`" in command else shlex.split(command)[1:]
    found: click.Command = main.syncd
    known = {option for parameter in found.params for option in parameter.opts}
    ctx = click.Context(found, info_name="syncd")
    rest = list(words)
    while isinstance(found, click.Group) and rest:
        if rest[0].startswith("-"):
            assert rest.pop(0) in known | {"--help"}
            if rest and not rest[0].startswith("-") and found.get_command(ctx, rest[0]) is None:
                rest.pop(0)
            continue
        next_one = found.get_command(ctx, rest[0])
        assert next_one is not None, f"{rest[0]} is no verb of {ctx.command_path}"
        ctx = click.Context(next_one, info_name=rest.pop(0), parent=ctx)
        found = next_one
        known = {option for parameter in found.params for option in parameter.opts}
    for word in rest:
        if word.startswith("-"):
            assert word.partition("=")[0] in known | {"--help"}, f"{word} is no option of {ctx.command_path}"


def test_every_verb_is_in_the_readme() -> None:
    ctx = click.Context(main.syncd)
    told = r"(syncd|dev\.py) {}\b"
    assert not [verb for verb in main.syncd.list_commands(ctx) if not re.search(told.format(verb), README)]


def test_every_verb_with_json_is_on_the_page_of_json() -> None:
    def walk(group: click.Group, path: str) -> Iterator[str]:
        ctx = click.Context(group)
        for name in group.list_commands(ctx):
            command = group.get_command(ctx, name)
            if isinstance(command, click.Group):
                yield from walk(command, f"{path}{name} ")
            elif command and any("--json" in parameter.opts for parameter in command.params):
                yield f"{path}{name}"

    for verb in walk(main.syncd, ""):
        last = verb.split()[-1]
        assert f"syncd {verb} --json" in JSON or f"`{last} --json`" in JSON, verb


def test_the_tasks_of_dev_exist() -> None:
    tasks = set(re.findall(r"dev\.py (\w+)", "".join(PAGES.values())))
    usage = (ROOT / "dev.py").read_text()
    assert tasks
    assert all(re.search(rf"^  {task} ", usage, re.MULTILINE) for task in tasks), tasks


# ------------------------------------------------------------------------------------------------------------- samples


def test_the_sample_configuration_loads(tmp_path: Path) -> None:
    (sample,) = blocks(README, "toml")
    config = tmp_path / "syncd.toml"
    config.write_text(sample)
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    for name in ("zoho-client-secret", "zoho-refresh-token"):
        (credentials / name).touch(mode=0o600)
        (credentials / name).write_text("secret")
    (settings,) = load(config, {"CREDENTIALS_DIRECTORY": str(credentials), "HOME": str(tmp_path)})
    assert list(settings.modules) == list(tomllib.loads(sample)["modules"])
    assert settings.warnings == ()


def test_the_scopes_are_those_that_syncd_uses() -> None:
    line = next(block for block in blocks(README, "text") if block.startswith("ZohoCRM"))
    assert set(line.strip().split(",")) == {*SCOPES, "ZohoCRM.org.READ"}


def test_the_types_are_those_of_the_columns() -> None:
    rows = re.findall(r"^\| ([a-z, -]+) \| `([a-z ]+)` \|$", README, re.MULTILINE)
    words = {
        "lookup": "lookup", "owner": "ownerlookup", "integer": "integer", "currency": "currency", "decimal": "decimal",
        "double": "double", "percent": "percent", "check box": "boolean", "date": "date", "date and time": "datetime",
    }  # fmt: skip
    told = {name.strip(): kind for names, kind in rows for name in names.split(",")}
    for name, word in words.items():
        assert told[name] == column_type(Field(api_name="x", data_type=word)), name


def test_exit_codes() -> None:
    told = {int(code) for codes in re.findall(r"^\| ([0-9, ]+) \| ", README, re.MULTILINE) for code in codes.split(",")}
    raised = {kind.exit_code for kind in SyncdError.__subclasses__()}
    assert raised <= told
    assert told == {0, 1, 2, 3, 69, 75, 77, 78, 130, 143}
    for code in told:
        assert re.search(rf"\b{code} ", main.EXIT_CODES), code


# -------------------------------------------------------------------------------------------------------------- output


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The sample output is in UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def at_time(text: str) -> datetime:
    """That time of the day of the samples."""
    return datetime.fromisoformat(f"2026-11-25T{text}+00:00")


def module(name: str, rows: int, fresh_to: datetime, ended: datetime, seconds: float, **others: Any) -> ModuleStatus:
    plain = health.unlisted(StreamKey("default", name))
    facts = {
        "watermark": fresh_to,
        "rows": rows,
        "last_run_id": 1,
        "last_started_at": ended - timedelta(seconds=seconds),
        "last_finished_at": ended,
        "last_outcome": "ok",
    }
    return ModuleStatus(**{slot: getattr(plain, slot) for slot in plain.__slots__} | facts | others)


@pytest.mark.usefixtures("utc")
def test_the_sample_of_status_is_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncd.cli.status_text.on_terminal", lambda: True)
    now = at_time("12:43:00")
    statuses = [
        module(
            *("Deals", 88_214, at_time("11:10:02"), at_time("11:11:20"), 9.1),
            last_counts=LoadCounts(updated=12),
            trouble="API credits of the day are used up",
        ),
        module(
            *("Contacts", 12_004, at_time("12:41:07"), at_time("12:42:19"), 11.0),
            last_counts=LoadCounts(inserted=218, updated=96),
        ),
        module(
            *("Leads", 20_001, at_time("12:40:00"), at_time("12:41:02"), 8.0),
            last_counts=LoadCounts(inserted=3),
            rejected_values=1,
        ),
    ]
    deadlines = {status.stream: timedelta(minutes=16 if status.stream.module == "Deals" else 46) for status in statuses}
    healths = health.assess_all(statuses, deadlines, now)
    lines = tables.aligned(TITLES, [row(one.stream.module, one) for one in healths])
    printed = "\n".join(click.unstyle(line) for line in lines) + f"\n\n{health.headline(healths)}\n"
    assert printed in blocks(README, "text"), printed


def test_the_sample_of_check_is_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    from syncd.cli.findings import print_finding

    missing = "large modules are cut into windows by trial, at 50 credits a try"
    scope = "ZohoCRM.coql.READ"
    for finding in (
        ok("postgres", "PostgreSQL 18.6, database crm, role syncd"),
        ok("ledger", "schema syncd is up to date"),
        ok("zoho", "the token is accepted; 13 modules"),
        warn(
            "scope",
            f"count rows ({scope}) is not possible: {missing}",
            fix=f"generate a new code with the scope {scope} and put its refresh token in place",
        ),
        problem(
            "module",
            Problem(
                where="/etc/syncd/syncd.toml: modules.Dealz", what="Zoho has no such module", fix="did you mean Deals?"
            ),
        ),
    ):
        print_finding(finding)
    assert capsys.readouterr().out in blocks(README, "text")
    assert failed("x", "y", fix="z").code == 1


# ---------------------------------------------------------------------------------------------------------------- JSON


@pytest.fixture(scope="module")
def documented() -> dict[str, Any]:
    """The examples of docs/json.md by their names."""
    found = re.findall(r"^```json ([\w-]+)\n(.*?)^```$", JSON, re.MULTILINE | re.DOTALL)
    assert len(found) == JSON.count("```json")
    return {name: json.loads(text) for name, text in found}


@pytest.fixture
def at(tmp_path: Path, dsn: str) -> Iterator[Desk]:
    with desk(tmp_path, dsn) as made:
        yield made


MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:]+Z")
CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//syncd//test//EN
BEGIN:VEVENT
UID:1
DTSTAMP:20260101T000000Z
DTSTART:{day}T090000Z
DTEND:{day}T100000Z
SUMMARY:Meeting
END:VEVENT
END:VCALENDAR
"""


def test_the_examples_have_the_shape_of_what_is_printed(at: Desk, documented: dict[str, Any]) -> None:
    planned = at.run("plan", "--json", "Contacts").document()
    at.sim.faults.add("bad-date", module="Deals")
    synced = json.loads(at.run("sync", "--json").out.splitlines()[0])
    run = at.run("runs", "--json", "-n", "1").document()["runs"][0]["run_id"]
    day = f"{datetime.fromtimestamp(at.sim.clock.timestamp(), UTC) + timedelta(days=1):%Y%m%d}"
    (at.folder / "team.ics").write_text(CALENDAR.format(day=day))
    (at.folder / "broken.toml").write_text("[zoho]\n")
    printed = {
        "error": json.loads(at.run("sync", "--json", "--config", str(at.folder / "broken.toml")).err),
        "sync": synced,
        "verify": json.loads(at.run("verify", "--json", "Deals").out),
        "status": at.run("status", "--json", "Contacts").document(),
        "runs": at.run("runs", "--json").document(),
        "runs-show": at.run("runs", "show", run, "--json").document(),
        "plan": planned,
        "modules": at.run("modules", "--json").document(),
        "check": at.run("check", "--json").document(),
        "rejected": at.run("rejected", "--json").document(),
        "replay": at.run("replay", "--json", "Deals").document(),
        "calendar-import": at.run("calendar", "import", str(at.folder / "team.ics"), "--json").document(),
        "calendar-export": at.run("calendar", "export", "--calendar", "team", "--json").document(),
        "calendar-agenda": at.run("calendar", "agenda", "--json", "--days", "30").document(),
        "calendar-rebuild": at.run("calendar", "rebuild", "--json").document(),
    }
    assert printed.keys() == documented.keys()
    for name, document in printed.items():
        differing(name, documented[name], document)


def differing(where: str, told: Any, seen: Any) -> None:
    """Compare keys and types, not values; null goes with everything."""
    if told is None or seen is None:
        return
    if isinstance(told, dict):
        assert isinstance(seen, dict), where
        assert told.keys() == seen.keys(), where
        for key, value in told.items():
            differing(f"{where}.{key}", value, seen[key])
    elif isinstance(told, list):
        assert isinstance(seen, list), where
        if told and seen:
            differing(f"{where}[]", told[0], seen[0])
    else:
        number = isinstance(told, int | float) and not isinstance(told, bool)
        assert isinstance(seen, (int | float) if number else type(told)), where
        if MOMENT.fullmatch(str(told)):
            assert MOMENT.fullmatch(str(seen)), where


# ------------------------------------------------------------------------------------------------------------- the rest


def test_relations_and_queries_exist(at: Desk, connection: psycopg.Connection[Any]) -> None:
    at.run("sync")
    for relation in set(re.findall(r"`(syncd\.[a-z_]+)`", README)) - {"syncd.toml"}:
        assert connection.execute("SELECT to_regclass(%s)", [relation]).fetchone() != (None,), relation
    (at.folder / "team.ics").write_text(CALENDAR.format(day="20260302"))
    at.run("calendar", "import", str(at.folder / "team.ics"))
    for query in blocks(README, "sql"):
        connection.execute(query.encode())
    columns = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'zoho' AND table_name = 'contacts'"
    ).fetchall()
    assert {("_synced_at",), ("_deleted_at",), ("_run_id",), ("last_name",)} <= set(columns)
    assert connection.execute("SELECT to_regclass('zoho_live.contacts')").fetchone() != (None,)


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    folder = (ROOT / name).parent
    for target in re.findall(r"\]\(([^)#]+)\)", PAGES[name]):
        assert target.startswith("https://") or (folder / target).exists(), target


def test_files_and_tests_of_the_architecture_exist() -> None:
    paths = set(re.findall(r"`((?:syncd|tests|migrations|docs)/[\w./-]*\w)`", ARCHITECTURE))
    assert len(paths) > 25
    assert not [path for path in paths if not (ROOT / path).exists()]
    assert len(named_tests(ARCHITECTURE)) > 20
    assert unknown_tests(ARCHITECTURE) == set()


def named_tests(text: str) -> set[str]:
    return set(re.findall(r"`(test_\w+)`", text))


def unknown_tests(text: str) -> set[str]:
    everything = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    return {test for test in named_tests(text) if f"def {test}(" not in everything}


def test_every_rule_of_security_has_a_test_that_exists() -> None:
    rules = [line for line in SECURITY.splitlines() if line.startswith("| ")][1:]
    assert len(rules) == 15
    assert [rule for rule in rules if not named_tests(rule)] == []
    assert unknown_tests(SECURITY) == set()


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_dependency_is_pinned_with_its_hashes(name: str) -> None:
    text = (ROOT / name).read_text().replace("\\\n", " ")
    pins = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(pins) > 20
    assert [pin for pin in pins if not re.match(r"[\w.\[\]-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", pin)] == []
    assert "://" not in text


def test_the_layers_are_those_that_are_enforced() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    enforced = [tuple(re.findall(r"\w+", layer)) for layer in layers]
    drawn = [tuple(re.findall(r"\w+", line[:35])) for line in blocks(ARCHITECTURE, "text")[0].splitlines()]
    assert drawn == [*enforced, ("simulator",)]


def test_the_changelog_has_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"## {version}\n" in CHANGELOG


@pytest.mark.parametrize("name", PAGES)
def test_nothing_of_this_machine_is_told(name: str) -> None:
    assert not re.search(r"/root\b|/work\b|/home/\w|pypi\.org", PAGES[name])
