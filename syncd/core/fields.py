"""Which fields an export asks for, and the PostgreSQL type of each.

Types follow DESIGN.md section 6; Zoho's field types are those of its SDK's metadata. A type nobody knows is text: text
never loses anything.
"""

from collections.abc import Collection, Sequence

from syncd.core.limits import MAX_SELECT_FIELDS
from syncd.core.model import Cursor, Field

TEXT, BIGINT, NUMERIC, DOUBLE, BOOLEAN, DATE, TIMESTAMP = (
    "text",
    "bigint",
    "numeric",
    "double precision",
    "boolean",
    "date",
    "timestamptz",
)
COLUMN_TYPES = frozenset({TEXT, BIGINT, NUMERIC, DOUBLE, BOOLEAN, DATE, TIMESTAMP})

_TYPE_OF: dict[str, str] = {
    "integer": BIGINT,
    "long": BIGINT,
    "bigint": BIGINT,
    "number": BIGINT,
    "lookup": BIGINT,
    "ownerlookup": BIGINT,
    "userlookup": BIGINT,
    "currency": NUMERIC,
    "decimal": NUMERIC,
    "double": DOUBLE,
    "percent": DOUBLE,
    "boolean": BOOLEAN,
    "date": DATE,
    "datetime": TIMESTAMP,
    "event_reminder": TIMESTAMP,
}

_COMPUTED = frozenset({"formula", "rollup_summary"})

NEVER_EXPORTED: dict[str, str] = {
    "subform": "a subform is a module of its own",
    "multiselectlookup": "a multi-select lookup is read through its linking module",
    "multiuserlookup": "a multi-user lookup is read through its linking module",
    "fileupload": "files are not part of a bulk export",
    "imageupload": "files are not part of a bulk export",
    "profileimage": "files are not part of a bulk export",
}
"""Zoho types that are not asked for unless the configuration names the field, with the reason shown to users."""

_STAMPS = (Cursor.CREATED.value, Cursor.MODIFIED.value)


def column_type(field: Field) -> str:
    """The column type for a field; formulas and roll-ups by the type of their value.

    >>> column_type(Field(api_name="Amount", data_type="currency"))
    'numeric'
    >>> column_type(Field(api_name="Total", data_type="formula", return_type="double"))
    'double precision'
    """
    word = field.return_type if field.data_type in _COMPUTED else field.data_type
    return _TYPE_OF.get(word.lower(), TEXT)


def cursor_of(fields: Sequence[Field], forced: Cursor | None = None) -> Cursor | None:
    """The stamp a module's windows lie on: the forced one, else Modified_Time, else Created_Time, else none."""
    if forced is not None:
        return forced
    names = {field.api_name for field in fields}
    for cursor in (Cursor.MODIFIED, Cursor.CREATED):
        if cursor.value in names:
            return cursor
    return None


def walk_of(fields: Sequence[Field]) -> Cursor | None:
    """The stamp by which all rows of a module are walked once: Created_Time, which never changes, where there is one.

    By Modified_Time it works as well: a row that is edited meanwhile leaves its window for the catch-up's.
    """
    names = {field.api_name for field in fields}
    return next((cursor for cursor in (Cursor.CREATED, Cursor.MODIFIED) if cursor.value in names), None)


def selection(
    fields: Sequence[Field], *, wanted: Sequence[str] = (), exclude: Collection[str] = (), refused: Collection[str] = ()
) -> tuple[str, ...]:
    """The API names to export, in metadata order, stamps first.

    `wanted` empty means all that Zoho exports; named ones (dotted names included) are taken in the order given. The id
    comes unasked, so it is never in the list; stamps always are, because the guard needs them.
    """
    known = [field.api_name for field in fields]
    named = wanted or [field.api_name for field in fields if field.data_type not in NEVER_EXPORTED]
    left_out = {*exclude, *refused}
    names = [name for name in _STAMPS if name in known and name not in refused]
    names += [name for name in named if name not in left_out and name not in names and name.lower() != "id"]
    return tuple(dict.fromkeys(names))


def slices(names: Sequence[str], most: int = MAX_SELECT_FIELDS) -> tuple[tuple[str, ...], ...]:
    """Cut a selection into exports of at most `most` fields; every further slice carries Modified_Time for the guard.

    >>> slices(["Created_Time", "Modified_Time", "A", "B", "C"], most=3)
    (('Created_Time', 'Modified_Time', 'A'), ('Modified_Time', 'B', 'C'))
    """
    if len(names) <= most:
        return (tuple(names),)
    carried = tuple(name for name in names if name == Cursor.MODIFIED.value)
    first, rest, room = tuple(names[:most]), names[most:], most - len(carried)
    return (first, *(carried + tuple(rest[at : at + room]) for at in range(0, len(rest), room)))


def column_slices(names: Sequence[str], *, stamped: bool, most: int = MAX_SELECT_FIELDS) -> tuple[tuple[str, ...], ...]:
    """Slices that bring only some columns of rows that are already here; `stamped`: the module has Modified_Time."""
    carried = (Cursor.MODIFIED.value,) if stamped else ()
    room = most - len(carried)
    return tuple(carried + tuple(names[at : at + room]) for at in range(0, len(names), room))


def without(parts: Sequence[tuple[str, ...]], field: str) -> tuple[tuple[str, ...], ...]:
    """The slices without a field that Zoho refused."""
    return tuple(tuple(name for name in part if name != field) for part in parts)
