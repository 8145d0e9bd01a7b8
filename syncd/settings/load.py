"""Reads a configuration: files, environment, secrets. Answers with settings, or with all that is wrong at once."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from syncd.errors import ConfigWrong, Problem
from syncd.settings import dsn
from syncd.settings.checks import contradictions, warnings
from syncd.settings.environment import Raw, overlaid
from syncd.settings.findings import Finding, Origin
from syncd.settings.gathering import Gathered, gather
from syncd.settings.orgs import Source, clashes, shared
from syncd.settings.places import Places, configuration_files, find_configuration
from syncd.settings.settings import Settings
from syncd.settings.toml_lines import key_lines
from syncd.settings.tree import Document
from syncd.settings.validation import typed


@dataclass(frozen=True, slots=True)
class _Judged:
    """One org: its settings if nothing is wrong with it alone, and what is."""

    source: Source
    settings: Settings | None
    problems: tuple[Problem, ...]


def load(
    path: Path | None, environ: Mapping[str, str], *, working: Path | None = None, secrets: bool = True
) -> tuple[Settings, ...]:
    """The settings of every org of a configuration, in the order of the names of their files.

    `path` is a file, or a folder with one file per org. None: $SYNCD_CONFIG, else ./syncd.toml (in `working`, unless
    given the process's working folder), ~/.config/syncd/syncd.toml, /etc/syncd/syncd.toml. With `secrets` False only
    the password of the database is read: for commands that need no Zoho.

    Raises ConfigWrong with every problem that was found, each with its file and line.
    """
    found = find_configuration(path, environ, working or Path.cwd())
    sources, problems = _read_all(configuration_files(found))
    sources, differences = shared(sources)
    sources = tuple(_overlaid(source, environ) for source in sources)
    judged = [_judge(source, environ, secrets=secrets) for source in sources]
    problems = (
        *problems,
        *differences,
        *(problem for one in judged for problem in one.problems),
        *clashes(sources),
        *_same_token(judged),
    )
    if problems:
        raise ConfigWrong(tuple(sorted(dict.fromkeys(problems), key=_place)))
    return tuple(one.settings for one in judged if one.settings is not None)


def _place(problem: Problem) -> tuple[str, int]:
    """Sorts problems by file and line, those without a line by name."""
    file, _, line = problem.where.rpartition(":")
    return (file, int(line)) if file and line.isdecimal() else (problem.where, 0)


# -------------------------------------------------------------------------------------------------------------- files


def _read_all(files: Sequence[Path]) -> tuple[tuple[Source, ...], tuple[Problem, ...]]:
    sources, problems = [], []
    for file in files:
        read = _read(file)
        if isinstance(read, Source):
            sources.append(read)
        else:
            problems.append(read)
    return tuple(sources), tuple(problems)


def _read(file: Path) -> Source | Problem:
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        return Problem(where=f"{file}:{line}", what="not text in UTF-8", fix="save the file in UTF-8")
    except OSError as error:
        fix = "run as the user that may read it, or name another file (--config PATH)"
        return Problem(where=str(file), what=f"cannot be read: {error.strerror}", fix=fix)
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return _not_toml(file, text, str(error))
    places = {path: f"{file}:{line}" for path, line in key_lines(text).items()}
    return Source(raw, Origin(file=file, places=places))


def _not_toml(file: Path, text: str, message: str) -> Problem:
    found = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    line = int(found[1]) if found and found[1] else text.count("\n") + 1
    column = f", column {found[2]}" if found and found[2] else ""
    said = message[: found.start()] if found else message
    return Problem(
        where=f"{file}:{line}",
        what=f"not TOML: {said[:1].lower()}{said[1:]}{column}",
        fix='write KEY = VALUE, text in "quotes"; for an example: syncd export config',
    )


def _overlaid(source: Source, environ: Mapping[str, str]) -> Source:
    raw, variables = overlaid(source.raw, environ)
    origin = source.origin
    for path, variable in variables.items():
        origin = origin.replaced(path, {path: f"${variable}"})
    return Source(raw, origin)


# ------------------------------------------------------------------------------------------------------------ one org


def _judge(source: Source, environ: Mapping[str, str], *, secrets: bool) -> _Judged:
    raw, origin = source.raw, source.origin
    places = Places(folder=origin.file.absolute().parent, environ=environ)
    document, findings = typed(raw)
    gathered = gather(raw, document, places, zoho=secrets)
    findings = (*findings, *contradictions(raw), *gathered.findings)
    problems = tuple(origin.problem(finding) for finding in findings)
    if document is None or problems:
        return _Judged(source, None, problems)
    warned = tuple(origin.problem(finding) for finding in (*warnings(document), *_password(raw, origin)))
    return _Judged(source, _settings(document, origin, places, gathered, warned + gathered.warnings), ())


def _password(raw: Raw, origin: Origin) -> Iterator[Finding]:
    """A password in the file, which works; in the environment it is where secrets may be."""
    postgres = raw.get("postgres")
    said = postgres.get("dsn") if isinstance(postgres, dict) else None
    path = ("postgres", "dsn")
    if isinstance(said, str) and dsn.secrets_in(said) and not origin.where(path).startswith("$"):
        fix = 'take it out and write password_file = "PATH", or use the credential pg-password, PGPASSWORD or ~/.pgpass'
        yield Finding(path, "whoever may read this file has the password of the database", fix)


def _settings(
    document: Document, origin: Origin, places: Places, gathered: Gathered, warned: tuple[Problem, ...]
) -> Settings:
    ca_file = document.zoho.ca_file
    return Settings(
        source=origin.file,
        org=document.org,
        timezone=document.timezone,
        zoho=document.zoho,
        postgres=document.postgres,
        defaults=document.defaults,
        modules=document.modules,
        callback=document.callback,
        web=document.web,
        log=document.log,
        state_dir=places.state_dir(document.storage.state_dir),
        ca_file=None if ca_file is None else places.resolve(ca_file),
        secrets=gathered.secrets,
        warnings=warned,
    )


def _same_token(judged: Sequence[_Judged]) -> Iterator[Problem]:
    """A refresh token opens one organisation, so two orgs with the same one would both hold the records of one."""
    settled = [(one.source, one.settings) for one in judged if one.settings is not None]
    for (_, earlier), (source, later) in combinations(settled, 2):
        token = later.secrets.refresh_token
        if token is not None and token == earlier.secrets.refresh_token:
            what = f"it is the refresh token of {earlier.source.name} as well"
            fix = 'write refresh_token_file = "PATH" for each org; $CREDENTIALS_DIRECTORY/NAME is a path too'
            yield source.origin.problem(Finding(("zoho", "refresh_token_file"), what, fix))
