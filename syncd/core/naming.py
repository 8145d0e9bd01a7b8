"""From Zoho's names to PostgreSQL's: tables and columns that need no quotes. Decided once, then stored.

The rules are a contract (DESIGN.md section 6). A name that was stored in the field map is never computed again, so a
change here only reaches fields that were never seen.
"""

import hashlib
import re
from collections.abc import Collection

MAX_BYTES = 63
"""PostgreSQL cuts longer identifiers silently (PostgreSQL docs, 4.1.1: NAMEDATALEN)."""

_HASH_DIGITS = 6

RESERVED = frozenset(
    """
    all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation
    column concurrently constraint create cross current_catalog current_date current_role current_schema current_time
    current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze
    from full grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit
    localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references
    returning right select session_user similar some symmetric system_user table tablesample then to trailing true union
    unique user using variadic verbose when where window with
    """.split()  # noqa: SIM905 (a list of words reads better than a column of literals)
)
"""Reserved key words, those that may name a function or type included (PostgreSQL docs, appendix C)."""

SYSTEM_COLUMNS = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})
"""Names that PostgreSQL refuses for a column of ours (PostgreSQL docs, 5.6)."""

CALENDAR_TABLES = frozenset(
    {
        "calendar",
        "calendar_agenda",
        "calendar_alarm",
        "calendar_attendee",
        "calendar_busy",
        "calendar_conflict",
        "calendar_event",
        "calendar_health",
        "calendar_import",
        "calendar_occurrence",
        "calendar_property",
        "calendar_quarantine",
        "calendar_recurrence_date",
        "calendar_timezone",
    }
)
"""Relations of the calendar half of a warehouse schema: a module's table may not take their names."""


def snake_case(api_name: str) -> str:
    """The plain rule, before reserved words, length and collisions.

    >>> snake_case("Audit_Trail__c"), snake_case("$converted"), snake_case("Account_Name.Phone"), snake_case("Größe cm")
    ('audit_trail__c', 'converted', 'account_name__phone', 'gr_e_cm')
    """
    parts = (re.sub(r"[^a-z0-9_]+", "_", part.removeprefix("$").lower()) for part in api_name.split("."))
    return "__".join(parts).lstrip("_") or "field"


def column_name(api_name: str, taken: Collection[str] = ()) -> str:
    """The column for a field, different from every name in `taken`; at most 63 bytes.

    >>> column_name("Order"), column_name("Phone", {"phone"}), len(column_name("x" * 90))
    ('order_', 'phone_2', 63)
    """
    name = snake_case(api_name)
    if name in RESERVED or name in SYSTEM_COLUMNS:
        name += "_"
    return _free(_fitted(name), taken)


def table_name(module: str, taken: Collection[str] = ()) -> str:
    """The table for a module, by the same rules.

    >>> table_name("Contacts"), table_name("User"), table_name("Calendar")
    ('contacts', 'user_', 'calendar_')
    """
    name = snake_case(module)
    if name in RESERVED or name in CALENDAR_TABLES:
        name += "_"
    return _free(_fitted(name), taken)


def _fitted(name: str, room: int = MAX_BYTES) -> str:
    """Cut a name to `room` bytes (it is ASCII by now); what is cut leaves a hash of the whole behind."""
    if len(name) <= room:
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:_HASH_DIGITS]
    return f"{name[: room - _HASH_DIGITS - 1]}_{mark}"


def _free(name: str, taken: Collection[str]) -> str:
    """`name`, or the first of `name_2`, `name_3` ... that is not taken."""
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        suffix = f"_{number}"
        candidate = _fitted(name, MAX_BYTES - len(suffix)) + suffix
    return candidate
