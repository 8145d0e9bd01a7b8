"""The spool: result files on local disk, and their content once it has passed every check.

An archive is foreign data: one member, its name ignored, sizes capped before and while reading, CRC checked by reading
to the end. Nothing is ever extracted to disk.
"""

import contextlib
import fcntl
import os
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from syncd.errors import BadArchive, NeedsOperator
from syncd.zoho.callbacks import valid_job_id
from syncd.zoho.download import TEMPORARY

BLOCK = 256 * 1024
"""Bytes of one block: what COPY likes best (performance.md)."""

LEFTOVER_AFTER = timedelta(days=2)
"""Zoho keeps a result for one day; an archive twice as old belongs to nothing that could still want it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """What an archive may hold, in bytes of its member.

    A ratio of compression above `most_ratio` is a bomb, not a table: 200,000 rows that differ in nothing but id and
    stamps stay below it. Below `small` bytes any ratio is harmless, since nothing is held in memory.
    """

    most_bytes: int = 32 * 1024**3
    most_ratio: float = 200.0
    small: int = 64 * 1024**2


class Contents:
    """The bytes of an archive's member, in blocks; every iteration opens and checks the archive anew."""

    def __init__(self, path: Path, limits: ArchiveLimits) -> None:
        self._path = path
        self._limits = limits

    def __iter__(self) -> Iterator[bytes]:
        """Yield blocks of 256 KiB, the last one shorter. BadArchive at any point: commit nothing before the end."""
        try:
            with self._path.open("rb") as file, zipfile.ZipFile(file) as archive:
                yield from self._blocks(archive, self._member(file, archive))
        except FileNotFoundError as error:
            raise self._bad("it is not there") from error
        except OSError as error:
            raise NeedsOperator(
                "the spool cannot be read",
                where=str(self._path),
                why=error.strerror or str(error),
                fix="check the disk",
            ) from error
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
            raise self._bad(str(error) or type(error).__name__) from error

    def _member(self, file: BinaryIO, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
        members = archive.infolist()
        if len(members) != 1:
            raise self._bad(f"{len(members)} members where one is due")
        member = members[0]
        position = file.tell()
        file.seek(0)
        # zipfile looks for the end record and would take any file that has an archive appended.
        if file.read(4) != b"PK\x03\x04" or member.header_offset != 0:
            raise self._bad("it does not start as a zip")
        file.seek(position)
        if member.flag_bits & 0x1:
            raise self._bad("it is encrypted")
        if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise self._bad(f"compression method {member.compress_type}")
        self._check_size(member.file_size, self._path.stat().st_size)
        return member

    def _check_size(self, size: int, packed: int) -> None:
        if size > self._limits.most_bytes:
            raise self._bad(f"{size} bytes unpacked; {self._limits.most_bytes} are allowed")
        if size >= self._limits.small and size > packed * self._limits.most_ratio:
            raise self._bad(f"{size} bytes out of {packed}: no table is that repetitive")

    def _blocks(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
        total = 0
        with archive.open(member) as content:
            # zipfile stops at the declared size, which was checked, and compares the CRC there.
            while block := content.read(BLOCK):
                total += len(block)
                yield block
        if total != member.file_size:
            raise self._bad(f"{total} bytes came of {member.file_size}")

    def _bad(self, why: str) -> BadArchive:
        return BadArchive(
            "the result file cannot be loaded", where=str(self._path), why=why, fix="nothing to do: it is fetched again"
        )


class Spool:
    """The directory of archives, named by their jobs. Satisfies `syncd.sync.ports.Archives`."""

    def __init__(
        self,
        directory: Path,
        *,
        limits: ArchiveLimits | None = None,
        clock: Callable[[], float] = time.time,  # compared with the stamps of files, which are wall clock too
    ) -> None:
        """Make the directory (0700) if it is missing. NeedsOperator when that fails or others may write in it."""
        self._directory = directory
        self._limits = limits or ArchiveLimits()
        self._clock = clock
        try:
            # One by one: with parents=True only the last would be private, and access tokens lie in the one above.
            for missing in [folder for folder in (*reversed(directory.parents), directory) if not folder.exists()]:
                missing.mkdir(mode=0o700, exist_ok=True)
            mode = directory.stat().st_mode
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from error
        if mode & 0o022 or not os.access(directory, os.W_OK | os.X_OK):
            raise self._unusable(f"its mode is {mode & 0o7777:04o}")

    def path(self, remote_id: str) -> Path:
        """Where the job's archive is or would be. ValueError when the id is no job id."""
        if not valid_job_id(remote_id):
            raise ValueError(f"not a job id: {remote_id!r}")
        return self._directory / f"{remote_id}.zip"

    def held(self, remote_id: str) -> bool:
        """Whether the job's archive is on disk; it got there by a rename, so one that is, is whole."""
        return self.path(remote_id).is_file()

    def blocks(self, path: Path) -> Contents:
        """The uncompressed bytes of the archive's one member; may be iterated again. Nothing is read before that."""
        return Contents(path, self._limits)

    def discard(self, path: Path) -> None:
        """Delete an archive that is no longer needed; missing is fine."""
        path.unlink(missing_ok=True)

    def sweep(self, older_than: timedelta = LEFTOVER_AFTER) -> int:
        """At start: delete archives that nothing wants any more and temporary files whose writer is gone; how many."""
        swept = 0
        oldest = self._clock() - older_than.total_seconds()
        for path in self._directory.iterdir():
            with contextlib.suppress(FileNotFoundError):  # a sibling process swept it
                is_part = path.name.startswith(".") and TEMPORARY in path.name
                is_old = path.suffix == ".zip" and valid_job_id(path.stem) and path.stat().st_mtime < oldest
                if is_old or (is_part and not _is_being_written(path)):
                    path.unlink()
                    swept += 1
        return swept

    def _unusable(self, why: str) -> NeedsOperator:
        return NeedsOperator(
            "the spool cannot be used",
            where=str(self._directory),
            why=why,
            fix=f"let the user that runs syncd own {self._directory}, and nobody else write in it (chmod 700)",
        )


def _is_being_written(path: Path) -> bool:
    """Whether the writer of a temporary file lives: the kernel frees its lock when it dies."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
