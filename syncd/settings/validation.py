"""From a plain document to the typed tree, or to findings that say what to write instead.

pydantic finds what is wrong; the words are ours, because its own speak to programmers.
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from syncd.settings.credentials import KINDS
from syncd.settings.environment import Raw
from syncd.settings.examples import example
from syncd.settings.findings import Finding, did_you_mean, one_of, shown
from syncd.settings.toml_lines import TomlPath
from syncd.settings.toml_text import toml_value
from syncd.settings.tree import TABLES, Document, keys_of

_SECRET_KEYS = {(kind.table, kind.key): kind for kind in KINDS}
_TYPES = {
    "string_type": "text in quotes",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}


def typed(document: Raw) -> tuple[Document | None, tuple[Finding, ...]]:
    """The typed document, or everything that is wrong with single values and keys."""
    try:
        return Document.model_validate(document), ()
    except ValidationError as error:
        details = error.errors(include_url=False)
        return None, tuple(finding for detail in details for finding in _findings(detail))


def _findings(detail: ErrorDetails) -> tuple[Finding, ...]:
    # pydantic says in brackets that a key itself is wrong.
    path = tuple(part for part in detail["loc"] if part != "[key]")
    context = detail.get("ctx", {})
    if detail["type"] == "syncd":
        inner = context["findings"] or (Finding((), context["what"], context["fix"]),)
        return tuple(Finding((*path, *one.path), one.what, one.fix) for one in inner)
    if detail["type"] == "extra_forbidden":
        return (_unknown(path),)
    if detail["type"] == "missing":
        return (Finding(path, "is missing", _example(path)),)
    return (Finding(path, _complaint(detail, context), _example(path)),)


def _complaint(detail: ErrorDetails, context: Mapping[str, Any]) -> str:
    value, kind = shown(detail["input"]), detail["type"]
    if kind in _TYPES:
        return f"{value} is not {_TYPES[kind]}"
    if kind == "literal_error":
        return f"{value} is not known here"
    if kind == "greater_than_equal":
        return f"{value} is below {context['ge']}"
    if kind == "less_than_equal":
        return f"{value} is above {context['le']}"
    return f"{value}: {detail['msg']}"


def _unknown(path: TomlPath) -> Finding:
    *parents, last = path
    table, key = (str(parents[0]) if parents else ""), str(last)
    if (table, key) in _SECRET_KEYS:
        kind = _SECRET_KEYS[table, key]
        fix = f'put it into a file (chmod 600) and write {key}_file = "PATH", or set ${kind.variable}'
        return Finding(path, "a secret does not belong into this file", fix)
    known = keys_of(TABLES[table]) if table else (*TABLES, "org", "timezone")
    homes = [f"[{name}]" for name, model in TABLES.items() if key in keys_of(model)]
    # What a module may say is no home for a key of another table, unless it is nobody else's.
    homes = [home for home in homes if home != "[modules]"] or [home.replace("]", ".NAME]") for home in homes]
    fix = f"it belongs under {one_of(homes)}" if homes else did_you_mean(key, known)
    return Finding(path, "unknown key", fix or f"remove it; the keys here are {', '.join(known)}")


def _example(path: TomlPath) -> str:
    """What to write at a path: one of the words that are allowed, or the example or default of its key."""
    table = str(path[0])
    if table not in TABLES:
        return _to_write("", table)
    depth = 2 if table == "modules" else 1
    if len(path) <= depth:
        return 'write Leads = "15m", or a table' if table == "modules" else f"begin it with a line [{table}]"
    return _to_write(table, str(path[depth]))


def _to_write(table: str, key: str) -> str:
    model = TABLES[table] if table else Document
    if words := _words(model.model_fields[key].annotation):
        return f"write {one_of([toml_value(word) for word in words])}"
    return f"write {key} = {toml_value(example(table, key))}"


def _words(annotation: Any) -> tuple[str, ...]:
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return next((words for part in get_args(annotation) if (words := _words(part))), ())
