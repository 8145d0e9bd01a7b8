"""The effective configuration and the JSON schema."""

import tomllib
from typing import Any, get_args

from syncd.settings.schema import schema
from syncd.settings.show import show
from syncd.settings.tree import DATA_CENTERS, TABLES, ApiVersion, DataCenter, keys_of
from syncd.zoho.regions import REGIONS, region
from syncd.zoho.wire import VERSIONS
from tests.unit.settings.config_folder import GOOD, ConfigFolder


def test_all_that_holds_is_shown_and_no_secret(folder: ConfigFolder) -> None:
    folder.secret("pw", "the-password")
    text = show(
        folder.load(
            GOOD
            + """
Deals = { cron = "0 3 * * *", criteria = { api_name = "Stage", comparator = "in", value = ["a", "b"] } }
[defaults]
settle = "10s"
[postgres]
dsn = "postgresql://me@db/crm"
password_file = "pw"
[callback]
url = "https://hook.example.com/zoho/0123456789abcdefghijkl"
""",
            {"SYNCD_WEB__TOKEN": "0123456789abcdef"},
        )
    )
    for secret in ("the-password", "the-client-secret", "the-refresh-token", "0123456789abcdef"):
        assert secret not in text
    assert f"# client_secret is ***, from {folder.path / 'secret'}\n" in text
    assert "# web_token is ***, from $SYNCD_WEB__TOKEN\n" in text
    shown = tomllib.loads(text)
    assert shown["callback"]["url"] == "https://hook.example.com/zoho/***"
    assert shown["postgres"]["dsn"] == "postgresql://me@db/crm"
    assert shown["zoho"]["daily_credits"] == "50%"
    assert shown["modules"]["Contacts"]["every"] == "15m"
    assert shown["modules"]["Contacts"]["settle"] == "10s"
    assert shown["modules"]["Contacts"]["deadline"] == "2710s"
    deals: dict[str, Any] = shown["modules"]["Deals"]
    assert deals["cron"] == "0 3 * * *"
    assert "every" not in deals
    assert deals["criteria"] == {"api_name": "Stage", "comparator": "in", "value": ["a", "b"]}


def test_a_password_in_the_dsn_is_hidden(folder: ConfigFolder) -> None:
    text = show(folder.load(environ={"SYNCD_POSTGRES__DSN": "postgresql://me:hunter2@db/crm"}))
    assert 'dsn = "postgresql://me:***@db/crm"' in text


def test_what_is_shown_loads_again_as_the_same(folder: ConfigFolder) -> None:
    before = folder.load(GOOD + 'Deals = { every = "1h", fields = ["A"], table = "deal" }\n[web]\nlisten = ""\n')
    assert before.web.listen is None
    after = folder.load(show(before).replace("scope =", "# scope ="))
    assert show(after) == show(before)
    assert after.web == before.web


def test_the_schema_knows_every_key() -> None:
    found = schema()
    assert found["additionalProperties"] is False
    assert found["required"] == ["zoho"]
    for name, table in TABLES.items():
        described = found["$defs"][table.__name__]
        assert set(described["properties"]) == set(keys_of(table)), name
        assert described["additionalProperties"] is False
        assert all(one.get("description") for one in described["properties"].values())
    (module,) = found["properties"]["modules"]["patternProperties"].values()
    short, long = module["anyOf"]
    assert short["type"] == "string"
    assert long == {"$ref": "#/$defs/ModuleTable"}


def test_the_schema_speaks_toml() -> None:
    found = schema()
    assert "null" not in repr(found)
    defaults = found["$defs"]["Defaults"]["properties"]
    assert defaults["every"]["default"] == "15m"
    assert defaults["poll"]["default"] == "2s..30s"
    assert found["$defs"]["Zoho"]["properties"]["daily_credits"]["default"] == "50%"
    assert found["$defs"]["Web"]["properties"]["listen"]["default"] == "127.0.0.1:8642"
    assert found["$defs"]["Zoho"]["required"] == ["client_id"]


def test_words_are_those_of_the_adapters() -> None:
    assert set(DATA_CENTERS) == set(REGIONS)
    assert all(region(name) for name in get_args(DataCenter))
    assert get_args(ApiVersion) == VERSIONS
