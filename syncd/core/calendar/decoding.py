"""Blocks of a calendar file in any encoding and with any line end -> blocks of UTF-8 with LF.

Owns what is decided once for a whole stream: byte order mark, UTF-16 and UTF-32, the line end. Single bytes that are no
UTF-8 pass through untouched: the line they stand in decides (see `lines.decode`).
"""

import codecs
from collections.abc import Iterable, Iterator

_HEAD = 65_536

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    # Without a mark, the zeros beside the first letter of BEGIN tell.
    (b"B\0E\0", "utf-16-le"),
    (b"\0B\0E", "utf-16-be"),
)


def normalized(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The stream as UTF-8 blocks in which every line ends in LF; blocks may be empty.

    The line end is CRLF or LF, unless the first 64 KiB hold a CR and no LF: then it is CR. With LF, any CRs right
    before it belong to the line end, and other CRs are text.
    """
    source = _transcoded(iter(blocks))
    head, pending = b"", []
    for block in source:
        pending.append(block)
        head += block[: _HEAD - len(head)]
        if len(head) >= _HEAD:
            break
    rest = _chain(pending, source)
    if b"\n" not in head and b"\r" in head:
        yield from (block.replace(b"\r", b"\n") for block in rest)
    else:
        yield from _without_carriage_returns(rest)


def _chain(pending: list[bytes], source: Iterator[bytes]) -> Iterator[bytes]:
    while pending:
        yield pending.pop(0)
    yield from source


def _without_carriage_returns(blocks: Iterator[bytes]) -> Iterator[bytes]:
    held = b""
    for block in blocks:
        joined = held + block if held else block
        kept = joined.rstrip(b"\r")
        held = joined[len(kept) :]
        if len(held) > _HEAD:
            kept, held = joined, b""
        while b"\r\n" in kept:
            kept = kept.replace(b"\r\n", b"\n")
        yield kept
    yield held


def _transcoded(blocks: Iterator[bytes]) -> Iterator[bytes]:
    head = b""
    while len(head) < 4 and (block := next(blocks, None)) is not None:
        head += block
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            decoder = codecs.getincrementaldecoder(encoding)("replace")
            first = decoder.decode(head).removeprefix("\ufeff")
            yield first.encode()
            for block in blocks:
                yield decoder.decode(block).encode()
            yield decoder.decode(b"", final=True).encode()
            return
    yield head.removeprefix(codecs.BOM_UTF8)
    yield from blocks
