"""What is shown while runs go on: bars for people, a line now and then for files."""

import io
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from syncd.cli.progress import Bars, Lines, Progressing, Shown, Tally
from syncd.core.model import Job, JobSpec, JobState, LoadCounts, Run, RunKind, StreamKey
from syncd.sync.ports import RunOutcome

KEY = StreamKey("default", "Deals")
RUN = Run(id=4, stream=KEY, kind=RunKind.FILL, through=None, slices=((),), started_at=datetime(2026, 1, 1, tzinfo=UTC))


def job(state: JobState) -> Job:
    return Job(id=1, run_id=4, stream=KEY, spec=JobSpec(window=None), state=state)


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Said:
    lines: list[str] = field(default_factory=list)

    def __call__(self, line: str) -> None:
        self.lines.append(line[9:])  # without the time of day


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def observer(clock: Clock, said: Said) -> Progressing:
    return Progressing(Lines(said, quiet=10, monotonic=clock), several_orgs=False, monotonic=clock)


def test_a_line_at_the_start_and_then_at_most_one_in_ten_seconds(
    observer: Progressing, clock: Clock, said: Said
) -> None:
    observer.run_started(RUN, 4)
    observer.job_moved(RUN, job(JobState.ACCEPTED))
    observer.job_moved(RUN, job(JobState.READY))
    assert said.lines == ["Deals fill: 0 of 4 exports, 0 rows, asking Zoho for an export"]
    clock.now += 10
    observer.job_loaded(RUN, job(JobState.LOADED), LoadCounts(read=200_000), 3)
    assert said.lines[1:] == ["Deals fill: 1 of 4 exports, 200 000 rows, loading"]
    clock.now += 9
    observer.look()
    assert len(said.lines) == 2
    clock.now += 1
    observer.look()
    assert said.lines[2:] == ["Deals fill: 1 of 4 exports, 200 000 rows, loading (10 s)"]


def test_a_split_adds_to_the_exports_to_come(observer: Progressing, clock: Clock, said: Said) -> None:
    observer.run_started(RUN, 1)
    clock.now += 10
    observer.job_loaded(RUN, job(JobState.SPLIT), LoadCounts(read=50), 2)
    assert said.lines[-1] == "Deals fill: 1 of 3 exports, 50 rows, loading"


def test_a_wait_says_why(observer: Progressing, clock: Clock, said: Said) -> None:
    observer.run_started(RUN, 1)
    clock.now += 11
    observer.waiting(KEY, "10 downloads a minute are allowed", 7.2)
    assert said.lines[-1].endswith("waiting 7 s: 10 downloads a minute are allowed")


def test_what_has_ended_is_not_shown_again(observer: Progressing, clock: Clock, said: Said) -> None:
    observer.run_started(RUN, 1)
    observer.run_finished(RunOutcome(stream=KEY, state="ok"))
    clock.now += 100
    observer.look()
    assert len(said.lines) == 1


def test_before_the_first_run_metadata_is_read() -> None:
    assert Tally(name="Deals", since=5.0).sentence(7.5) == "Deals reading metadata (2 s)"


def test_several_orgs_are_told_apart(clock: Clock, said: Said) -> None:
    observer = Progressing(Lines(said, monotonic=clock), several_orgs=True, monotonic=clock)
    observer.run_started(RUN, 1)
    assert said.lines[0].startswith("default/Deals ")


def test_bars(clock: Clock) -> None:
    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=True, width=120)
    progress = Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[said]}", markup=False), console=console
    )
    observer = Progressing(Bars(progress, monotonic=clock), several_orgs=False, monotonic=clock)
    observer.run_started(RUN, 4)
    observer.job_loaded(RUN, job(JobState.LOADED), LoadCounts(read=1234), 3)
    task = progress.tasks[0]
    assert (task.description, task.completed, task.total) == ("Deals", 1, 4)
    assert task.fields["said"] == "1 of 4 exports, 1 234 rows  loading"
    observer.run_finished(RunOutcome(stream=KEY, state="ok"))
    assert not progress.tasks


@pytest.mark.parametrize("terminal", [True, False])
def test_shown_on_a_terminal_and_off_it(terminal: bool, capsys: pytest.CaptureFixture[str]) -> None:
    with Shown(terminal=terminal) as shown:
        shown.observer.run_started(RUN, 2)
        shown.observer.run_finished(RunOutcome(stream=KEY, state="ok"))
    if not terminal:
        assert "Deals fill: 0 of 2 exports" in capsys.readouterr().err


def test_data_stays_on_stdout_while_bars_are_drawn(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`syncd sync --json > file` at a terminal: the bars must not take what belongs into the file."""
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes stderr for a terminal
    with Shown(terminal=True) as shown:
        shown.observer.run_started(RUN, 2)
        print("data")
    told = capsys.readouterr()
    assert told.out == "data\n"
    assert "Deals" in told.err
