"""The second pass of an import: components -> rows, batch by batch.

Owns the batches, what counts as changed, what goes to quarantine, and the duplicates of one stream. Parses only what
changed: an unchanged event costs its hash and its share of one query.
"""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import psycopg

from syncd.core.calendar.identity import content_sha256, definitions_used, glance
from syncd.core.calendar.model import Component, Event, Rejected
from syncd.core.calendar.survey import Survey
from syncd.postgres.calendar_reader import Reader, ReaderSettings, Reading, Row
from syncd.postgres.calendar_reader_process import PIPE_FAULTS, WORTHWHILE, ReaderProcess, reader_process
from syncd.postgres.calendar_rows import Lines, copy_text, late_line, raw_of
from syncd.postgres.calendar_store import CalendarStore, Known, Quarantined
from syncd.postgres.calendar_writer import Writer

_BATCH_EVENTS = 500
_BATCH_BYTES = 4 << 20
_SERIES_BYTES = _BATCH_BYTES // 30
_IDS_AT_ONCE = 2_000
_MOST_READING = 3
_READ_HERE = 500
_SHARE = 5  # one of so many batches is read here


@dataclass(slots=True)
class Tallies:
    """Counts of one import in the making."""

    events: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    older: int = 0
    quarantined: int = 0
    duplicates: int = 0
    others: int = 0


@dataclass(slots=True)
class Item:
    """A component on its way to a row."""

    component: Component
    uid: str
    key: str
    timezones: list[bytes]
    content: bytes


@dataclass(frozen=True, slots=True)
class LoadKind:
    """What an import may do.

    `full`: what it shows is remembered. `stale`: a newer full export has been loaded, so nothing changes. `empty`: the
    calendar has no event yet, so everything is new.
    """

    full: bool
    stale: bool
    empty: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that are being read, to be inserted or, if they exist, updated."""

    exists: bool
    items: list[Item]
    rows: list[Row]
    reading: Future[Reading]


class Load:
    """Feeds the components of one stream to the tables."""

    def __init__(
        self, store: CalendarStore, writer: Writer, survey: Survey, settings: ReaderSettings, *, kind: LoadKind
    ) -> None:
        self.counts = Tallies()
        self._store = store
        self._writer = writer
        self._survey = survey
        self._settings = settings
        self._kind = kind
        self._reader = Reader(settings)
        self._process: ReaderProcess | None = None
        self._alone = False
        self.zones = self._reader.zones
        self._deciding = self.zones.deciding
        self._ids: list[int] = []
        self._more_ids: Future[list[int]] | None = None
        self._waiting: tuple[list[Item], Future[dict[int, Known]]] | None = None
        self._reading: deque[Batch] = deque()
        self._read_so_far = 0
        self._batches = 0
        self._keys: list[str] = []
        self._bad: list[Quarantined] = []
        self._refused: list[Quarantined] = []  # filled by the writer's thread

    def run(self, components: Iterable[Component]) -> None:
        """Take every component of the stream, then what had to wait for its duplicates."""
        try:
            self._take_all(components)
        finally:
            if self._process is not None:
                self._process.close()

    def _take_all(self, components: Iterable[Component]) -> None:
        batch: list[Item] = []
        late: list[str] = []
        size = 0
        for component in components:
            if component.name != "VEVENT":
                self._other(component)
                continue
            self.counts.events += 1
            item = self._identified(component)
            if item is None:
                continue
            if self._survey.identities.is_repeated((item.uid, bool(item.key))):
                late.append(self._late(item))
                if len(late) >= _BATCH_EVENTS:
                    self._writer.later(self._store.keep_late, late)
                    late = []
                continue
            batch.append(item)
            # A series may come to thousands of occurrences, so a batch holds few of them.
            size += len(component.text) + (_SERIES_BYTES if b"\nRRULE" in component.text else 0)
            if len(batch) >= _BATCH_EVENTS or size >= _BATCH_BYTES:
                self._take(batch)
                batch, size = [], 0
        self._take(batch)
        self._writer.later(self._store.keep_late, late)
        self._take_late()
        self._take([])
        self._collect(0)
        self._flush_notes()
        self._writer.now(self._flush_refused)

    # ------------------------------------------------------------------------------------------------- one component

    def _other(self, component: Component) -> None:
        if component.name != "VTIMEZONE":
            self.counts.others += 1
        elif component.problem:
            self._reject(component, None, _stage_of(component.problem), component.problem)

    def _identified(self, component: Component) -> Item | None:
        """A component with its identity, None when it had to be rejected."""
        if component.problem:
            seen = glance(component.text + b"\n")
            self._reject(component, seen[0] if seen else None, _stage_of(component.problem), component.problem)
            return None
        seen = glance(component.text)
        if seen is not None and not seen[1]:
            uid, key = seen[0], ""
        else:
            read = self._reader.event(component.text, component.calendar)
            if isinstance(read, Rejected):
                self._reject(component, read.uid, read.stage, read.error)
                return None
            uid, key = read.uid, read.recurrence_key
        timezones = definitions_used(component.text, component.calendar, self._deciding)
        return Item(component, uid, key, timezones, content_sha256(component.text, timezones))

    def _late(self, item: Item) -> str:
        event = self._reader.event(item.component.text, item.component.calendar)
        sequence, modified = (event.sequence, event.last_modified) if isinstance(event, Event) else (None, None)
        line = late_line(item.component, item.uid, item.key, item.content, sequence=sequence, modified=modified)
        return f"{self.counts.events}\t{line}"

    def _reject(self, component: Component, uid: str | None, stage: str, error: str) -> None:
        if component.name == "VEVENT":
            self.counts.quarantined += 1
            self.counts.duplicates += stage == "duplicate"
        if uid is not None and stage != "duplicate":
            self._note_key(uid, "*")
        self._bad.append(quarantined(component, uid, stage, error))
        if len(self._bad) >= _BATCH_EVENTS // 4 or len(component.text) > _BATCH_BYTES:
            self._flush_notes()

    def _note_key(self, uid: str, key: str) -> None:
        if self._kind.full:
            self._keys.append(f"{copy_text(uid)}\t{key}\n")

    def _flush_notes(self) -> None:
        keys, self._keys = self._keys, []
        self._writer.later(self._store.note_keys, keys)
        bad, self._bad = self._bad, []
        self._writer.later(self._store.quarantine, bad)

    # ------------------------------------------------------------------------------------------------------- batches

    def _take(self, batch: list[Item]) -> None:
        """Ask what is known of a batch, and meanwhile merge the one before it."""
        before, self._waiting = self._waiting, None
        if batch:
            self._waiting = batch, self._look_up(batch)
        if before is not None:
            self._merge(before[0], before[1].result())
            self._flush_notes()

    def _look_up(self, batch: list[Item]) -> Future[dict[int, Known]]:
        if self._kind.empty:
            nothing: Future[dict[int, Known]] = Future()
            nothing.set_result({})
            return nothing
        uids, keys, hashes = [], [], []
        for item in batch:
            uids.append(item.uid)
            keys.append(item.key)
            hashes.append(item.content)
        return self._writer.later(self._store.lookup, uids, keys, hashes)

    def _merge(self, batch: list[Item], known: dict[int, Known]) -> None:
        new, changed = (list[Item](), list[Row]()), (list[Item](), list[Row]())
        for index, item in enumerate(batch):
            have = known.get(index)
            self._note_key(item.uid, item.key)
            if have is not None and have.same:
                self.counts.unchanged += 1
            elif self._kind.stale or (have is not None and have.snapshot_at > self._settings.snapshot_at):
                self.counts.older += 1
            elif have is None:
                _append(new, item, self._new_id(), self._store.import_id, lists=not item.key)
            else:
                lists = not item.key and not have.has_overrides
                _append(changed, item, have.event_id, have.first_import_id, lists=lists)
        self._read(*new, exists=False)
        self._read(*changed, exists=True)

    def _read(self, items: list[Item], rows: list[Row], *, exists: bool) -> None:
        """Have rows read, here or by the other process, and pass on what has been read meanwhile."""
        if not rows:
            return
        expected = self._survey.events if self._kind.empty else self._read_so_far
        if self._process is None and not self._alone and expected >= WORTHWHILE:
            self._process = reader_process(self._settings)
            self._alone = self._process is None
        # Here are read the first ones, while the process starts up, and a share of the others, because it has more to
        # do than this one. By count, so that it is the same every time.
        self._batches += 1
        if self._process is not None and self._read_so_far >= _READ_HERE and self._batches % _SHARE:
            reading = self._process.read(rows)
        else:
            reading = Future()
            reading.set_result(self._reader.read(rows))
        self._read_so_far += len(rows)
        self._reading.append(Batch(exists, items, rows, reading))
        self._collect(_MOST_READING)

    def _collect(self, leave: int) -> None:
        """Hand what has been read to the writer, until so many batches are left."""
        while len(self._reading) > leave:
            batch = self._reading.popleft()
            try:
                reading = batch.reading.result()
            except PIPE_FAULTS:
                reading = self._reader.read(batch.rows)
            for calendar, tzid in reading.tzids:
                self.zones.resolve(tzid, calendar)
            bad = dict(reading.rejected)
            for index, why in bad.items():
                self._reject(batch.items[index].component, batch.items[index].uid, why.stage, why.error)
            items = [item for index, item in enumerate(batch.items) if index not in bad]
            rows = [row for index, row in enumerate(batch.rows) if index not in bad]
            self._writer.later(self._update if batch.exists else self._insert, items, rows, reading.lines)

    def _new_id(self) -> int:
        """The next id, so that ids follow the order of the stream."""
        if not self._ids:
            if self._more_ids is None:
                self._ids = self._writer.now(self._store.new_ids, _IDS_AT_ONCE)
            else:
                self._ids = self._more_ids.result()
            self._ids.reverse()
            self._more_ids = self._writer.later(self._store.new_ids, _IDS_AT_ONCE)
        return self._ids.pop()

    # ------------------------------------------------------------------------------------- on the writer's own thread

    def _insert(self, items: Sequence[Item], rows: Sequence[Row], lines: Lines) -> None:
        try:
            self._store.insert(lines)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            for half in self._halves(items, rows, error):
                self._insert(*half)
            return
        self.counts.inserted += len(rows)

    def _update(self, items: Sequence[Item], rows: Sequence[Row], lines: Lines) -> None:
        try:
            self._store.update(lines, [row.event_id for row in rows], [row.event_id for row in rows if row.lists])
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            for half in self._halves(items, rows, error):
                self._update(*half)
            return
        self.counts.updated += len(rows)

    def _halves(
        self, items: Sequence[Item], rows: Sequence[Row], error: psycopg.Error
    ) -> Iterator[tuple[Sequence[Item], Sequence[Row], Lines]]:
        """The batch in two, to find what the server refuses; a single one is refused itself."""
        if len(rows) == 1:
            reason = str(error).strip().splitlines()[0]
            self._refused.append(quarantined(items[0].component, items[0].uid, "store", reason))
            return
        middle = len(rows) // 2
        for half in (slice(None, middle), slice(middle, None)):
            yield items[half], rows[half], self._reader.read(rows[half]).lines

    def _flush_refused(self) -> None:
        self.counts.quarantined += len(self._refused)
        self._store.quarantine(self._refused)

    # ---------------------------------------------------------------------------------------------------- duplicates

    def _take_late(self) -> None:
        """Components whose identity came more than once: the best of each goes on, the others to quarantine."""
        batch: list[Item] = []
        fetched = self._writer.now(self._store.late, 0)
        while fetched:
            for row in fetched:
                text = bytes(row.text)
                component = Component("VEVENT", text, row.line_no, row.calendar)
                if row.rank > 1:
                    self._reject(component, row.uid, "duplicate", _DUPLICATE)
                else:
                    timezones = definitions_used(text, row.calendar, self._deciding)
                    batch.append(Item(component, row.uid, row.recurrence_key, timezones, bytes(row.content_sha256)))
            self._take(batch)
            batch = []
            fetched = self._writer.now(self._store.late, fetched[-1].position)


def _append(to: tuple[list[Item], list[Row]], item: Item, event_id: int, first_import_id: int, *, lists: bool) -> None:
    component = item.component
    to[0].append(item)
    to[1].append(
        Row(
            event_id,
            first_import_id,
            lists,
            component.calendar,
            item.key,
            component.text,
            item.content,
            item.timezones,
        )
    )


_DUPLICATE = "the stream has another component of this UID and RECURRENCE-ID, which is newer or the same"


def quarantined(component: Component, uid: str | None, stage: str, error: str) -> Quarantined:
    """A component with the reason why it is no row; of a cut one the length and hash are the whole's."""
    raw = raw_of(component.text)
    cut = component.size > len(raw)
    return Quarantined(
        component=component.name,
        uid=uid,
        line_no=component.line_no,
        raw=raw,
        raw_len=component.size if cut else len(raw),
        raw_sha256=component.digest if cut else hashlib.sha256(raw).digest(),
        stage=stage,
        error=error.replace("\0", ""),
    )


def _stage_of(problem: str) -> str:
    return {"unterminated": "unterminated", "larger": "size", "components": "depth"}.get(
        problem.replace(":", " ").partition(" ")[0], "error"
    )
