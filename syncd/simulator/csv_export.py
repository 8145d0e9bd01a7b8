"""Bulk read's CSV: header, rows in blocks, dialect, and the zip around it.

Owns: how a snapshot becomes bytes. Which rows and what moment were decided before.
"""

import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from random import Random

from syncd.simulator.behaviour import Behaviour
from syncd.simulator.bulk_request import ExportColumn
from syncd.simulator.cells import CellMaker, CellStyle, quote_always
from syncd.simulator.csv_damage import damage_rows
from syncd.simulator.rows import RowBlock
from syncd.simulator.schema import Module

BLOCK = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The rows of one page as they were when the job ran. Texts of dotted columns were resolved then.

    `damage` names the content faults that this file carries, with their options.
    """

    module: Module
    columns: tuple[ExportColumn, ...]
    block: RowBlock
    resolved: dict[str, list[str]]
    evaluated_at: float
    damage: tuple[tuple[str, str], ...] = ()


def header_of(column: ExportColumn, behaviour: Behaviour) -> str:
    """The header cell: `Id` for the record id, else the API name; a dotted one whole or only its last part."""
    if column.field.api_name == "id" and not column.dotted:
        return "Id"
    return column.name.rpartition(".")[2] if behaviour.dotted_header == "last" else column.name


def ordered(snapshot: Snapshot, behaviour: Behaviour, job_id: str) -> tuple[ExportColumn, ...]:
    """The columns in the order that the behaviour gives them."""
    columns = list(snapshot.columns)
    if behaviour.column_order == "metadata":
        order = {field.api_name: at for at, field in enumerate(snapshot.module.fields)}
        columns.sort(key=lambda column: order.get(column.field.api_name, len(order)))
    elif behaviour.column_order == "shuffled":
        Random(f"columns/{job_id}").shuffle(columns)
    if any(name == "missing-id" for name, _ in snapshot.damage):
        columns = [column for column in columns if column.field.api_name != "id"]
    return tuple(columns)


def csv_blocks(snapshot: Snapshot, cells: CellMaker, behaviour: Behaviour, job_id: str) -> Iterator[bytes]:
    """The file in pieces of some thousand rows, in UTF-8."""
    columns = ordered(snapshot, behaviour, job_id)
    end = behaviour.line_terminator.encode()
    headers = ",".join(header_of(column, behaviour) for column in columns)
    yield (("\ufeff" if behaviour.bom else "") + headers).encode() + end
    for start in range(0, len(snapshot.block), BLOCK):
        block = snapshot.block.part(start, start + BLOCK)
        resolved = {name: texts[start : start + BLOCK] for name, texts in snapshot.resolved.items()}
        part = replace(snapshot, block=block, resolved=resolved)
        rows: Iterable[Iterable[bytes]] = zip(*_columns(part, columns, cells, behaviour), strict=True)
        if start == 0 and snapshot.damage:
            rows = damage_rows([list(row) for row in rows], columns, snapshot.damage)
        yield end.join(map(b",".join, rows)) + end


def _columns(
    part: Snapshot, columns: Sequence[ExportColumn], cells: CellMaker, behaviour: Behaviour
) -> Iterator[Iterable[bytes]]:
    """The cells of each column, quoted; neighbours are joined to one where that is allowed, which is faster."""
    style = CellStyle.of(behaviour)
    alone = bool(part.damage or part.block.overrides or behaviour.quote_all)

    def joinable(column: ExportColumn) -> bool:
        return not alone and not column.dotted and cells.joinable(part.module, column.field)

    for together, neighbours in groupby(columns, joinable):
        if together:
            yield cells.joined(part.module, tuple(column.field for column in neighbours), part.block, style)
            continue
        for column in neighbours:
            yield _cells(part, column, cells, style, behaviour)


def _cells(
    part: Snapshot, column: ExportColumn, cells: CellMaker, style: CellStyle, behaviour: Behaviour
) -> Iterable[bytes]:
    if column.dotted:
        return [quote_always(text).encode() for text in part.resolved[column.name]]
    if behaviour.quote_all:
        return [quote_always(text).encode() for text in cells.texts(part.module, column.field, part.block, style)]
    return cells.csv(part.module, column.field, part.block, style)


def write_zip(target: Path, member: str, blocks: Iterable[bytes]) -> int:
    """Write the blocks as the one member of a zip; returns the size of the text in bytes."""
    size = 0
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(member, "w", force_zip64=True) as sink,
    ):
        for block in blocks:
            size += len(block)
            sink.write(block)
    return size
