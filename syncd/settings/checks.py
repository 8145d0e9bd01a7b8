"""What concerns two keys or more of one document, and what deserves a warning.

Works on the plain document beside the typed one, so that everything wrong is told at once: a rule looks at what is
there and holds its tongue where the shape itself is wrong, because that is reported already.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from syncd.core.limits import DOWNLOADS_PER_MINUTE
from syncd.core.naming import table_name
from syncd.settings.addresses import is_loopback
from syncd.settings.environment import Raw
from syncd.settings.findings import Finding, shown
from syncd.settings.tree import DATA_CENTERS, Document

_FEED_FORMATS = frozenset({"ics", "both"})
_FEED_MODULE = "Events"


def contradictions(document: Raw) -> Iterator[Finding]:
    """Everything wrong that no single value shows."""
    if zoho := _table(document, "zoho"):
        yield from _data_center(zoho)
        yield from _grant(zoho)
    yield from _turns(("defaults",), _table(document, "defaults"))
    modules = _table(document, "modules")
    for name, module in modules.items():
        if isinstance(module, dict):
            yield from _turns(("modules", name), module)
            yield from _fields(name, module)
    yield from _tables(modules)


def _table(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    table = document.get(name)
    return table if isinstance(table, dict) else {}


def _data_center(zoho: Mapping[str, Any]) -> Iterator[Finding]:
    urls = [key for key in ("accounts_url", "api_url") if key in zoho]
    if "data_center" in zoho and urls:
        yield Finding(("zoho", urls[0]), "contradicts data_center", "keep data_center, or both URLs, not all")
    elif len(urls) == 1:
        other = "api_url" if urls == ["accounts_url"] else "accounts_url"
        yield Finding(("zoho", urls[0]), f"needs {other} beside it", f'write {other} = "https://..."')
    elif not urls and "data_center" not in zoho:
        fix = f'write data_center = "eu", or another of {" ".join(DATA_CENTERS)}'
        yield Finding(("zoho", "data_center"), "is missing", fix)


def _grant(zoho: Mapping[str, Any]) -> Iterator[Finding]:
    if zoho.get("grant", "refresh_token") == "client_credentials":
        if "soid" not in zoho:
            fix = 'write soid = "60012345678", the id that Zoho shows under Company Details'
            yield Finding(("zoho", "soid"), "is missing for client_credentials", fix)
        if "refresh_token_file" in zoho:
            yield Finding(("zoho", "refresh_token_file"), "client_credentials has no refresh token", "remove this key")
        return
    for key in ("soid", "scope"):
        if key in zoho:
            fix = 'write grant = "client_credentials", or remove this key'
            yield Finding(("zoho", key), "only goes with client_credentials", fix)


def _turns(path: tuple[str, ...], table: Mapping[str, Any]) -> Iterator[Finding]:
    if table.get("cron") and "every" in table:
        yield Finding((*path, "cron"), "contradicts every", "keep one of the two")


def _fields(name: str, module: Mapping[str, Any]) -> Iterator[Finding]:
    if isinstance(module.get("fields"), list) and "exclude" in module:
        yield Finding(("modules", name, "exclude"), "fields lists what is read already", "keep one of the two")


def _tables(modules: Mapping[str, Any]) -> Iterator[Finding]:
    """Two modules in one table would overwrite each other's rows."""
    taken: dict[str, str] = {}
    for name, module in modules.items():
        chosen = module.get("table") if isinstance(module, dict) else None
        table = chosen if isinstance(chosen, str) else table_name(name)
        if table in taken:
            what = f"its table {shown(table)} is that of {taken[table]} already"
            yield Finding(("modules", name), what, f'write table = "{table_name(table, taken)}" for one of them')
        taken[table] = name


# ----------------------------------------------------------------------------------------------------------- warnings


def warnings(document: Document) -> Iterator[Finding]:
    """What works, but not as one may believe."""
    if not document.modules:
        yield Finding(("modules",), "no module is named, so there is nothing to sync", 'write [modules], Leads = "15m"')
    if document.zoho.downloads_per_minute > DOWNLOADS_PER_MINUTE and not _is_simulated(document):
        what = f"Zoho refuses downloads for a while after {DOWNLOADS_PER_MINUTE} in a minute"
        yield Finding(("zoho", "downloads_per_minute"), what, f"write at most {DOWNLOADS_PER_MINUTE}")
    for name, module in document.modules.items():
        if module.format in _FEED_FORMATS and name != _FEED_MODULE:
            what = f"Zoho exports {_FEED_MODULE} alone as ICS"
            yield Finding(("modules", name, "format"), what, "take the key out, or give it to Events")


def _is_simulated(document: Document) -> bool:
    return document.zoho.api_url is not None and is_loopback(urlsplit(document.zoho.api_url).hostname or "")
