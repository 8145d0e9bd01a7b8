"""The ledger's statements by name, from queries.sql beside this module.

Owns: cutting the file. A statement starts at its `-- name: WORD` line; the comments below that line stay in it.
"""

import re
from importlib.resources import files

_HEADING = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


def _load() -> dict[str, bytes]:
    text = files("syncd.postgres").joinpath("queries.sql").read_text(encoding="utf-8")
    _, *parts = _HEADING.split(text)
    names, bodies = parts[::2], parts[1::2]
    if len(set(names)) != len(names):
        raise ValueError("queries.sql has two statements of one name")
    return {name: body.strip().removesuffix(";").encode() for name, body in zip(names, bodies, strict=True)}


QUERIES = _load()
"""All statements. Parameters are psycopg's `%(name)s`."""


def query(name: str) -> bytes:
    """The statement called `name`; KeyError at import when a module asks for one that is not there."""
    return QUERIES[name]
