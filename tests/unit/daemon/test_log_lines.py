"""Events as lines: everything becomes plain, nothing is hidden or forged, secrets are gone."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.model import StreamKey
from syncd.daemon.log_lines import console_line, json_line, message, plain

AT = datetime(2026, 11, 25, 12, 40, 2, 345678, tzinfo=UTC)


class Colour(StrEnum):
    RED = "red"


def untouched(text: str) -> str:
    return text


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_fields_come_in_an_order_that_reads_well() -> None:
    event = plain(
        {"read": 3, "run": "7", "module": "Leads", "event": "run", "org": "a", "level": "info", "at": AT}, str
    )
    assert list(event) == ["at", "level", "event", "org", "module", "run", "read"]
    assert json_line(event).startswith('{"at": "2026-11-25T12:40:02.345Z", "level": "info", "event": "run", ')
    assert console_line(event, colours=False) == "13:40:02 info    run org=a module=Leads run=7 read=3"
    assert message(event) == "run org=a module=Leads run=7 read=3"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, None),
        (True, True),
        (1.5, 1.5),
        (float("nan"), "nan"),
        (Decimal("1.50"), "1.50"),
        (Colour.RED, "red"),
        (AT, "2026-11-25T12:40:02.345Z"),
        (Path("/x"), "/x"),
        (StreamKey("a", "Leads"), "a/Leads"),
        ((1, {"b": {2}}), [1, {"b": [2]}]),
        (b"\xff", "b'\\xff'"),
        (ValueError("bad"), "bad"),
    ],
)
def test_every_value_becomes_plain(value: Any, said: Any) -> None:
    assert plain({"event": "x", "value": value}, untouched)["value"] == said


def test_what_contains_itself_ends() -> None:
    loop: list[Any] = []
    loop.append(loop)
    json_line(plain({"event": "x", "loop": loop}, untouched))


def test_long_values_are_cut_after_secrets_are_out() -> None:
    def redact(text: str) -> str:
        return text.replace("s" * 40_000, "***")

    event = plain({"event": "x", "a": "b" * 40_000, "c": "s" * 40_000}, redact)
    assert event["a"].endswith(" ... (40000 characters)")
    assert len(event["a"]) < 33_000
    assert event["c"] == "***"


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=8), anything, max_size=5), st.text(max_size=30))
def test_an_event_is_always_one_line(fields: dict[str, Any], said: str) -> None:
    event = plain(
        {"at": AT, "level": "info", **{name: fields[name] for name in fields if name != "at"}, "event": said}, str
    )
    line = json_line(event)
    assert "\n" not in line
    assert json.loads(line) == event
    event.pop("exception", None)  # a traceback has lines of its own
    assert len(console_line(event, colours=False).splitlines()) == 1
    assert "\x1b" not in console_line(event, colours=False)


def test_nothing_can_be_forged_on_a_terminal() -> None:
    event = plain({"at": AT, "level": "info", "event": "a\n13:40:02 error fake\x1b[2J", "x": "b\r\u202ec"}, untouched)
    line = console_line(event, colours=False)
    assert line == '13:40:02 info    a\\n13:40:02 error fake\\x1b[2J x="b\\r\\u202ec"'


def test_values_that_could_be_misread_are_quoted() -> None:
    event = plain({"event": "x", "a": "b c", "d": 'say "e"', "f": "g=h", "i": "", "j": None, "k": ["l"]}, untouched)
    assert message(event) == 'x a="b c" d="say \\"e\\"" f="g=h" k=["l"]'


def test_a_traceback_follows_indented() -> None:
    def check(said: object) -> None:
        event = plain({"at": AT, "level": "error", "event": "bug", "exc_info": said}, untouched)
        lines = console_line(event, colours=False).splitlines()
        assert lines[0] == "13:40:02 error   bug"
        assert lines[1] == "  Traceback (most recent call last):"
        assert lines[-2:] == ["  ValueError: first", "  second\\x1b[2J"]

    def fail() -> None:
        raise ValueError("first\nsecond\x1b[2J")

    try:
        fail()
    except ValueError as error:
        check(error)
        check((type(error), error, error.__traceback__))
        check(said=True)
    assert "exception" not in plain({"event": "x", "exc_info": True}, untouched)
    assert "exception" not in plain({"event": "x", "exc_info": (None, None, None)}, untouched)


def test_colours() -> None:
    line = console_line(plain({"at": AT, "level": "error", "event": "x", "a": 1}, untouched), colours=True)
    assert line == "\x1b[2m13:40:02 \x1b[0m\x1b[31merror   \x1b[0m\x1b[1mx\x1b[0m \x1b[2ma=\x1b[0m1"


@pytest.mark.parametrize("name", ["client_secret", "password", "PGPASSWORD", "token", "Authorization", "db_pwd"])
def test_a_field_named_like_a_secret_is_one(name: str) -> None:
    event = plain({"event": "x", name: "abc", "in": {name: ["abc"]}, "count": {name: 3}}, untouched)
    assert "abc" not in json_line(event)
    assert event["count"] == {name: 3}
    assert plain({"event": "x", name: ""}, untouched)[name] == ""
