"""Child processes that end with the one that started them, even when that one was killed."""

import os
import signal
import sys
import threading


def follow_stdin() -> None:
    """Send this process SIGTERM when stdin ends: the kernel closes the pipe whatever its writer died of."""

    def wait() -> None:
        while os.read(descriptor, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    descriptor = sys.stdin.fileno()
    threading.Thread(target=wait, name="syncd-lifeline", daemon=True).start()
