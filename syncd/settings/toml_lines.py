"""On which line of a TOML text each key stands: `tomllib` tells the values, this tells the places.

Works on text that `tomllib` has accepted, so it checks nothing. It follows the TOML 1.0 specification: quoted and
dotted keys, inline tables, arrays of tables, and the four kinds of strings.
"""

import re
import tomllib
from bisect import bisect_right

TomlPath = tuple[str | int, ...]

_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*'""")
_SCALAR = re.compile(
    r'''"""(?:\\.|[^\\])*?"{3,5}(?!")|\'\'\'.*?'{3,5}(?!')|"(?:[^"\\]|\\.)*"|'[^']*'|[^,\]}#\n]+''',
    re.DOTALL,
)


def key_lines(text: str) -> dict[TomlPath, int]:
    """The line, from 1, of every key, table and array element; the path is as in the parsed document.

    A table that is opened more than once (`[a]` and later `[a.b]`) stands where it is mentioned first.

    >>> key_lines('[zoho]\\nclient_id = "x"\\nlist = [{ a = 1 }]')[("zoho", "list", 0, "a")]
    3
    """
    return _Scanner(text).scan()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._breaks = [match.start() for match in re.finditer("\n", text)]
        self._lines: dict[TomlPath, int] = {}
        self._last_element: dict[TomlPath, int] = {}

    def scan(self) -> dict[TomlPath, int]:
        table: TomlPath = ()
        self._take(_GAP)
        while self._at < len(self._text):
            table = self._header() if self._sees("[") else self._pair(table)
            self._take(_GAP)
        return self._lines

    def _sees(self, sign: str) -> bool:
        return self._text.startswith(sign, self._at)

    def _take(self, pattern: re.Pattern[str]) -> str:
        """Step over what the pattern matches here, and return it; nothing when it does not match."""
        match = pattern.match(self._text, self._at)
        if match is None:
            return ""
        self._at = match.end()
        return match.group()

    def _note(self, path: TomlPath, at: int) -> None:
        self._lines.setdefault(path, bisect_right(self._breaks, at - 1) + 1)

    def _header(self) -> TomlPath:
        """`[a.b]` or `[[a.b]]`; the path that the following pairs belong to."""
        start, brackets = self._at, 2 if self._sees("[[") else 1
        self._at += brackets
        *parents, last = self._key()
        path: TomlPath = ()
        for part in parents:
            path = self._newest((*path, part))
            self._note(path, start)
        path = (*path, last)
        self._note(path, start)
        self._at += brackets
        if brackets == 1:
            return self._newest(path)
        number = self._last_element[path] = self._last_element.get(path, -1) + 1
        self._note((*path, number), start)
        return (*path, number)

    def _newest(self, path: TomlPath) -> TomlPath:
        """A name in a header means the newest element when it was opened as an array of tables."""
        return (*path, self._last_element[path]) if path in self._last_element else path

    def _key(self) -> list[str]:
        """A bare, quoted or dotted key, with the space around it."""
        parts: list[str] = []
        while True:
            self._take(_SPACE)
            raw = self._take(_KEY)
            parts.append(str(tomllib.loads(f"k = {raw}")["k"]) if raw[:1] in {'"', "'"} else raw)
            self._take(_SPACE)
            if not self._sees("."):
                return parts
            self._at += 1

    def _pair(self, table: TomlPath) -> TomlPath:
        """`key = value`; returns the table, so that the next pair belongs to it too."""
        self._take(_SPACE)
        start, path = self._at, table
        for part in self._key():
            path = (*path, part)
            self._note(path, start)
        self._at += 1  # the equals sign
        self._take(_SPACE)
        self._value(path)
        return table

    def _value(self, path: TomlPath) -> None:
        if self._sees("["):
            self._elements(path)
        elif self._sees("{"):
            self._inline_table(path)
        else:
            self._take(_SCALAR)

    def _elements(self, path: TomlPath) -> None:
        self._at += 1
        number = 0
        while self._more("]"):
            self._note((*path, number), self._at)
            self._value((*path, number))
            number += 1

    def _inline_table(self, path: TomlPath) -> None:
        self._at += 1
        while self._more("}"):
            self._pair(path)

    def _more(self, closing: str) -> bool:
        """Step to the next element of a bracketed list; False, and behind it, at its end."""
        self._take(_GAP)
        if self._sees(","):
            self._at += 1
            self._take(_GAP)
        if self._sees(closing):
            self._at += 1
            return False
        return self._at < len(self._text)
