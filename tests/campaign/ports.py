"""The adapters of a run with a gate before and behind every effect; but for the gates they are the real ones."""

import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from syncd.core.model import (
    AcceptedJob,
    BulkQuery,
    Column,
    Deletion,
    Field,
    Job,
    JobReport,
    Lease,
    LoadCounts,
    Run,
    Staged,
    StreamKey,
    Table,
    Window,
)
from syncd.errors import Unreachable
from syncd.postgres.ledger import PostgresStore
from syncd.postgres.pool import Pool
from syncd.postgres.transaction import PostgresTransaction
from syncd.zoho.archive import Contents, Spool
from syncd.zoho.client import ZohoClient
from syncd.zoho.limiter import Wait
from syncd.zoho.session import Session
from syncd.zoho.transport import Transport
from tests.campaign.gate import Gate


class GatedClient(ZohoClient):
    """The client; a file that it downloads is kept for replays, and may lose its last row on the way."""

    def __init__(
        self, session: Session, transport: Transport, *, wait: Wait, api_version: str, gate: Gate, keep: Path
    ) -> None:
        super().__init__(session, transport, wait=wait, api_version=api_version)
        self._gate = gate
        self._keep = keep

    def fields(self, module: str) -> tuple[Field, ...]:
        self._gate.effect("fields", before=True)
        return super().fields(module)

    def count(self, module: str, window: Window) -> int | None:
        self._gate.effect("count", before=True)
        return super().count(module, window)

    def create(self, query: BulkQuery) -> AcceptedJob:
        self._gate.effect("create", before=True)
        paged = query.page > 1 or bool(query.page_token)
        self._gate.exporting(query.module, before=True, paged=paged)
        accepted = super().create(query)
        self._gate.exporting(query.module, before=False, paged=paged)
        self._gate.effect("create", before=False)
        return accepted

    def poll(self, remote_id: str) -> JobReport:
        self._gate.effect("poll", before=True)
        return super().poll(remote_id)

    def download(self, remote_id: str, target: Path) -> bool:
        self._gate.effect("download", before=True)
        found = super().download(remote_id, target)
        self._gate.effect("download", before=False)
        if found:
            kept = self._keep / target.name
            if not kept.exists():
                kept.write_bytes(target.read_bytes())
            if self._gate.take("short-file"):
                without_last_row(target)
        return found

    def deleted(self, module: str, since: datetime) -> Iterator[Deletion]:
        self._gate.effect("deleted", before=True)
        return iter(list(super().deleted(module, since)))


def without_last_row(path: Path) -> None:
    """Make a result file a good zip with one row too few."""
    try:
        with zipfile.ZipFile(path) as archive:
            name = archive.namelist()[0]
            records = _records(archive.read(name))
    except (zipfile.BadZipFile, IndexError, zlib.error):
        return  # damaged already
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, b"".join(records[:-1] if len(records) > 1 else records))


def _records(data: bytes) -> list[bytes]:
    """The records of a CSV file, line ends included; a quoted cell may hold line ends of its own."""
    records, begun = [], b""
    for line in data.splitlines(keepends=True):
        begun += line
        if begun.count(b'"') % 2 == 0:
            records.append(begun)
            begun = b""
    return records


class GatedSpool(Spool):
    """The spool; a file in it may be gone when it is asked for."""

    def __init__(self, directory: Path, gate: Gate) -> None:
        super().__init__(directory)
        self._gate = gate

    def held(self, remote_id: str) -> bool:
        self._gate.effect("held", before=True)
        if self._gate.take("file-gone"):
            self.path(remote_id).unlink(missing_ok=True)
        return super().held(remote_id)

    def blocks(self, path: Path) -> Contents:
        return GatedContents(super().blocks(path), self._gate)

    def discard(self, path: Path) -> None:
        self._gate.effect("discard", before=True)
        super().discard(path)


class GatedContents(Contents):
    """A file's blocks, cut small, so that a fault can strike in the middle of a COPY."""

    def __init__(self, inner: Contents, gate: Gate) -> None:
        super().__init__(inner._path, inner._limits)
        self._gate = gate

    def __iter__(self) -> Iterator[bytes]:
        for block in super().__iter__():
            half = len(block) // 2
            yield block[:half]
            self._gate.effect("block", before=True, switch=False)
            yield block[half:]


class GatedTransaction(PostgresTransaction):
    """A transaction. Tasks may change after `stage`: until then nothing is locked."""

    _gate: Gate

    @classmethod
    def around(cls, inner: PostgresTransaction, gate: Gate) -> "GatedTransaction":
        """The same transaction, with gates."""
        gated = object.__new__(cls)
        gated.__dict__ = inner.__dict__
        gated._gate = gate
        return gated

    def record(self, job: Job) -> None:
        self._gate.effect("record", before=True, switch=False)
        super().record(job)

    def stage(self, blocks: Iterable[bytes], *, cursor: str) -> Staged:
        staged = super().stage(blocks, cursor=cursor)
        self._gate.effect("stage", before=False)
        return staged

    def merge(
        self,
        table: Table,
        staged: Staged,
        columns: tuple[Column, ...],
        *,
        job: Job,
        evaluated_at: datetime,
        whole: bool,
    ) -> LoadCounts:
        counts = super().merge(table, staged, columns, job=job, evaluated_at=evaluated_at, whole=whole)
        self._gate.effect("merge", before=False, switch=False)
        return counts


class GatedStore(PostgresStore):
    """The store. Every commit is followed by a look at the epoch: nobody else may have had the stream by then."""

    def __init__(self, pool: Pool, gate: Gate) -> None:
        super().__init__(pool)
        self._gate = gate

    @contextmanager
    def lease(self, key: StreamKey) -> Iterator[Lease | None]:
        self._gate.effect("lease", before=True)
        with super().lease(key) as lease:
            if lease is not None:
                self._gate.effect("lease", before=False)
            yield lease

    def unfinished_run(self, key: StreamKey) -> Run | None:
        self._gate.effect("read", before=True)
        return super().unfinished_run(key)

    def unfinished_jobs(self, run: Run) -> tuple[Job, ...]:
        self._gate.effect("read", before=True)
        return super().unfinished_jobs(run)

    @contextmanager
    def transaction(self, lease: Lease) -> Iterator[PostgresTransaction]:
        self._gate.effect("begin", before=True)
        with super().transaction(lease) as transaction:
            self._gate.here.pid = transaction._connection.info.backend_pid
            try:
                yield GatedTransaction.around(transaction, self._gate)
                self._gate.effect("commit", before=True, switch=False)
            finally:
                self._gate.here.pid = 0
            transaction.seal()
            wrote = transaction._held
        if wrote:
            self._gate.committed(lease)
        self._gate.effect("commit", before=False)
        if self._gate.take("unknown-outcome"):
            raise Unreachable("the connection broke off at the commit", why="the outcome is not known")
