"""Loading one org: what comes out, and every way it can be wrong, with its line and what to write instead."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from syncd.core.model import Comparison, Cursor, StreamPolicy
from syncd.core.pacing import PollPace
from syncd.errors import ConfigWrong
from syncd.settings.addresses import Address
from syncd.settings.load import load
from syncd.settings.settings import Settings, Turns
from syncd.settings.values import CreditLimit
from tests.unit.settings.config_folder import GOOD, ConfigFolder

MINUTE = timedelta(minutes=1)


def revealed(settings: Settings) -> tuple[str | None, ...]:
    secrets = settings.secrets
    found = (secrets.client_secret, secrets.refresh_token, secrets.pg_password, secrets.web_token)
    return tuple(None if one is None else one.get_secret_value() for one in found)


def test_the_least_that_must_be_said(folder: ConfigFolder) -> None:
    settings = folder.load(environ={"HOME": "/home/me"})
    assert settings.org == "default"
    assert settings.source == folder.path / "syncd.toml"
    assert settings.zoho.data_center == "eu"
    assert settings.zoho.daily_credits == CreditLimit(share=0.5)
    assert settings.postgres.schema_name == "zoho"
    assert settings.conninfo().get_secret_value() == ""
    assert settings.web.listen == Address("127.0.0.1", 8642)
    assert settings.state_dir == Path("/home/me/.local/state/syncd")
    assert settings.policy("Contacts") == StreamPolicy()
    assert settings.turns("Contacts") == Turns(every=15 * MINUTE, cron="", timezone="UTC")
    assert settings.poll("Contacts") == PollPace(2.0, 30.0)
    assert settings.deadline("Contacts") == 46 * MINUTE
    assert settings.warnings == ()
    assert revealed(settings) == ("the-client-secret", "the-refresh-token", None, None)
    with pytest.raises(KeyError):
        settings.policy("Leads")


def test_everything_that_can_be_said(folder: ConfigFolder) -> None:
    settings = folder.load("""
org = "acme"
timezone = "Europe/Berlin"
[zoho]
accounts_url = "http://127.0.0.1:8000/"
api_url = "http://127.0.0.1:8000"
client_id = "1000.ABC"
client_secret_file = "secret"
grant = "client_credentials"
soid = "ZohoCRM.600123"
scope = "ZohoCRM.bulk.READ, ZohoCRM.modules.ALL"
api_version = "v2"
downloads_per_minute = 1000
concurrent_jobs = 8
daily_credits = 20000
ca_file = "ca.pem"
[postgres]
dsn = "host=db dbname=crm"
schema = "acme"
[defaults]
every = "0.5s"
settle = "0.2s"
overlap = "2s"
poll = "0.05s..0.5s"
deletes = "daily"
window_rows = 100
full_read_every = "1d"
census = "daily"
census_max_deleted = "2.5%"
deadline = "1h"
[modules]
Contacts = "5m"
[modules.Deals]
cron = "*/15 7-19 * * 1-5"
fields = ["Deal_Name", "Contact_Name.Email", "$converted"]
criteria = { api_name = "Stage", comparator = "not_equal", value = "Closed Lost" }
cvid = 4150868000000087501
cursor = "Created_Time"
table = "deal"
deletes = "off"
settle = "90s"
overlap = "10s"
window_rows = 7
poll = "1s..1s"
full_read_every = "12h"
census = "off"
census_max_deleted = "0%"
deadline = "3d"
[modules.Tasks]
every = "1h"
exclude = ["Description"]
[callback]
url = "https://hook.example.com/zoho/0123456789abcdefghijkl"
listen = "0.0.0.0:8643"
[web]
listen = "[::1]:0"
names = ["syncd.example.com"]
[log]
level = "debug"
format = "json"
[storage]
state_dir = "state"
""")
    zoho = settings.zoho
    assert (settings.org, settings.timezone) == ("acme", "Europe/Berlin")
    assert (zoho.accounts_url, zoho.api_url) == ("http://127.0.0.1:8000",) * 2
    assert (zoho.soid, zoho.scope) == ("600123", ("ZohoCRM.bulk.READ", "ZohoCRM.modules.ALL"))
    assert zoho.daily_credits == CreditLimit(credits=20000)
    assert settings.ca_file == folder.path / "ca.pem"
    assert settings.state_dir == folder.path / "state"
    assert settings.web.listen == Address("::1", 0)
    assert settings.callback.listen == Address("0.0.0.0", 8643)
    assert settings.policy("Deals") == StreamPolicy(
        settle=timedelta(seconds=90),
        overlap=timedelta(seconds=10),
        window_rows=7,
        fields=("Deal_Name", "Contact_Name.Email", "$converted"),
        criteria=Comparison("Stage", "not_equal", "Closed Lost"),
        cvid="4150868000000087501",
        cursor=Cursor.CREATED,
        table="deal",
        deletes="off",
        full_read_every=timedelta(hours=12),
        census_every=None,
        census_max_deleted=0.0,
    )
    assert settings.policy("Contacts") == StreamPolicy(
        settle=timedelta(milliseconds=200),
        overlap=timedelta(seconds=2),
        window_rows=100,
        deletes="daily",
        full_read_every=timedelta(days=1),
        census_every=timedelta(days=1),
        census_max_deleted=0.025,
    )
    assert settings.policy("Tasks").exclude == ("Description",)
    assert settings.poll("Deals") == PollPace(1.0, 1.0)
    assert settings.poll("Tasks") == PollPace(0.05, 0.5)
    assert [settings.deadline(name) for name in settings.modules] == [60 * MINUTE, timedelta(days=3), 60 * MINUTE]
    assert revealed(settings) == ("the-client-secret", None, None, None)


@pytest.mark.parametrize(
    ("defaults", "module", "turns", "deadline"),
    [
        ('cron = "0 3 * * *"', "{}", (15, "0 3 * * *"), timedelta(hours=26, minutes=1)),
        ('cron = "0 3 * * *"', '{ every = "5m" }', (5, ""), 16 * MINUTE),
        ('cron = "0 3 * * *"', '{ cron = "" }', (15, ""), 46 * MINUTE),
        ('every = "1h"', '{ cron = "*/5 * * * *" }', (60, "*/5 * * * *"), 16 * MINUTE),
        ('every = "1h"', "{}", (60, ""), 181 * MINUTE),
        ('settle = "10m"', '{ every = "10m" }', (10, ""), 40 * MINUTE),
    ],
)
def test_what_a_module_says_itself_beats_both_defaults(
    folder: ConfigFolder, defaults: str, module: str, turns: tuple[int, str], deadline: timedelta
) -> None:
    settings = folder.load(GOOD + f"Leads = {module}\n[defaults]\n{defaults}")
    assert settings.turns("Leads") == Turns(every=turns[0] * MINUTE, cron=turns[1], timezone="UTC")
    assert settings.deadline("Leads") == deadline


# ----------------------------------------------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        # keys
        ('zoho.data_centre = "eu"', "zoho.data_centre: unknown key | did you mean data_center?"),
        ('zoho.schema = "x"', "zoho.schema: unknown key | it belongs under [postgres]"),
        ('every = "5m"', "every: unknown key | it belongs under [defaults]"),
        ('defaults.fields = ["A"]', "defaults.fields: unknown key | it belongs under [modules.NAME]"),
        ('modules.A.evry = "5m"', "modules.A.evry: unknown key | did you mean every?"),
        ('Zoho.data_center = "eu"', "Zoho: unknown key | did you mean zoho?"),
        ("qqq = 1", "qqq: unknown key | remove it; the keys here are zoho, postgres"),
        ('log.qqq = "x"', "log.qqq: unknown key | remove it; the keys here are level, format"),
        # types
        ("zoho.concurrent_jobs = '4'", 'zoho.concurrent_jobs: "4" is not a whole number | write concurrent_jobs = 4'),
        ("zoho.concurrent_jobs = true", "zoho.concurrent_jobs: true is not a whole number"),
        ("zoho.concurrent_jobs = 0", "zoho.concurrent_jobs: 0 is below 1 | write concurrent_jobs = 4"),
        ("zoho.concurrent_jobs = 99", "zoho.concurrent_jobs: 99 is above 20"),
        ("defaults.window_rows = 200_001", "defaults.window_rows: 200001 is above 200000"),
        ("web = 5", "web: 5 is not a table | begin it with a line [web]"),
        ("modules.A = 5", 'modules.A: 5 is not a table | write Leads = "15m", or a table'),
        ("postgres.dsn = 5", "postgres.dsn: 5 is not text | write"),
        # words
        (
            'defaults.deletes = "never"',
            'defaults.deletes: "never" is not known here | write "each-run", "daily" or "off"',
        ),
        ('defaults.census = "yearly"', '"weekly", "daily", "monthly" or "off"'),
        ('defaults.census_max_deleted = "101%"', 'is not a share | write "10%"'),
        ("modules.A.census_max_deleted = 5", 'modules.A.census_max_deleted: 5 is not a share | write "10%"'),
        ('modules.A.format = "xml"', 'modules.A.format: "xml" is not known here | write "csv", "ics" or "both"'),
        ('modules.A.cursor = "Id"', 'write "Modified_Time" or "Created_Time"'),
        ('zoho.api_version = "v9"', 'write "v2", "v2.1", "v3"'),
        ('log.level = "loud"', 'write "debug", "info", "warning" or "error"'),
        # durations and schedules
        (
            'modules.A.every = "15 minuets"',
            'modules.A.every: "15 minuets" is not a duration | write 90s, 15m, 2h or 1d',
        ),
        ('modules.A = "15 minuets"', 'modules.A.every: "15 minuets" is not a duration'),
        ("defaults.every = 15", 'defaults.every: 15 has no unit | write "15s", or 15m, 2h, 1d'),
        ('defaults.every = "0s"', 'defaults.every: "0s" is too short'),
        ('defaults.overlap = "1s"', 'defaults.overlap: "1s" is too short | write at least "2s"'),
        ('defaults.poll = "30s..2s"', 'defaults.poll: "30s..2s" is not a range'),
        ('defaults.cron = "0 0 * *"', 'defaults.cron: "0 0 * *": a cron line has five fields'),
        ('defaults.cron = "0 0 * * 8"', "expected 0 to 7"),
        ('timezone = "Europe/Berln"', 'timezone: "Europe/Berln" is not a time zone | did you mean Europe/Berlin?'),
        ('timezone = "../../etc/passwd"', "is not a time zone"),
        # names
        ('org = "a b"', 'org: "a b" is not a name for an org'),
        ('modules."Le ads" = "5m"', 'modules.Le ads: "Le ads" is not a module\'s API name'),
        ('modules.A.fields = "A"', "modules.A.fields: is not a list of field names"),
        ("modules.A.fields = []", "modules.A.fields: names no field"),
        ('modules.A.fields = ["A", "b c"]', 'modules.A.fields[1]: "b c" is not a field'),
        ('modules.A.fields = ["A", "A"]', 'modules.A.fields[1]: "A" is listed twice'),
        ('modules.A.table = "Deals"', 'modules.A.table: "Deals" cannot be a name here | write "deals"'),
        ('modules.A.table = "user"', 'write "user_"'),
        ('modules.A.table = "calendar_event"', 'write "calendar_event_"'),
        ('modules.A.table = "1a"', "beginning with a letter"),
        ('postgres.schema = "syncd"', 'postgres.schema: "syncd" is not free'),
        ('postgres.schema = "pg_x"', 'postgres.schema: "pg_x" is not free'),
        (f'postgres.schema = "{"x" * 60}"', "is too long"),
        ('modules.A.cvid = "x"', 'modules.A.cvid: "x" is not an id'),
        ('modules.A.criteria = { api_name = "A" }', "modules.A.criteria.comparator: is missing"),
        ('modules.A.criteria = [{ api_name = "A" }]', "modules.A.criteria[0].value: is missing"),
        # zoho
        ('zoho.client_id = ""', "zoho.client_id: is empty"),
        ('zoho.daily_credits = "150%"', 'zoho.daily_credits: "150%" is not a number of credits or a share'),
        ("zoho.daily_credits = 0", "write 20000 or"),
        # addresses
        ('callback.url = "http://hook.example.com/0123456789abcdefghijkl"', "cannot be used | write"),
        ('callback.url = "https://hook.example.com/short"', "at least 22 characters"),
        ('web.listen = "8642"', 'web.listen: "8642" is not an address'),
        ('web.listen = "host"', 'web.listen: "host" is not an address'),
        ('web.listen = "host:99999"', "is not an address"),
        ('web.listen = "host:80/x"', "is not an address"),
        ('web.names = ["https://x"]', "web.names: a list is not a list of host names"),
        ('web.token_file = ""', "web.token_file: is empty"),
        ('postgres.dsn = "crm"', "postgres.dsn: is neither a postgresql:// URL nor NAME=VALUE words"),
        # two keys
        ('modules.A = { every = "5m", cron = "0 0 * * *" }', "modules.A.cron: contradicts every"),
        ('modules.A = { fields = ["A"], exclude = ["B"] }', "modules.A.exclude: fields lists what is read already"),
        ('modules.contacts = "5m"', 'modules.Contacts: its table "contacts" is that of contacts already'),
        (
            'modules.A.table = "contacts"',
            'its table "contacts" is that of Contacts already | write table = "contacts_2"',
        ),
        ('zoho.api_url = "https://www.zohoapis.eu"', "zoho.api_url: contradicts data_center"),
        ('zoho.soid = "1"', "zoho.soid: only goes with client_credentials"),
        ('zoho.grant = "client_credentials"', "zoho.soid: is missing for client_credentials"),
        ('zoho.grant = "client_credentials"', "zoho.refresh_token_file: client_credentials has no refresh token"),
        ('web.listen = "0.0.0.0:80"', "web.token_file: the token for an address that other machines reach is missing"),
        ('web.listen = ":80"', "is not an address"),
    ],
)
def test_each_fault_stands_on_its_line(folder: ConfigFolder, line: str, problem: str) -> None:
    key, _, value = line.partition(" = ")
    good = "\n".join(kept for kept in GOOD.splitlines() if f"zoho.{kept.partition(' =')[0]}" != key)
    table, dot, _ = key.rpartition(".")
    if table in {"zoho", "modules"}:
        good = good.replace(f"[{table}]\n", f"[{table}]\n{key.removeprefix(f'{table}.')} = {value}\n")
    elif dot:
        good += f"\n[{table}]\n{key.removeprefix(f'{table}.')} = {value}\n"
    else:
        good = f"{line}\n{good}"
    (found,) = [told for told in folder.problems(good) if problem in told]
    number, what, fix = re.match(r"(\d+) (.*?) \| (.*)", found).groups()  # type: ignore[union-attr]  # it fails then
    named = re.sub(r"\[\d+\]$", "", what.partition(": ")[0]).rpartition(".")[2]
    assert (
        named in good.splitlines()[int(number) - 1]
        or "is missing" in what
        or value in good.splitlines()[int(number) - 1]
    )
    assert fix


def test_all_faults_are_told_at_once_in_the_order_of_the_lines(folder: ConfigFolder) -> None:
    text = '[zoho]\ndata_centre = "eu"\nclient_secret_file = "gone"\n[defaults]\nevery = 15\n[modules]\nA = "5x"\n'
    told = folder.problems(text)
    assert [one.partition(" ")[0] for one in told] == ["1", "1", "1", "2", "3", "5", "7"]
    assert [one.partition(": ")[0] for one in told[:3]] == [
        "1 zoho.client_id",
        "1 zoho.data_center",
        "1 zoho.refresh_token_file",
    ]


def test_faults_in_one_table_hide_none_in_another_nor_between_keys(folder: ConfigFolder) -> None:
    text = GOOD.replace('"eu"', '"xx"') + 'A = { every = "5x", cron = "0 0 * * *" }\n'
    assert [one.partition(": ")[0] for one in folder.problems(text)] == [
        "3 zoho.data_center",
        "9 modules.A.every",
        "9 modules.A.cron",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[zoho\n", "1 not TOML: expected ']' at the end of a table declaration, column 6"),
        ("a = 1\n[zoho]\nclient_id = 1000.ABC\n", "3 not TOML: "),
        ("a = 1\na = 2\n", "2 not TOML: cannot overwrite a value"),
        ('a = """\n\n', "3 not TOML: "),
        ("\n\nb = 'x", "3 not TOML: "),
    ],
)
def test_what_is_not_toml(folder: ConfigFolder, text: str, problem: str) -> None:
    (told,) = folder.problems(text)
    assert told.startswith(problem)
    assert "syncd export config" in told


def test_what_is_not_text(folder: ConfigFolder) -> None:
    (folder.path / "syncd.toml").write_bytes(b"[zoho]\nclient_id = '\xe9'\n")
    with pytest.raises(ConfigWrong) as wrong:
        load(folder.path / "syncd.toml", {})
    assert folder.told(wrong.value) == ["2 not text in UTF-8 | save the file in UTF-8"]


def test_files_from_other_systems(folder: ConfigFolder) -> None:
    assert folder.load("\ufeff" + GOOD.replace("\n", "\r\n")).org == "default"
    told = folder.problems("\ufeff" + (GOOD + "A = 1\n").replace("\n", "\r\n"))
    assert told[0].startswith("9 modules.A: ")


# ------------------------------------------------------------------------------------------------------------ secrets


@pytest.mark.parametrize(
    ("line", "fix"),
    [
        ('[zoho]\nclient_secret = "hunter2"', "client_secret_file"),
        ('[zoho]\nrefresh_token = "hunter2"', "refresh_token_file"),
        ('[postgres]\npassword = "hunter2"', "password_file"),
        ('[web]\ntoken = "hunter2"', "token_file"),
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(folder: ConfigFolder, line: str, fix: str) -> None:
    text = GOOD.replace("[zoho]", line) if line.startswith("[zoho]") else GOOD + line
    (told,) = folder.problems(text)
    assert "does not belong into this file" in told
    assert fix in told
    assert "hunter2" not in told


@pytest.mark.parametrize("dsn", ["postgresql://me:hunter2@db/crm", "host=db password=hunter2"])
def test_a_password_in_the_connection_string_works_and_is_warned_of(folder: ConfigFolder, dsn: str) -> None:
    settings = folder.load(GOOD + f'[postgres]\ndsn = "{dsn}"')
    assert settings.conninfo().get_secret_value() == dsn
    (warning,) = settings.warnings
    assert "password_file" in warning.fix
    assert "hunter2" not in f"{warning} {settings}"


@pytest.mark.parametrize("key", ["data_center", "client_id", "api_version", "client_secret_file"])
def test_a_secret_behind_the_wrong_key_is_not_repeated(folder: ConfigFolder, key: str) -> None:
    token = "1000.0123456789abcdef.0123456789abcdef"
    (folder.path / "x").mkdir()
    told = folder.problems("\n".join(["[zoho]", f'{key} = "{token}"']))
    assert token not in "".join(told) or key == "client_secret_file"


def test_secrets_from_the_environment_come_with_a_warning(folder: ConfigFolder) -> None:
    text = GOOD.replace('client_secret_file = "secret"\n', "").replace('refresh_token_file = "token"\n', "")
    environ = {"SYNCD_ZOHO__CLIENT_SECRET": "a", "SYNCD_ZOHO__REFRESH_TOKEN": "b"}
    settings = folder.load(text, environ)
    assert revealed(settings) == ("a", "b", None, None)
    assert [warning.where for warning in settings.warnings] == [
        "$SYNCD_ZOHO__CLIENT_SECRET",
        "$SYNCD_ZOHO__REFRESH_TOKEN",
    ]
    told = folder.problems(text)
    assert [one.partition(": ")[0] for one in told] == ["2 zoho.client_secret_file", "2 zoho.refresh_token_file"]
    assert "$SYNCD_ZOHO__REFRESH_TOKEN" in told[1]


def test_a_command_that_needs_no_zoho_reads_none_of_its_secrets(folder: ConfigFolder) -> None:
    (folder.path / "secret").unlink()
    folder.secret("pw", "it's")
    settings = folder.load(
        GOOD + '[postgres]\ndsn = "dbname=crm"\npassword_file = "pw"\n[web]\nlisten = "0.0.0.0:80"', secrets=False
    )
    assert revealed(settings) == (None, None, "it's", None)
    assert settings.conninfo().get_secret_value() == "dbname=crm password='it\\'s'"


def test_a_password_in_the_environments_dsn_wins(folder: ConfigFolder) -> None:
    folder.secret("pw", "from-file")
    text = GOOD + '[postgres]\npassword_file = "pw"'
    assert folder.load(text).conninfo().get_secret_value() == "password='from-file'"
    environ = {"SYNCD_POSTGRES__DSN": "postgresql://me:from-env@db/crm"}
    settings = folder.load(text, environ)
    assert settings.conninfo().get_secret_value() == environ["SYNCD_POSTGRES__DSN"]
    assert "from-env" not in repr(settings)


def test_settings_do_not_print_secrets(folder: ConfigFolder) -> None:
    callback = 'url = "https://hook.example.com/zoho/0123456789abcdefghijkl"'
    shown = repr(folder.load(GOOD + f"[callback]\n{callback}"))
    assert "the-client-secret" not in shown
    assert "the-refresh-token" not in shown
    assert "0123456789abcdefghijkl" not in shown


def test_all_secrets_are_told_to_those_who_hide_them(folder: ConfigFolder) -> None:
    folder.secret("pw", "from-file")
    folder.secret("web", "0123456789abcdef")
    settings = folder.load(
        GOOD
        + '[postgres]\npassword_file = "pw"\n[web]\ntoken_file = "web"\n'
        + '[callback]\nurl = "https://hook.example.com/zoho/0123456789abcdefghijkl"',
        {"SYNCD_POSTGRES__DSN": "postgresql://me:from%20env@db/crm"},
    )
    assert settings.known_secrets() == (
        "the-client-secret",
        "the-refresh-token",
        "from-file",
        "0123456789abcdef",
        "0123456789abcdefghijkl",
        "from env",
    )
    assert folder.load(secrets=False).known_secrets() == ()


def test_a_page_for_others_needs_a_token(folder: ConfigFolder) -> None:
    folder.secret("web", "0123456789abcdef")
    settings = folder.load(GOOD + '[web]\nlisten = "0.0.0.0:80"\ntoken_file = "web"')
    assert revealed(settings)[3] == "0123456789abcdef"
    assert folder.load(GOOD + '[web]\nlisten = ""').web.listen is None
    assert folder.load(GOOD + '[web]\nlisten = "localhost:80"').web.listen == Address("localhost", 80)


# ------------------------------------------------------------------------------------------- environment, warnings


def test_a_fault_in_the_environment_names_its_variable(folder: ConfigFolder) -> None:
    environ = {"SYNCD_ZOHO__DATA_CENTRE": "eu", "SYNCD_MODULES__CONTACTS__EVERY": "5x", "SYNCD_DEFAULTS__POLL": "1"}
    told = folder.problems(GOOD, environ)
    assert [one.partition(" | ")[0] for one in told] == [
        "$SYNCD_DEFAULTS__POLL defaults.poll: 1 is not text",
        '$SYNCD_MODULES__CONTACTS__EVERY modules.Contacts.every: "5x" is not a duration',
        "$SYNCD_ZOHO__DATA_CENTRE zoho.data_centre: unknown key",
    ]


def test_the_environment_wins(folder: ConfigFolder) -> None:
    environ = {"SYNCD_MODULES__CONTACTS__EVERY": "0.2s", "SYNCD_WEB__LISTEN": "", "SYNCD_ZOHO__CONCURRENT_JOBS": "2"}
    settings = folder.load(environ=environ)
    assert settings.turns("Contacts").every == timedelta(milliseconds=200)
    assert settings.web.listen is None
    assert settings.zoho.concurrent_jobs == 2


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        (GOOD + 'Deals = { format = "both" }', 9, "Events alone as ICS"),
        (GOOD + 'Deals = { format = "ics" }', 9, "Events alone as ICS"),
        (GOOD.replace('Contacts = "15m"\n', ""), 7, "nothing to sync"),
        (GOOD.replace("[zoho]", "[zoho]\ndownloads_per_minute = 11"), 3, "after 10 in a minute"),
    ],
)
def test_what_works_otherwise_than_one_may_believe(folder: ConfigFolder, text: str, where: int, what: str) -> None:
    (warning,) = folder.load(text).warnings
    assert warning.where == f"{folder.path / 'syncd.toml'}:{where}"
    assert what in warning.what
    assert warning.fix


@pytest.mark.parametrize(
    ("format_", "rows", "events"), [("csv", True, False), ("ics", False, True), ("both", True, True)]
)
def test_events_are_exported_in_the_formats_asked_for(
    folder: ConfigFolder, format_: str, rows: bool, events: bool
) -> None:
    settings = folder.load(GOOD + f'Events = {{ format = "{format_}" }}')
    assert settings.warnings == ()
    assert (settings.policy("Events").rows, settings.policy("Events").calendar) == (rows, events)


def test_what_is_off_is_no_warning(folder: ConfigFolder) -> None:
    text = GOOD + 'Events = { census = "off" }\n[defaults]\ncensus = "off"'
    assert folder.load(text).warnings == ()
