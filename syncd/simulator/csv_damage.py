"""Faults inside a CSV: what a wrong or hostile export may hold.

Owns: the damage to the first row of a file; a missing Id column and repeated rows are made where the file is put
together. A damage is (name, field); an empty field means the first that fits.
"""

from collections.abc import Sequence

from syncd.simulator.bulk_request import ExportColumn
from syncd.simulator.cells import quote

_TYPES = {
    "bad-date": frozenset({"date", "datetime"}),
    "bad-number": frozenset({"integer", "bigint", "double", "currency", "percent"}),
    "nul-byte": frozenset({"text", "textarea", "picklist"}),
    "huge-cell": frozenset({"textarea", "text"}),
}
_TEXTS = {
    "bad-date": "31.02.2026 25:61",
    "bad-number": "12,50 €",
    "nul-byte": "before\0after",
    "huge-cell": "ß" * 100_000,
}
_PROTECTED = frozenset({"id", "Created_Time", "Modified_Time"})


def damage_rows(
    rows: list[list[bytes]], columns: Sequence[ExportColumn], damage: Sequence[tuple[str, str]]
) -> list[list[bytes]]:
    """The rows (cells already quoted) with every damage done to the first ones."""
    for name, field in damage:
        if not rows:
            break
        if name == "broken-line":
            rows[0] = rows[0][: max(1, len(rows[0]) - 3)]
        elif name in _TEXTS and (at := _place(columns, name, field)) is not None:
            rows[0][at] = quote(_TEXTS[name]).encode()
    return rows


def _place(columns: Sequence[ExportColumn], name: str, wanted: str) -> int | None:
    for at, column in enumerate(columns):
        if wanted:
            if column.name == wanted:
                return at
        elif column.field.value_type in _TYPES[name] and column.field.api_name not in _PROTECTED and not column.dotted:
            return at
    return None
