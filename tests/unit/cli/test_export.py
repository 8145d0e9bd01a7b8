"""What `syncd export` prints can be used as it is."""

import json
import tomllib

from syncd.shipped import folder
from tests.command import ran


def test_the_sample_is_toml_and_the_shipped_file() -> None:
    text = ran("export", "config").out
    assert tomllib.loads(text)["zoho"]
    assert text == (folder("config") / "syncd.toml").read_text()


def test_the_unit_is_the_shipped_file() -> None:
    assert ran("export", "systemd").out == (folder("systemd") / "syncd.service").read_text()


def test_the_schema_is_json() -> None:
    assert "zoho" in json.loads(ran("export", "schema").out)["properties"]


def test_other_files_are_not_there() -> None:
    assert ran("export", "dbt").code == 2
