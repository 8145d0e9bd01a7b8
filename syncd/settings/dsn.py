"""PostgreSQL connection strings, as far as secrets in them go. Both forms of the PostgreSQL docs, 34.1.1. Pure.

Whether a string is right in every part only libpq can say; nothing here raises.
"""

import re
from urllib.parse import parse_qs, quote, urlsplit

MASK = "***"

_WORD = re.compile(r"(^|\s)((?:ssl)?password\s*=\s*)('(?:[^'\\]|\\.)*'|\S+)")
_USER_INFO = re.compile(r"(://[^:/@\s]*:)[^/\s]*@")
_QUERY = re.compile(r"([?&](?:ssl)?password=)[^&\s]*")


def is_url(dsn: str) -> bool:
    """Whether a connection string is a URL, and not NAME=VALUE words."""
    return dsn.startswith(("postgresql://", "postgres://"))


def has_password(dsn: str) -> bool:
    """Whether a connection string carries a password for the server that is not empty."""
    return _has(dsn, {"password"})


def has_secret(dsn: str) -> bool:
    """Whether a connection string carries anything that nobody may see: a password, or the passphrase of a key."""
    return _has(dsn, {"password", "sslpassword"})


def _has(dsn: str, names: set[str]) -> bool:
    if not is_url(dsn):
        return any(found[2].partition("=")[0].strip() in names and found[3] != "''" for found in _WORD.finditer(dsn))
    try:
        parts = urlsplit(dsn)
        query = parse_qs(parts.query)
        return bool(parts.password) or any(any(query.get(name, ())) for name in names)
    except ValueError:  # brackets that do not match: an odd host, or signs of the password itself
        return ":" in dsn.partition("://")[2].rpartition("@")[0]


def mask(dsn: str) -> str:
    """A connection string for people: the password is replaced.

    >>> mask("postgresql://me:secret@db/crm"), mask("host=db password='se cret' user=me")
    ('postgresql://me:***@db/crm', 'host=db password=*** user=me')
    """
    if is_url(dsn):
        return _QUERY.sub(rf"\1{MASK}", _USER_INFO.sub(rf"\1{MASK}@", dsn))
    return _WORD.sub(rf"\1\2{MASK}", dsn)


def with_password(dsn: str, password: str) -> str:
    """The connection string with a password added to it; it must not carry one already.

    >>> with_password("postgresql:///crm", "a&b"), with_password("dbname=crm", "it's")
    ('postgresql:///crm?password=a%26b', "dbname=crm password='it\\\\'s'")
    """
    if is_url(dsn):
        return f"{dsn}{'&' if '?' in dsn else '?'}password={quote(password, safe='')}"
    escaped = password.replace("\\", r"\\").replace("'", r"\'")
    return f"{dsn} password='{escaped}'".lstrip()
