"""The slow way through a result file that COPY refuses: record by record, keeping every row that can be kept.

Owns: what is a row, what is broken, and how reading goes on behind a break. Pure: bytes in, rows and faults out.
"""

import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from syncd.errors import BadArchive

MOST_RECORD_CHARACTERS = 16 * 1024 * 1024
"""More than 200 fields can hold: a record longer than this is a quote that nobody closed."""

_LARGEST_ID = 2**63 - 1
_NO_TEXT = re.compile("[\udc80-\udcff]")
"""Bytes that are not UTF-8 are read as lone surrogates (PEP 383), which UTF-8 never yields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What could not be taken as it came.

    `line` counts data rows from 1. `position` is the column's place in the header, or None: the whole row is set
    aside. `value` and `raw` (the row) are printable: bytes that are no text show as `\\xNN`.
    """

    line: int
    record_id: int | None
    position: int | None
    value: str | None
    reason: str
    raw: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRow:
    """One data row: its cells (None: empty), or None when it is set aside; and what was wrong with it.

    `size` is how many characters it takes up in the file.
    """

    line: int
    size: int
    cells: tuple[str | None, ...] | None
    faults: tuple[Fault, ...] = ()


def read_rows(blocks: Iterator[bytes], *, width: int, id_at: int) -> Iterator[ReadRow]:
    """Read the data bytes of a file whose header has `width` names with the record id at `id_at`.

    A row of another width, or behind a quote that is never closed, is set aside whole. NUL is removed from a value; a
    value that is not UTF-8 becomes None; both are reported. Line ends may be mixed. Memory is bounded by
    MOST_RECORD_CHARACTERS. BadArchive: a line without end.
    """
    csv.field_size_limit(max(csv.field_size_limit(), 2 * MOST_RECORD_CHARACTERS))
    records, line = _Records(blocks, width=width, id_at=id_at), 0
    while (record := records.next()) is not None:
        line += 1
        cells, raw, reason = record
        if reason:
            yield _set_aside(line, cells, id_at, raw, reason)
        else:
            yield _row(line, cells, id_at, raw)


def _row(line: int, cells: Sequence[str], id_at: int, raw: str) -> ReadRow:
    if "\0" not in raw and (raw.isascii() or not _NO_TEXT.search(raw)):
        return ReadRow(line=line, size=len(raw), cells=tuple([cell or None for cell in cells]))
    if _NO_TEXT.search(cells[id_at]):
        return _set_aside(line, cells, id_at, raw, "the id is not UTF-8")
    kept: list[str | None] = []
    faults: list[Fault] = []
    for position, cell in enumerate(cells):
        value, reason = _clean(cell)
        kept.append(value or None)
        if reason:
            faults.append(
                Fault(
                    line=line,
                    record_id=_number(cells[id_at]),
                    position=position,
                    value=_printable(cell),
                    reason=reason,
                    raw=_printable(raw),
                )
            )
    return ReadRow(line=line, size=len(raw), cells=tuple(kept), faults=tuple(faults))


def _clean(cell: str) -> tuple[str | None, str]:
    """A cell as PostgreSQL can store it, and what was wrong with it or ''."""
    if _NO_TEXT.search(cell):
        return None, "not UTF-8"
    if "\0" in cell:
        return cell.replace("\0", ""), "NUL removed"
    return cell, ""


def _set_aside(line: int, cells: Sequence[str], id_at: int, raw: str, reason: str) -> ReadRow:
    found = _number(cells[id_at]) if id_at < len(cells) else None
    fault = Fault(line=line, record_id=found, position=None, value=None, reason=reason, raw=_printable(raw))
    return ReadRow(line=line, size=len(raw), cells=None, faults=(fault,))


def _number(cell: str) -> int | None:
    digits = cell.replace("\0", "").strip()
    found = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 20 else None
    return found if found is None or found <= _LARGEST_ID else None


def _printable(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").replace(b"\0", b"\\x00").decode("utf-8", "backslashreplace")


class _Records:
    """Cuts the text into records, and finds the next whole one behind a broken one."""

    def __init__(self, blocks: Iterator[bytes], *, width: int, id_at: int) -> None:
        self._width = width
        self._id_at = id_at
        buffered = io.BufferedReader(_BlockReader(blocks), 256 * 1024)
        self._text = io.TextIOWrapper(buffered, encoding="utf-8", errors="surrogateescape", newline="")
        self._returned: deque[str] = deque()
        self._taken: list[str] = []
        self._size = 0
        self._reader = csv.reader(self._feed())
        self._ran_out = False

    def next(self) -> tuple[list[str], str, str] | None:
        """The next record as (cells, its text, what is wrong with it or ''); None at the end. Blank lines are none."""
        while True:
            cells, closed = self._parse()
            if not self._taken:
                return None
            if cells:
                break
        if not closed:
            return cells[:1], self._give_back(1), "a quote that is never closed"
        fits = len(cells) == self._width
        if fits and self._is_well_quoted():
            return cells, "".join(self._taken), ""
        for position in range(1, len(self._taken)):
            if self._starts_a_row(self._taken[position]):
                return cells[:1], self._give_back(position), "a quote that is closed in another row"
        reason = "" if fits else f"{len(cells)} fields where the header has {self._width}"
        return cells, "".join(self._taken), reason

    def _is_well_quoted(self) -> bool:
        """Whether a record of several lines has its quotes where they belong: else it may hold other rows' lines."""
        if len(self._taken) == 1:
            return True
        try:
            next(csv.reader(self._taken, strict=True))
        except csv.Error:
            return False
        return True

    def _parse(self) -> tuple[list[str], bool]:
        """Parse one record; False with it when the text, or patience, ran out inside a quote."""
        self._taken, self._size = [], 0
        cells = next(self._reader, [])
        closed = not (self._ran_out and self._taken)
        if self._ran_out:
            # What is given back is read by a new reader: this one has seen its end.
            self._reader, self._ran_out = csv.reader(self._feed()), False
        return cells, closed

    def _feed(self) -> Iterator[str]:
        """Line after line, for as long as one record may be."""
        while self._size <= MOST_RECORD_CHARACTERS and (line := self._line()):
            self._taken.append(line)
            self._size += len(line)
            yield line
        self._ran_out = True

    def _line(self) -> str:
        if self._returned:
            return self._returned.popleft()
        line = self._text.readline(MOST_RECORD_CHARACTERS)
        if len(line) == MOST_RECORD_CHARACTERS:
            raise BadArchive(
                "the result file cannot be loaded: it has a line without end",
                why=f"more than {MOST_RECORD_CHARACTERS} characters",
                fix="nothing to do: the file is fetched again; if it stays bad, report what Zoho sent",
            )
        return line

    def _give_back(self, position: int) -> str:
        """Keep the first `position` lines of the record as its text; the others are read again."""
        self._returned.extendleft(reversed(self._taken[position:]))
        return "".join(self._taken[:position])

    def _starts_a_row(self, line: str) -> bool:
        cells = next(csv.reader([line]), [])
        return len(cells) == self._width and cells[self._id_at].isdigit()


class _BlockReader(io.RawIOBase):
    """Blocks of bytes as a raw stream."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._block = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any, /) -> int:
        while not self._block:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._block = memoryview(block)
        size = min(len(target), len(self._block))
        target[:size] = self._block[:size]
        self._block = self._block[size:]
        return size
