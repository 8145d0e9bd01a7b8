"""Log events as plain values, and as lines: for people on a terminal, and as JSON.

Owns: how a value, an exception and a secret appear. Must not write anything or know where lines go. An event is a dict
with `event` (what happened), `level`, `at` (aware, UTC) and further fields.
"""

import json
import math
import sys
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any

Event = dict[str, Any]
Redact = Callable[[str], str]

FIRST = ("at", "level", "event", "org", "module", "run")
MASK = "***"

_LONGEST = 32 * 1024
_DEEPEST = 6
_SECRET_WORDS = ("secret", "passw", "pwd", "authorization", "token")
_COLOURS = {
    "debug": "\x1b[2m",
    "info": "\x1b[32m",
    "warning": "\x1b[33m",
    "error": "\x1b[31m",
    "critical": "\x1b[31;1m",
}
_BOLD, _DIM, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"


def plain(event: Mapping[str, Any], redact: Redact) -> Event:
    """The event with nothing but text, numbers, booleans, None, lists and dicts in it, free of secrets, in order.

    `exc_info` becomes `exception`, a text. After this step nothing may be added: what was split over two fields could
    no longer be recognised.
    """
    fields = dict(event)
    error = _exception(fields.pop("exc_info", None))
    if error is not None:
        fields["exception"] = error
    ordered = {name: fields[name] for name in FIRST if name in fields} | fields
    return {_text(name, redact): _plain(value, redact, name) for name, value in ordered.items()}


def _exception(said: object) -> str | None:
    """The traceback of what a caller gave as `exc_info`: an exception, the triple of sys.exc_info(), or True."""
    if said is True:
        said = sys.exception()
    if isinstance(said, tuple) and len(said) == 3:
        said = said[1]
    if not isinstance(said, BaseException):
        return None
    return "".join(traceback.format_exception(said)).rstrip()


def _text(text: str, redact: Redact) -> str:
    # Cut after the secrets are out, because half a secret is not recognised any more.
    clean = redact(text)
    return clean if len(clean) <= _LONGEST else f"{clean[:_LONGEST]} ... ({len(clean)} characters)"


def _plain(value: object, redact: Redact, name: str = "", depth: int = 0) -> Any:
    if depth < _DEEPEST and isinstance(value, Mapping):
        return {_text(str(key), redact): _plain(inner, redact, str(key), depth + 1) for key, inner in value.items()}
    if depth < _DEEPEST and isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner, redact, name, depth + 1) for inner in value]
    return _scalar(value.value if isinstance(value, Enum) else value, redact, name)


def _scalar(value: object, redact: Redact, name: str) -> str | int | float | None:
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, datetime) and value.tzinfo is not None:
        return stamp(value)
    text = str(value)
    if text and any(word in name.lower() for word in _SECRET_WORDS):
        return MASK
    return _text(text, redact)


def stamp(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds, ending in Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def json_line(event: Event) -> str:
    """A plain event as one line of JSON."""
    return json.dumps(event, ensure_ascii=False)


def message(event: Event) -> str:
    """A plain event as a sentence, its fields as NAME=VALUE, and below that the traceback if there is one."""
    return _line(event, colours=False)


def console_line(event: Event, *, colours: bool) -> str:
    """A plain event for a terminal: local time, level, sentence and fields."""
    level = str(event.get("level", "info"))
    at = str(event.get("at", ""))
    clock = f"{datetime.fromisoformat(at).astimezone():%H:%M:%S} " if at else ""
    head = f"{clock}{level:<8}"
    if colours:
        head = f"{_DIM}{clock}{_PLAIN}{_COLOURS.get(level, '')}{level:<8}{_PLAIN}"
    return head + _line(event, colours=colours)


def _line(event: Event, *, colours: bool) -> str:
    said = _printable(str(event.get("event", "")))
    parts = [f"{_BOLD}{said}{_PLAIN}" if colours else said]
    for name, value in event.items():
        if name in {"at", "level", "event", "exception"} or value is None or value == "":
            continue
        label = f"{_printable(name)}="
        parts.append((f"{_DIM}{label}{_PLAIN}" if colours else label) + _quoted(value))
    line = " ".join(parts)
    if exception := event.get("exception"):
        line += "".join(f"\n  {_printable(one)}" for one in str(exception).splitlines())
    return line


def _quoted(value: object) -> str:
    if not isinstance(value, str):
        return _printable(json.dumps(value, ensure_ascii=False))
    simple = value and value.isprintable() and not any(sign in value for sign in " \"'=\\")
    return value if simple else _printable(json.dumps(value, ensure_ascii=False))


def _printable(text: str) -> str:
    """The text without signs that could move the cursor, begin a new line or hide what follows."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
