"""Content lines, as the standard has them and as they come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.calendar.lines import MALFORMED, content_lines, decode, split_list, text_of, unescape
from syncd.core.calendar.model import Line


def one(line: str) -> Line:
    (found,) = content_lines(line)
    return found


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("SUMMARY:a:b", ("SUMMARY", [], "a:b")),
        ("summary :x", ("SUMMARY", [], "x")),
        ("DTSTART;TZID=Europe/Berlin:20250101T000000", ("DTSTART", [("TZID", ["Europe/Berlin"])], "20250101T000000")),
        ('X;A="b:c;d":v', ("X", [("A", ["b:c;d"])], "v")),
        ("X;CN=Doe, John:v", ("X", [("CN", ["Doe, John"])], "v")),
        ('X;CN="Doe, John":v', ("X", [("CN", ["Doe, John"])], "v")),
        ('X;MEMBER="a:1","b:2":v', ("X", [("MEMBER", ["a:1", "b:2"])], "v")),
        ('X;MEMBER="a";MEMBER="b":v', ("X", [("MEMBER", ["a"]), ("MEMBER", ["b"])], "v")),
        ("X;TYPE=a,b:v", ("X", [("TYPE", ["a", "b"])], "v")),
        ("X;CN=George ^'Babe^' Ruth^n^^:v", ("X", [("CN", ['George "Babe" Ruth\n^'])], "v")),
        ('X;A="b;c";D=e:v', ("X", [("A", ["b;c"]), ("D", ["e"])], "v")),
        ('X;A=b"c":v', ("X", [("A", ["bc"])], "v")),
        ("X;QUOTED-PRINTABLE:v", ("X", [("QUOTED-PRINTABLE", [""])], "v")),
        ('X;CN="odd:v', ("X", [("CN", ['"odd'])], "v")),
        ("no colon at all", (MALFORMED, [], "no colon at all")),
        ("EMPTY:", ("EMPTY", [], "")),
    ],
)
def test_a_line(line: str, expected: tuple[str, list[tuple[str, list[str]]], str]) -> None:
    found = one(line)
    assert (found.name, [(key, list(values)) for key, values in found.params], found.value) == expected


def test_bytes_that_are_no_utf8_are_read_as_windows_1252_line_by_line() -> None:
    text, clean = decode("A:ü\nB:".encode() + b"\xfc \x80\nC:\x81")
    assert (text, clean) == ("A:ü\nB:ü €\nC:\x81", False)


def test_zero_bytes_are_dropped() -> None:
    assert decode(b"A:\0b") == ("A:b", True)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"a\, b\; c\\n", "a, b; c\\n"),
        (r"two\nlines\N", "two\nlines\n"),
        (r"\"quoted\" \x", r"\"quoted\" \x"),
        ("plain", "plain"),
        ("end\\", "end\\"),
    ],
)
def test_escapes(written: str, read: str) -> None:
    assert unescape(written) == read


@given(st.text(alphabet="ab,;\\\n"))
def test_what_is_escaped_comes_back(text: str) -> None:
    written = text.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;").replace("\n", "\\n")
    assert unescape(written) == text


@given(st.lists(st.text(alphabet="ab,\\;", min_size=1), max_size=5))
def test_a_list_comes_back(items: list[str]) -> None:
    written = ",".join(item.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;") for item in items)
    assert split_list(written) == items


def test_quoted_printable_of_old_calendars() -> None:
    (line,) = content_lines("SUMMARY;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:Gr=C3=BC=\n=C3=9Fe=0D=0Aover two lines")
    assert text_of(line) == "Grüße\nover two lines"
    assert text_of(one("X;ENCODING=QUOTED-PRINTABLE;CHARSET=nonsense:=FC")) == "ü"


@given(st.text())
def test_any_text_is_read_as_lines(text: str) -> None:
    lines = content_lines(text)
    assert len(lines) <= text.count("\n") + 1
