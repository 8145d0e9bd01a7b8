"""A second process that reads events while this one splits the stream and PostgreSQL merges.

Owns both ends of the pipe: pickles of our own values, one answer to each question, in order. It is a help and no more:
whoever cannot have it, or loses it, reads in its own process.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO

from syncd.postgres.calendar_reader import Reader, ReaderSettings, Reading, Row

WORTHWHILE = 2_000
"""Below so many events to be read, a process takes longer to start than it saves."""

_PIPE_BYTES = 1 << 20  # what Linux allows anyone (pipe(7)): a batch goes through it in a few turns

PIPE_FAULTS = (OSError, EOFError, pickle.UnpicklingError)
"""What a process that is gone looks like from here."""


def has_another_core() -> bool:
    """Whether there is a core that the process could run on beside this one."""
    return len(os.sched_getaffinity(0)) > 1


def reader_process(settings: ReaderSettings) -> "ReaderProcess | None":
    """A process of its own to read in; None where there is no core for it, or no process to be had."""
    if not has_another_core():
        return None
    try:
        return ReaderProcess(settings)
    except OSError:
        return None


class ReaderProcess:
    """One reading process. Close it when done."""

    def __init__(self, settings: ReaderSettings) -> None:
        """Start it and go on; raises OSError where no process can be started."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "syncd.postgres.calendar_reader_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pipesize=_PIPE_BYTES,
            start_new_session=True,  # Ctrl-C is for the process that asks
        )
        # Questions and answers alternate, so that neither side ever waits for the other to empty its pipe.
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="calendar-reader")
        self._executor.submit(self._ask, settings)

    def read(self, rows: Sequence[Row]) -> Future[Reading]:
        """What `Reader.read` says; the future raises one of PIPE_FAULTS when the process is gone."""
        return self._executor.submit(self._read, rows)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._executor.shutdown(wait=True, cancel_futures=True)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                _close(pipe)
        self._process.wait()

    def _read(self, rows: Sequence[Row]) -> Reading:
        answer = self._ask(rows)
        if isinstance(answer, Reading):
            return answer
        raise EOFError("no answer")

    def _ask(self, question: object) -> object:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise EOFError("no pipe")
        pickle.dump(question, stdin, pickle.HIGHEST_PROTOCOL)
        stdin.flush()
        return pickle.load(stdout)  # noqa: S301 - from our own process


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        return  # what was still to be sent has nobody to read it


def main() -> None:
    """The other end: settings first, then rows until the pipe is closed."""
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    reader = Reader(pickle.load(questions))  # noqa: S301 - from our own process
    answer: object = True
    while True:
        pickle.dump(answer, answers, pickle.HIGHEST_PROTOCOL)
        answers.flush()
        try:
            rows = pickle.load(questions)  # noqa: S301 - from our own process
        except EOFError:
            return
        answer = reader.read(rows)


if __name__ == "__main__":
    main()
