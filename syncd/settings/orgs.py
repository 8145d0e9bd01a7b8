"""Several orgs in one configuration: what they share, and what each must have of its own.

All orgs live in one process and one database. So what concerns those is said in one file, or in the same words in
several; names and schemas are each org's own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from syncd.errors import Problem
from syncd.settings.environment import Raw
from syncd.settings.findings import Finding, Origin, shown
from syncd.settings.toml_lines import TomlPath

_SHARED: tuple[tuple[str, ...], ...] = (
    ("postgres", "dsn"),
    ("postgres", "password_file"),
    ("callback",),
    ("web",),
    ("log",),
    ("storage",),
)
_VIEWS = "_live"


@dataclass(frozen=True, slots=True)
class Source:
    """The plain document of one file, and where its keys stand."""

    raw: Raw
    origin: Origin


def shared(sources: Sequence[Source]) -> tuple[tuple[Source, ...], tuple[Problem, ...]]:
    """The sources with what one of them says for all put into the others, and what two of them say differently."""
    result, problems = list(sources), []
    for path in _SHARED:
        sayers = [source for source in sources if _get(source.raw, path) is not None]
        if not sayers:
            continue
        first = sayers[0]
        for source in sayers[1:]:
            if _get(source.raw, path) != _get(first.raw, path):
                what = f"all orgs share this, and {first.origin.where(path)} says something else"
                problems.append(source.origin.problem(Finding(path, what, "say it in one file alone")))
        result = [source if _get(source.raw, path) is not None else _taken(source, first, path) for source in result]
    return tuple(result), tuple(problems)


def clashes(sources: Sequence[Source]) -> Iterator[Problem]:
    """Orgs that have the same name, or whose tables or views would get into each other's way."""
    for earlier, later in combinations(sources, 2):
        where = earlier.origin.file.name
        org = _name(later.raw)
        if org == _name(earlier.raw):
            fix = 'write org = "NAME" at the top of each file'
            yield later.origin.problem(Finding(("org",), f"{shown(org)} is the org of {where} already", fix))
        schema, other = _schema(later.raw), _schema(earlier.raw)
        if schema in {other, other + _VIEWS} or schema + _VIEWS == other:
            fix = f'write schema = "zoho_{org}" under [postgres]' if org.isidentifier() else "choose another schema"
            what = f"{shown(schema)} gets in the way of {shown(other)}, which {where} has for its tables"
            yield later.origin.problem(Finding(("postgres", "schema"), what, fix.lower()))


def _taken(source: Source, giver: Source, path: tuple[str, ...]) -> Source:
    raw = {**source.raw}
    if len(path) == 1:
        raw[path[0]] = giver.raw[path[0]]
    elif isinstance(raw.setdefault(path[0], {}), dict):
        raw[path[0]] = {**raw[path[0]], path[1]: _get(giver.raw, path)}
    places = {key: place for key, place in giver.origin.places.items() if key[: len(path)] == path}
    return replace(source, raw=raw, origin=source.origin.replaced(path, places))


def _get(raw: Raw, path: TomlPath) -> object:
    value: object = raw
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _name(raw: Raw) -> str:
    return str(raw.get("org", "default"))


def _schema(raw: Raw) -> str:
    return str(_get(raw, ("postgres", "schema")) or "zoho")
