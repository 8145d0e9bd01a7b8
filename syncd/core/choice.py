"""Which streams people mean by the names they give: an API name in any case, or ORG/MODULE. Pure."""

import difflib
from collections.abc import Iterable, Sequence

from syncd.core.model import StreamKey
from syncd.errors import ConfigWrong, Problem


def chosen(keys: Sequence[StreamKey], names: Iterable[str]) -> tuple[StreamKey, ...]:
    """The streams of `keys` that the names mean, in the order of the names; all of them without names.

    ConfigWrong with a problem for each name that means none.
    """
    found = {name: [key for key in keys if name.lower() in {key.module.lower(), str(key).lower()}] for name in names}
    unknown = tuple(_unknown(name, keys) for name, streams in found.items() if not streams)
    if unknown:
        raise ConfigWrong(unknown)
    return tuple(dict.fromkeys(key for streams in found.values() for key in streams)) if found else tuple(keys)


def nearest(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """At most two of the known names that look like `name`, whatever their case; the likeliest first.

    >>> nearest("contcats", ["Contacts", "Contracts", "Deals"]), nearest("xyz", ["Deals"])
    (('Contacts', 'Contracts'), ())
    """
    lower = {one.lower(): one for one in known}
    return tuple(lower[found] for found in difflib.get_close_matches(name.lower(), lower, n=2, cutoff=0.6))


def _unknown(name: str, keys: Sequence[StreamKey]) -> Problem:
    known = list(dict.fromkeys(key.module for key in keys))
    near = nearest(name, known)
    choose = f"did you mean {' or '.join(near)}?" if near else f"choose from: {', '.join(known) or 'none yet'}"
    fix = f"{choose}; what is to be synced stands in [modules]"
    return Problem(where="modules", what=f"{name!r} is not a configured module", fix=fix)
