"""Progress of runs on stderr: bars on a terminal, a line now and then otherwise.

Both are observers of runs and are called in the threads of runs; what they show they get from one tally per stream.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from syncd.bootstrap.clock import now as wall_clock
from syncd.cli.wording import grouped
from syncd.core.model import Job, JobState, LoadCounts, Run, StreamKey
from syncd.sync.ports import RunOutcome

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

QUIET_SECONDS = 10.0
"""Off a terminal a stream says nothing more often than this."""

_DOING = {
    JobState.PLANNED: "asking Zoho for an export",
    JobState.ACCEPTED: "Zoho is exporting",
    JobState.READY: "downloading",
    JobState.FETCHED: "loading",
    JobState.LOADED: "loading",
    JobState.SPLIT: "loading",
}


@dataclass(slots=True, kw_only=True)
class Tally:
    """What is known of the run of one stream that is under way."""

    name: str
    kind: str = ""
    done: int = 0
    open: int = 0
    rows: int = 0
    doing: str = "reading metadata"
    since: float = 0.0

    @property
    def jobs(self) -> int:
        return self.done + self.open

    def sentence(self, now: float) -> str:
        """One line: how far it is, and what it waits for how long."""
        waited = int(now - self.since)
        doing = f"{self.doing} ({waited} s)" if waited >= 1 else self.doing
        if not self.kind:
            return f"{self.name} {doing}"
        return f"{self.name} {self.kind}: {self.done} of {self.jobs} exports, {grouped(self.rows)} rows, {doing}"


class View(Protocol):
    """Shows tallies. Calls never overlap."""

    def changed(self, key: StreamKey, tally: Tally, *, at_once: bool) -> None: ...

    def ended(self, key: StreamKey) -> None: ...


class Progressing:
    """An observer of runs that keeps the tallies and tells a view."""

    def __init__(self, view: View, *, several_orgs: bool, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._view = view
        self._several_orgs = several_orgs
        self._monotonic = monotonic
        self._tallies: dict[StreamKey, Tally] = {}
        self._lock = threading.Lock()

    def run_started(self, run: Run, jobs: int) -> None:
        with self._changing(run.stream, at_once=True) as tally:
            tally.kind, tally.open, tally.done, tally.rows = run.kind.value, jobs, 0, 0
            tally.doing = "asking Zoho for an export"

    def job_moved(self, run: Run, job: Job) -> None:
        with self._changing(run.stream) as tally:
            tally.kind, tally.doing = run.kind.value, _DOING[job.state]

    def job_loaded(self, run: Run, job: Job, counts: LoadCounts, open_jobs: int) -> None:  # noqa: ARG002 (the port's)
        with self._changing(run.stream) as tally:
            tally.kind, tally.doing = run.kind.value, "loading"
            tally.done, tally.open = tally.done + 1, open_jobs
            tally.rows += counts.read

    def waiting(self, key: StreamKey, why: str, seconds: float) -> None:
        with self._changing(key) as tally:
            tally.doing = f"waiting {seconds:.0f} s: {why}"

    def run_finished(self, outcome: RunOutcome) -> None:
        with self._lock:
            self._tallies.pop(outcome.stream, None)
            self._view.ended(outcome.stream)

    def look(self) -> None:
        """Show every tally again, for what has only grown older."""
        with self._lock:
            for key, tally in self._tallies.items():
                self._view.changed(key, tally, at_once=False)

    @contextmanager
    def _changing(self, key: StreamKey, *, at_once: bool = False) -> Iterator[Tally]:
        with self._lock:
            tally = self._tallies.get(key)
            if tally is None:
                name = str(key) if self._several_orgs else key.module
                tally = self._tallies[key] = Tally(name=name)
            before = tally.doing
            yield tally
            if tally.doing != before or at_once:
                tally.since = self._monotonic()
            self._view.changed(key, tally, at_once=at_once)


class Lines:
    """A line per stream on stderr when a run starts, and then at most one in ten seconds."""

    def __init__(
        self, write: Callable[[str], None], *, quiet: float = QUIET_SECONDS, monotonic: Callable[[], float]
    ) -> None:
        self._write = write
        self._quiet = quiet
        self._monotonic = monotonic
        self._said: dict[StreamKey, float] = {}

    def changed(self, key: StreamKey, tally: Tally, *, at_once: bool) -> None:
        now = self._monotonic()
        if at_once or now - self._said.setdefault(key, now) >= self._quiet:
            self._said[key] = now
            self._write(f"{wall_clock().astimezone():%H:%M:%S} {tally.sentence(now)}")

    def ended(self, key: StreamKey) -> None:
        self._said.pop(key, None)


class Bars:
    """A bar per stream, drawn by rich."""

    def __init__(self, progress: "Progress", *, monotonic: Callable[[], float]) -> None:
        self._progress = progress
        self._monotonic = monotonic
        self._tasks: dict[StreamKey, TaskID] = {}

    def changed(self, key: StreamKey, tally: Tally, *, at_once: bool) -> None:  # noqa: ARG002 (bars are always at once)
        if key not in self._tasks:
            self._tasks[key] = self._progress.add_task(tally.name, total=None, said="")
        waited = int(self._monotonic() - tally.since)
        said = f"{tally.done} of {tally.jobs} exports, {grouped(tally.rows)} rows  {tally.doing}" + (
            f" ({waited} s)" if waited else ""
        )
        self._progress.update(self._tasks[key], completed=tally.done, total=tally.jobs or None, said=said)

    def ended(self, key: StreamKey) -> None:
        task = self._tasks.pop(key, None)
        if task is not None:
            self._progress.remove_task(task)


class Shown:
    """A context in which progress is shown; `observer` is what runs are to be given, `write` prints a line above it."""

    def __init__(self, *, several_orgs: bool = False, terminal: bool | None = None) -> None:
        self._terminal = sys.stderr.isatty() if terminal is None else terminal
        self._progress = _progress() if self._terminal else None
        view: View = (
            Bars(self._progress, monotonic=time.monotonic)
            if self._progress
            else Lines(_to_stderr, monotonic=time.monotonic)
        )
        self.observer = Progressing(view, several_orgs=several_orgs)
        self._ended = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="syncd-progress", daemon=True)

    def __enter__(self) -> Self:
        if self._progress is not None:
            self._progress.start()
        self._ticker.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._ticker.join()
        if self._progress is not None:
            self._progress.stop()

    def _tick(self) -> None:
        while not self._ended.wait(1.0):
            self.observer.look()


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _progress() -> "Progress":
    """Bars that vanish at the end. Lines for stdout go above them only if stdout is the same terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[said]}", markup=False),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
        redirect_stderr=True,
    )
