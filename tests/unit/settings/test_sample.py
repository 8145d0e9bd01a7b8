"""The annotated sample and the demo's configuration: up to date, and true."""

import re
import tomllib
from pathlib import Path

import pytest

from syncd import shipped
from syncd.settings.load import load
from syncd.settings.sample import sample
from syncd.settings.tree import TABLES, Defaults, keys_of
from syncd.simulator import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from tests.unit.settings.config_folder import ConfigFolder

SECRETS = {"SYNCD_ZOHO__CLIENT_SECRET": CLIENT_SECRET, "SYNCD_ZOHO__REFRESH_TOKEN": REFRESH_TOKEN}
COMMENTED = re.compile(r"^# ([a-z_]+ = .*)$", re.MULTILINE)


def test_the_file_is_the_generated_text() -> None:
    file = shipped.folder("config") / "syncd.toml"
    assert file.read_text() == sample(), "write it anew: syncd export config > config/syncd.toml"


def test_the_sample_loads_as_soon_as_the_secrets_are_there(folder: ConfigFolder) -> None:
    settings = folder.load(sample(), SECRETS)
    assert settings.defaults == Defaults()
    assert list(settings.modules) == ["Contacts", "Accounts", "Deals"]


def test_every_key_is_in_the_sample() -> None:
    whole = tomllib.loads(COMMENTED.sub(r"\1", sample()))
    assert {"org", "timezone", *TABLES} == whole.keys()
    for name, table in TABLES.items():
        there = whole[name]["Deals"] if name == "modules" else whole[name]
        assert set(keys_of(table)) == there.keys()


def test_every_commented_line_says_the_default_or_could_stand_there(folder: ConfigFolder) -> None:
    for secret in ("zoho-client-secret", "zoho-refresh-token", "pg-password", "web-token"):
        (folder.path / "credentials").mkdir(exist_ok=True)
        folder.secret(f"credentials/{secret}", "0123456789abcdef")
    default = folder.load(sample(), SECRETS)
    text = sample()
    lines = text.splitlines()
    for number, line in enumerate(lines):
        found = COMMENTED.fullmatch(line)
        # These four only make sense together with another change.
        if found is None or found[1].startswith(("accounts_url", "api_url", "soid", "scope", "cron", "exclude")):
            continue
        changed = "\n".join([*lines[:number], found[1], *lines[number + 1 :]])
        settings = folder.load(changed, SECRETS)
        key = found[1].partition(" =")[0]
        if getattr(Defaults(), key, None) is not None:
            assert settings.defaults == default.defaults, line


def test_no_line_is_too_long_to_read() -> None:
    assert max(len(line) for line in sample().splitlines()) <= 130


@pytest.fixture
def demo() -> Path:
    return shipped.folder("config") / "demo.toml"


def test_the_demo_needs_only_addresses_and_secrets(demo: Path, tmp_path: Path) -> None:
    environ = {
        "SYNCD_ZOHO__ACCOUNTS_URL": "http://127.0.0.1:1234",
        "SYNCD_ZOHO__API_URL": "http://127.0.0.1:1234",
        "SYNCD_ZOHO__CLIENT_ID": CLIENT_ID,
        "SYNCD_POSTGRES__DSN": "host=/tmp/x port=1 user=postgres dbname=demo",
        "SYNCD_STORAGE__STATE_DIR": str(tmp_path),
        **SECRETS,
    }
    (settings,) = load(demo, environ)
    assert settings.zoho.client_id == CLIENT_ID
    assert settings.zoho.downloads_per_minute > 10
    assert settings.state_dir == tmp_path
    assert {"Leads", "Contacts", "Accounts", "Deals", "Tasks", "Events"} <= settings.modules.keys()
    assert {warning.where[:1] for warning in settings.warnings} <= {"$"}
