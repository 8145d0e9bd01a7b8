"""ATTENDEE and ORGANIZER lines -> people.

Owns what counts as an email address. Must not merge anyone: the same address twice is two attendees.
"""

import re

from syncd.core.calendar.model import Line, Person

_LONGEST_EMAIL = 320  # RFC 3696 errata 1690: 64 octets, @, 255 octets
_LONGEST_WORD = 200  # an enumerated parameter
_BRACKETED = re.compile(r".*<([^<>\s]+@[^<>\s]+)>\s*", re.DOTALL)
_TYPED = frozenset({"CN", "ROLE", "PARTSTAT", "CUTYPE", "RSVP"})


def person(line: Line) -> Person:
    """The person a line names, its parameters beyond the typed ones in `params`."""
    first: dict[str, str] = {}
    rest: dict[str, list[str]] = {}
    for name, values in line.params:
        if name in _TYPED and name not in first:
            first[name] = values[0] if values else ""
        else:
            rest.setdefault(name, []).extend(values)
    address = line.value.strip()
    rsvp = first.get("RSVP")
    return Person(
        address,
        _email(address) or _email(next(iter(rest.get("EMAIL", ())), "")),
        first.get("CN"),
        _word(first.get("ROLE")),
        _word(first.get("PARTSTAT")),
        _word(first.get("CUTYPE")),
        None if rsvp is None else rsvp.strip().upper() in {"TRUE", "YES", "1"},
        rest,
    )


def _email(text: str) -> str | None:
    """The address in `mailto:` form, bare, or in angle brackets; in lower case, because that is how it is looked up."""
    text = text.strip()
    if text[:7].lower() == "mailto:":
        text = text[7:].strip()
    elif (match := _BRACKETED.fullmatch(text)) is not None:
        text = match[1]
    if "@" not in text or "/" in text or ":" in text or len(text) > _LONGEST_EMAIL or len(text.split()) > 1:
        return None
    return text.lower()


def _word(text: str | None) -> str | None:
    """An enumerated value in upper case; None for what is far too long to be one."""
    return text.strip().upper() if text is not None and len(text) <= _LONGEST_WORD else None
