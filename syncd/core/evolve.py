"""How a table follows its module: which columns are new, which changed type. Nothing is ever dropped or rewritten."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from syncd.core.fields import BIGINT, TEXT, column_type
from syncd.core.limits import ALWAYS_EXPORTED
from syncd.core.model import Column, Field
from syncd.core.naming import column_name

ID = Column(field=ALWAYS_EXPORTED, name="id", type=BIGINT, zoho_type="id", label="Record ID")


def new_columns(
    known: Sequence[Column], names: Iterable[str], fields: Sequence[Field], *, partial: bool
) -> tuple[Column, ...]:
    """The lines to add to the field map for exported `names` that have no line of the right type yet.

    A field whose type changed gets a new column named after the type (`amount__text`); the old column stays as it is.
    A name that the metadata does not list becomes text. `partial`: the table already holds rows that lack the values.
    """
    described = {field.api_name: field for field in fields}
    current = columns_of(known)
    taken = {column.name for column in known} | {ID.name}
    added: list[Column] = []
    for name in dict.fromkeys(names):
        if is_id(name):
            continue
        field = described.get(name, Field(api_name=name, data_type=""))
        wanted, stored = column_type(field), current.get(name)
        # A name that metadata does not know says nothing about its type: what is stored stands.
        if stored is not None and (stored.type == wanted or name not in described):
            continue
        spelled = name if stored is None else f"{name}.{_type_word(wanted)}"
        column = Column(
            field=name,
            name=column_name(spelled, taken),
            type=wanted,
            zoho_type=field.data_type,
            label=field.label,
            lookup_module=field.lookup_module,
            partial=partial,
        )
        taken.add(column.name)
        added.append(column)
    return tuple(added)


def _type_word(column_type_name: str) -> str:
    return column_type_name.split(maxsplit=1)[0]


def is_id(name: str) -> bool:
    """Whether an exported name is the record id (Zoho writes `Id`; its documentation says `id`)."""
    return name.lower() == "id"


GONE = "Zoho's metadata no longer lists this field"
UNSELECTED = "the configuration no longer selects this field"
_OURS = frozenset({GONE, UNSELECTED})
_NO_COLUMN = "-"
"""Starts the name of a line that has no column: a field that was refused before it ever had one."""


def columns_of(known: Iterable[Column]) -> dict[str, Column]:
    """The column each field goes to now: the newest line of the map that has one."""
    return {column.field: column for column in known if not column.refused and not column.name.startswith(_NO_COLUMN)}


def refused_fields(known: Iterable[Column]) -> frozenset[str]:
    """The fields Zoho has refused to export; asking again is left to a full read."""
    return frozenset(column.field for column in known if column.refused and column.refused not in _OURS)


def refusal(known: Iterable[Column], name: str, fields: Sequence[Field], why: str) -> Column:
    """The field map's line for a field that is not exported: its column if it has one (it stays), else a bare note."""
    current = columns_of(known).get(name)
    if current is not None:
        return replace(current, refused=why)
    field = next((field for field in fields if field.api_name == name), Field(api_name=name, data_type=""))
    return Column(
        field=name,
        name=f"{_NO_COLUMN}{name}",
        type=TEXT,
        zoho_type=field.data_type,
        label=field.label,
        refused=why,
    )


def dropped(known: Iterable[Column], selected: Sequence[str], fields: Sequence[Field]) -> tuple[Column, ...]:
    """The lines of columns that the next export will not bring: their values stay, and no longer follow Zoho."""
    listed = {field.api_name for field in fields}
    return tuple(
        replace(column, refused=UNSELECTED if name in listed or "." in name else GONE)
        for name, column in columns_of(known).items()
        if name not in selected
    )


def restored(known: Iterable[Column], header: Iterable[str], *, partial: bool) -> tuple[Column, ...]:
    """The lines of fields that were refused, gone or unselected and are exported again.

    `partial`: rows that did not change in between lack the newer values until they are read again.
    """
    names = set(header)
    return tuple(
        replace(column, refused="", partial=partial and not column.name.startswith(_NO_COLUMN))
        for column in known
        if column.refused and column.field in names
    )


def whole(columns: Iterable[Column], fields: Iterable[str]) -> tuple[Column, ...]:
    """The lines that stop being partial once an export of all rows has brought `fields`."""
    brought = set(fields)
    return tuple(replace(column, partial=False) for column in columns if column.partial and column.field in brought)
