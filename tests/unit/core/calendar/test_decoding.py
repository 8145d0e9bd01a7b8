"""Bytes of any encoding and line end come out as UTF-8 and LF, however they are cut into blocks."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.calendar.decoding import normalized

PLAIN = "BEGIN:VCALENDAR\nSUMMARY:Grüße 💐\n with a fold\nEND:VCALENDAR\n"


def whole(*blocks: bytes) -> bytes:
    return b"".join(normalized(blocks))


@pytest.mark.parametrize(
    "data",
    [
        PLAIN.encode(),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\r").encode(),
        PLAIN.replace("\n", "\r\r\n").encode(),
        codecs.BOM_UTF8 + PLAIN.encode(),
        codecs.BOM_UTF16_LE + PLAIN.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + PLAIN.encode("utf-32-le"),
        PLAIN.encode("utf-16-le"),
        PLAIN.encode("utf-16-be"),
    ],
)
def test_all_forms_are_the_same_stream(data: bytes) -> None:
    for size in (1, 2, 3, 7, 1000):
        assert whole(*(data[at : at + size] for at in range(0, len(data), size))) == PLAIN.encode()


def test_mixed_line_ends_are_line_ends() -> None:
    assert whole(b"A:1\r\nB:2\nC:3\r\n") == b"A:1\nB:2\nC:3\n"


def test_a_lone_carriage_return_is_text_where_lines_end_in_lf() -> None:
    assert whole(b"A:1\rB\nC:2\n") == b"A:1\rB\nC:2\n"


def test_bytes_that_are_no_utf8_pass_through() -> None:
    assert whole(b"SUMMARY:\xe9t\xe9\n") == b"SUMMARY:\xe9t\xe9\n"


def test_broken_utf16_costs_letters_not_the_stream() -> None:
    assert "\ufffd".encode() in whole(codecs.BOM_UTF16_LE + b"A\x00:\x00\x00\xd8\n\x00")


@given(st.binary(max_size=200), st.lists(st.integers(1, 60), max_size=10))
def test_the_cut_into_blocks_does_not_matter(data: bytes, sizes: list[int]) -> None:
    blocks, rest = [], data
    for size in sizes:
        blocks.append(rest[:size])
        rest = rest[size:]
    assert whole(*blocks, rest) == whole(data)
