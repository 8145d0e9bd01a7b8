"""Unfolded lines -> an ICS stream (RFC 5545 3.1): CRLF, folded at 75 octets.

Owns folding, the inverse of the splitter's unfolding for every sequence of bytes, and the frame around components.
"""

from collections.abc import Iterator

_WIDTH = 75
PRODID = b"-//syncd//calendar export//EN"


def fold(line: bytes) -> bytes:
    """One content line with its line end. No fold falls inside a UTF-8 letter, or behind a stray CR."""
    if len(line) <= _WIDTH:
        return line + b"\r\n"
    parts: list[bytes] = []
    start, width = 0, _WIDTH
    while len(line) - start > width:
        end = start + width
        while end > start + width - 4 and line[end] & 0xC0 == 0x80:
            end -= 1
        # A CR right before a line end would be taken for a part of it.
        while end > start + 1 and line[end - 1] == 0x0D:
            end -= 1
        parts.append(line[start:end])
        start, width = end, _WIDTH - 1
    parts.append(line[start:])
    return b"\r\n ".join(parts) + b"\r\n"


def folded(raw: bytes) -> bytes:
    """Stored lines, each ended by CRLF, with the long ones folded."""
    lines = raw.removesuffix(b"\r\n").split(b"\r\n")
    if all(len(line) <= _WIDTH for line in lines):
        return raw
    return b"".join(map(fold, lines))


def opening(header: bytes) -> Iterator[bytes]:
    """The begin of a VCALENDAR with its own lines, given as joined by LF; a missing header is made up."""
    yield b"BEGIN:VCALENDAR\r\n"
    if header:
        yield from (fold(line) for line in header.split(b"\n"))
    else:
        yield b"VERSION:2.0\r\nPRODID:" + PRODID + b"\r\n"


def closing() -> bytes:
    """The end of a VCALENDAR."""
    return b"END:VCALENDAR\r\n"
