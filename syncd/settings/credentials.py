"""Secrets: where each is looked for, and what a file that holds one must be like.

In this order: the `*_file` key of the configuration, the credential that systemd hands over in
$CREDENTIALS_DIRECTORY, the environment. Values are kept in `SecretStr`, which does not print them, and no message here
contains one.
"""

import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from syncd.settings.findings import Finding
from syncd.settings.places import Places
from syncd.settings.toml_lines import TomlPath

_LARGEST = 64 * 1024
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One secret.

    `name`: its field in `Secrets`. `table` and `key`: where it belongs in a configuration; `KEY_file` names its file.
    `credential`: its name for systemd. `least`: how many characters it must have. `words`: what people call it.
    """

    name: str
    table: str
    key: str
    credential: str
    words: str
    least: int = 1

    @property
    def path(self) -> TomlPath:
        """The path of the key that names its file."""
        return (self.table, f"{self.key}_file")

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return f"SYNCD_{self.table}__{self.key}".upper()


CLIENT_SECRET = Kind(
    name="client_secret", table="zoho", key="client_secret", credential="zoho-client-secret", words="client secret"
)
REFRESH_TOKEN = Kind(
    name="refresh_token", table="zoho", key="refresh_token", credential="zoho-refresh-token", words="refresh token"
)
PG_PASSWORD = Kind(
    name="pg_password", table="postgres", key="password", credential="pg-password", words="database password"
)
WEB_TOKEN = Kind(
    name="web_token",
    table="web",
    key="token",
    credential="web-token",
    words="token for an address that other machines reach",
    least=16,
)
KINDS = (CLIENT_SECRET, REFRESH_TOKEN, PG_PASSWORD, WEB_TOKEN)
SECRET_VARIABLES = frozenset(kind.variable for kind in KINDS)


@dataclass(frozen=True, slots=True)
class Found:
    """A secret and where it was found: a path or `$VARIABLE`."""

    value: SecretStr
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """The secrets of one org; None: not found, or not looked for. `sources` says where each was found, by its key."""

    client_secret: SecretStr | None = None
    refresh_token: SecretStr | None = None
    pg_password: SecretStr | None = None
    web_token: SecretStr | None = None
    sources: Mapping[str, str] = field(default_factory=dict)


def find_secret(kind: Kind, file: str | None, places: Places) -> tuple[Found | None, Finding | None]:
    """Look for one secret. `file` is what the configuration says for its file, None without.

    Nothing found anywhere is (None, None): whether it is needed is the caller's to know.
    """
    if file is not None:
        return _read(kind, places.resolve(file), places)
    folder = places.credentials
    if folder is not None and (folder / kind.credential).exists():
        return _read(kind, folder / kind.credential, places)
    if text := places.environ.get(kind.variable, "").strip():
        return _judge(kind, text, f"${kind.variable}")
    return None, None


def missing(kind: Kind) -> Finding:
    """The finding for a needed secret that is nowhere."""
    return Finding(
        kind.path,
        f"the {kind.words} is missing",
        f'write {kind.key}_file = "PATH", or hand it over as the systemd credential {kind.credential}, '
        f"or set ${kind.variable}",
    )


def _read(kind: Kind, path: Path, places: Places) -> tuple[Found | None, Finding | None]:
    try:
        mode = path.stat().st_mode
        content = b""
        if stat.S_ISREG(mode):  # anything else could block
            with path.open("rb") as opened:
                content = opened.read(_LARGEST + 1)
    except OSError as error:
        lost = isinstance(error, FileNotFoundError)
        fix = f"put the secret there, alone, and run: chmod 600 {path}" if lost else _OWNER
        return None, Finding(kind.path, f"{path} cannot be read: {error.strerror}", fix)
    flaw = _flaw(path, mode, content, private=places.is_credential(path))
    return (None, Finding(kind.path, *flaw)) if flaw else _judge(kind, content.decode().strip(), str(path))


_OWNER = "let it belong to the user that runs syncd"


def _flaw(path: Path, mode: int, content: bytes, *, private: bool) -> tuple[str, str] | None:
    """What is wrong with a file and how to put it right; None for a file that may be used."""
    if not stat.S_ISREG(mode):
        return f"{path} is not a file", "name the file with the secret in it"
    if mode & _OTHERS and not private:
        return f"{path} is open to other users (mode {stat.S_IMODE(mode):04o})", f"run: chmod 600 {path}"
    if not content.strip():
        return f"{path} is empty", "put the secret there, alone"
    try:
        lines = content.decode().strip().splitlines()
    except UnicodeDecodeError:
        lines = []
    if len(content) > _LARGEST or len(lines) != 1:
        return f"{path} holds more than one line of text", "leave nothing but the secret in it"
    return None


def _judge(kind: Kind, text: str, source: str) -> tuple[Found | None, Finding | None]:
    if len(text) < kind.least:
        what = f"the {kind.key} from {source} has fewer than {kind.least} characters"
        fix = 'make one: python3 -c "import secrets; print(secrets.token_urlsafe(24))"'
        return None, Finding(kind.path, what, fix)
    return Found(SecretStr(text), source), None
