"""Lines of keys: for any document, in any of TOML's notations, every key is found on the line it is written on."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.settings.toml_lines import TomlPath, key_lines

NASTY = '[x]\n# = """ \'\'\' }], \\ é\t"'

keys = st.sampled_from(["a", "b-1", "C_2", "", "dotted.key", "with space", "a#b", "é", 'quo"te', "back\\slash", "1"])
scalars: st.SearchStrategy[Any] = (
    st.integers(-5, 5) | st.booleans() | st.text(NASTY, max_size=12) | st.floats(allow_nan=False, allow_infinity=False)
)
values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=8
)


class Writer:
    """Writes a document in notations drawn at random, and notes on which line it wrote what."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.text = ""
        self.lines: dict[TomlPath, int] = {}

    def note(self, path: TomlPath) -> None:
        self.lines.setdefault(path, self.text.count("\n") + 1)

    def key(self, key: str) -> str:
        forms = [self.basic(key)]
        if key and all(sign.isascii() and (sign.isalnum() or sign in "_-") for sign in key):
            forms.append(key)
        if "'" not in key:
            forms.append(f"'{key}'")
        return self.draw(st.sampled_from(forms))

    @staticmethod
    def basic(text: str) -> str:
        escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}
        return '"' + "".join(escapes.get(sign, sign) for sign in text) + '"'

    def string(self, text: str) -> str:
        forms = [self.basic(text), '"""\n' + text.replace("\\", "\\\\").replace('"""', '""\\"') + 'x"""']
        if text.endswith('"'):  # up to two quotes may stand before the closing three
            forms.pop()
        if "'" not in text and "\n" not in text:
            forms.append(f"'{text}'")
        if "'''" not in text and not text.endswith("'"):
            forms.append(f"'''\n{text}'''")
        return self.draw(st.sampled_from(forms))

    def gap(self) -> str:
        return self.draw(st.sampled_from(["", " ", "\t", "  # a = 1 ]\n", "\n", "\r\n"]))

    def value(self, path: TomlPath, value: Any) -> None:
        if isinstance(value, dict):
            self.text += "{"
            for number, (key, element) in enumerate(value.items()):
                self.text += ", " if number else " "
                self.pair(path, key, element)
            self.text += "}"
        elif isinstance(value, list):
            self.text += "["
            for number, element in enumerate(value):
                self.text += self.gap()
                self.note((*path, number))
                self.value((*path, number), element)
                self.text += self.gap() + ","
            self.text += self.gap() + "]"
        elif isinstance(value, str):
            self.text += self.string(value)
        else:
            self.text += str(value).lower() if isinstance(value, bool) else repr(value)

    def pair(self, path: TomlPath, key: str, value: Any) -> None:
        self.note((*path, key))
        self.text += self.key(key) + self.draw(st.sampled_from(["=", " = ", "\t= "]))
        self.value((*path, key), value)

    def table(self, path: TomlPath, header: str, table: dict[str, Any]) -> None:
        later: list[tuple[str, Any, str, str]] = []
        for key, value in table.items():
            if isinstance(value, dict) and self.draw(st.booleans()):
                later.append((key, value, "[", "]"))
            elif isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
                later.append((key, value, "[[", "]]"))
            else:
                self.pair(path, key, value)
                self.text += self.draw(st.sampled_from(["\n", "\r\n", "  # = [b]\n", "\n\n"]))
        for key, value, opening, closing in later:
            name = f"{header}{' . ' if header else ''}{self.key(key)}"
            for number, element in enumerate(value if isinstance(value, list) else [value]):
                inside: TomlPath = (*path, key) if isinstance(value, dict) else (*path, key, number)
                self.note((*path, key))
                self.note(inside)
                self.text += f"{opening} {name} {closing}\n"
                self.table(inside, name, element)


@st.composite
def documents(draw: st.DrawFn) -> Writer:
    writer = Writer(draw)
    writer.table((), "", draw(st.dictionaries(keys, values, max_size=4)))
    return writer


@given(documents())
def test_every_key_is_found_on_its_line(written: Writer) -> None:
    parsed = tomllib.loads(written.text)
    lines = key_lines(written.text)
    assert set(lines) == set(_paths((), parsed))
    assert {path: line for path, line in lines.items() if path in written.lines} == written.lines


def _paths(path: TomlPath, value: Any) -> list[TomlPath]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    here: list[TomlPath] = [path] if path else []
    return here + [found for key, element in inside for found in _paths((*path, key), element)]


def test_a_file_as_people_write_it() -> None:
    text = '''# syncd = 1
[zoho]
client_id = "1000.A # = ["   # [not.a.table]

[modules]
Contacts = "15m"
Deals = { every = "5m", criteria = { group = [
    { api_name = "Stage" },
    { api_name = "Amount" },
] } }
[modules.Leads]
fields = [
  "a",  # ]
  "b",
]
[[modules.Tasks.criteria]]
value = """
[zoho]
"""
[[modules.Tasks.criteria]]
value = 1979-05-27 07:32:00
[ modules . "Events" ]
every = '1h'
a.b.c = 1
'''
    lines = key_lines(text)
    assert lines["zoho",] == 2
    assert lines["zoho", "client_id"] == 3
    assert lines["modules", "Deals", "criteria", "group", 1, "api_name"] == 9
    assert lines["modules", "Leads", "fields", 1] == 14
    assert lines["modules", "Tasks", "criteria", 0, "value"] == 17
    assert lines["modules", "Tasks", "criteria", 1, "value"] == 21
    assert lines["modules", "Events", "every"] == 23
    assert lines["modules", "Events", "a", "b"] == 24


def test_a_table_inside_an_array_of_tables_belongs_to_the_newest_element() -> None:
    lines = key_lines("[[a]]\n[a.b]\nx = 1\n[[a]]\n[[a.c]]\n[a.c.d]\ny = 1\n[[a.c]]\nz = 1\n")
    assert lines["a", 0, "b", "x"] == 3
    assert lines["a", 1, "c", 0, "d", "y"] == 7
    assert lines["a", 1, "c", 1, "z"] == 9


@pytest.mark.parametrize("text", ["", "\n", "# only a comment", "a = 1", "[a]", "a = []\r\nb = {}"])
def test_short_files(text: str) -> None:
    assert set(key_lines(text)) == set(_paths((), tomllib.loads(text)))
