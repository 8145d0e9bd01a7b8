"""The second pass of an import: components -> rows, batch by batch.

Owns the batches, what counts as changed, what goes to quarantine, and the duplicates of one stream. Parses only what
changed: an unchanged event costs its hash and its share of one query.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import psycopg

from syncd.core.calendar.events import read_event
from syncd.core.calendar.identity import content_sha256, definitions_used, glance
from syncd.core.calendar.imports import ImportRequest
from syncd.core.calendar.model import Component, DefaultZone, Event, Expansion, Occurrence, Rejected
from syncd.core.calendar.patience import Patience
from syncd.core.calendar.series import expand
from syncd.core.calendar.survey import Survey
from syncd.postgres.calendar_rows import Lines, Source, add_event, add_occurrences, copy_text, late_line, raw_of
from syncd.postgres.calendar_store import CalendarStore, Known, Quarantined
from syncd.postgres.calendar_writer import Writer

_BATCH_EVENTS = 500
_BATCH_BYTES = 4 << 20
_IDS_AT_ONCE = 2_000

PARSER_FAULTS = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError)
"""What a mistake of ours on strange input would raise: it must cost that input, not the import."""


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
    """A component on its way to a row. `event` is there once it had to be read."""

    component: Component
    uid: str
    key: str
    timezones: list[bytes]
    content: bytes
    event: Event | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """An event to be written. What it says is in the lines already, so that few objects are alive at a time."""

    item: Item
    event_id: int
    first_import_id: int
    lists: bool = True  # its occurrences are written with it


class Load:
    """Feeds the components of one stream to the tables."""

    def __init__(
        self,
        store: CalendarStore,
        writer: Writer,
        survey: Survey,
        request: ImportRequest,
        default: DefaultZone,
        *,
        stale: bool,
        empty: bool,
    ) -> None:
        """`stale`: a newer full export has been loaded, so nothing changes. `empty`: the calendar has no event yet."""
        self.counts = Tallies()
        self.zones = survey.zones()
        self._deciding = self.zones.deciding
        self._store = store
        self._writer = writer
        self._survey = survey
        self._request = request
        self._default = default
        self._stale = stale
        self._empty = empty
        self._patience = Patience()
        self._ids: list[int] = []
        self._more_ids: Future[list[int]] | None = None
        self._waiting: tuple[list[Item], Future[dict[int, Known]]] | None = None
        self._keys: list[str] = []
        self._bad: list[Quarantined] = []
        self._refused: list[Quarantined] = []  # filled by the writer's thread

    def run(self, components: Iterable[Component]) -> None:
        """Take every component of the stream, then what had to wait for its duplicates."""
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
            size += len(component.text)
            if len(batch) >= _BATCH_EVENTS or size >= _BATCH_BYTES:
                self._take(batch)
                batch, size = [], 0
        self._take(batch)
        self._writer.later(self._store.keep_late, late)
        self._take_late()
        self._take([])
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
        event: Event | None = None
        if seen is not None and not seen[1]:
            uid, key = seen[0], ""
        else:
            read = self._read(component)
            if isinstance(read, Rejected):
                self._reject(component, read.uid, read.stage, read.error)
                return None
            event, uid, key = read, read.uid, read.recurrence_key
        timezones = definitions_used(component.text, component.calendar, self._deciding)
        return Item(component, uid, key, timezones, content_sha256(component.text, timezones), event)

    def _read(self, component: Component) -> Event | Rejected:
        try:
            return read_event(component.text, self.zones, component.calendar)
        except PARSER_FAULTS as fault:
            return Rejected("error", f"{type(fault).__name__}: {fault}")

    def _late(self, item: Item) -> str:
        event = item.event or self._read(item.component)
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
        if self._request.full:
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
        if self._empty:
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
        new, changed = (list[Row](), Lines()), (list[Row](), Lines())
        for index, item in enumerate(batch):
            have = known.get(index)
            self._note_key(item.uid, item.key)
            if have is not None and have.same:
                self.counts.unchanged += 1
            elif self._stale or (have is not None and have.snapshot_at > self._request.evaluated_at):
                self.counts.older += 1
            elif have is None:
                self._add(Row(item, self._new_id(), self._store.import_id, not item.key), *new)
            else:
                lists = not item.key and not have.has_overrides
                self._add(Row(item, have.event_id, have.first_import_id, lists), *changed)
        if new[0]:
            self._writer.later(self._insert, *new)
        if changed[0]:
            self._writer.later(self._update, *changed)
        dirty = [copy_text(row.item.uid) + "\n" for rows, _ in (new, changed) for row in rows]
        self._writer.later(self._store.note_dirty, dirty)

    def _add(self, row: Row, rows: list[Row], lines: Lines) -> None:
        """Read an event, if that has not been done, and append it to a batch of rows to be written."""
        item = row.item
        event, item.event = item.event or self._read(item.component), None
        if isinstance(event, Rejected):
            self._reject(item.component, item.uid, event.stage, event.error)
            return
        rows.append(row)
        self._add_lines(row, event, lines)

    def _add_lines(self, row: Row, event: Event, lines: Lines) -> None:
        item = row.item
        occurrences, expansion = list[Occurrence](), Expansion("orphan")
        if not item.key:  # the series of an override, if it has one, is looked at when everything is in
            occurrences, (expansion,) = expand([event], self._request.horizon, self._default, self._patience)
        raw = raw_of(item.component.text)
        source = Source(
            event_id=row.event_id,
            calendar_id=self._store.calendar_id,
            raw=raw,
            raw_sha256=hashlib.sha256(raw).digest(),
            content_sha256=item.content,
            timezones=item.timezones,
            snapshot_at=self._request.evaluated_at,
            first_import_id=row.first_import_id,
            import_id=self._store.import_id,
        )
        add_event(lines, event, expansion, source, self._request.horizon)
        if row.lists:
            add_occurrences(lines, occurrences, [row.event_id], self._store.calendar_id)

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

    def _insert(self, rows: Sequence[Row], lines: Lines) -> None:
        try:
            self._store.insert(lines)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            for part, part_lines in self._halves(rows, error):
                self._insert(part, part_lines)
            return
        self.counts.inserted += len(rows)

    def _update(self, rows: Sequence[Row], lines: Lines) -> None:
        try:
            self._store.update(lines, [row.event_id for row in rows], [row.event_id for row in rows if row.lists])
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            for part, part_lines in self._halves(rows, error):
                self._update(part, part_lines)
            return
        self.counts.updated += len(rows)

    def _halves(self, rows: Sequence[Row], error: psycopg.Error) -> Iterator[tuple[Sequence[Row], Lines]]:
        """The batch in two, to find what the server refuses; a single one is refused itself."""
        if len(rows) == 1:
            reason = str(error).strip().splitlines()[0]
            self._refused.append(quarantined(rows[0].item.component, rows[0].item.uid, "store", reason))
            return
        middle = len(rows) // 2
        for part in (rows[:middle], rows[middle:]):
            lines = Lines()
            for row in part:
                event = self._read(row.item.component)
                if isinstance(event, Event):
                    self._add_lines(row, event, lines)
            yield part, lines

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
