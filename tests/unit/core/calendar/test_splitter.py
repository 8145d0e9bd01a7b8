"""Components come out whole, one by one, and the broken ones are named: nothing that begins is ever lost."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.calendar.model import CalendarLine, Component
from syncd.core.calendar.splitter import Limits, Splitter

EVENT = b"BEGIN:VEVENT\r\nUID:1\r\nSUMMARY:a long\r\n er line\r\nEND:VEVENT\r\n"
FILE = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" + EVENT + b"END:VCALENDAR\r\n"


def split(*blocks: bytes, limits: Limits | None = None) -> tuple[list[Component | CalendarLine], Splitter]:
    splitter = Splitter(limits)
    return list(splitter.items(blocks)), splitter


def events(data: bytes, limits: Limits | None = None) -> list[Component]:
    return [one for one in split(data, limits=limits)[0] if isinstance(one, Component) and one.name == "VEVENT"]


def test_a_calendar_is_its_lines_and_its_components() -> None:
    items, splitter = split(FILE)
    assert items == [
        CalendarLine(b"VERSION:2.0", 2, 1),
        Component("VEVENT", b"BEGIN:VEVENT\nUID:1\nSUMMARY:a longer line\nEND:VEVENT", 3, 1),
    ]
    assert splitter.tally.complete
    assert (splitter.tally.calendars, splitter.tally.lines) == (1, 8)


def test_a_fold_inside_a_letter_is_mended() -> None:
    (one,) = events(b"BEGIN:VEVENT\nSUMMARY:Gr\xc3\n \xbc\xc3\n\t\x9fe\nEND:VEVENT\n")
    assert one.text.decode() == "BEGIN:VEVENT\nSUMMARY:Grüße\nEND:VEVENT"


def test_a_fold_goes_on_after_a_blank_line() -> None:
    (one,) = events(b"BEGIN:VEVENT\nSUMMARY:a\n\n b\n\nEND:VEVENT\n")
    assert one.text == b"BEGIN:VEVENT\nSUMMARY:ab\nEND:VEVENT"


def test_several_calendars_count_up_and_components_may_stand_alone() -> None:
    items, splitter = split(FILE, FILE, EVENT)
    assert [one.calendar for one in items if isinstance(one, Component)] == [1, 2, 0]
    assert splitter.tally.calendars == 2


def test_an_event_in_an_event_ends_the_outer_one() -> None:
    outer, inner = events(b"BEGIN:VEVENT\nUID:outer\nBEGIN:VEVENT\nUID:inner\nEND:VEVENT\nEND:VEVENT\n")
    assert outer.problem.startswith("unterminated")
    assert outer.text == b"BEGIN:VEVENT\nUID:outer"
    assert (inner.problem, inner.text) == ("", b"BEGIN:VEVENT\nUID:inner\nEND:VEVENT")


def test_the_end_of_the_calendar_ends_an_open_event() -> None:
    items, splitter = split(b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nEND:VCALENDAR\n" + EVENT)
    first, second = (one for one in items if isinstance(one, Component))
    assert first.problem.startswith("unterminated")
    assert not second.problem
    assert splitter.tally.closed == 1
    assert not splitter.tally.complete


def test_an_alarm_without_end_is_closed_with_its_event() -> None:
    (one,) = events(b"BEGIN:VEVENT\nBEGIN:VALARM\nACTION:AUDIO\nEND:VEVENT\n")
    assert not one.problem
    assert one.text.endswith(b"\nEND:VEVENT")


def test_case_and_trailing_space_of_begin_and_end_do_not_matter() -> None:
    (one,) = events(b"begin:vevent \nUID:1\nEnd:VEvent\t\n")
    assert not one.problem


def test_an_end_that_was_never_begun_stays_in_the_text() -> None:
    (one,) = events(b"BEGIN:VEVENT\nEND:VTODO\nUID:1\nEND:VEVENT\n")
    assert one.text == b"BEGIN:VEVENT\nEND:VTODO\nUID:1\nEND:VEVENT"


def test_text_outside_is_counted() -> None:
    assert split(b"<html>\n" + FILE + b"trailing\n")[1].tally.stray == 2


@pytest.mark.parametrize("cut", range(0, len(FILE), 7))
def test_a_truncated_file_is_incomplete_and_keeps_what_was_begun(cut: int) -> None:
    data = FILE[:cut]
    begun = data.count(b"BEGIN:VEVENT\r\n") or int(data.endswith(b"BEGIN:VEVENT"))
    assert len(events(data)) == begun
    assert not split(data)[1].tally.complete or not cut


def test_what_is_too_large_is_named_and_kept_up_to_a_bound() -> None:
    limits = Limits(component=100, kept=200)
    (one,) = events(b"BEGIN:VEVENT\nX:" + b"a" * 150 + b"\nEND:VEVENT\n", limits)
    assert one.problem.startswith("larger")
    assert one.text.endswith(b"END:VEVENT")
    (one,) = events(b"BEGIN:VEVENT\nX:" + b"a" * 1000 + b"\nEND:VEVENT\n", limits)
    whole = b"BEGIN:VEVENT\r\nX:" + b"a" * 1000 + b"\r\nEND:VEVENT\r\n"
    assert len(one.text) <= 202
    assert (one.size, one.digest) == (len(whole), hashlib.sha256(whole).digest())


def test_a_line_longer_than_memory_comes_in_pieces() -> None:
    limits = Limits(component=1000, kept=2000)
    data = b"BEGIN:VEVENT\nX:" + b"a" * 100_000 + b"\nEND:VEVENT\n"
    items, splitter = split(*(data[at : at + 500] for at in range(0, len(data), 500)), limits=limits)
    (one,) = (one for one in items if isinstance(one, Component))
    assert one.problem
    assert len(one.text) < 3000
    assert splitter.tally.lines < 100


def test_twenty_thousand_components_in_one_another_are_one_problem() -> None:
    deep = b"BEGIN:VEVENT\n" + b"BEGIN:X-A\n" * 20_000 + b"END:X-A\n" * 20_000 + b"END:VEVENT\n"
    (one,) = events(deep)
    assert one.problem == "components nested 20001 deep"


PIECES = st.sampled_from(
    [
        b"BEGIN:VEVENT\n",
        b"END:VEVENT\n",
        b"END:VEVENT \n",
        b"begin:vevent\n",
        b"BEGIN:VALARM\n",
        b"END:VALARM\n",
        b"BEGIN:VCALENDAR\n",
        b"END:VCALENDAR\n",
        b"BEGIN:VTIMEZONE\n",
        b"BEGIN:VEV\n ENT\n",
        b"UID:1\n",
        b" folded\n",
        b"\n",
        b"X:y\r\n",
        b"\tEND:VEVENT\n",
        b"\xef\xbb\xbfBEGIN:VEVENT\n",
    ]
)


@given(st.lists(PIECES, max_size=25), st.integers(1, 40))
def test_the_fast_way_and_the_careful_way_agree(pieces: list[bytes], size: int) -> None:
    """The fast way needs a whole event in the buffer; blocks of a few bytes and a first LF force the careful one."""
    data = b"".join(pieces)
    fast, fast_splitter = split(data)
    cut, cut_splitter = split(*(data[at : at + size] for at in range(0, len(data), size)))
    careful_splitter = Splitter()
    careful_splitter._plain_event = lambda: None  # type: ignore[method-assign]
    careful = list(careful_splitter.items([data]))

    def shape(items: list[Component | CalendarLine]) -> list[tuple[object, ...]]:
        return [one[:5] if isinstance(one, Component) else tuple(one) for one in items]

    assert shape(fast) == shape(cut) == shape(careful)
    assert fast_splitter.tally == cut_splitter.tally == careful_splitter.tally


@given(st.lists(PIECES, max_size=25))
def test_every_begin_of_an_event_comes_out(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    unfolded = data.replace(b"\r\n", b"\n")
    while b"\n\n" in unfolded:
        unfolded = unfolded.replace(b"\n\n", b"\n")
    lines = unfolded.replace(b"\n ", b"").replace(b"\n\t", b"").split(b"\n")
    begun = sum(line.lower().removeprefix(b"\xef\xbb\xbf") == b"begin:vevent" for line in lines)
    marked = sum(line.startswith(b"\xef\xbb\xbf") for line in lines)
    assert begun - marked <= len(events(data)) <= begun
