"""Overrides from the environment: `SYNCD_POSTGRES__DSN` sets `dsn` in `[postgres]`, two underscores per level.

A value is read as TOML if it is a number, a boolean, a list, a table or text in quotes; anything else is the text
itself, so that ids, dates and paths need no quotes.
"""

import copy
import tomllib
from collections.abc import Mapping
from typing import Any

from syncd.settings.credentials import SECRET_VARIABLES
from syncd.settings.toml_lines import TomlPath
from syncd.settings.tree import TABLES, keys_of

_PREFIX, _LEVEL = "SYNCD_", "__"

Raw = dict[str, Any]


def overlaid(document: Raw, environ: Mapping[str, str]) -> tuple[Raw, dict[TomlPath, str]]:
    """The document with the overrides put in, and which variable each changed path comes from.

    The document itself is not changed. Names of modules and their keys are matched without regard to case, because
    some shells only have variables in capitals. Variables for secrets are left to `credentials`.
    """
    result: Raw = copy.deepcopy(document)
    variables: dict[TomlPath, str] = {}
    for variable in sorted(environ):
        name = variable.removeprefix(_PREFIX)
        if name == variable or _LEVEL not in name or variable in SECRET_VARIABLES:
            continue
        path = _path(name.split(_LEVEL), result)
        if _put(result, path, value_of(environ[variable])):
            variables[path] = variable
    return result, variables


def value_of(text: str) -> object:
    """What the text of a variable means.

    >>> [value_of(text) for text in ("4", "true", '["a"]', '"4"', "1.5s", "2026-01-01", "")]
    [4, True, ['a'], '4', '1.5s', '2026-01-01', '']
    """
    try:
        value = tomllib.loads(f"v = {text}")
    except tomllib.TOMLDecodeError:
        return text
    # A line break in the text could have started further keys; then it was never meant as TOML.
    return value["v"] if len(value) == 1 and isinstance(value["v"], bool | int | list | dict | str) else text


def _path(parts: list[str], document: Raw) -> tuple[str, ...]:
    table = parts[0].lower()
    if table != "modules" or len(parts) < 2:
        return (table, *(part.lower() for part in parts[1:]))
    modules = document.get(table)
    known = {name.lower(): name for name in modules} if isinstance(modules, dict) else {}
    name = known.get(parts[1].lower(), parts[1])
    keys = {key.lower(): key for key in keys_of(TABLES["modules"])}
    return (table, name, *(keys.get(part.lower(), part.lower()) for part in parts[2:]))


def _put(document: Raw, path: tuple[str, ...], value: object) -> bool:
    """Set a value deep in a document; False when something on the way is no table (which is reported elsewhere)."""
    table = document
    for depth, part in enumerate(path[:-1], 1):
        inner = table.setdefault(part, {})
        if path[0] == "modules" and depth == 2 and isinstance(inner, str):  # the short form
            inner = table[part] = {"every": inner}
        if not isinstance(inner, dict):
            return False
        table = inner
    table[path[-1]] = value
    return True
