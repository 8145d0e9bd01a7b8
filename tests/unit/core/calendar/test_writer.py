"""What is written folds, and unfolds to the same bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.calendar.model import CalendarLine, Component
from syncd.core.calendar.splitter import Splitter
from syncd.core.calendar.writer import closing, fold, folded, opening


def test_lines_are_at_most_75_octets_and_letters_stay_whole() -> None:
    written = fold(b"SUMMARY:" + "ü💐a".encode() * 40)
    for line in written.removesuffix(b"\r\n").split(b"\r\n"):
        assert len(line) <= 75
        line.decode()


BODIES = st.text(st.characters(blacklist_characters="\n\r", blacklist_categories=["Cs"]), max_size=300)


@given(st.lists(BODIES, max_size=4))
def test_what_is_folded_unfolds(bodies: list[str]) -> None:
    raw = b"BEGIN:VEVENT\r\n" + b"".join(f"X:{body}\r\n".encode() for body in bodies) + b"END:VEVENT\r\n"
    data = b"".join(opening(b"VERSION:2.0")) + folded(raw) + closing()
    items = list(Splitter().items([data]))
    assert items[0] == CalendarLine(b"VERSION:2.0", 2, 1)
    event = items[1]
    assert isinstance(event, Component)
    assert event.text.replace(b"\n", b"\r\n") + b"\r\n" == raw


@pytest.mark.parametrize("pattern", [b"a\r", b"\ra", b"ab\r\r"])
def test_a_stray_carriage_return_survives(pattern: bytes) -> None:
    raw = b"BEGIN:VEVENT\r\nX:" + pattern * 60 + b"a\r\nEND:VEVENT\r\n"
    (event,) = Splitter().items([folded(raw)])
    assert event.text.replace(b"\n", b"\r\n") + b"\r\n" == raw


def test_bytes_that_are_no_utf8_survive() -> None:
    raw = b"BEGIN:VEVENT\r\nX:" + b"\x80\xbf\xff" * 60 + b"\r\nEND:VEVENT\r\n"
    (event,) = Splitter().items([folded(raw)])
    assert event.text.replace(b"\n", b"\r\n") + b"\r\n" == raw


def test_a_missing_header_is_made_up() -> None:
    assert b"".join(opening(b"")).startswith(b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:")
