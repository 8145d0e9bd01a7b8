"""From the bytes of a result file to rows of the right types in syncd_stage.

Owns: the ways a file can be copied, the fast one first. Must not parse a row in Python while COPY can do it, nor look
at a user's table.

1. COPY of the raw bytes into typed columns. Nearly every file ends here.
2. A value that is not of its column's type ends a COPY. Then: COPY of the raw bytes into text columns.
3. A broken structure ends that too. Then: record by record (`stage_rows`) into the same text columns.

After 2 and 3 `rejects.convert` moves the rows to typed columns and sets the bad values aside.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC

import psycopg
from psycopg import sql

from syncd.core.fields import TEXT, TIMESTAMP
from syncd.core.model import Column
from syncd.postgres import rejects
from syncd.postgres.stage_file import ResultFile
from syncd.postgres.stage_rows import ReadRow, read_rows
from syncd.postgres.staging import (
    COMMA,
    ROWS_AS_TEXT,
    STAGE,
    Connection,
    Stage,
    column,
    create_faults,
    create_stage,
    create_text,
    prepare,
    typed,
)

_BATCH_ROWS, _BATCH_CHARACTERS = 1000, 2 * 1024 * 1024
"""What goes through Python at once, so that its faults can be stored between two COPYs."""

_DATA_END_SINCE = 180000
_ALONE = (b"\n\\.\n", b"\n\\.\r", b"\r\\.\r", b"\r\\.\n")

_BROKEN = (
    psycopg.errors.BadCopyFileFormat,
    psycopg.errors.CharacterNotInRepertoire,
    psycopg.errors.UntranslatableCharacter,
)
_BAD_VALUE = (psycopg.DataError, psycopg.errors.NotNullViolation, psycopg.errors.CheckViolation)


class _EndMark(Exception):
    r"""The data holds a line with nothing but `\.`, which PostgreSQL before 18 takes for the end of the data."""


def stage_file(connection: Connection, file: ResultFile, columns: Mapping[str, Column], *, cursor: str) -> Stage:
    """Stage a file whose header names are fields; `columns` (by field) give their types, other names are text.

    `cursor` is the field whose median is wanted, or ''. BadArchive when the file cannot be read.
    """
    prepare(connection)
    if file.is_empty:
        return Stage(file=file, types=tuple(TEXT for _ in file.header))
    types = typed(file, {field: line.type for field, line in columns.items()})
    kept = _copy_typed(connection, file, types)
    if kept is not None:
        return _measured(connection, Stage(file=file, types=types, rows=kept, kept=kept), cursor)
    create_faults(connection)
    rows = _copy_text(connection, file)
    if rows is None:
        rows = _copy_rows(connection, file)
    kept = rejects.convert(connection, file, types)
    return _measured(connection, Stage(file=file, types=types, rows=rows, kept=kept, faulty=True), cursor)


def _copy_typed(connection: Connection, file: ResultFile, types: tuple[str, ...]) -> int | None:
    """Way 1: rows copied, or None when the file has a fault of either kind."""
    try:
        with connection.transaction():
            create_stage(connection, file, types)
            return _copy_raw(connection, file, STAGE)
    except (*_BAD_VALUE, _EndMark):
        return None


def _copy_text(connection: Connection, file: ResultFile) -> int | None:
    """Way 2: rows copied, or None when the file's structure is broken; then the table is there and empty."""
    try:
        with connection.transaction():
            create_text(connection, file)
            return _copy_raw(connection, file, ROWS_AS_TEXT)
    except (*_BROKEN, _EndMark):
        return None


def _copy_raw(connection: Connection, file: ResultFile, relation: sql.Identifier) -> int:
    names = COMMA.join(column(at) for at in range(len(file.header)))
    # Zoho does not tell empty from missing; FORCE_NULL makes a quoted nothing the same as an unquoted one.
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, ENCODING 'UTF8', FORCE_NULL ({}))").format(
        relation, names, names
    )
    body = file.body()
    if connection.info.server_version < _DATA_END_SINCE:
        body = _without_end_mark(body)
    with connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            for block in body:
                copy.write(block)
        return cursor.rowcount


def _without_end_mark(blocks: Iterator[bytes]) -> Iterator[bytes]:
    r"""The blocks, until a line that holds nothing but `\.` shows up: then _EndMark.

    Before PostgreSQL 18 such a line ends the data without an error (COPY, "CSV Format"), and the rows behind it are
    lost. Inside quotes it is harmless; it is not worth telling the two apart.
    """
    tail = b"\n"
    for block in blocks:
        if _is_marked(tail + block[:4]) or _is_marked(block):
            raise _EndMark
        yield block
        tail = (tail + block[-4:])[-4:]
    if tail.endswith((b"\n\\.", b"\r\\.")):
        raise _EndMark


def _is_marked(data: bytes) -> bool:
    # Looking for one byte takes a fiftieth of the time of looking for three, and most files have no backslash.
    return b"\\" in data and any(mark in data for mark in _ALONE)


def _copy_rows(connection: Connection, file: ResultFile) -> int:
    """Way 3: all data rows of the file, those set aside included."""
    create_text(connection, file)
    total = 0
    for batch in _batches(read_rows(file.body(), width=len(file.header), id_at=file.id_at)):
        names = COMMA.join(column(at) for at in range(len(file.header)))
        statement = sql.SQL("COPY {} (line, {}) FROM STDIN").format(ROWS_AS_TEXT, names)
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in batch:
                if row.cells is not None:
                    copy.write_row((row.line, *row.cells))
        rejects.add(connection, (fault for row in batch for fault in row.faults))
        total += len(batch)
    return total


def _batches(rows: Iterable[ReadRow]) -> Iterator[list[ReadRow]]:
    batch: list[ReadRow] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += row.size
        if len(batch) == _BATCH_ROWS or size > _BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _measured(connection: Connection, stage: Stage, cursor: str) -> Stage:
    """The stage with what one look at its ids tells, and the median of the cursor's column.

    A digest is a sum, so the order of rows does not matter; 36 bits a row leave room to add up all pages of a round.
    """
    stamp = stage.file.header.index(cursor) if cursor in stage.file.header else None
    median = sql.SQL("percentile_disc(0.5) WITHIN GROUP (ORDER BY stamp)")
    query = sql.SQL(
        "SELECT coalesce(bool_and(rises), true), min(id), max(id),"
        " coalesce(sum(hashint8extended(id, 0) >> 28), 0)::bigint, {median}"
        " FROM (SELECT {id} AS id, {stamp} AS stamp, {id} > lag({id}) OVER () IS NOT FALSE AS rises FROM {stage}) AS s"
    ).format(
        median=sql.SQL("NULL") if stamp is None or stage.types[stamp] != TIMESTAMP else median,
        stamp=sql.SQL("NULL") if stamp is None else column(stamp),
        id=column(stage.file.id_at),
        stage=STAGE,
    )
    ordered, lowest, highest, digest, middle = connection.execute(query).fetchone() or (True, None, None, 0, None)
    return replace(
        stage,
        ordered=ordered,
        lowest=lowest,
        highest=highest,
        digest=digest,
        median_stamp=middle and middle.astimezone(UTC),
    )
