"""Cuts a stream into top-level components without ever holding more than one of them.

Owns the nesting rules of broken files: what closes what, which component counts as unterminated, what is too large.
Must not look inside a content line beyond BEGIN and END.

A line that begins with a space or tab goes on with the line before it, blank lines in between or not; one byte of
white space is the fold (RFC 5545 3.1). Unfolding happens on bytes, so a letter that a fold cut in two is whole again.
"""

import hashlib
import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from syncd.core.calendar.decoding import normalized
from syncd.core.calendar.model import CalendarLine, Component

TOP_LEVEL = frozenset({b"VEVENT", b"VTIMEZONE", b"VTODO", b"VJOURNAL", b"VFREEBUSY", b"VCALENDAR", b"VAVAILABILITY"})
"""Components that stand directly in a VCALENDAR: the begin of one ends another that was never closed."""

_BEGIN, _END = b"BEGIN:VEVENT\n", b"\nEND:VEVENT\n"
_MARK = re.compile(rb"\n(begin|end):([^\n]*)")
_WINDOW = 1 << 20  # a plain event is at most this long; anything longer is taken line by line


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a component stops being one: its size and the depth of what it nests. `kept` bytes of it are kept."""

    component: int = 8 << 20
    kept: int = 32 << 20
    depth: int = 8


@dataclass(slots=True)
class Tally:
    """What a pass over a stream saw besides the components it yielded. `stray` counts lines outside of everything."""

    calendars: int = 0
    closed: int = 0
    lines: int = 0
    stray: int = 0
    unterminated: int = 0

    @property
    def complete(self) -> bool:
        """Whether every VCALENDAR was closed and nothing was cut off."""
        return self.closed == self.calendars and not self.unterminated


class _Open:
    """A component that is being read line by line."""

    __slots__ = ("calendar", "deepest", "digest", "line_no", "name", "parts", "size", "stack")

    def __init__(self, name: bytes, line_no: int, calendar: int) -> None:
        self.name = name
        self.line_no = line_no
        self.calendar = calendar
        self.stack: list[bytes] = [name]
        self.deepest = 1
        self.parts: list[bytes] = []
        self.size = 0
        self.digest = hashlib.sha256()

    def add(self, line: bytes, limits: Limits) -> None:
        self.digest.update(line + b"\r\n")
        room = limits.kept - self.size
        self.size += len(line) + 2
        if room > 0:
            self.parts.append(line[:room])

    def done(self, problem: str, limits: Limits) -> Component:
        if not problem and self.size > limits.component:
            problem = f"larger than {limits.component} bytes"
        if not problem and self.deepest > limits.depth:
            problem = f"components nested {self.deepest} deep"
        name = self.name.decode("ascii", "replace")
        text = b"\n".join(self.parts)
        return Component(name, text, self.line_no, self.calendar, problem, self.size, self.digest.digest())


class Splitter:
    """One pass over a stream: iterate `items(blocks)`, then read `tally`."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.tally = Tally()
        self._limits = limits or Limits()
        self._window = min(_WINDOW, self._limits.component)
        self._buffer = b""
        self._position = 0
        self._searched = 0  # no plain END:VEVENT lies in the buffer before here
        self._blocks: Iterator[bytes] = iter(())
        self._exhausted = False
        self._in_calendar = False
        self._open: _Open | None = None

    def items(self, blocks: Iterable[bytes]) -> Iterator[Component | CalendarLine]:
        """The top-level components and the calendar's own lines, in the order of the stream.

        A component that is cut off, too large or nested too deep comes with its `problem`.
        """
        self._blocks = normalized(blocks)
        while True:
            if self._open is None:
                event = self._plain_event()
                if event is not None:
                    yield event
                    continue
            taken = self._logical_line()
            if taken is None:
                break
            yield from self._line(*taken)
        if self._open is not None:
            yield self._close("unterminated")

    # -------------------------------------------------------------------------------------------------------- buffer

    def _fill(self) -> bool:
        """Append one more block to the buffer; False at the end of the stream."""
        while not self._exhausted:
            block = next(self._blocks, None)
            if block is None:
                self._exhausted = True
            elif block:
                self._buffer = self._buffer[self._position :] + block
                self._searched = max(self._searched - self._position, 0)
                self._position = 0
                return True
        return False

    def _peek(self) -> bytes:
        """The next byte, b"" at the end of the stream."""
        if self._position >= len(self._buffer) and not self._fill():
            return b""
        return self._buffer[self._position : self._position + 1]

    def _plain_event(self) -> Component | None:
        """The event at the present position, if it is of the common form: found and checked by searches alone."""
        while len(self._buffer) - self._position < len(_BEGIN) and self._fill():
            pass
        if not self._buffer.startswith(_BEGIN, self._position):
            return None
        while True:
            # END may overlap the end of what was searched, and one more byte tells whether a fold follows.
            start = max(self._position, self._searched - len(_END))
            end = self._buffer.find(_END, start)
            stop = end + len(_END)
            if end >= 0 and (stop < len(self._buffer) or self._exhausted):
                break
            self._searched = len(self._buffer) if end < 0 else end
            if len(self._buffer) - self._position > self._window or not self._fill():
                if end < 0:
                    return None
                break
        if stop - self._position > self._window or self._buffer[stop : stop + 1] in {b" ", b"\t", b"\n"}:
            return None
        folded = self._buffer[self._position : stop - 1]
        text = _plain(folded)
        if text is None:
            return None
        line_no = self.tally.lines + 1
        self.tally.lines += folded.count(b"\n") + 1
        self._position = stop
        return Component("VEVENT", text, line_no, self.tally.calendars if self._in_calendar else 0)

    def _logical_line(self) -> tuple[int, bytes] | None:
        """The next unfolded line and its number, or None at the end of the stream."""
        parts: list[bytes] = []
        line_no = size = 0
        while True:
            piece = self._physical_line()
            if piece is None:
                break
            if piece or parts:
                line_no = line_no or self.tally.lines
                if not parts or size < self._limits.kept:  # a line may be longer than memory
                    parts.append(piece)
                size += len(piece)
                while self._peek() == b"\n":
                    self._position += 1
                    self.tally.lines += 1
                if self._peek() not in {b" ", b"\t"}:
                    break
                self._position += 1
        return (line_no, b"".join(parts)) if parts else None

    def _physical_line(self) -> bytes | None:
        """The bytes up to the next LF; a line longer than what is kept comes in several pieces, folded or not."""
        start = self._position
        while True:
            newline = self._buffer.find(b"\n", start)
            if newline >= 0:
                line = self._buffer[self._position : newline]
                self._position = newline + 1
                self.tally.lines += 1
                return line
            offset = len(self._buffer) - self._position
            if offset > self._limits.kept or not self._fill():
                line = self._buffer[self._position :]
                self._position = len(self._buffer)
                self.tally.lines += bool(line)
                return line or None
            start = self._position + offset

    # --------------------------------------------------------------------------------------------------------- rules

    def _line(self, line_no: int, line: bytes) -> Iterator[Component | CalendarLine]:
        if self._open is None:
            line = line.removeprefix(BOM_UTF8)  # of a file that was appended to another
        verb, name = _boundary(line)
        if verb == b"BEGIN" and (self._open is None or name in TOP_LEVEL):
            if self._open is not None:
                yield self._close("unterminated: " + name.decode() + " begins inside of it")
            self._begin(name, line_no, line)
        elif self._open is not None:
            yield from self._inside(verb, name, line)
        elif verb == b"END" and name == b"VCALENDAR" and self._in_calendar:
            self._in_calendar = False
            self.tally.closed += 1
        elif self._in_calendar and not verb:
            yield CalendarLine(line, line_no, self.tally.calendars)
        else:
            self.tally.stray += 1

    def _begin(self, name: bytes, line_no: int, line: bytes) -> None:
        if name == b"VCALENDAR":
            # One that is still open was never closed: the tally shows it.
            self.tally.calendars += 1
            self._in_calendar = True
            return
        self._open = _Open(name, line_no, self.tally.calendars if self._in_calendar else 0)
        self._open.add(line, self._limits)

    def _inside(self, verb: bytes, name: bytes, line: bytes) -> Iterator[Component]:
        opened = self._open
        if opened is None:
            return
        stack = opened.stack
        if verb == b"END" and name == b"VCALENDAR":
            yield self._close("unterminated: the calendar ends inside of it")
            self.tally.closed += self._in_calendar
            self._in_calendar = False
            return
        opened.add(line, self._limits)
        if verb == b"BEGIN":
            stack.append(name)
            opened.deepest = max(opened.deepest, len(stack))
        elif verb == b"END" and name in stack:
            while stack.pop() != name:
                pass
            if not stack:
                yield self._close("")

    def _close(self, problem: str) -> Component:
        opened = self._open
        if opened is None:
            raise ValueError("no component is open")
        self._open = None
        self.tally.unterminated += bool(problem)
        return opened.done(problem, self._limits)


def _plain(folded: bytes) -> bytes | None:
    """The unfolded text of an event that nests nothing but closed alarms, else None."""
    if b"\n\n" in folded or folded.find(b"\nBEGIN:VEVENT", 1) >= 0:
        return None
    text = folded.replace(b"\n ", b"")
    if b"\t" in text:
        text = text.replace(b"\n\t", b"")
    if not text.startswith(_BEGIN):
        return None
    *nested, _ = _MARK.findall(text.lower())
    if nested and nested != [(b"begin", b"valarm"), (b"end", b"valarm")] * (len(nested) // 2):
        return None
    return text


def _boundary(line: bytes) -> tuple[bytes, bytes]:
    """(BEGIN or END, NAME) of such a line, else (b"", b"")."""
    verb, colon, name = line.partition(b":")
    verb = verb.upper()
    if colon and verb in {b"BEGIN", b"END"}:
        return verb, name.strip().upper()
    return b"", b""
