"""A component's text -> content lines: name, parameters, value (RFC 5545 3.1), however carelessly written.

Owns decoding, the grammar of a line, RFC 6868 escapes, quoted-printable of vCalendar 1.0, and TEXT escapes. Must not
know what any property means.
"""

import quopri
import re
from functools import lru_cache

from syncd.core.calendar.model import Line

Params = tuple[tuple[str, tuple[str, ...]], ...]

MALFORMED = ""
"""The name of a line that has no colon: its whole text is the value."""

_QUOTED_HEAD = re.compile(r'([^":]*(?:"[^"]*"[^":]*)*):')
_PARAM = re.compile(r';((?:"[^"]*"|[^";])*)')
_PIECES = re.compile(r'"([^"]*)"|([^",]+)')
_LONGEST_KNOWN = 200
_LISTED = frozenset({"MEMBER", "DELEGATED-TO", "DELEGATED-FROM", "TYPE"})
_ESCAPE = re.compile(r"\\([\\;,nN])")
_CARET = re.compile(r"\^([n'^])")
_CARET_MEANS = {"n": "\n", "'": '"', "^": "^"}


def decode(text: bytes) -> tuple[str, bool]:
    """The text as str without NULs, and whether every byte of it was UTF-8.

    A line that is no UTF-8 is read as Windows-1252, which is what such files turn out to be.
    """
    if b"\0" in text:
        text = text.replace(b"\0", b"")
    try:
        return text.decode(), True
    except UnicodeDecodeError:
        return "\n".join(_decode_line(line) for line in text.split(b"\n")), False


def _decode_line(line: bytes) -> str:
    for encoding in ("utf-8", "cp1252"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    return line.decode("latin-1")


def content_lines(text: str) -> list[Line]:
    """One Line for each line of an unfolded component, BEGIN and END lines included."""
    found: list[Line] = []
    append = found.append
    if "QUOTED-PRINTABLE" in text:
        text = _join_soft_breaks(text)
    for line in text.split("\n"):
        name, colon, value = line.partition(":")
        if ";" in name and colon:
            append(_with_params(line, name, value))
        elif colon:
            append(Line(name.strip().upper(), (), value))
        elif line:
            append(Line(MALFORMED, (), line))
    return found


def _with_params(line: str, head: str, value: str) -> Line:
    if '"' in head:
        # The colon that ends the head is the first outside of quotes; an odd quote does not hide the value.
        match = _QUOTED_HEAD.match(line)
        if match is not None:
            head, value = match[1], line[match.end() :]
    # The same zones and the same people come again and again.
    name, params = _known_head(head) if len(head) <= _LONGEST_KNOWN else _head(head)
    return Line(name, params, value)


def _head(head: str) -> tuple[str, Params]:
    name, _, rest = head.partition(";")
    parts = rest.split(";")
    if '"' in rest and rest.count('"') % 2 == 0 and any(part.count('"') % 2 for part in parts):
        parts = _PARAM.findall(";" + rest)  # a semicolon stands in quotes
    return name.strip().upper(), tuple(map(_param, parts))


_known_head = lru_cache(8192)(_head)


def _param(part: str) -> tuple[str, tuple[str, ...]]:
    key, _, text = part.partition("=")
    key = key.strip().upper()
    if "^" in text:
        return key, tuple(_CARET.sub(_caret, value) for value in _values(key, text))
    return key, _values(key, text)


def _caret(match: re.Match[str]) -> str:
    return _CARET_MEANS[match[1]]


def _values(key: str, text: str) -> tuple[str, ...]:
    if '"' not in text:
        # A comma in anything but a list is in a name that nobody quoted: CN=Doe, John
        return tuple(text.split(",")) if "," in text and key in _LISTED else (text,)
    if text[0] == text[-1] == '"' and text.count('"') == 2:
        return (text[1:-1],)
    if text.count('"') % 2:
        return (text,)
    pieces = tuple(quoted or bare for quoted, bare in _PIECES.findall(text))
    if key in _LISTED or _all_quoted(text):
        return pieces
    return ("".join(pieces) if pieces else text,)


def _all_quoted(text: str) -> bool:
    return re.fullmatch(r'"[^"]*"(?:,"[^"]*")*', text) is not None


def _join_soft_breaks(text: str) -> str:
    """Quoted-printable goes on in the next line after a `=` at the end, which is no fold of iCalendar."""
    joined: list[str] = []
    goes_on = False
    for line in text.split("\n"):
        if goes_on:
            joined[-1] = joined[-1][:-1] + line
        else:
            joined.append(line)
        goes_on = joined[-1].endswith("=") and "QUOTED-PRINTABLE" in joined[-1].partition(":")[0].upper()
    return "\n".join(joined)


def unescape(value: str) -> str:
    r"""A TEXT value as people read it (RFC 5545 3.3.11); an unknown escape stays as written.

    >>> unescape(r"Room 1\, 2nd floor\nring twice")
    'Room 1, 2nd floor\nring twice'
    """
    if "\\" not in value:
        return value
    return _ESCAPE.sub(lambda match: "\n" if match[1] in "nN" else match[1], value)


def text_of(line: Line) -> str:
    """The TEXT value of a line, quoted-printable of vCalendar 1.0 included (its CHARSET, else UTF-8)."""
    if not line.params:
        return unescape(line.value)
    encoding = line.param("ENCODING")
    if encoding is None or encoding.upper() != "QUOTED-PRINTABLE":
        return unescape(line.value)
    octets = quopri.decodestring(line.value.encode("utf-8", "replace"))
    try:
        decoded = octets.decode(line.param("CHARSET") or "utf-8")
    except (LookupError, UnicodeDecodeError):
        decoded = octets.decode("cp1252", "replace")
    return unescape(decoded.replace("\r\n", "\n").replace("\0", ""))


def split_list(value: str) -> list[str]:
    r"""The items of a comma-separated TEXT list, each unescaped and trimmed, empty ones left out.

    >>> split_list(r"a, b\, c")
    ['a', 'b, c']
    """
    if "\\" not in value:
        return [item.strip() for item in value.split(",") if item.strip()]
    items = re.split(r"(?<!\\)((?:\\\\)*),", value)
    whole = [before + slashes for before, slashes in zip(items[::2], [*items[1::2], ""], strict=True)]
    return [text for item in whole if (text := unescape(item).strip())]
