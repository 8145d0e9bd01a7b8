"""systemd's journal, spoken natively: a datagram of fields, so that `journalctl SYNCD_MODULE=Leads` works.

The protocol is systemd's "Native Journal Protocol" page. Must not decide what is logged; never waits for the journal.
"""

import array
import errno
import fcntl
import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path

SOCKET = Path("/run/systemd/journal/socket")
PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}  # as syslog(3) numbers them

_NAME = re.compile(r"[^A-Z0-9_]+")
_LONGEST_NAME = 64
_TOO_LARGE = frozenset({errno.EMSGSIZE, errno.ENOBUFS})
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


def reaches_journal(environ: Mapping[str, str], stderr: int) -> bool:
    """Whether this process's stderr is the journal: $JOURNAL_STREAM names its device and inode (systemd.exec(5)).

    A child whose stderr was redirected inherits the variable, but not the stream.
    """
    try:
        status = os.fstat(stderr)
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM", "") == f"{status.st_dev}:{status.st_ino}"


def field_name(key: str) -> str:
    """The journal's field for a key of ours: capitals, digits and underscores, at most 64 bytes.

    >>> field_name("module"), field_name("error-kind")
    ('SYNCD_MODULE', 'SYNCD_ERROR_KIND')
    """
    return ("SYNCD_" + _NAME.sub("_", key.upper()))[:_LONGEST_NAME]


def datagram(fields: Mapping[str, str]) -> bytes:
    """The fields as the journal reads them. Values with line breaks are preceded by their length."""
    parts: list[bytes] = []
    for name, value in fields.items():
        content = value.encode("utf-8", "backslashreplace")
        if b"\n" in content:
            parts += [name.encode(), b"\n", len(content).to_bytes(8, "little"), content, b"\n"]
        else:
            parts += [name.encode(), b"=", content, b"\n"]
    return b"".join(parts)


class Journal:
    """The journal's socket. For any number of threads; `send` raises OSError when the journal is not there or full."""

    def __init__(self, path: Path = SOCKET) -> None:
        self._path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        # A journal that does not read must not hold up a sync: what does not fit goes to stderr instead.
        self._socket.settimeout(0)

    def send(self, fields: Mapping[str, str]) -> None:
        """Send one entry; one that is too large for a datagram goes as a sealed file in memory."""
        content = datagram(fields)
        try:
            self._socket.sendto(content, self._path)
        except OSError as error:
            if error.errno not in _TOO_LARGE:
                raise
            self._send_file(content)

    def _send_file(self, content: bytes) -> None:
        file = os.memfd_create("syncd-journal-entry", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
        try:
            with os.fdopen(os.dup(file), "wb") as opened:
                opened.write(content)
            fcntl.fcntl(file, fcntl.F_ADD_SEALS, _SEALS)
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file]))
            self._socket.sendmsg([], [rights], 0, self._path)
        finally:
            os.close(file)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
