"""A result file as COPY wants it: the header as names, the data as the bytes that came.

Owns: finding the header and handing out what follows it, as often as it is asked for. Must not parse data rows.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from syncd.core.evolve import is_id
from syncd.errors import BadArchive

_MOST_HEADER_BYTES = 1024 * 1024
_BOM = b"\xef\xbb\xbf"
# One record: text and quoted text up to a line end outside quotes (RFC 4180, with LF and CR let in as line ends).
_RECORD = re.compile(rb'(?:[^"\r\n]++|"[^"]*+")*+(?:\r\n|\n|\r)')
_FETCH_AGAIN = "nothing to do: the file is fetched again; if it stays bad, report what Zoho sent"


class ResultFile:
    """One CSV result, read from blocks of bytes.

    `blocks` should give the same bytes at every iteration: a file with faults is read twice. An iterator, which can be
    read only once, is taken as well, and refused (BadArchive) when the second reading turns out to be needed.

    Raises BadArchive when the header cannot be read, names a field twice or lacks the record id. `header` is empty for
    a file of no bytes.
    """

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = blocks
        self._opened: tuple[bytes, Iterator[bytes]] | None = None
        self._skip = 0
        rest = iter(blocks)
        start = _beginning(rest)
        end = _header_end(start)
        self.header = _names(start[:end])
        self._skip = end
        self._opened = (start[end:], rest)
        self.is_empty = not start[end:] and not self._more()
        if not self.header and not self.is_empty:
            raise _bad("it has no header")

    @property
    def id_at(self) -> int:
        """The position of the record id in the header."""
        return next(position for position, name in enumerate(self.header) if is_id(name))

    def body(self) -> Iterator[bytes]:
        """The bytes after the header, in blocks. Every call starts from the beginning."""
        opened, self._opened = self._opened, None
        if opened is None:
            yield from self._again()
            return
        start, rest = opened
        if start:
            yield start
        yield from rest

    def _more(self) -> bool:
        """Whether anything follows a header that fills its block; what was read for that is kept."""
        _, rest = self._opened or (b"", iter(()))
        block = next((block for block in rest if block), b"")
        self._opened = (block, rest)
        return bool(block)

    def _again(self) -> Iterator[bytes]:
        rest = iter(self._blocks)
        if rest is self._blocks:
            raise BadArchive(
                "the file has faults and cannot be read a second time",
                why="it was handed over as a stream",
                fix="hand over something that can be iterated again",
            )
        skip = self._skip
        for block in rest:
            if skip < len(block):
                yield block[skip:] if skip else block
            skip = max(0, skip - len(block))


def _beginning(blocks: Iterator[bytes]) -> bytes:
    """As much of the file as the header needs: up to its line end and one byte more, or everything."""
    start = b""
    for block in blocks:
        start += block
        found = _RECORD.match(start)
        if (found and found.end() < len(start)) or len(start) > _MOST_HEADER_BYTES:
            break
    return start


def _header_end(start: bytes) -> int:
    found = _RECORD.match(start)
    if found:
        return found.end()
    if len(start) > _MOST_HEADER_BYTES or start.count(b'"') % 2:
        raise _bad("its first line is no header", why="it does not end")
    return len(start)


def _names(line: bytes) -> tuple[str, ...]:
    try:
        text = line.removeprefix(_BOM).decode("utf-8")
        names = next(csv.reader([text], strict=True), []) if text.strip() else []
    except (UnicodeDecodeError, csv.Error) as error:
        raise _bad("its first line is no header", why=str(error)) from error
    if not names:
        return ()
    if "\0" in text:
        raise _bad("its first line is no header", why="it holds a NUL byte")
    repeated = [name for name, times in Counter(names).items() if times > 1]
    identifiers = [name for name in names if is_id(name)]
    if repeated or len(identifiers) > 1:
        raise _bad(f"its header names {', '.join(repeated or identifiers)} twice", fix=_FETCH_AGAIN)
    if not identifiers:
        raise _bad("it has no column for the record id", why=f"its header is {', '.join(names)[:200]}")
    return tuple(names)


def _bad(what: str, *, why: str = "", fix: str = _FETCH_AGAIN) -> BadArchive:
    return BadArchive(f"the result file cannot be loaded: {what}", why=why, fix=fix)
