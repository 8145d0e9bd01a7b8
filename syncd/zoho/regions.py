"""Zoho's data centres: which hosts a grant is asked from and a token may be sent to.

Hosts come from the configuration or from this list; the one host that an answer may name, a token's `api_domain`, is
held against both. Nothing here opens a connection.
"""

import difflib
import ipaddress
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import SplitResult, urlsplit

from syncd.errors import ConfigWrong, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A data centre: base URLs without a trailing slash."""

    name: str
    accounts_url: str
    api_url: str

    @property
    def is_local(self) -> bool:
        """Whether the API is on this machine: a simulator, never a real Zoho."""
        return _is_loopback(urlsplit(self.api_url).hostname or "")

    def pinned(self, api_domain: str) -> str | None:
        """The base URL to use for a token whose grant named `api_domain`; None when the token must not go there.

        The configured host always passes. Beyond it only Zoho's own API hosts do (a sandbox or a developer edition
        answers under its own name), and none of them when the API is a local simulator.
        """
        named = _base(api_domain)
        if named is None:
            return None
        if named == self.api_url:
            return named
        if self.is_local or not named.startswith("https://"):
            return None
        return named if urlsplit(named).netloc in _API_HOSTS else None


# zoho-crm's multi-DC page and the hosts its SDK for v8 carries; Canada's accounts live on a domain of their own.
_HOSTS = {
    "us": ("accounts.zoho.com", "zohoapis.com"),
    "eu": ("accounts.zoho.eu", "zohoapis.eu"),
    "in": ("accounts.zoho.in", "zohoapis.in"),
    "au": ("accounts.zoho.com.au", "zohoapis.com.au"),
    "jp": ("accounts.zoho.jp", "zohoapis.jp"),
    "ca": ("accounts.zohocloud.ca", "zohoapis.ca"),
    "cn": ("accounts.zoho.com.cn", "zohoapis.com.cn"),
    "sa": ("accounts.zoho.sa", "zohoapis.sa"),
    "uk": ("accounts.zoho.uk", "zohoapis.uk"),
}
_ALIASES = {"com": "us", "com.au": "au", "com.cn": "cn", "zohocloud.ca": "ca"}
_API_HOSTS = frozenset(f"{kind}.{tail}" for _, tail in _HOSTS.values() for kind in ("www", "sandbox", "developer"))

REGIONS = MappingProxyType(
    {
        name: Region(name=name, accounts_url=f"https://{accounts}", api_url=f"https://www.{tail}")
        for name, (accounts, tail) in _HOSTS.items()
    }
)


def region(name: str) -> Region:
    """The data centre of that name or alias (`com`, `com.au`, ...), in any case. ConfigWrong when there is none.

    >>> region("com.au").api_url
    'https://www.zohoapis.com.au'
    """
    word = name.strip().lower()
    found = REGIONS.get(_ALIASES.get(word, word))
    if found is not None:
        return found
    near = difflib.get_close_matches(word, [*REGIONS, *_ALIASES], n=1)
    fix = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(REGIONS)}, or accounts_url and api_url"
    raise ConfigWrong((Problem(where="zoho.data_center", what=f"{name!r} is not a Zoho data centre", fix=fix),))


def custom_region(accounts_url: str, api_url: str) -> Region:
    """A data centre by its two base URLs: https, or http on a loopback host. ConfigWrong lists what is wrong."""
    problems = []
    bases = {}
    for key, url in (("zoho.accounts_url", accounts_url), ("zoho.api_url", api_url)):
        base = _base(url)
        if base is None:
            problems.append(
                Problem(
                    where=key,
                    what=f"{url!r} cannot be used",
                    fix="write https://HOST without path or user name; http:// is for 127.0.0.1 and localhost alone",
                )
            )
        else:
            bases[key] = base
    if problems:
        raise ConfigWrong(tuple(problems))
    return Region(name="custom", accounts_url=bases["zoho.accounts_url"], api_url=bases["zoho.api_url"])


def _base(url: str) -> str | None:
    """`scheme://host[:port]` in lower case, or None when the URL holds anything else or is not safe to use."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname or ""
    if not host or parts.username is not None or parts.query or parts.fragment or parts.path not in {"", "/"}:
        return None
    if any(sign.isspace() or sign in "\\%" for sign in parts.netloc):
        return None
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        return None
    return SplitResult(parts.scheme, _netloc(host, port, parts.scheme), "", "", "").geturl()


def _netloc(host: str, port: int | None, scheme: str) -> str:
    shown = f"[{host}]" if ":" in host else host
    return shown if port in {None, {"https": 443, "http": 80}[scheme]} else f"{shown}:{port}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
