"""Ctrl-C and SIGTERM for verbs that work in the foreground: the first asks for a stop, the second leaves at once."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from syncd.daemon import signals

_SECOND = b"syncd: second signal, leaving at once; the next start resumes from the ledger\n"


@contextmanager
def stopped_by_signals(stop: Callable[[], None], said: str, *, patient: bool = False) -> Iterator[list[int]]:
    """Call `stop` once, in a thread of its own, when SIGINT, SIGTERM or SIGHUP arrives; `said` goes to stderr then.

    Yields the numbers of the signals that came. With `patient` further ones change nothing: for those who
    have children to end.
    """
    came: list[int] = []

    def receive(number: int) -> None:
        came.append(number)
        if len(came) > 1 and patient:
            return
        if len(came) > 1:
            os.write(2, _SECOND)
            os._exit(128 + signal.Signals(number))
        os.write(2, f"\nsyncd: {said}\n".encode())
        threading.Thread(target=stop, name="syncd-stop").start()

    with signals.handled(receive):
        yield came
