"""The signals of a daemon, handed to one function in a thread of their own; earlier handlers come back at the end.

Python runs signal handlers in the main thread, between two steps of it. The kernel may deliver a signal to any thread,
though, and then a main thread that waits for a lock is not woken: a second signal right after the first can go unheard.
So the numbers travel over a socket, which the interpreter writes to in whichever thread the signal arrived.
"""

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STOPPING = frozenset({signal.SIGTERM, signal.SIGINT})
RELOADING = signal.SIGHUP


@contextmanager
def handled(receive: Callable[[int], None]) -> Iterator[None]:
    """Call `receive` with the number of each SIGTERM, SIGINT and SIGHUP, one after the other.

    Outside the main thread, where Python allows no handlers, nothing is installed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reading, writing = socket.socketpair()
    writing.setblocking(False)  # noqa: FBT003 (its only parameter)
    listener = threading.Thread(target=_listen, args=(reading, receive), name="syncd-signals", daemon=True)
    listener.start()
    earlier_fd = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    earlier = {number: signal.signal(number, lambda *_: None) for number in (*STOPPING, RELOADING)}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(earlier_fd)
        writing.close()
        listener.join()
        reading.close()


def _listen(reading: socket.socket, receive: Callable[[int], None]) -> None:
    while numbers := reading.recv(64):
        for number in numbers:
            if number in STOPPING or number == RELOADING:
                receive(number)
