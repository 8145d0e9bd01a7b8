"""The demo's course: start the parts, wait for the first load, show it, refresh it, stop the parts."""

import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from syncd.bootstrap.clock import now
from syncd.bootstrap.database import Database, throwaway_server
from syncd.cli import demo_parts, results
from syncd.cli.demo_parts import Child
from syncd.cli.demo_view import Ways, living_line, loading_line, screen, total_rows
from syncd.cli.foreground import one_pass
from syncd.cli.stopping import stopped_by_signals
from syncd.core.health import Health, assess_all
from syncd.core.model import StreamKey
from syncd.daemon.stop import StopRequest
from syncd.errors import NeedsOperator, SyncdError, Unreachable
from syncd.settings.load import load
from syncd.settings.settings import Settings

if TYPE_CHECKING:
    from rich.live import Live

_DATABASE = "crm"
_PAGE = 8642
_FIRST_LOAD_SECONDS = 180.0
_QUIET_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """What both forms of the demo need: the parts that run, and where they are."""

    children: tuple[Child, ...]
    settings: tuple[Settings, ...]
    database: Database
    ways: Ways
    ended: threading.Event

    def check(self) -> None:
        """Raises NeedsOperator when a child has died."""
        for child in self.children:
            child.check()

    def healths(self) -> tuple[Health, ...]:
        """How each module is, by the ledger."""
        deadlines = {StreamKey(one.org, name): one.deadline(name) for one in self.settings for name in one.modules}
        return assess_all(self.database.status.module_statuses(), deadlines, now())


def demonstrate(*, once: bool) -> int:
    """Run the demo to its end and return the exit code. Raises what a part that fails raises."""
    stop, ended = StopRequest(), threading.Event()

    def end() -> None:
        ended.set()
        stop.stop()

    with stopped_by_signals(end, "stopping the demo and removing what it made", patient=True), ExitStack() as parts:
        place = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="syncd-demo-")))
        try:
            if once:
                return _pass_once(parts, place, stop, ended)
            return _live(parts, place, ended)
        except SyncdError:
            if ended.is_set():  # a part that was stopped while another one waited for it
                return 0
            raise


def _pass_once(parts: ExitStack, place: Path, stop: StopRequest, ended: threading.Event) -> int:
    stage = _set_up(parts, place, ended, page=False)
    outcomes = one_pass(stage.settings, (), stop=stop)
    if code := results.exit_code(outcomes, named=True):
        return 0 if ended.is_set() else code
    for line in screen(stage.database, stage.healths(), None, now=now()):
        click.echo(line)
    return 0


def _live(parts: ExitStack, place: Path, ended: threading.Event) -> int:
    stage = _set_up(parts, place, ended, page=True)
    with _screen() as live:
        _await_first_load(stage, live)
        _follow(stage, live)
    return 0


def _set_up(parts: ExitStack, place: Path, ended: threading.Event, *, page: bool) -> _Stage:
    """Start PostgreSQL and the simulated Zoho side by side, and with `page` the daemon."""
    _say("starting a PostgreSQL server and a simulated Zoho")
    zoho = parts.enter_context(demo_parts.simulator(place))
    server = parts.enter_context(throwaway_server())
    dsn = server.ensure_database(_DATABASE)
    url = zoho.address(ended)
    address = f"127.0.0.1:{demo_parts.free_port(_PAGE)}"
    config = demo_parts.write_config(place, url=url, dsn=dsn, page=address)
    settings = load(config, demo_parts.own_environment())
    children = [zoho]
    if page:
        _say("starting the daemon")
        children.append(parts.enter_context(demo_parts.daemon(config)))
    database = Database(dsn, size=2)
    parts.callback(database.close)
    ways = Ways(psql=server.tcp_dsn(_DATABASE), page=f"http://{address}/", config=str(config))
    return _Stage(children=tuple(children), settings=settings, database=database, ways=ways, ended=ended)


def _await_first_load(stage: _Stage, live: "Live | None") -> None:
    """Show the first load until every module is there."""
    deadline, said, quiet = time.monotonic() + _FIRST_LOAD_SECONDS, "", 0.0
    while not stage.ended.wait(0.2):
        stage.check()
        healths = _seen(stage)
        if healths and all(one.lag is not None for one in healths):
            return
        line = loading_line(healths) if healths else "waiting for the daemon"
        if live is not None:
            _draw(live, [line])
        elif line != said and time.monotonic() >= quiet:
            _say(line)
            said, quiet = line, time.monotonic() + 1.0
        if time.monotonic() > deadline:
            raise NeedsOperator(
                "the demo's first load did not end",
                why=" | ".join([line, *stage.children[-1].last_lines(3)]),
                fix="start the demo again on a machine with less to do",
            )


def _follow(stage: _Stage, live: "Live | None") -> None:
    """Show the tables: again and again on a terminal, once and then a line now and then otherwise."""
    if live is None and not stage.ended.is_set():
        for line in screen(stage.database, stage.healths(), stage.ways, now=now()):
            click.echo(line)
    while not stage.ended.wait(1.0 if live is not None else _QUIET_SECONDS):
        stage.check()
        if live is not None:
            _draw(live, screen(stage.database, stage.healths(), stage.ways, now=now()))
        else:
            _say(living_line(stage.healths(), total_rows(stage.database)))


def _seen(stage: _Stage) -> tuple[Health, ...]:
    """How each module is; nothing as long as the daemon has not made the ledger."""
    try:
        return stage.healths()
    except (NeedsOperator, Unreachable):
        return ()


@contextmanager
def _screen() -> Iterator["Live | None"]:
    """A part of the terminal that is drawn again in place; None when nobody looks."""
    if not sys.stdout.isatty():
        yield None
        return
    from rich.live import Live

    with Live(auto_refresh=False, vertical_overflow="visible") as live:
        yield live


def _draw(live: "Live", lines: list[str]) -> None:
    from rich.text import Text

    live.update(Text.from_ansi("\n".join(lines), overflow="fold"), refresh=True)


def _say(line: str) -> None:
    print(f"{now().astimezone():%H:%M:%S} {line}", file=sys.stderr, flush=True)
