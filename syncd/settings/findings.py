"""What is wrong with a configuration, before it is known on which line, and how a value is shown in such a sentence."""

import difflib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from syncd.errors import Problem
from syncd.settings.toml_lines import TomlPath

_LOOKS_SECRET = re.compile(r"1000\.[0-9A-Za-z]{8,}\.[0-9A-Za-z]{8,}|://[^/\s]*@")
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong at one place of the document. `fix` says what to write instead."""

    path: TomlPath
    what: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where each key of one org's document came from: `FILE:LINE`, or `$VARIABLE`."""

    file: Path
    places: Mapping[TomlPath, str]

    def where(self, path: TomlPath) -> str:
        """The place of a key; for one that is missing, of the table it would stand in."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.places:
                return self.places[path[:length]]
        return f"{self.file}:1"

    def replaced(self, path: TomlPath, places: Mapping[TomlPath, str]) -> "Origin":
        """The same, but `path` and all below it came from elsewhere."""
        kept = {key: place for key, place in self.places.items() if key[: len(path)] != path}
        return Origin(file=self.file, places={**kept, **places})

    def problem(self, finding: Finding) -> Problem:
        """The finding as a problem with its place."""
        name = dotted(finding.path)
        return Problem(
            where=self.where(finding.path), what=f"{name}: {finding.what}" if name else finding.what, fix=finding.fix
        )


def dotted(path: TomlPath) -> str:
    """A path as one would write it in TOML; elements of arrays are counted from 0.

    >>> dotted(("modules", "Leads", "fields", 2))
    'modules.Leads.fields[2]'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def shown(value: object) -> str:
    """A value of the configuration for a sentence: short, on one line, and never a secret."""
    if isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
    elif isinstance(value, Mapping):
        return "a table"
    elif isinstance(value, list | tuple):
        return "a list"
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
    if _LOOKS_SECRET.search(text):
        return "a value that looks like a secret"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def did_you_mean(word: str, known: Collection[str]) -> str:
    """`did you mean X?` for the nearest of the known words, '' when none is near."""
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f"did you mean {by_lower[near[0]]}?" if near else ""


def one_of(words: Collection[str]) -> str:
    """A list of words for a sentence.

    >>> one_of(["off", "daily", "each-run"])
    'off, daily or each-run'
    """
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
