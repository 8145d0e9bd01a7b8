"""The one place where a psycopg error becomes an error of syncd: by SQLSTATE, one remedy each.

Owns: the table from SQLSTATE to remedy, and the words. Must not print a password or a record's value: messages of
the classes 22 and 23 quote values and are left out.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from syncd.errors import NeedsOperator, SyncdError, TryLater, Unreachable

# SQLSTATE or its beginning -> seconds to wait. https://www.postgresql.org/docs/current/errcodes-appendix.html
_BUSY = {
    "55P03": 2.0,  # lock_timeout: someone else works on the table
    "40001": 2.0,  # serialization failure
    "40P01": 2.0,  # deadlock, and we were chosen
    "57014": 5.0,  # statement_timeout, or cancelled by an administrator
    "25P04": 5.0,  # transaction_timeout
    "55006": 5.0,  # object in use
    "53300": 10.0,  # too many connections
    "53": 60.0,  # disk full, out of memory
}
# The server is going, coming, or not the one that takes writes: whatever was under way is gone or unknown.
_BROKEN_OFF = ("08", "57P01", "57P02", "57P03", "57P05", "25P03", "25006")

_FIX = {
    "25006": "use the primary server; a dsn with several hosts takes target_session_attrs=read-write",
    "42501": "grant the role of the dsn what is missing, or let the owner of the object run: syncd db upgrade",
    "3D000": "create the database with createdb, or correct the name in the dsn",
    "53100": "free space on the server's disk; syncd goes on by itself",
    "53300": "raise max_connections on the server, or give syncd fewer lanes",
    "28": "correct the user or the password of the dsn, or the server's pg_hba.conf",
    "3F000": "run: syncd db upgrade",
    "42P01": "run: syncd db upgrade; if the table was dropped or renamed by hand, put it back",
    "42703": "run: syncd db upgrade; if a column was dropped or renamed by hand, put it back",
}
_WAIT = "see that the server runs and accepts connections; syncd goes on by itself once it does"
_UNEXPECTED = "this may be a fault of syncd: report it with the lines above"

# libpq hands over no SQLSTATE for a refused connection, only the server's words.
_REFUSED_CONNECTIONS = (
    ("authentication failed|no password supplied|no pg_hba.conf entry|is not permitted to log in", "28"),
    ('role ".*" does not exist', "28"),
    ('database ".*" does not exist', "3D000"),
    ("permission denied for database", "42501"),
    ("too many clients|too many connections|remaining connection slots", "53300"),
)
_TLS_FIX = (
    "give the server a certificate that this machine trusts (sslrootcert=FILE in the dsn), or accept an unverified "
    "connection with sslmode=require, or an unencrypted one with sslmode=disable"
)


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise what psycopg raises in the block as Unreachable, TryLater or NeedsOperator.

    `where` names the server for people. Errors of our own making without a SQLSTATE (a wrong number of parameters)
    stay what they are.
    """
    try:
        yield
    except psycopg.Error as error:
        remedy = remedy_for(error, where)
        if remedy is None:
            raise
        if _quotes_values(error):
            raise remedy from None
        raise remedy from error


def remedy_for(error: psycopg.Error, where: str) -> SyncdError | None:
    """The error of syncd that says what to do about `error`; None for a fault in our own use of psycopg."""
    state = error.sqlstate
    if state is None:
        if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            return None
        return _without_state(str(error).strip(), where)
    return _with_state(state, _reason(error), where)


def _with_state(state: str, why: str, where: str) -> SyncdError:
    fix = next((text for start, text in _FIX.items() if state.startswith(start)), "")
    if state.startswith(_BROKEN_OFF):
        return Unreachable("PostgreSQL broke off", where=where, why=why, fix=fix or _WAIT)
    after = _BUSY.get(state) or _BUSY.get(state[:2])
    if after is not None:
        return TryLater("PostgreSQL is busy or full", after=after, where=where, why=why, fix=fix)
    return NeedsOperator("PostgreSQL refuses a statement", where=where, why=why, fix=fix or _UNEXPECTED)


def _without_state(text: str, where: str) -> SyncdError:
    """A broken or refused connection, which has no SQLSTATE: told apart by the server's English words."""
    why = " ".join(text.split())[:400] or "the connection was lost"
    state = next((state for words, state in _REFUSED_CONNECTIONS if re.search(words, why)), None)
    if state is not None:
        return _with_state(state, why, where)
    if re.search("SSL|certificate|root.crt", why) and "server closed" not in why:
        return NeedsOperator("no trusted connection to PostgreSQL", where=where, why=why, fix=_TLS_FIX)
    return Unreachable("PostgreSQL is not reachable", where=where, why=why, fix=_WAIT)


def _quotes_values(error: psycopg.Error) -> bool:
    return (error.sqlstate or "").startswith(("22", "23"))


def _reason(error: psycopg.Error) -> str:
    diag = error.diag
    if _quotes_values(error):
        named = [name for name in (diag.table_name, diag.column_name, diag.constraint_name) if name]
        return " ".join([type(error).__name__, *named, f"({error.sqlstate})"])
    return f"{diag.message_primary or type(error).__name__} ({error.sqlstate})"
