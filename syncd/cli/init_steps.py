"""The steps of `syncd init`. Each asks and tries the answer at once; on a terminal it asks again if that fails."""

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, TypeVar

import click

from syncd.bootstrap.consent import refresh_token_for
from syncd.bootstrap.database import Database
from syncd.bootstrap.inspection import questioned
from syncd.cli import failure
from syncd.core.choice import nearest
from syncd.errors import ConfigWrong, NeedsOperator, Problem, SyncdError
from syncd.settings import dsn as dsns
from syncd.settings.load import load
from syncd.settings.toml_text import toml_key, toml_value
from syncd.settings.tree import DATA_CENTERS, SCOPES

_USUAL = ("Leads", "Contacts", "Accounts", "Deals")
_CONSOLES = {"us": "zoho.com", "au": "zoho.com.au", "cn": "zoho.com.cn", "ca": "zohocloud.ca"}
_ADDRESS = re.compile(r"zoho(?:cloud)?\.(com\.au|com\.cn|com|eu|in|jp|ca|sa|uk)\b")
_BY_ENDING = {"com": "us", "com.au": "au", "com.cn": "cn"}

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the options of the command say; None: to be asked for."""

    folder: Path
    data_center: str | None
    accounts_url: str | None
    api_url: str | None
    client_id: str | None
    client_secret_file: TextIO | None
    code_file: TextIO | None
    dsn: str | None
    chosen: str | None
    force: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Zoho:
    """Access to Zoho that has worked. `keys` are the lines of the configuration."""

    keys: dict[str, str]
    client_secret: str
    refresh_token: str


def set_up(given: Given) -> int:
    """Go through all steps; the exit code is that of the check at the end."""
    target = given.folder / "syncd.toml"
    if target.exists() and not given.force:
        fix = "edit it, or write over it: --force"
        raise ConfigWrong((Problem(where=str(target), what="there is a configuration already", fix=fix),))
    zoho = _zoho(given)
    conninfo, password = _postgres(given)
    given.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=given.folder, prefix=".syncd-init-") as name:
        draft = Path(name)
        _write_secrets(draft, zoho, password)
        _write(draft, zoho, conninfo, (), password=bool(password))
        modules = _modules(given, draft)
        _write(draft, zoho, conninfo, modules, password=bool(password))
        _move(draft, given.folder)
    click.echo(f"wrote {target}, and the secrets into {given.folder / 'credentials'} (0600)")
    return _checked(target)


# -------------------------------------------------------------------------------------------------------------- asking


def _answer(given: str | None, option: str, ask: Callable[[], str]) -> str:
    """What the option says, else what the person at the terminal says."""
    if given is not None:
        return given.strip()
    if not sys.stdin.isatty():
        raise click.UsageError(f"{option} is missing, and there is no terminal to ask on\nfix: give {option}")
    return ask().strip()


def _until_it_works(given: object, attempt: Callable[[], T]) -> T:
    """The result of an attempt; on a terminal an attempt that fails is told and repeated, unless options decided it."""
    while True:
        try:
            return attempt()
        except SyncdError as error:
            if given is not None or not sys.stdin.isatty():
                raise
            click.echo(failure.describe(error), err=True)


def _prompt(text: str, *, default: str | None = None, hidden: bool = False) -> str:
    return str(click.prompt(text, default=default, hide_input=hidden, err=True))


# ---------------------------------------------------------------------------------------------------------------- Zoho


def _zoho(given: Given) -> _Zoho:
    place = _place(given)
    center = place.get("data_center", "")
    if given.code_file is None and sys.stdin.isatty():
        _explain(center)
    return _until_it_works(given.code_file, lambda: _exchanged(given, place))


def _place(given: Given) -> dict[str, str]:
    if given.accounts_url and given.api_url:
        return {"accounts_url": given.accounts_url, "api_url": given.api_url}
    said = _answer(
        given.data_center,
        "--data-center",
        lambda: _prompt(f"1/4 Data center ({' '.join(DATA_CENTERS)}), or the address of your CRM"),
    )
    return {"data_center": data_center(said)}


def data_center(said: str) -> str:
    """The data center that a word or the address of a CRM means. ConfigWrong when it is none.

    >>> data_center("EU"), data_center("https://crm.zoho.com.au/crm/org123/tab/Home"), data_center("crm.zoho.com")
    ('eu', 'au', 'us')
    """
    word = said.strip().lower()
    if found := _ADDRESS.search(word):
        return _BY_ENDING.get(found[1], found[1])
    word = _BY_ENDING.get(word, word)
    if word not in DATA_CENTERS:
        fix = f"one of {' '.join(DATA_CENTERS)}: the end of the address of your CRM tells"
        raise ConfigWrong((Problem(where="--data-center", what=f"{said!r} is none of Zoho's data centers", fix=fix),))
    return word


def _explain(center: str) -> None:
    domain = _CONSOLES.get(center, f"zoho.{center}")
    click.echo(
        f"2/4 Open https://api-console.{domain} -> Self Client -> Create. Client ID and secret are under\n"
        "    'Client Secret'. Then 'Generate Code' with these scopes and the longest duration:\n"
        f"    {','.join((*SCOPES, 'ZohoCRM.org.READ'))}",
        err=True,
    )


def _exchanged(given: Given, place: dict[str, str]) -> _Zoho:
    client_id = _answer(given.client_id, "--client-id", lambda: _prompt("    Client ID"))
    secret = _answer(
        _text(given.client_secret_file), "--client-secret-file", lambda: _prompt("    Client secret", hidden=True)
    )
    code = _answer(_text(given.code_file), "--code-file", lambda: _prompt("    Code", hidden=True))
    token = refresh_token_for(
        data_center=place.get("data_center", ""),
        accounts_url=place.get("accounts_url", ""),
        api_url=place.get("api_url", ""),
        client_id=client_id,
        client_secret=secret,
        code=code,
    )
    click.echo("    ok: Zoho gave a refresh token", err=True)
    return _Zoho(keys={**place, "client_id": client_id}, client_secret=secret, refresh_token=token)


def _text(file: TextIO | None) -> str | None:
    return None if file is None else file.read()


# ---------------------------------------------------------------------------------------------------------- PostgreSQL


def _postgres(given: Given) -> tuple[str, str]:
    """A connection string that works, and the password that it needs besides, or ''."""

    def attempt() -> tuple[str, str]:
        said = _answer(given.dsn, "--dsn", lambda: _prompt("3/4 PostgreSQL", default="postgresql:///crm"))
        if dsns.has_password(said):
            fix = "leave it out; it is asked for, or comes from ~/.pgpass or PGPASSWORD"
            raise ConfigWrong((Problem(where="--dsn", what="a password does not belong into it", fix=fix),))
        password = ""
        try:
            _connect(said)
        except NeedsOperator as error:
            if "password" not in str(error) or not sys.stdin.isatty():
                raise
            password = _prompt("    Password", hidden=True)
            _connect(dsns.with_password(said, password))
        return said, password

    return _until_it_works(given.dsn, attempt)


def _connect(conninfo: str) -> None:
    database = Database(conninfo, size=1)
    try:
        facts = database.facts("zoho")
    finally:
        database.close()
    lacks = f", but the role lacks {'; '.join(facts.missing)}" if facts.missing else ""
    click.echo(f"    ok: PostgreSQL {facts.version}, database {facts.database}, role {facts.role}{lacks}", err=True)


# -------------------------------------------------------------------------------------------------------------- modules


def _modules(given: Given, draft: Path) -> tuple[str, ...]:
    """The modules to sync, as Zoho spells them."""
    (settings,) = load(draft / "syncd.toml", os.environ)
    with questioned(settings) as client:
        usable = [module.api_name for module in client.modules() if not module.why_not]
    usual = ", ".join(name for name in _USUAL if name in usable)
    if given.chosen is None and sys.stdin.isatty():
        click.echo(f"4/4 Modules of your organisation: {', '.join(usable)}", err=True)

    def attempt() -> tuple[str, ...]:
        said = _answer(given.chosen, "--modules", lambda: _prompt("    Which", default=usual))
        spelled = {name.lower(): name for name in usable}
        names = tuple(dict.fromkeys(part.strip() for part in said.split(",") if part.strip()))
        if unknown := [name for name in names if name.lower() not in spelled]:
            raise ConfigWrong(tuple(_unknown(name, usable) for name in unknown))
        return tuple(spelled[name.lower()] for name in names)

    return _until_it_works(given.chosen, attempt)


def _unknown(name: str, usable: list[str]) -> Problem:
    near = nearest(name, usable)
    fix = f"did you mean {' or '.join(near)}?" if near else f"choose from: {', '.join(usable)}"
    return Problem(where="--modules", what=f"{name!r} is no module of this organisation that can be synced", fix=fix)


# ------------------------------------------------------------------------------------------------------------- writing


def _write_secrets(draft: Path, zoho: _Zoho, password: str) -> None:
    place = draft / "credentials"
    place.mkdir(mode=0o700)
    secrets = {"zoho-client-secret": zoho.client_secret, "zoho-refresh-token": zoho.refresh_token}
    for name, secret in (secrets | ({"pg-password": password} if password else {})).items():
        (place / name).touch(mode=0o600)
        (place / name).write_text(f"{secret}\n", encoding="utf-8")


def _write(draft: Path, zoho: _Zoho, conninfo: str, modules: tuple[str, ...], *, password: bool) -> None:
    lines = ["# Written by syncd init. Every key there is, with its default: syncd export config", "", "[zoho]"]
    lines += [f"{key} = {toml_value(value)}" for key, value in zoho.keys.items()]
    lines += ['client_secret_file = "credentials/zoho-client-secret"']
    lines += ['refresh_token_file = "credentials/zoho-refresh-token"']
    lines += ["", "[postgres]", f"dsn = {toml_value(conninfo)}"]
    lines += ['password_file = "credentials/pg-password"'] if password else []
    lines += ["", "[modules]", *(f'{toml_key(name)} = "15m"' for name in modules)]
    (draft / "syncd.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _move(draft: Path, folder: Path) -> None:
    """Put the files in their place; the configuration last, because it is what makes them count."""
    (folder / "credentials").mkdir(mode=0o700, exist_ok=True)
    for secret in (draft / "credentials").iterdir():
        secret.replace(folder / "credentials" / secret.name)
    shutil.rmtree(draft / "credentials")
    (draft / "syncd.toml").replace(folder / "syncd.toml")


def _checked(config: Path) -> int:
    from syncd.cli.checks import all_findings, exit_code
    from syncd.cli.findings import print_finding
    from syncd.cli.invocation import Invocation

    findings = []
    for finding in all_findings(Invocation(config=config)):
        findings.append(finding)
        if finding.level != "ok":
            print_finding(finding)
    click.echo(
        "next: syncd plan, then syncd sync" if config.parent == Path() else f"next: syncd --config {config} plan"
    )
    return exit_code(findings)
