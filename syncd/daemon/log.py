"""The logs of a process: where they go and in which form, for our own events and for those of libraries.

Every event takes one way: throttle, plain values, secrets out, one line to one place. What nobody catches (in threads,
in destructors) takes it too, so that no traceback passes by it. `set_up` is called once, by bootstrap.
"""

import json
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TextIO
from urllib.parse import quote

import structlog

from syncd.daemon.journald import PRIORITIES, SOCKET, Journal, field_name, reaches_journal
from syncd.daemon.log_lines import MASK, Event, Redact, console_line, json_line, message, plain
from syncd.daemon.throttle import Throttle

_THROTTLE_SECONDS = 300.0
_SHORTEST_SECRET = 6
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
# They tell of each query, request and turn: that is ours to tell, in one line per run.
_TALKATIVE = ("alembic", "apscheduler", "asyncio", "httpcore2", "httpx2", "sqlalchemy", "uvicorn")


_STEPS = (
    (logging.CRITICAL, "critical"),
    (logging.ERROR, "error"),
    (logging.WARNING, "warning"),
    (logging.INFO, "info"),
)


class Output(Protocol):
    """Where plain events go. `write` never raises: a log that cannot be written must not stop a sync."""

    def write(self, event: Event) -> None: ...
    def close(self) -> None: ...


class LineOutput:
    """A line per event to a stream; lines of several threads do not mix. `unwritten` counts those that got lost."""

    def __init__(self, stream: TextIO, render: Callable[[Event], str]) -> None:
        self._stream = stream
        self._render = render
        self._lock = threading.Lock()
        self.unwritten = 0

    def write(self, event: Event) -> None:
        """Write and flush."""
        line = self._render(event) + "\n"
        with self._lock:
            try:
                self._stream.write(line)
                self._stream.flush()
            except (
                OSError,
                ValueError,
            ):  # a full disk, a reader that has gone, a closed stream: nobody is left to tell
                self.unwritten += 1

    def close(self) -> None:
        """The stream belongs to others and stays open."""


class JournalOutput:
    """Entries for the journal, with every field of an event as a field of its own; to `spare` when it is not there."""

    def __init__(self, journal: Journal, spare: Output) -> None:
        self._journal = journal
        self._spare = spare

    def write(self, event: Event) -> None:
        """Send one entry."""
        fields = {
            "MESSAGE": message(event),
            "PRIORITY": str(PRIORITIES.get(str(event.get("level")), 6)),
            "SYSLOG_IDENTIFIER": "syncd",
        }
        for key, value in event.items():
            if key not in {"at", "level", "exception"} and value is not None:
                fields[field_name(key)] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        try:
            self._journal.send(fields)
        except OSError:
            self._spare.write(event)

    def close(self) -> None:
        """Close the socket."""
        self._journal.close()


def choose_output(form: str, stream: TextIO, environ: Mapping[str, str], journal: Path = SOCKET) -> Output:
    """The output for a form: journal, console, json; auto: the journal under systemd, else console on a terminal,
    else json. Colours are for terminals, unless NO_COLOR says otherwise (no-color.org)."""
    terminal = stream.isatty()
    if form == "auto":
        under_systemd = journal.exists() and reaches_journal(environ, _number(stream))
        form = "journal" if under_systemd else "console" if terminal else "json"
    if form == "json":
        return LineOutput(stream, json_line)
    colours = terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    console = LineOutput(stream, lambda event: console_line(event, colours=colours))
    return JournalOutput(Journal(journal), console) if form == "journal" else console


def _number(stream: TextIO) -> int:
    """The stream's file descriptor, -1 when it has none."""
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return -1


class Logs:
    """The logs of this process, until they are closed; made by `set_up`. For any number of threads."""

    def __init__(self, output: Output, redact: Redact, throttle: Throttle, now: Callable[[], datetime]) -> None:
        self._output = output
        self._rule = redact
        self._throttle = throttle
        self._now = now
        self._secrets: frozenset[str] = frozenset()
        self._known: re.Pattern[str] | None = None
        self._restore: list[Callable[[], object]] = []

    def write(self, event: Mapping[str, Any]) -> None:
        """Let one event take its way; it has `event` and `level` at least."""
        admitted = self._throttle.admit(event)
        if admitted is not None:
            self._output.write(plain({"at": self._now(), **admitted}, self.redact))

    def redact(self, text: str) -> str:
        """A text as it may appear in a log."""
        known = self._known
        return self._rule(known.sub(MASK, text) if known else text)

    def hide(self, *secrets: str) -> None:
        """Register texts that may never appear, also as part of a URL; very short ones would mask ordinary words."""
        long = {secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}
        self._secrets |= long | {quote(secret, safe="") for secret in long}
        # The longest first: a secret may be the beginning of another one.
        words = sorted(self._secrets, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, words))) if words else None

    def set_level(self, level: str) -> None:
        """Log events of this level (debug, info, warning, error) and above; libraries only speak of trouble."""
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]))
        logging.getLogger().setLevel(_LEVELS[level])
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(max(_LEVELS[level], logging.WARNING))

    def take_over(self, level: str) -> None:
        """Make this the way of all events of the process, until `close`."""
        root = logging.getLogger()
        before = root.level, root.handlers[:], {name: logging.getLogger(name).level for name in _TALKATIVE}
        hooks = threading.excepthook, sys.unraisablehook

        def restore() -> None:
            root.handlers[:] = before[1]
            root.setLevel(before[0])
            for name, number in before[2].items():
                logging.getLogger(name).setLevel(number)
            threading.excepthook, sys.unraisablehook = hooks
            logging.captureWarnings(capture=False)
            structlog.reset_defaults()

        self._restore.append(restore)
        sink = _Sink(self)
        structlog.configure(
            processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level],
            logger_factory=lambda *_names: sink,
            cache_logger_on_first_use=False,  # else a logger would stay at the level it had when it was first used
        )
        root.handlers[:] = [_Records(self)]
        logging.captureWarnings(capture=True)
        threading.excepthook = self._thread_died
        sys.unraisablehook = self._unraisable
        self.set_level(level)

    def close(self) -> None:
        """Give everything back as it was."""
        while self._restore:
            self._restore.pop()()
        self._output.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _thread_died(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_type is not SystemExit:
            thread = args.thread.name if args.thread else ""
            self.write({"event": "a thread died", "level": "error", "thread": thread, "exc_info": args.exc_value})

    def _unraisable(self, args: "sys.UnraisableHookArgs") -> None:
        said = args.err_msg or "Exception ignored in"
        where = f"{said}: {type(args.object).__qualname__}"
        self.write({"event": "an error in clean-up", "level": "error", "where": where, "exc_info": args.exc_value})


def set_up(
    *,
    now: Callable[[], datetime],
    redact: Redact,
    level: str = "info",
    form: str = "auto",
    stream: TextIO | None = None,
    environ: Mapping[str, str] = os.environ,
    journal: Path = SOCKET,
    throttle_seconds: float = _THROTTLE_SECONDS,
    monotonic: Callable[[], float] = time.monotonic,
) -> Logs:
    """Send all logs of this process one way; a context, whose end gives everything back.

    `level` and `form` are what the configuration calls log.level and log.format. `redact` frees a text of what looks
    like a secret; secrets that are known are given to `Logs.hide`. `stream` is stderr unless given. The same warning
    or error is told once in `throttle_seconds`.
    """
    output = choose_output(form, stream or sys.stderr, environ, journal)
    logs = Logs(output, redact, Throttle(throttle_seconds, monotonic), now)
    logs.take_over(level)
    return logs


class _Sink:
    """What structlog believes to be a logger: every method takes the event's fields."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs

    def debug(self, **event: object) -> None:
        """Take an event of any level; it knows its own."""
        self._logs.write(event)

    info = warning = error = critical = debug


class _Records(logging.Handler):
    """What the standard library believes to be a handler; it turns records into events."""

    def __init__(self, logs: Logs) -> None:
        super().__init__()
        self._logs = logs

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record. One that cannot be put together is told as it is."""
        try:
            said = record.getMessage()
        except (TypeError, ValueError, LookupError):
            said = f"{record.msg} {record.args}"
        level = next((name for number, name in _STEPS if record.levelno >= number), "debug")
        context = structlog.contextvars.get_contextvars()
        self._logs.write({**context, "event": said, "level": level, "logger": record.name, "exc_info": record.exc_info})
