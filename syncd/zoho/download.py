"""From an answer on its way to a file that is there whole or not at all. Knows no URL and no token."""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

from syncd.errors import BadArchive, NeedsOperator, SyncdError, TryLater
from syncd.zoho.answers import Remedy, Verdict, excerpt, judge
from syncd.zoho.state_file import DISK_FULL_PAUSE
from syncd.zoho.transport import Incoming

_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
_ZIP_END = b"PK\x05\x06"
_END_WITHIN = 65_557
"""An archive's end record stands in its last so many bytes (APPNOTE 4.3.16)."""

TEMPORARY = ".part-"
"""In the name of a file that is being written; its writer holds a lock on it as long as it lives."""


class ResultSink:
    """Takes the answer to a download: an archive goes to `target` by way of a temporary file beside it."""

    def __init__(self, target: Path, *, limit: int, where: str, check: Callable[[], None]) -> None:
        """`limit` in bytes; `check` runs at every piece and may end the download by raising (a drain)."""
        self._target = target
        self._limit = limit
        self._where = where
        self._check = check

    def take(self, incoming: Incoming) -> Verdict:
        """Judge the answer by its first bytes; only what starts like a zip is written, the rest goes to the table.

        BadArchive when the archive is cut short or too large.
        """
        chunks = incoming.chunks()
        begun = b""
        for chunk in chunks:
            begun += chunk
            if len(begun) >= 4:
                break
        if incoming.status == 200 and begun[:4] in _ZIP_STARTS:
            self._write(begun, chunks)
            return Verdict(remedy=Remedy.TAKE)
        answer = incoming.rest_of(begun, chunks)
        verdict = judge(answer)
        if verdict.remedy is not Remedy.TAKE:
            return verdict
        return Verdict(remedy=Remedy.AGAIN, why=f"HTTP {answer.status} with {excerpt(answer)} where a zip is due")

    def _write(self, begun: bytes, chunks: Iterator[bytes]) -> None:
        temporary = self._target.with_name(f".{self._target.name}{TEMPORARY}{os.urandom(6).hex()}")
        try:
            descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                self._copy(descriptor, begun, chunks)
                os.fsync(descriptor)
                temporary.replace(self._target)
            finally:
                temporary.unlink(missing_ok=True)
                os.close(descriptor)
            _sync_directory(self._target.parent)
        except OSError as error:
            raise self._disk_trouble(error) from error

    def _copy(self, descriptor: int, begun: bytes, chunks: Iterator[bytes]) -> None:
        size = 0
        with os.fdopen(os.dup(descriptor), "wb", buffering=256 * 1024) as file:
            for piece in chain((begun,), chunks):
                self._check()
                size += len(piece)
                if size > self._limit:
                    raise BadArchive(
                        "the result file is too large",
                        where=self._where,
                        why=f"more than {self._limit} bytes",
                        fix="narrow the export: fewer fields, or a smaller window_rows",
                    )
                file.write(piece)
        start = max(size - _END_WITHIN, 0)
        if _ZIP_END not in os.pread(descriptor, size - start, start):
            raise BadArchive("the result file is cut short", where=self._where, why=f"{size} bytes without a zip's end")

    def _disk_trouble(self, error: OSError) -> SyncdError:
        place, why = str(self._target.parent), error.strerror or str(error)
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            fix = f"make room on the disk of {place}; syncd goes on by itself"
            return TryLater("the spool has no room", after=DISK_FULL_PAUSE, where=place, why=why, fix=fix)
        return NeedsOperator(
            "the spool cannot be written", where=place, why=why, fix=f"let the user that runs syncd write {place}"
        )


def _sync_directory(directory: Path) -> None:
    """Make a rename durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
