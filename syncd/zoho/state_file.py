"""A small private JSON file with a lock: what has to survive a restart of this host's processes, and no database.

Files are 0600 in a 0700 directory, replaced atomically, and refused when others could read or write them. Knows nothing
of tokens.
"""

import errno
import fcntl
import json
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from syncd.errors import NeedsOperator, TryLater

DISK_FULL_PAUSE = 300.0
"""Seconds to leave a full disk alone."""

_LOCK_LOOK = 0.05
"""Seconds between two looks at a lock that another process holds; flock itself could not be interrupted by a drain."""


class StateFile:
    """One JSON object on disk at `path`, beside it `path`.lock for those who want to change it in turn."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self._path

    def sibling(self, name: str) -> "StateFile":
        """Another file of the same owner beside this one."""
        return StateFile(self._path.with_name(f"{self._path.stem}-{name}{self._path.suffix}"))

    def read(self) -> dict[str, Any]:
        """The stored object; an empty one when there is none or it cannot be parsed (it is a cache, not a record).

        NeedsOperator when the file is not private to this user.
        """
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from error
        with os.fdopen(descriptor, "rb") as file:
            self._refuse_shared(os.fstat(descriptor))
            content = file.read()
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}

    def write(self, document: dict[str, Any]) -> None:
        """Replace the stored object; a reader sees the old one or the new one whole.

        TryLater when the disk is full, NeedsOperator when the place cannot be written.
        """
        temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}.{threading.get_native_id()}")
        try:
            self._make_directory()
            temporary.unlink(missing_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(json.dumps(document).encode())
                file.flush()
                os.fsync(descriptor)
            temporary.replace(self._path)
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise TryLater(
                    "the disk is full",
                    after=DISK_FULL_PAUSE,
                    where=str(self._path),
                    fix="make room on it; syncd goes on by itself",
                ) from error
            raise self._unusable(error.strerror or str(error)) from error

    @contextmanager
    def locked(self, wait: Callable[[float], None]) -> Iterator[None]:
        """Hold the lock against all threads and processes of this host, calling `wait` while another one has it.

        The kernel frees it when a process dies. It is bound to the opened file (flock), hence threads exclude each
        other too.
        """
        try:
            self._make_directory()
            descriptor = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from error
        try:
            while not _try_lock(descriptor):
                wait(_LOCK_LOOK)
            yield
        finally:
            os.close(descriptor)

    def _make_directory(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _refuse_shared(self, status: os.stat_result) -> None:
        if status.st_uid != os.geteuid():
            raise self._unusable("it belongs to another user")
        if stat.S_IMODE(status.st_mode) & 0o077:
            raise NeedsOperator(
                "a file with an access token is open to other users",
                where=str(self._path),
                why=f"its mode is {stat.S_IMODE(status.st_mode):04o}",
                fix=f"delete it (a new token is fetched), or: chmod 600 {self._path}",
            )

    def _unusable(self, why: str) -> NeedsOperator:
        return NeedsOperator(
            "the state file cannot be used",
            where=str(self._path),
            why=why,
            fix=f"let the user that runs syncd own and write {self._path.parent}",
        )


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
