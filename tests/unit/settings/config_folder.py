"""A configuration to begin with: a folder with a file that loads, and its secrets."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from syncd.errors import ConfigWrong
from syncd.settings.load import load
from syncd.settings.settings import Settings

GOOD = """
[zoho]
data_center = "eu"
client_id = "1000.ABCDEFGH"
client_secret_file = "secret"
refresh_token_file = "token"
[modules]
Contacts = "15m"
"""


class ConfigFolder:
    """Writes configuration files and loads them without any environment of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.secret("secret", "the-client-secret")
        self.secret("token", "the-refresh-token")

    def secret(self, name: str, text: str) -> Path:
        """A file that holds a secret."""
        (self.path / name).write_text(text)
        (self.path / name).chmod(0o600)
        return self.path / name

    def write(self, text: str = GOOD, name: str = "syncd.toml") -> Path:
        """A configuration file."""
        (self.path / name).write_text(text, newline="")
        return self.path / name

    def load(self, text: str = GOOD, environ: Mapping[str, str] | None = None, *, secrets: bool = True) -> Settings:
        """The settings of a file with this text."""
        (settings,) = load(self.write(text), environ or {}, secrets=secrets)
        return settings

    def problems(self, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
        """What is wrong with a file with this text, as `LINE what | fix`, or `$VARIABLE what | fix`."""
        file = self.write(text)
        with pytest.raises(ConfigWrong) as wrong:
            load(file, environ or {})
        return self.told(wrong.value)

    def told(self, error: ConfigWrong) -> list[str]:
        """The problems of an error; files are named without their folder."""
        return [
            f"{problem.where} {problem.what} | {problem.fix}".replace(f"{self.path}/", "").replace("syncd.toml:", "")
            for problem in error.problems
        ]
