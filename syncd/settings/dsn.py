"""PostgreSQL connection strings, as far as secrets in them go. Both forms of the PostgreSQL docs, 34.1.1. Pure.

Whether a string is right in every part only libpq can say; nothing here raises.
"""

import re
from urllib.parse import parse_qs, quote, unquote, urlsplit

MASK = "***"

_WORD = re.compile(r"(^|\s)((?:ssl)?password\s*=\s*)('(?:[^'\\]|\\.)*'|\S+)")
_USER_INFO = re.compile(r"(://[^:/@\s]*:)[^/\s]*@")
_QUERY = re.compile(r"([?&](?:ssl)?password=)[^&\s]*")


def is_url(dsn: str) -> bool:
    """Whether a connection string is a URL, and not NAME=VALUE words."""
    return dsn.startswith(("postgresql://", "postgres://"))


def has_password(dsn: str) -> bool:
    """Whether a connection string carries a password for the server that is not empty."""
    return bool(_secrets(dsn).get("password"))


def secrets_in(dsn: str) -> tuple[str, ...]:
    """What a connection string carries that nobody may see: a password, the passphrase of a key; decoded.

    >>> secrets_in("postgresql://me:p%40ss@db/crm?sslpassword=x"), secrets_in("password = 'it\\\\'s' host=db")
    (('p@ss', 'x'), ("it's",))
    """
    return tuple(secret for secret in _secrets(dsn).values() if secret)


def _secrets(dsn: str) -> dict[str, str]:
    if not is_url(dsn):
        return {found[2].partition("=")[0].strip(): _word(found[3]) for found in _WORD.finditer(dsn)}
    try:
        parts = urlsplit(dsn)
    except ValueError:  # brackets that do not match: an odd host, or signs of the password itself
        return {"password": unquote(dsn.partition("://")[2].rpartition("@")[0].partition(":")[2])}
    # A plus is no space to libpq, unlike in a form.
    query = parse_qs(parts.query.replace("+", "%2B"))
    given = {"password": unquote(parts.password or "")}
    return given | {name: query[name][-1] for name in ("password", "sslpassword") if name in query}


def _word(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1] if value.startswith("'") else value, flags=re.DOTALL)


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
