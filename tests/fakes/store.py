"""The Store port in memory: transactions that roll back, epochs that fence, the guard written out in plain Python."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

from syncd.core.calendar.imports import ImportCounts, ImportRequest
from syncd.core.census import Census, Comparison, Scope
from syncd.core.evolve import is_id
from syncd.core.limits import BEGINNING
from syncd.core.model import (
    FINISHED,
    Column,
    Cursor,
    Deletion,
    Job,
    JobSpec,
    JobState,
    Lease,
    LoadCounts,
    Run,
    RunPlan,
    Staged,
    Stream,
    StreamKey,
    Table,
)
from syncd.errors import Fenced

Row = dict[str, str]


class Effect(Protocol):
    """Called before and after every effect, by name; may raise to play a crash or a lost reply."""

    def __call__(self, name: str, *, before: bool) -> None: ...


@dataclass(frozen=True)
class StoredRow:
    """One warehouse row: cell texts by field, and the two halves of the guard."""

    values: Row
    synced_at: datetime
    deleted_at: datetime | None = None

    @property
    def modified(self) -> str:
        return self.values.get("Modified_Time", "")


@dataclass
class State:
    """All that a transaction may change."""

    streams: dict[StreamKey, Stream] = field(default_factory=dict)
    epochs: dict[StreamKey, int] = field(default_factory=dict)
    runs: dict[int, tuple[Run, str]] = field(default_factory=dict)
    jobs: dict[int, Job] = field(default_factory=dict)
    counts: dict[int, LoadCounts] = field(default_factory=dict)
    columns: dict[StreamKey, dict[str, Column]] = field(default_factory=dict)
    rows: dict[str, dict[int, StoredRow]] = field(default_factory=dict)
    noted: dict[tuple[int, int], tuple[datetime | None, datetime]] = field(default_factory=dict)
    censuses: dict[int, Census] = field(default_factory=dict)

    events: dict[str, bytes] = field(default_factory=dict)
    imports: list[ImportRequest] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def copy(self) -> "State":
        """A state to change while this one stays; what the dictionaries hold is never changed in place."""
        return State(
            streams=dict(self.streams),
            epochs=dict(self.epochs),
            runs=dict(self.runs),
            jobs=dict(self.jobs),
            counts=dict(self.counts),
            events=dict(self.events),
            imports=list(self.imports),
            seen=set(self.seen),
            columns={key: dict(columns) for key, columns in self.columns.items()},
            rows={table: dict(rows) for table, rows in self.rows.items()},
            noted=dict(self.noted),
            censuses=dict(self.censuses),
        )


class MemoryTransaction:
    """The Transaction port over a copy of the state."""

    def __init__(self, state: State, key: StreamKey, now: datetime) -> None:
        self._state = state
        self._key = key
        self._now = now
        self._staged: list[Row] = []
        self._extra: list[int] = []

    def start_run(self, plan: RunPlan) -> Run:
        assert not any(run.stream == plan.stream and not done for run, done in self._state.runs.values())
        number = len(self._state.runs) + 1
        run = Run(
            id=number,
            stream=plan.stream,
            kind=plan.kind,
            through=plan.through,
            slices=plan.slices,
            started_at=self._now,
        )
        self._state.runs[number] = (run, "")
        self._state.counts[number] = LoadCounts()
        self.add_jobs(run, plan.specs)
        return run

    def add_jobs(self, run: Run, specs: Iterable[JobSpec]) -> tuple[Job, ...]:
        first = len(self._state.jobs) + 1
        added = tuple(Job(id=first + at, run_id=run.id, stream=run.stream, spec=spec) for at, spec in enumerate(specs))
        self._state.jobs.update((job.id, job) for job in added)
        return added

    def record(self, job: Job) -> None:
        assert job.id in self._state.jobs
        self._state.jobs[job.id] = job

    def replan(self, run: Run, slices: tuple[tuple[str, ...], ...]) -> Run:
        changed = replace(run, slices=slices)
        self._state.runs[run.id] = (changed, self._state.runs[run.id][1])
        return changed

    def open_jobs(self, run: Run) -> int:
        return sum(job.run_id == run.id and job.state not in FINISHED for job in self._state.jobs.values())

    def add_counts(self, run: Run, counts: LoadCounts) -> None:
        self._state.counts[run.id] += counts

    def finish_run(self, run: Run, *, outcome: str, error: str = "") -> LoadCounts:
        stored, done = self._state.runs[run.id]
        assert not done
        self._state.runs[run.id] = (stored, outcome)
        return self._state.counts[run.id]

    def update_stream(self, stream: Stream) -> None:
        before = self._state.streams.get(stream.key)
        if before and before.watermark:
            assert stream.watermark is not None
            assert stream.watermark >= before.watermark
        self._state.streams[stream.key] = stream

    def field_map(self) -> tuple[Column, ...]:
        return tuple(self._state.columns.setdefault(self._key, {}).values())

    def store_columns(self, columns: Iterable[Column]) -> None:
        self._state.columns.setdefault(self._key, {}).update((column.name, column) for column in columns)

    def evolve(self, table: Table, columns: tuple[Column, ...]) -> None:
        self._state.rows.setdefault(table.name, {})

    def stage(self, blocks: Iterable[bytes], *, cursor: str) -> Staged:
        text = b"".join(blocks).decode()
        reader = csv.reader(io.StringIO(text, newline=""))
        header = tuple(next(reader))
        self._staged = [dict(zip(header, line, strict=True)) for line in reader]
        ids = [int(next(value for name, value in row.items() if is_id(name))) for row in self._staged]
        stamps = sorted(row[cursor] for row in self._staged) if cursor in header else []
        median = datetime.fromisoformat(stamps[(len(stamps) - 1) // 2]).astimezone(UTC) if stamps else None
        return Staged(header=header, rows=len(ids), digest=sum(hash((i, 7)) for i in ids), median_stamp=median)

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
        rows = self._state.rows[table.name]
        names = {column.field for column in columns}
        counts = LoadCounts(read=len(self._staged))
        for line in self._staged:
            number = int(next(value for name, value in line.items() if is_id(name)))
            values = {name: value for name, value in line.items() if name in names}
            stored = rows.get(number)
            if stored is None:
                if whole:
                    rows[number] = StoredRow(values, evaluated_at)
                    counts += LoadCounts(inserted=1)
                continue
            if not _may_replace(stored, values, evaluated_at, whole=whole):
                continue
            lifts = whole and stored.deleted_at is not None and evaluated_at > stored.deleted_at
            if any(stored.values.get(name) != value for name, value in values.items()) or lifts:
                rows[number] = StoredRow(
                    {**stored.values, **values}, evaluated_at, None if lifts else stored.deleted_at
                )
                counts += LoadCounts(updated=1)
        return replace(counts, unchanged=counts.read - counts.inserted - counts.updated)

    def import_events(self, schema: str, blocks: Iterable[bytes], request: ImportRequest) -> ImportCounts:
        """Keeps the text of each VEVENT by its UID: enough to see which files were imported, and how."""
        events = b"".join(blocks).split(b"BEGIN:VEVENT")[1:]
        texts = {event.split(b"UID:")[1].split()[0].decode(): event for event in events}
        before = dict(self._state.events)
        self._state.events.update(texts)
        self._state.imports.append(request)
        if request.full:
            self._state.seen.update(texts)
            if request.last_page:
                self._state.events = {uid: text for uid, text in self._state.events.items() if uid in self._state.seen}
                self._state.seen = set()
        inserted = len(texts.keys() - before.keys())
        updated = sum(before.get(uid, text) != text for uid, text in texts.items())
        return ImportCounts(
            events=len(events),
            inserted=inserted,
            updated=updated,
            unchanged=len(events) - inserted - updated,
            complete=True,
        )

    def blocked_imports(self, schema: str, run: Run) -> str:
        return ""

    def tombstone_events(self, schema: str, key: str, deletions: Iterable[Deletion]) -> int:
        gone = [str(entry.record_id) for entry in deletions if str(entry.record_id) in self._state.events]
        for uid in gone:
            del self._state.events[uid]
        return len(gone)

    def tombstone(self, table: Table, deletions: Iterable[Deletion]) -> int:
        marked = 0
        for deletion in deletions:
            row = self._state.rows.get(table.name, {}).get(deletion.record_id)
            if row and row.deleted_at is None and row.synced_at <= deletion.deleted_at:
                self._state.rows[table.name][deletion.record_id] = replace(row, deleted_at=deletion.deleted_at)
                marked += 1
        return marked

    def note_present(
        self, run: Run, staged: Staged, columns: tuple[Column, ...], *, stamp: str, evaluated_at: datetime
    ) -> LoadCounts:
        for line in self._staged:
            place = run.id, int(next(value for name, value in line.items() if is_id(name)))
            before = self._state.noted.get(place)
            if before is None or before[1] <= evaluated_at:
                text = line.get(stamp, "")
                self._state.noted[place] = (datetime.fromisoformat(text) if text else None, evaluated_at)
        return LoadCounts(read=len(self._staged), unchanged=len(self._staged))

    def compare_present(self, run: Run, table: Table, scope: Scope) -> Comparison:
        jobs = [job for job in self._state.jobs.values() if job.run_id == run.id and job.state is JobState.LOADED]
        moment = min(job.evaluated_at for job in jobs if job.evaluated_at)
        rows = self._state.rows[table.name]
        noted = {number: seen for (owner, number), seen in self._state.noted.items() if owner == run.id}
        counted = {number for number, row in rows.items() if _counts(row, scope, moment)}
        missing, stale = [], []
        for number, (stamp, evaluated_at) in noted.items():
            row = rows.get(number)
            if stamp is None or scope.settled is None or stamp > scope.settled:
                continue
            if row is None or (row.deleted_at is not None and row.deleted_at < evaluated_at):
                missing.append(stamp)
            elif row.deleted_at is None and _older(row, scope.cursor, stamp):
                stale.append(stamp)
        self._extra = sorted(counted - noted.keys())
        return Comparison(
            moment=moment,
            exported=len(noted),
            here=len(counted),
            missing=len(missing),
            extra=len(self._extra),
            stale=len(stale),
            spans=tuple((stamp, stamp) for stamp in sorted({*missing, *stale})),
        )

    def tombstone_absent(self, table: Table, moment: datetime) -> int:
        return self.tombstone(table, [Deletion(number, moment) for number in self._extra])

    def close_census(self, run: Run, census: Census | None) -> None:
        if census is not None:
            self._state.censuses[run.id] = census
        self._state.noted = {place: seen for place, seen in self._state.noted.items() if place[0] != run.id}


def _counts(row: StoredRow, scope: Scope, moment: datetime) -> bool:
    if row.deleted_at is not None or row.synced_at > moment:
        return False
    if scope.created_through is None:
        return True
    created = row.values.get(Cursor.CREATED.value, "")
    return bool(created) and BEGINNING <= datetime.fromisoformat(created) <= scope.created_through


def _older(row: StoredRow, cursor: Cursor | None, stamp: datetime) -> bool:
    stored = row.values.get(cursor.value, "") if cursor else ""
    return not stored or datetime.fromisoformat(stored) < stamp


def _may_replace(stored: StoredRow, values: Row, evaluated_at: datetime, *, whole: bool) -> bool:
    if not whole:
        return values.get("Modified_Time", "") == stored.modified and evaluated_at >= stored.synced_at
    return (values.get("Modified_Time", ""), evaluated_at) >= (stored.modified, stored.synced_at)


class MemoryStore:
    """The Store port. `effect(name)` is called before and after every commit, so that a test can crash there."""

    def __init__(self, now: Callable[[], datetime], effect: Effect) -> None:
        self.state = State()
        self._now = now
        self._effect = effect
        self._held: set[StreamKey] = set()

    def crash(self) -> None:
        """What a dead process leaves behind: no session, so no lease."""
        self._held.clear()

    @contextmanager
    def lease(self, key: StreamKey) -> Iterator[Lease | None]:
        if key in self._held:
            yield None
            return
        self._held.add(key)
        self.state.epochs[key] = self.state.epochs.get(key, 0) + 1
        self.state.streams.setdefault(key, Stream(key=key))
        try:
            yield Lease(key, self.state.epochs[key])
        finally:
            self._held.discard(key)

    def stream(self, key: StreamKey) -> Stream:
        return self.state.streams.get(key, Stream(key=key))

    def unfinished_run(self, key: StreamKey) -> Run | None:
        return next((run for run, done in self.state.runs.values() if run.stream == key and not done), None)

    def unfinished_jobs(self, run: Run) -> tuple[Job, ...]:
        return tuple(job for job in self.state.jobs.values() if job.run_id == run.id and job.state not in FINISHED)

    def census(self, run: Run) -> Census | None:
        return self.state.censuses.get(run.id)

    @contextmanager
    def transaction(self, lease: Lease) -> Iterator[MemoryTransaction]:
        if self.state.epochs[lease.stream] != lease.epoch:
            raise Fenced("the lease has moved", where=str(lease.stream))
        changed = self.state.copy()
        yield MemoryTransaction(changed, lease.stream, self._now())
        self._effect("commit", before=True)
        if self.state.epochs[lease.stream] != lease.epoch:
            raise Fenced("the lease has moved", where=str(lease.stream))
        self.state = changed
        self._effect("commit", before=False)
