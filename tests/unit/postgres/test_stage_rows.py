"""Reading record by record keeps every row that can be kept, and finds its way behind a break."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.errors import BadArchive
from syncd.postgres import stage_rows
from syncd.postgres.stage_rows import ReadRow, read_rows

WIDTH = 3


def read(data: bytes, *, size: int = 7) -> list[ReadRow]:
    blocks = (data[at : at + size] for at in range(0, len(data), size))
    return list(read_rows(blocks, width=WIDTH, id_at=0))


def kept(rows: list[ReadRow]) -> list[tuple[str | None, ...]]:
    return [row.cells for row in rows if row.cells is not None]


def reasons(rows: list[ReadRow]) -> list[tuple[int, str]]:
    return [(fault.line, fault.reason) for row in rows for fault in row.faults]


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
whole_rows = st.lists(st.tuples(st.integers(1, 10**19).map(str), cells, cells), max_size=12)


@given(whole_rows, st.sampled_from(["\r\n", "\n", "\r"]), st.integers(1, 50))
def test_rows_come_back_as_they_were_written(rows: list[tuple[str, str, str]], line_end: str, size: int) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows(rows)
    found = read(text.getvalue().encode(), size=size)
    assert kept(found) == [tuple(cell or None for cell in row) for row in rows]
    assert [row.line for row in found] == list(range(1, len(rows) + 1))
    assert not reasons(found)


def test_line_ends_may_be_mixed() -> None:
    assert kept(read(b"1,a,b\r\n2,c,d\n3,e,f\r4,g,h")) == [
        ("1", "a", "b"),
        ("2", "c", "d"),
        ("3", "e", "f"),
        ("4", "g", "h"),
    ]


@pytest.mark.parametrize(("row", "width"), [(b"2,x", 2), (b"2,x,y,z", 4), (b'2,"two\nlines",x,y', 4)])
def test_a_row_of_another_width_is_set_aside_whole(row: bytes, width: int) -> None:
    found = read(b"1,a,b\n" + row + b"\n3,c,d\n")
    assert kept(found) == [("1", "a", "b"), ("3", "c", "d")]
    assert [row.line for row in found] == [1, 2, 3]
    (fault,) = found[1].faults
    assert (fault.record_id, fault.position, fault.value) == (2, None, None)
    assert fault.reason == f"{width} fields where the header has 3"
    assert fault.raw == row.decode() + "\n"


def test_a_quote_that_is_never_closed_costs_its_own_line() -> None:
    found = read(b'1,a,b\n2,"open,x\n3,c,d\n4,e,f\n')
    assert kept(found) == [("1", "a", "b"), ("3", "c", "d"), ("4", "e", "f")]
    assert reasons(found) == [(2, "a quote that is never closed")]
    assert found[1].faults[0].raw == '2,"open,x\n'


def test_a_quote_that_another_row_closes_costs_its_own_line() -> None:
    found = read(b'1,a,b\n2,"open,x\n3,c,d\n4,"e",f\n5,g,h\n')
    assert kept(found) == [("1", "a", "b"), ("3", "c", "d"), ("4", "e", "f"), ("5", "g", "h")]
    assert reasons(found) == [(2, "a quote that is closed in another row")]


def test_an_endless_record_is_given_up_and_reading_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage_rows, "MOST_RECORD_CHARACTERS", 40)
    rows = b"".join(b"%d,row,x\n" % number for number in range(3, 30))
    found = read(b'2,"open,x\n' + rows + b'99,"closed",x\n')
    assert len(kept(found)) == 28
    assert reasons(found) == [(1, "a quote that is never closed")]


def test_a_line_without_end_is_no_file_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage_rows, "MOST_RECORD_CHARACTERS", 40)
    with pytest.raises(BadArchive, match="line without end"):
        read(b"x" * 100)


def test_nul_is_removed_and_reported() -> None:
    found = read(b"1,a\0b,c\n2\0,d,\0\n")
    assert kept(found) == [("1", "ab", "c"), ("2", "d", None)]
    faults = [(f.line, f.record_id, f.position, f.value, f.reason) for row in found for f in row.faults]
    assert faults == [
        (1, 1, 1, "a\\x00b", "NUL removed"),
        (2, 2, 0, "2\\x00", "NUL removed"),
        (2, 2, 2, "\\x00", "NUL removed"),
    ]
    assert found[0].faults[0].raw == "1,a\\x00b,c\n"


def test_bytes_that_are_no_text_cost_their_cell() -> None:
    found = read(b"1,caf\xe9,b\n2,caf\xc3\xa9,\xf0\x9f\x8d\xb0\n")
    assert kept(found) == [("1", None, "b"), ("2", "café", "🍰")]
    (fault,) = found[0].faults
    assert (fault.position, fault.value, fault.reason) == (1, "caf\\xe9", "not UTF-8")


def test_an_id_that_is_no_text_costs_the_row() -> None:
    found = read(b"\xff1,a,b\n2,c,d\n")
    assert kept(found) == [("2", "c", "d")]
    assert (found[0].faults[0].record_id, found[0].faults[0].position) == (None, None)


def test_blank_lines_are_no_rows() -> None:
    assert [row.line for row in read(b"1,a,b\n\n\r\n2,c,d\n\n")] == [1, 2]


def test_a_cell_may_be_large() -> None:
    large = "x" * 300_000
    assert kept(read(f'1,"{large}",b\n'.encode(), size=65536)) == [("1", large, "b")]


@given(whole_rows, st.data())
def test_no_line_is_lost_whatever_one_line_looks_like(rows: list[tuple[str, str, str]], data: st.DataObject) -> None:
    plain = [(str(number), "a", "b") for number in range(1, len(rows) + 1)]
    broken = data.draw(st.sampled_from(['"', 'x,"', "only", "1,2,3,4", '7,"a" b,c,d', "\\."]))
    place = data.draw(st.integers(0, len(plain)))
    lines = [",".join(row) for row in plain]
    lines.insert(place, broken)
    found = read("\n".join([*lines, ""]).encode())
    assert [row for row in kept(found) if row[0] and row[0].isdigit()] == plain
    assert len(found) == len(plain) + 1
