"""The logs as a whole: one way for everything, and no secret at its end."""

import io
import json
import logging
import os
import pty
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.typing import FilteringBoundLogger

from syncd.daemon.log import Logs, set_up
from syncd.zoho.redaction import redact
from tests.unit.daemon.test_journald import Journald

AT = datetime(2026, 11, 25, 12, 40, 2, tzinfo=UTC)
log: FilteringBoundLogger = structlog.get_logger()
named = structlog.stdlib.get_logger("syncd.zoho.transport")

TOKEN = "1000.0123456789abcdef0123456789abcdef.fedcba9876543210fedcba9876543210"
PATH_SECRET = "kYx3-Zq9_Lm2Pt7Rw5Vb8N"
CANARIES = {
    "header": (f"Authorization: Zoho-oauthtoken {TOKEN}", TOKEN),
    "token": (f"refused {TOKEN}", TOKEN),
    "form": ("client_id=1000.AB&client_secret=canary01&refresh_token=canary02", "canary0"),
    "reply": ('{"access_token": "canary03", "expires_in": 3600}', "canary03"),
    "url": ("postgresql://me:canary04@db:5432/crm is down", "canary04"),
    "words": ("host=db password=canary05 dbname=crm", "canary05"),
    "quoted words": ("host=db password='canary 06' dbname=crm", "canary"),
    "callback": (f"POST /zoho/{PATH_SECRET} 204", PATH_SECRET),
    "known": ("the password is hunter22, they said", "hunter22"),
    "known in a URL": ("https://db/?p=p%40ss%2Fw0rd", "p%40ss"),
}


class Reading:
    """Logs that are read back."""

    def __init__(self, stack: ExitStack) -> None:
        self.stream = io.StringIO()
        self.mono = 0.0
        self.stack = stack

    def start(self, **options: Any) -> Logs:
        return self.stack.enter_context(
            set_up(
                **{
                    "now": lambda: AT,
                    "redact": redact,
                    "stream": self.stream,
                    "environ": {},
                    "form": "json",
                    "monotonic": lambda: self.mono,
                    **options,
                }
            )
        )

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    @property
    def said(self) -> list[str]:
        return [event["event"] for event in self.events]


@pytest.fixture
def reading() -> Iterator[Reading]:
    with ExitStack() as stack:
        yield Reading(stack)


# -------------------------------------------------------------------------------------------------------- one way


def test_our_events_and_those_of_libraries_look_alike(reading: Reading) -> None:
    reading.start()
    log.info("run", org="a", module="Leads", read=3)
    named.warning("zoho.answer", code="X")
    logging.getLogger("some.library").warning("took %d s", 3)
    assert reading.events == [
        {"at": "2026-11-25T12:40:02.000Z", "level": "info", "event": "run", "org": "a", "module": "Leads", "read": 3},
        {"at": "2026-11-25T12:40:02.000Z", "level": "warning", "event": "zoho.answer", "code": "X"},
        {"at": "2026-11-25T12:40:02.000Z", "level": "warning", "event": "took 3 s", "logger": "some.library"},
    ]


def test_what_is_bound_to_a_thread_is_in_all_its_events(reading: Reading) -> None:
    reading.start()
    with structlog.contextvars.bound_contextvars(org="a", module="Leads", run="7"):
        log.info("x")
        logging.getLogger("library").error("y")
    log.info("z")
    assert [(event["event"], event.get("run")) for event in reading.events] == [("x", "7"), ("y", "7"), ("z", None)]


def test_libraries_only_speak_of_trouble(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    reading.start(level="debug")
    for name in ("httpx2", "apscheduler.scheduler", "alembic.runtime.migration", "uvicorn.error", "uvicorn.access"):
        # A server of another test in this process has silenced its access log for good.
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
        logging.getLogger(name).info("chatter")
        logging.getLogger(name).warning(name)
    assert reading.said == [
        "httpx2",
        "apscheduler.scheduler",
        "alembic.runtime.migration",
        "uvicorn.error",
        "uvicorn.access",
    ]


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_levels_also_for_loggers_that_were_used_before(reading: Reading, level: str, said: list[str]) -> None:
    logs = reading.start(level="debug")
    log.debug("before")
    logs.set_level(level)
    for name in ("debug", "info", "warning", "error"):
        getattr(log, name)(name)
        getattr(logging.getLogger("library"), name)(f"library {name}")
    assert reading.said[1:] == [word for name in said for word in (name, f"library {name}")]


@pytest.mark.filterwarnings("always")
def test_what_nobody_catches_is_logged(reading: Reading) -> None:
    reading.start()

    def die() -> None:
        raise ValueError(f"token {TOKEN}")

    thread = threading.Thread(target=die, name="lane-1")
    thread.start()
    thread.join()

    class Careless:
        def __del__(self) -> None:
            raise ValueError("in clean-up")

    Careless()
    warnings.warn("old", DeprecationWarning, stacklevel=1)
    died, unraisable, warned = reading.events
    assert (died["event"], died["level"], died["thread"]) == ("a thread died", "error", "lane-1")
    assert "ValueError: token 1000.***" in died["exception"]
    assert unraisable["event"] == "an error in clean-up"
    assert "ValueError: in clean-up" in unraisable["exception"]
    assert "DeprecationWarning: old" in warned["event"]


def test_a_thread_that_leaves_is_no_trouble(reading: Reading) -> None:
    reading.start()
    thread = threading.Thread(target=sys.exit)
    thread.start()
    thread.join()
    assert reading.events == []


def test_a_record_that_cannot_be_put_together_is_told_as_it_is(reading: Reading) -> None:
    reading.start()
    logging.getLogger("library").error("%d apples", "many")
    assert reading.said == ["%d apples ('many',)"]


def test_the_end_gives_everything_back() -> None:
    root = logging.getLogger()
    before = (root.handlers[:], root.level, threading.excepthook, sys.unraisablehook, structlog.get_config())
    levels = [logging.getLogger(name).level for name in ("httpx2", "uvicorn")]
    stream = io.StringIO()
    set_up(now=lambda: AT, redact=redact, stream=stream, form="json", level="error").close()
    assert (root.handlers[:], root.level, threading.excepthook, sys.unraisablehook) == before[:4]
    assert structlog.get_config() == before[4]
    assert [logging.getLogger(name).level for name in ("httpx2", "uvicorn")] == levels
    log.error("x")
    assert stream.getvalue() == ""


def test_lines_of_threads_do_not_mix(reading: Reading) -> None:
    reading.start()
    threads = [
        threading.Thread(target=lambda number=number: [log.info("x" * 100, n=number) for _ in range(50)])
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(event["n"] for event in reading.events) == sorted([0, 1, 2, 3] * 50)


def test_a_stream_that_cannot_be_written_stops_nothing(reading: Reading) -> None:
    reading.start()
    reading.stream.close()
    log.info("x")
    with open("/dev/full", "w") as full:  # noqa: PTH123
        set_up(now=lambda: AT, redact=redact, stream=full, form="json").close()


def test_repeated_trouble_is_throttled(reading: Reading) -> None:
    reading.start(throttle_seconds=60.0)
    for _ in range(3):
        log.warning("the ledger cannot be read", error="gone")
        logging.getLogger("library").error("lost")
    reading.mono = 60.0
    log.warning("the ledger cannot be read", error="gone")
    log.info("recovered")
    assert [(event["event"], event.get("unsaid")) for event in reading.events] == [
        ("the ledger cannot be read", None),
        ("lost", None),
        ("the ledger cannot be read", 2),
        ("recovered", 2),
    ]


# -------------------------------------------------------------------------------------------------------- where to


def test_json_where_there_is_neither_journal_nor_terminal(reading: Reading, tmp_path: Path) -> None:
    reading.start(form="auto", journal=tmp_path / "none")
    log.info("x")
    assert reading.said == ["x"]


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({"NO_COLOR": ""}, True)],
)
def test_people_on_a_terminal(reading: Reading, tmp_path: Path, environ: dict[str, str], coloured: bool) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal, os.fdopen(ours, "rb") as screen:
        reading.start(form="auto", stream=terminal, environ=environ, journal=tmp_path / "none")
        log.info("x", a="b c")
        line = screen.readline().decode()
    assert ('"b c"' in line, "\x1b[" in line) == (True, coloured)


def test_console_can_be_asked_for_anywhere(reading: Reading) -> None:
    reading.start(form="console")
    log.info("x", a=1)
    assert reading.stream.getvalue().endswith("info    x a=1\n")


def test_the_journal_under_systemd(reading: Reading, tmp_path: Path) -> None:
    journald = Journald(tmp_path / "socket")
    with journald.socket, (tmp_path / "stderr").open("w+") as stderr:
        status = os.fstat(stderr.fileno())
        environ = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        reading.start(form="auto", stream=stderr, environ=environ, journal=journald.path)
        log.error("run", org="a", module="Leads", run="7", read=3, kinds=["x"], notes=None)
        assert journald.entry() == {
            "MESSAGE": 'run org=a module=Leads run=7 read=3 kinds=["x"]',
            "PRIORITY": "3",
            "SYSLOG_IDENTIFIER": "syncd",
            "SYNCD_EVENT": "run",
            "SYNCD_ORG": "a",
            "SYNCD_MODULE": "Leads",
            "SYNCD_RUN": "7",
            "SYNCD_READ": "3",
            "SYNCD_KINDS": '["x"]',
        }
        log.info("bug", exc_info=ValueError("x" * 30_000))
        entry = journald.entry()
        assert entry["PRIORITY"] == "6"
        assert entry["MESSAGE"].endswith(f"ValueError: {'x' * 30_000}")
        journald.socket.close()
        log.info("lost", a=1)
        stderr.seek(0)
        assert stderr.read().endswith("info    lost a=1\n")


# ---------------------------------------------------------------------------------------------------------- secrets


def leaks() -> Iterator[Callable[[str], None]]:
    """Every way by which a text can get into an event."""

    def fail(text: str, cause: Exception | None = None) -> None:
        error = ValueError(text)
        error.add_note(text)
        raise error from cause

    def raised(text: str) -> None:
        try:
            fail(text)
        except ValueError:
            log.exception("bug")

    def caused(text: str) -> None:
        try:
            fail("", RuntimeError(text))
        except ValueError:
            log.exception("bug")

    yield log.info
    yield lambda text: log.info("x %s", text)
    yield lambda text: log.info("x", value=text)
    yield lambda text: log.info("x", **{text: 1})
    yield lambda text: log.info("x", values=[{"deep": (text,)}])
    yield lambda text: log.info("x", values=[{text: 1}])
    yield lambda text: log.error("x", error=ValueError(text))
    yield lambda text: log.error("x", value=text.encode())
    yield raised
    yield caused
    yield lambda text: logging.getLogger("library").error("x %s", text)
    yield lambda text: logging.getLogger(text).error("x")
    yield lambda text: logging.getLogger("library").error("x", exc_info=ValueError(text))
    yield lambda text: logging.getLogger("library").error(text, 1)
    yield lambda text: warnings.warn(text, stacklevel=1)


@pytest.mark.filterwarnings("always")
@pytest.mark.parametrize("name", CANARIES)
@pytest.mark.parametrize("form", ["json", "console", "journal"])
def test_no_secret_comes_through(reading: Reading, tmp_path: Path, form: str, name: str) -> None:
    text, secret = CANARIES[name]
    journald = Journald(tmp_path / "socket")
    with journald.socket:
        logs = reading.start(form=form, journal=journald.path, throttle_seconds=0.0)
        logs.hide(PATH_SECRET, "hunter22", "p@ss/w0rd", "no", "")
        for number, leak in enumerate(leaks()):
            leak(text)
            said = str(journald.entry()) if form == "journal" else reading.stream.getvalue()
            assert said, number
            assert secret not in said, number
    assert form != "json" or reading.events  # it is still JSON


def test_secrets_may_become_known_later(reading: Reading) -> None:
    logs = reading.start()
    logs.hide("first-secret")
    log.info("first-secret second-secret")
    logs.hide("second-secret", "first-secret-and-more")
    log.info("first-secret second-secret first-secret-and-more")
    assert reading.said == ["*** second-secret", "*** *** ***"]


def test_short_words_are_not_masked(reading: Reading) -> None:
    reading.start().hide("", "a", "words")
    log.info("words and a letter")
    assert reading.said == ["words and a letter"]
