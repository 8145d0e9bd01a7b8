"""Rejected values put back where they now fit: after a column became wider, or values are read better than before.

Owns: which lines of `syncd.rejected_row` are still true of a row, and their way into it. Must not judge a value by
rules of its own (that is `rejects`), and overwrites nothing: only a column that is NULL in the very version of the row
that was exported with the value.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from psycopg import sql
from psycopg.rows import dict_row

from syncd.core.evolve import columns_of
from syncd.core.fields import TEXT, TIMESTAMP
from syncd.core.model import Column, Cursor, StreamKey, Table
from syncd.postgres.rejects import Judge
from syncd.postgres.staging import COMMA, Connection, column, prepare

CANDIDATES = sql.Identifier("pg_temp", "syncd_candidate")
_BATCH = 2000

_COLUMNS = (
    "place tid NOT NULL",
    "field text NOT NULL",
    "record_id bigint NOT NULL",
    "value text NOT NULL",
    "stamp text",
    "evaluated_at timestamptz",
    "rejected_at timestamptz NOT NULL",
)

_LINES = """
    SELECT x.ctid::text AS place, m.field, x.record_id, x.value, x.raw, x.rejected_at, j.evaluated_at
    FROM syncd.rejected_row AS x
    JOIN syncd.field_map AS m ON m.org = x.org AND m.module = x.module AND m.name = x."column"
    LEFT JOIN syncd.bulk_job AS j ON j.id = x.job_id
    WHERE x.org = %(org)s AND x.module = %(module)s AND x.record_id IS NOT NULL AND x.value IS NOT NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a replay did to one module: values put back, and lines of the ledger that stay as they are."""

    stream: StreamKey
    put_back: int = 0
    left: int = 0


def replay(connection: Connection, stream: StreamKey, table: Table, columns: tuple[Column, ...]) -> Replayed:
    """Put back what fits, and take it off the ledger; inside the caller's transaction.

    `columns` is the field map. A value goes to the column that its field has now, which may be a later one than the one
    it was rejected for.
    """
    key = {"org": stream.org, "module": stream.module}
    prepare(connection)
    current = columns_of(columns)
    _collect(connection, key)
    stamp = current.get(Cursor.MODIFIED.value)
    known = [row[0] for row in connection.execute(sql.SQL("SELECT DISTINCT field FROM {}").format(CANDIDATES))]
    put_back = sum(_put_back(connection, table, current[field], stamp) for field in sorted(known) if field in current)
    left = connection.execute(
        "SELECT count(*) FROM syncd.rejected_row WHERE org = %(org)s AND module = %(module)s", key
    ).fetchone()
    return Replayed(stream=stream, put_back=put_back, left=int(left[0]) if left else 0)


def _collect(connection: Connection, key: dict[str, str]) -> None:
    """Copy the lines that name a record, a value and the version it belongs to into a temporary table.

    The raw row is JSON where a value did not fit its type. Elsewhere it is the text of a broken file, whose values are
    not kept byte for byte: those are left alone.
    """
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(CANDIDATES))
    shape = COMMA.join(map(sql.SQL, _COLUMNS))
    connection.execute(sql.SQL("CREATE TEMP TABLE {} ({}) ON COMMIT DROP").format(CANDIDATES, shape))
    put = sql.SQL("COPY {} FROM STDIN").format(CANDIDATES)
    with connection.cursor("syncd_rejected", row_factory=dict_row) as lines:
        lines.execute(_LINES, key)
        while batch := lines.fetchmany(_BATCH):
            with connection.cursor() as cursor, cursor.copy(put) as copy:
                for row in _replayable(batch):
                    copy.write_row(row)


def _replayable(lines: list[dict[str, Any]]) -> Iterator[tuple[Any, ...]]:
    for line in lines:
        raw = _fields_of(line["raw"])
        if raw is not None:
            stamp = raw.get(Cursor.MODIFIED.value)
            yield (
                line["place"],
                line["field"],
                line["record_id"],
                line["value"],
                stamp if isinstance(stamp, str) else None,
                line["evaluated_at"],
                line["rejected_at"],
            )


def _fields_of(raw: str | None) -> dict[str, Any] | None:
    """The exported row by field, if that is what was kept."""
    try:
        found = json.loads(raw or "")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _put_back(connection: Connection, table: Table, target: Column, stamp: Column | None) -> int:
    """Put the values of one field back: into rows that have none, and whose version is the one that was exported.

    Without Modified_Time a row is the exported version as long as no later export has changed it. Of several values of
    one version the last one is Zoho's word.
    """
    judge = Judge(connection, (target.type, TIMESTAMP))
    version: sql.Composable = sql.SQL("t._synced_at = c.evaluated_at")
    if stamp is not None and stamp.type == TIMESTAMP:
        version = sql.SQL("coalesce(t.{} = {}, {})").format(
            sql.Identifier(stamp.name), judge.cast(1, careful=True), version
        )
    statement = sql.SQL("""
        WITH said AS (
            SELECT DISTINCT ON (record_id) place, record_id, value AS {value}, stamp AS {stamp}, evaluated_at
            FROM {candidates} WHERE field = {field} ORDER BY record_id, rejected_at DESC, place DESC
        ), put AS (
            UPDATE {table} AS t SET {target} = {cast} FROM said AS c
            WHERE t.id = c.record_id AND t.{target} IS NULL AND {version} AND {good} RETURNING c.place
        ), solved AS (DELETE FROM syncd.rejected_row AS x USING put WHERE x.ctid = put.place)
        SELECT count(*) FROM put
    """).format(
        value=column(0),
        stamp=column(1),
        candidates=CANDIDATES,
        field=sql.Literal(target.field),
        table=sql.Identifier(table.schema, table.name),
        target=sql.Identifier(target.name),
        cast=judge.cast(0, careful=True),
        version=version,
        good=sql.SQL("true") if target.type == TEXT else judge.is_good(0),
    )
    row = connection.execute(statement).fetchone()
    return int(row[0]) if row else 0
