"""The temporary tables that a file passes through, by name and shape; all are gone at the end of the transaction.

Owns: their DDL and the session settings that staging and merging rely on. Must not read a file or touch a user's table.

    syncd_stage   the file's rows, one column a header name, named c0, c1 .. by position; typed; c<id> is never NULL
    syncd_text    the same as text, with the number of the row in the file; only when a file has faults
    syncd_fault   what could not be taken as it came, until the merge knows the job to report it under
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from syncd.core.fields import BIGINT, BOOLEAN, DATE, DOUBLE, NUMERIC, TEXT, TIMESTAMP
from syncd.postgres.stage_file import ResultFile

Connection = psycopg.Connection[Any]

STAGE = sql.Identifier("pg_temp", "syncd_stage")
ROWS_AS_TEXT = sql.Identifier("pg_temp", "syncd_text")
FAULTS = sql.Identifier("pg_temp", "syncd_fault")
COMMA, AND = sql.SQL(", "), sql.SQL(" AND ")
TYPE_NAME = {
    TEXT: sql.SQL("text"),
    BIGINT: sql.SQL("bigint"),
    NUMERIC: sql.SQL("numeric"),
    DOUBLE: sql.SQL("double precision"),
    BOOLEAN: sql.SQL("boolean"),
    DATE: sql.SQL("date"),
    TIMESTAMP: sql.SQL("timestamptz"),
}
"""The column types as SQL; there are no others."""
WITH_INFINITY = frozenset({DATE, TIMESTAMP})
"""Types whose input takes the word infinity, which no record of a CRM means."""

_SETTINGS = {
    "datestyle": "ISO, YMD",
    "timezone": "UTC",  # a stamp without an offset is read as UTC
    # The target is found by probes of its key, so that a load costs what the file is worth and not what the table is.
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_memoize": "off",  # ids do not repeat, which the planner cannot know of a fresh table
    "jit": "off",  # compiling an expression per column takes longer than the load
}
_SET = "SELECT " + ", ".join(f"set_config('{name}', '{value}', true)" for name, value in _SETTINGS.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A file in syncd_stage.

    `types` has one column type a header name. `rows` counts all data rows, `kept` those in the table. `ordered`: ids
    rise strictly from row to row, so none repeats. `lowest` and `highest` id are None without rows. `faulty`: there
    are faults to report.
    """

    file: ResultFile
    types: tuple[str, ...]
    rows: int = 0
    kept: int = 0
    faulty: bool = False
    ordered: bool = True
    lowest: int | None = None
    highest: int | None = None
    digest: int = 0
    median_stamp: datetime | None = None


def column(position: int) -> sql.Identifier:
    """The name that the header's column at `position` has in the temporary tables."""
    return sql.Identifier(f"c{position}")


def typed(file: ResultFile, by_field: Mapping[str, str]) -> tuple[str, ...]:
    """The column types for a file's header: the id is a bigint, a name nobody knows is text."""
    return tuple(
        BIGINT if position == file.id_at else by_field.get(name, TEXT) for position, name in enumerate(file.header)
    )


def prepare(connection: Connection) -> None:
    """Settle the transaction's settings and drop what an earlier file of the same transaction left."""
    connection.execute(_SET)
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(COMMA.join((STAGE, ROWS_AS_TEXT, FAULTS))))


def create_stage(connection: Connection, file: ResultFile, types: Sequence[str]) -> None:
    """Create syncd_stage so that it refuses what the merge could not use: a row without id, infinite moments."""
    shape: list[sql.Composed] = [sql.SQL("{} {}").format(column(at), TYPE_NAME[word]) for at, word in enumerate(types)]
    shape[file.id_at] += sql.SQL(" NOT NULL")
    finite = [sql.SQL("isfinite({})").format(column(at)) for at, word in enumerate(types) if word in WITH_INFINITY]
    if finite:
        shape.append(sql.SQL("CHECK ({})").format(AND.join(finite)))
    connection.execute(sql.SQL("CREATE TEMP TABLE {} ({}) ON COMMIT DROP").format(STAGE, COMMA.join(shape)))


def create_text(connection: Connection, file: ResultFile) -> None:
    """Create syncd_text. `line` stays NULL where rows come in file order and can be counted later."""
    shape = [sql.SQL("{} text").format(column(at)) for at in range(len(file.header))]
    connection.execute(
        sql.SQL("CREATE TEMP TABLE {} (line bigint, {}) ON COMMIT DROP").format(ROWS_AS_TEXT, COMMA.join(shape))
    )


def create_faults(connection: Connection) -> None:
    """Create syncd_fault; `position` is NULL where a whole row is set aside."""
    connection.execute(
        sql.SQL(
            "CREATE TEMP TABLE {} (line bigint, record_id bigint, position integer, value text, reason text, raw text)"
            " ON COMMIT DROP"
        ).format(FAULTS)
    )
