"""What to write behind a key: its default, or an example where the default is to say nothing."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from syncd.settings.tree import TABLES, Document

GIVEN: Mapping[tuple[str, str], str] = {
    ("zoho", "data_center"): "eu",
    ("zoho", "client_id"): "1000.ABCDEFGH",
    ("postgres", "dsn"): "postgresql:///crm",
}
"""What every configuration has to say."""


@cache
def defaults(table: str) -> Mapping[str, Any]:
    """The defaults of a table's keys as TOML would have them; None for those that say nothing."""
    given = {key: value for (name, key), value in GIVEN.items() if name == table}
    return TABLES[table].model_validate(given).model_dump(mode="json", by_alias=True)


def example(table: str, key: str) -> object:
    """The default of a key, or where that says nothing (None, empty) the field's example. KeyError for no key.

    `table` is '' for a key at the top of the file.
    """
    model = TABLES[table] if table else Document
    field = next(field for name, field in model.model_fields.items() if key == (field.alias or name))
    default = defaults(table)[key] if table else field.default
    return field.examples[0] if field.examples and not default else default
