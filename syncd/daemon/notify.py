"""Talking to systemd: readiness, one sentence of status, reloads, the watchdog. Silent where there is no systemd.

The protocol is sd_notify(3): datagrams of `KEY=value` lines to the socket that $NOTIFY_SOCKET names.
"""

import os
import socket
import time
from collections.abc import Mapping


class Notifier:
    """Sends state to the service manager; without an address every call does nothing.

    `watchdog` is how many seconds may pass between two `alive` calls at most before systemd restarts the service, None
    when it does not watch. A manager that has gone away is no error.
    """

    def __init__(self, address: str = "", *, watchdog: float | None = None) -> None:
        # A leading @ means a socket in the abstract namespace.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog = watchdog

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Notifier":
        """As $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID say."""
        microseconds = environ.get("WATCHDOG_USEC", "")
        meant = environ.get("WATCHDOG_PID", "") in {"", str(os.getpid())}
        watched = meant and microseconds.isdecimal() and int(microseconds) > 0
        return cls(environ.get("NOTIFY_SOCKET", ""), watchdog=int(microseconds) / 1e6 if watched else None)

    def ready(self, status: str) -> None:
        """The service does its work from now on, also after a reload."""
        self._send("READY=1", f"STATUS={_line(status)}")

    def status(self, text: str) -> None:
        """One sentence for `systemctl status`."""
        self._send(f"STATUS={_line(text)}")

    def starting(self, status: str, *, seconds: float) -> None:
        """Not ready yet, and not stuck either: allow this many seconds more for the start."""
        self._send(f"STATUS={_line(status)}", f"EXTEND_TIMEOUT_USEC={int(seconds * 1e6)}")

    def reloading(self) -> None:
        """The configuration is being read again; `ready` ends it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, status: str) -> None:
        """The service is on its way out."""
        self._send("STOPPING=1", f"STATUS={_line(status)}")

    def alive(self) -> None:
        """Everything that must be alive has been seen alive."""
        self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.settimeout(0)
            try:
                sender.sendto("\n".join(lines).encode(), self._address)
            except OSError:  # the manager is gone or busy: the service's own work must not suffer from it
                return


def _line(text: str) -> str:
    return " ".join(text.split())
