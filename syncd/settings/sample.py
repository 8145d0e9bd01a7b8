"""The annotated sample: every key with its description, defaults commented out. Made from the tree, so it cannot lie.

`config/syncd.toml` is this text; a test keeps them equal.
"""

import inspect
import textwrap
from collections.abc import Iterator

from pydantic.fields import FieldInfo

from syncd.settings.examples import GIVEN, example
from syncd.settings.toml_text import toml_value
from syncd.settings.tree import TABLES, Document, ModuleTable

_WIDTH = 110
_HEAD = (
    'syncd\'s configuration. A line that begins with "# KEY =" shows the default, or an example where there is none; '
    'remove the "# " to change it. Whatever is wrong is told with its line by: syncd check\n'
    "Looked for: --config PATH, $SYNCD_CONFIG, ./syncd.toml, ~/.config/syncd/syncd.toml, /etc/syncd/syncd.toml. "
    "PATH may be a folder with one file per organisation.\n"
    "Any key can be set from the environment: SYNCD_POSTGRES__DSN is dsn in [postgres]."
)
_MODULES = """
Contacts = "15m"
Accounts = { every = "1h", exclude = ["Description"] }

# The long form, with all that an entry can say:
[modules.Deals]
every = "5m"
"""


def sample() -> str:
    """The text of a configuration file to start from. It loads as soon as the secrets are there."""
    lines = [*_comment(_HEAD)]
    for key in ("org", "timezone"):
        lines += ["", *_entry("", key, Document.model_fields[key])]
    for name, table in TABLES.items():
        lines += ["", "", f"[{name}]"]
        if table is ModuleTable:
            description = Document.model_fields[name].description or ""
            lines += [*_comment(f'{description}\nNAME = "15m" is short for NAME = {{ every = "15m" }}.')]
            lines += _MODULES.strip().splitlines()
        else:
            lines += _comment(inspect.getdoc(table) or "")
        for attribute, field in table.model_fields.items():
            if table is ModuleTable and attribute == "every":  # stands in the text above
                continue
            gap = [] if table is ModuleTable and _is_repeated(field) else [""]
            lines += [*gap, *_entry(name, field.alias or attribute, field)]
    return "\n".join(lines) + "\n"


def _is_repeated(field: FieldInfo) -> bool:
    return (field.description or "").startswith("As in [defaults]")


def _entry(table: str, key: str, field: FieldInfo) -> Iterator[str]:
    if not _is_repeated(field):
        yield from _comment(field.description or "")
    mark = "" if (table, key) in GIVEN else "# "
    yield f"{mark}{key} = {toml_value(GIVEN.get((table, key), example(table, key)))}"


def _comment(text: str) -> list[str]:
    return [
        f"# {line}"
        for paragraph in text.strip().split("\n")
        for line in textwrap.wrap(paragraph, _WIDTH, break_long_words=False, break_on_hyphens=False)
    ]
