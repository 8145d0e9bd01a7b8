"""What a file holds that its columns cannot: found, set aside with the raw text and the reason, reported to the ledger.

Owns: syncd_fault, the way from text columns to typed ones, and the rows of `syncd.rejected_row`. A bad value costs its
cell and nothing else; a row without a usable id is set aside whole.

Whether a value is good is for PostgreSQL's own input functions to say, as in the COPY that failed: the same value must
have the same fate in every file. PostgreSQL 16 has pg_input_is_valid; before, a function with an exception block does
it, ten times slower, so a cast of each whole column first tells which ones are worth it.
"""

from collections.abc import Collection, Iterable, Sequence

import psycopg
from psycopg import sql

from syncd.core.fields import BIGINT, TEXT
from syncd.core.model import StreamKey
from syncd.postgres.stage_file import ResultFile
from syncd.postgres.stage_rows import Fault
from syncd.postgres.staging import (
    AND,
    COMMA,
    FAULTS,
    ROWS_AS_TEXT,
    STAGE,
    TYPE_NAME,
    WITH_INFINITY,
    Connection,
    column,
    create_stage,
)

_ASKS_SINCE = 160000
_INFINITE = "infinity is no moment"


def add(connection: Connection, faults: Iterable[Fault]) -> None:
    """Set faults aside that were found while reading."""
    found = list(faults)
    if not found:
        return
    statement = sql.SQL("COPY {} (line, record_id, position, value, reason, raw) FROM STDIN").format(FAULTS)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for fault in found:
            copy.write_row((fault.line, fault.record_id, fault.position, fault.value, fault.reason, fault.raw))


def convert(connection: Connection, file: ResultFile, types: Sequence[str]) -> int:
    """Move the rows of syncd_text to a new syncd_stage with columns of `types`; how many could be kept."""
    judge = Judge(connection, types)
    suspects = judge.suspects()
    _set_aside_rows(connection, file, judge)
    guilty = _set_aside_values(connection, file, judge, [at for at in suspects if at != file.id_at])
    create_stage(connection, file, types)
    values = COMMA.join(judge.cast(at, careful=at in guilty or at == file.id_at) for at in range(len(types)))
    moved = connection.execute(
        sql.SQL("INSERT INTO {} SELECT {} FROM {} WHERE {}").format(
            STAGE, values, ROWS_AS_TEXT, judge.is_good(file.id_at)
        )
    )
    connection.execute(sql.SQL("DROP TABLE {}").format(ROWS_AS_TEXT))
    return moved.rowcount


def report(connection: Connection, stream: StreamKey, job_id: int, names: Sequence[str]) -> int:
    """Write all faults of the staged file to the ledger; how many of them are single values.

    `names` has the column (or, where there is none, the field) of each position. What the ledger knows already stays
    as it is. The order is that of its unique index, so that two lanes never wait for each other in a circle.
    """
    connection.execute(
        sql.SQL(
            'INSERT INTO syncd.rejected_row (org, module, job_id, line, record_id, "column", value, reason, raw)'
            " SELECT %s, %s, %s, line, record_id, coalesce((%s::text[])[position + 1], '') AS place, value, reason, raw"
            " FROM {} ORDER BY coalesce(record_id, 0), place,"
            " hashtextextended(coalesce(value, raw, '') COLLATE \"C\", 0)"
            " ON CONFLICT DO NOTHING"
        ).format(FAULTS),
        [stream.org, stream.module, job_id, list(names)],
    )
    row = connection.execute(sql.SQL("SELECT count(position) FROM {}").format(FAULTS)).fetchone()
    return int(row[0]) if row else 0


def _set_aside_rows(connection: Connection, file: ResultFile, judge: "Judge") -> None:
    identifier = file.id_at
    connection.execute(
        sql.SQL(
            "INSERT INTO {faults} (line, reason, raw)"
            " SELECT s.line, 'record id: ' || coalesce({complaint}, 'it is empty'), {raw} FROM {rows} AS s"
            " WHERE NOT {good}"
        ).format(
            faults=FAULTS,
            complaint=judge.complaint(identifier),
            raw=_as_json(file),
            rows=_numbered(file),
            good=judge.is_good(identifier),
        )
    )


def _set_aside_values(
    connection: Connection, file: ResultFile, judge: "Judge", suspects: Sequence[int]
) -> frozenset[int]:
    """Set the bad values of the columns at `suspects` aside; the positions that have any."""
    if not suspects:
        return frozenset()
    cells = COMMA.join(
        sql.SQL("({at}, s.{cell}, {complaint})").format(
            at=sql.Literal(at), cell=column(at), complaint=judge.complaint(at)
        )
        for at in suspects
    )
    connection.execute(
        sql.SQL(
            "INSERT INTO {faults} (line, record_id, position, value, reason, raw)"
            " SELECT s.line, {id}, v.position, v.value, v.reason, {raw} FROM {rows} AS s"
            " CROSS JOIN LATERAL (VALUES {cells}) AS v (position, value, reason)"
            " WHERE {good_id} AND NOT ({good}) AND v.reason IS NOT NULL"
        ).format(
            faults=FAULTS,
            id=judge.cast(file.id_at, careful=True),
            raw=_as_json(file),
            rows=_numbered(file),
            cells=cells,
            good_id=judge.is_good(file.id_at),
            good=AND.join(
                sql.SQL("({cell} IS NULL OR {good})").format(cell=column(at), good=judge.is_good(at)) for at in suspects
            ),
        )
    )
    found = connection.execute(sql.SQL("SELECT DISTINCT position FROM {} WHERE position >= 0").format(FAULTS))
    return frozenset(row[0] for row in found)


def _numbered(file: ResultFile) -> sql.Composed:
    """syncd_text with the number of each row: its own, or its place, since nothing ever moves in a temporary table."""
    return sql.SQL("(SELECT coalesce(line, row_number() OVER ()) AS line, {} FROM {})").format(
        COMMA.join(column(at) for at in range(len(file.header))), ROWS_AS_TEXT
    )


def _as_json(file: ResultFile) -> sql.Composed:
    """A row as JSON text, field names to cell texts: what is left of the raw record once COPY has parsed it."""
    cells = COMMA.join(sql.SQL("s.{}").format(column(at)) for at in range(len(file.header)))
    return sql.SQL("json_object({}::text[], ARRAY[{}])::text").format(sql.Literal(list(file.header)), cells)


class Judge:
    """Says in SQL whether a text is good for its column's type."""

    def __init__(self, connection: Connection, types: Sequence[str]) -> None:
        self._connection = connection
        self._types = types
        self._asks = connection.info.server_version >= _ASKS_SINCE
        if not self._asks:
            for word in sorted({*types, BIGINT} - {TEXT}):
                self._create_complaint(word)

    def suspects(self) -> Collection[int]:
        """The positions whose texts need a look one by one."""
        described = [at for at, word in enumerate(self._types) if word != TEXT]
        return described if self._asks else [at for at in described if not self._casts(at)]

    def is_good(self, at: int) -> sql.Composed:
        """A condition: true for a good value; false or NULL is not told apart for an empty one, so ask that first."""
        cell, word = column(at), self._types[at]
        if self._asks:
            good = sql.SQL("pg_input_is_valid({}, {})").format(cell, sql.Literal(word))
        else:
            good = sql.SQL("{}({}) IS NULL").format(self._function(word), cell)
        if word in WITH_INFINITY:
            good = sql.SQL("{} AND {} NOT ILIKE '%inf%'").format(good, cell)
        return sql.SQL("({} IS NOT NULL AND {})").format(cell, good)

    def complaint(self, at: int) -> sql.Composed:
        """An expression: what is wrong with a value; NULL for a good or empty one."""
        cell, word = column(at), self._types[at]
        if self._asks:
            reason = sql.SQL("(pg_input_error_info({}, {})).message").format(cell, sql.Literal(word))
        else:
            reason = sql.SQL("{}({})").format(self._function(word), cell)
        if word not in WITH_INFINITY:
            return sql.SQL("CASE WHEN {} IS NOT NULL THEN {} END").format(cell, reason)
        return sql.SQL("coalesce(CASE WHEN {} IS NOT NULL THEN {} END, CASE WHEN {} ILIKE '%inf%' THEN {} END)").format(
            cell, reason, cell, sql.Literal(_INFINITE)
        )

    def cast(self, at: int, *, careful: bool) -> sql.Composed:
        """An expression: the value in its type; `careful`: NULL for a bad one, instead of an error."""
        cell, word = column(at), self._types[at]
        if word == TEXT:
            return sql.Composed([cell])
        value = sql.SQL("{}::{}").format(cell, TYPE_NAME[word])
        return sql.SQL("CASE WHEN {} THEN {} END").format(self.is_good(at), value) if careful else value

    def _casts(self, at: int) -> bool:
        """Whether a whole column can be cast, with no infinity in it."""
        cell, word = column(at), self._types[at]
        infinite = sql.SQL("bool_or({} ILIKE '%inf%')").format(cell) if word in WITH_INFINITY else sql.SQL("false")
        query = sql.SQL("SELECT count({}::{}), {} FROM {}").format(cell, TYPE_NAME[word], infinite, ROWS_AS_TEXT)
        try:
            with self._connection.transaction():
                row = self._connection.execute(query).fetchone()
        except psycopg.DataError:
            return False
        return row is None or not row[1]

    def _function(self, word: str) -> sql.Identifier:
        return sql.Identifier("pg_temp", f"syncd_complaint_{word.replace(' ', '_')}")

    def _create_complaint(self, word: str) -> None:
        self._connection.execute(
            sql.SQL(
                "CREATE OR REPLACE FUNCTION {}(value text) RETURNS text LANGUAGE plpgsql AS $$"
                " BEGIN PERFORM value::{}; RETURN NULL; EXCEPTION WHEN data_exception THEN RETURN SQLERRM; END $$"
            ).format(self._function(word), TYPE_NAME[word])
        )
