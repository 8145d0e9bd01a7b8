"""The kinds of values that say where something is: addresses to listen on, URLs, paths, connection strings."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import SecretStr

from syncd.settings import dsn
from syncd.settings.findings import shown
from syncd.settings.kinds import kind, text_of, wrong

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
SECRET_CHARACTERS = 22
"""Of 64 kinds each: 132 bits, so that nobody finds the callback's path by trying."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; port 0 means any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _url(value: object) -> str:
    """A URL that may be sent secrets or jobs: https, or http on this machine."""
    fix = 'write "https://HOST"; http:// is for 127.0.0.1 and localhost alone'
    text = text_of(value, fix)
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise wrong(f"{shown(value)} is not a URL", fix) from None
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    if not host or not safe or "@" in parts.netloc or parts.query or parts.fragment or re.search(r"\s", text):
        raise wrong(f"{shown(value)} cannot be used", fix)
    return text.rstrip("/")


def _base_url(value: object) -> str:
    text = _url(value)
    if urlsplit(text).path:
        raise wrong(f"{shown(value)} has a path", "write the host alone, without a path")
    return text


def _callback_url(value: object) -> SecretStr:
    text = _url(value)
    if len(urlsplit(text).path.rpartition("/")[2]) < SECRET_CHARACTERS:
        raise wrong(
            f"does not end in a secret of at least {SECRET_CHARACTERS} characters",
            'make one: python3 -c "import secrets; print(secrets.token_urlsafe(24))"',
        )
    return SecretStr(text)


def _write_callback_url(url: SecretStr) -> str:
    return url.get_secret_value().rpartition("/")[0] + f"/{dsn.MASK}"


CallbackUrl = Annotated[SecretStr, *kind(_callback_url, _write_callback_url, type="string", format="uri")]
BaseUrl = Annotated[str, *kind(_base_url, str, type="string", format="uri")]


def _listen(value: object) -> Address | None:
    fix = 'write "127.0.0.1:8642", or "" for none'
    text = text_of(value, fix)
    if not text:
        return None
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or port is None or parts.netloc != text or "@" in text:
        raise wrong(f"{shown(value)} is not an address", fix)
    return Address(host, port)


def _host_names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) and _HOST.fullmatch(name) for name in value):
        raise wrong(
            f"{shown(value)} is not a list of host names", 'write ["syncd.example.com"], without port or scheme'
        )
    return tuple(value)


HostNames = Annotated[tuple[str, ...], *kind(_host_names, list, type="array", items={"type": "string"})]


def _write_listen(address: Address | None) -> str:
    return "" if address is None else str(address)


Listen = Annotated[Address | None, *kind(_listen, _write_listen, type="string", examples=["127.0.0.1:8642"])]


def _dsn(value: object) -> SecretStr:
    fix = 'write "postgresql://USER@HOST/DATABASE" or "host=... dbname=..."; left out: the PG* variables'
    text = text_of(value, fix).strip()
    if text and not dsn.is_url(text) and not re.match(r"\w+\s*=", text):
        raise wrong("is neither a postgresql:// URL nor NAME=VALUE words", fix)
    return SecretStr(text)


def _write_dsn(text: SecretStr) -> str:
    return dsn.mask(text.get_secret_value())


Dsn = Annotated[SecretStr, *kind(_dsn, _write_dsn, type="string", examples=["postgresql:///crm"])]


def _place(value: object) -> str:
    fix = "write a path; a relative one counts from the folder of the configuration file"
    text = text_of(value, fix)
    if not text.strip() or "\0" in text:
        raise wrong("is empty" if not text.strip() else "is not a path", fix)
    return text


Place = Annotated[str, *kind(_place, str, type="string")]
