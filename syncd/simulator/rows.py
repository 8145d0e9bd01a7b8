"""The rows of one module in compact parallel arrays, and the changes that become visible later.

Owns: which rows exist, their stamps and version numbers. Knows no cell texts (see `cells`) and no clock: every call
takes `now` in epoch seconds.
"""

import heapq
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

LIVE, HIDDEN, RECYCLED, PURGED = range(4)
SECONDS_A_DAY = 86400
RECYCLE_RETENTION = 60 * SECONDS_A_DAY
PERMANENT_RETENTION = 120 * SECONDS_A_DAY


@dataclass(slots=True)
class RowBlock:
    """Some rows at one moment, as parallel columns. `overrides` maps a position in the block to explicit texts.

    `keys` is a memory for whoever makes cell texts: what it computed of these rows and needs for every column.
    """

    indexes: Sequence[int]
    created: Sequence[int]
    modified: Sequence[int]
    versions: Sequence[int]
    drifts: Sequence[int]
    converted: Sequence[int]
    overrides: dict[int, Mapping[str, str]] = field(default_factory=dict)
    keys: dict[bool, list[int]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.indexes)

    def with_repeated_row(self, *, stale: bool) -> "RowBlock":
        """The block with its first row once more at the end, as it is or as it was one version before."""
        if not len(self):
            return self
        modified, version = self.modified[0], self.versions[0]
        if stale:
            modified, version = modified - 60, max(0, version - 1)
        return RowBlock(
            [*self.indexes, self.indexes[0]],
            [*self.created, self.created[0]],
            [*self.modified, modified],
            [*self.versions, version],
            [*self.drifts, self.drifts[0]],
            [*self.converted, self.converted[0]],
            {**self.overrides, len(self): self.overrides.get(0, {})},
        )

    def part(self, start: int, stop: int) -> "RowBlock":
        """The rows at positions start..stop-1."""
        shifted = {at - start: texts for at, texts in self.overrides.items() if start <= at < stop}
        return RowBlock(
            self.indexes[start:stop],
            self.created[start:stop],
            self.modified[start:stop],
            self.versions[start:stop],
            self.drifts[start:stop],
            self.converted[start:stop],
            shifted,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """One entry of the deleted-records feed. `moment` is the delete in epoch seconds."""

    index: int
    moment: int
    permanent: bool
    visible_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingChange:
    """A create or edit that queries do not see before `visible_at`, though it carries an earlier stamp."""

    visible_at: float
    index: int
    modified: int
    version: int
    values: Mapping[str, str]


class RowStore:
    """Rows of one module. An index is a row's place in order of creation and never changes; ids derive from it."""

    def __init__(self, id_base: int) -> None:
        self._id_base = id_base
        self.created = array("q")
        self.modified = array("q")
        self.versions = array("I")
        self.drifts = array("I")
        self.presence = bytearray()
        self.converted = bytearray()
        self.overrides: dict[int, dict[str, str]] = {}
        self.deletions: dict[int, Deletion] = {}
        self._pending: list[tuple[float, int, PendingChange]] = []
        self._last_pending: dict[int, PendingChange] = {}
        self._sequence = count()

    def __len__(self) -> int:
        return len(self.created)

    # ------------------------------------------------------------------------------------------------ identity

    def id_of(self, index: int) -> int:
        """The 19-digit id of the row at an index."""
        return self._id_base + (index + 1) * 1000 + index * 271 % 1000

    def index_of(self, record_id: int) -> int:
        """The index of a row by id; KeyError if this module never had it."""
        index = (record_id - self._id_base) // 1000 - 1
        if not 0 <= index < len(self) or self.id_of(index) != record_id:
            raise KeyError(record_id)
        return index

    # ------------------------------------------------------------------------------------------------- reading

    def live_indexes(self, start: int = 0, stop: int | None = None) -> list[int]:
        """Indexes of visible rows among start..stop-1, ascending."""
        stop = len(self) if stop is None else stop
        presence = self.presence[start:stop]
        if not any(presence):
            return list(range(start, stop))
        return [index for index, state in enumerate(presence, start) if not state]

    def live_count(self, start: int = 0, stop: int | None = None) -> int:
        """How many rows among start..stop-1 are visible."""
        return self.presence.count(LIVE, start, len(self) if stop is None else stop)

    def block(self, indexes: Sequence[int]) -> RowBlock:
        """The visible state of some rows."""
        overrides: dict[int, Mapping[str, str]] = {}
        if self.overrides:
            overrides = {at: dict(self.overrides[i]) for at, i in enumerate(indexes) if i in self.overrides}
        return RowBlock(
            array("I", indexes),
            array("q", map(self.created.__getitem__, indexes)),
            array("q", map(self.modified.__getitem__, indexes)),
            array("I", map(self.versions.__getitem__, indexes)),
            array("I", map(self.drifts.__getitem__, indexes)),
            bytes(map(self.converted.__getitem__, indexes)),
            overrides,
        )

    def frozen(self) -> "RowStore":
        """The visible state of all rows as it is now, for reading; it shares nothing that changes."""
        copy = RowStore(self._id_base)
        copy.created, copy.modified, copy.versions = self.created[:], self.modified[:], self.versions[:]
        copy.drifts, copy.presence, copy.converted = self.drifts[:], self.presence[:], self.converted[:]
        copy.overrides = {index: dict(texts) for index, texts in self.overrides.items()}
        return copy

    def final_block(self) -> RowBlock:
        """All rows that exist, each in its newest state whether queries see it yet or not."""
        indexes = [index for index, state in enumerate(self.presence) if state in (LIVE, HIDDEN)]
        block = self.block(indexes)
        if self._last_pending:
            modified, versions = array("q", block.modified), array("I", block.versions)
            for at, index in enumerate(indexes):
                changes = self._pending_of(index)
                for change in changes:
                    modified[at], versions[at] = change.modified, change.version
                    block.overrides[at] = {**block.overrides.get(at, {}), **change.values}
            block.modified, block.versions = modified, versions
        return block

    def _pending_of(self, index: int) -> list[PendingChange]:
        if index not in self._last_pending:
            return []
        return [change for _, _, change in sorted(self._pending, key=lambda e: e[:2]) if change.index == index]

    def recycled_indexes(self) -> list[int]:
        """Rows in the recycle bin, in order of creation."""
        return sorted(index for index in self.deletions if self.presence[index] == RECYCLED)

    def deleted_ids(self) -> set[int]:
        """Ids of all rows that once were and are no more."""
        return {self.id_of(index) for index, state in enumerate(self.presence) if state in (RECYCLED, PURGED)}

    # ------------------------------------------------------------------------------------------------- changes

    def fill(self, created: Iterable[int], modified: Iterable[int]) -> None:
        """Append rows with given stamps; `created` must not decrease, also over calls."""
        self.created.extend(created)
        self.modified.extend(modified)
        added = len(self.created) - len(self.presence)
        self.versions.extend(array("I", bytes(self.versions.itemsize * added)))
        self.drifts.extend(array("I", bytes(self.drifts.itemsize * added)))
        self.presence.extend(bytes(added))
        self.converted.extend(bytes(added))

    def create(self, now: float, values: Mapping[str, str] | None = None, *, late: float = 0.0) -> int:
        """Add one row stamped `now`, hidden for `late` seconds. Returns its index."""
        index = len(self)
        stamp = max(int(now), self.created[-1]) if index else int(now)
        self.fill((stamp,), (stamp,))
        if values:
            self.overrides[index] = dict(values)
        if late > 0:
            self.presence[index] = HIDDEN
            self._postpone(PendingChange(visible_at=now + late, index=index, modified=stamp, version=0, values={}))
        return index

    def edit(self, index: int, now: float, values: Mapping[str, str] | None = None, *, late: float = 0.0) -> None:
        """Give a row its next version and the stamp `now`; queries see it `late` seconds after.

        Changes of one row keep their order: after a late edit the next ones are not visible before it.
        """
        self.require_existing(index)
        before = self._last_pending.get(index)
        visible_at = max(now + late, before.visible_at if before else 0.0)
        change = PendingChange(
            visible_at=visible_at,
            index=index,
            modified=int(now),
            version=(before.version if before else self.versions[index]) + 1,
            values=dict(values or {}),
        )
        if visible_at > now:
            self._postpone(change)
        else:
            self._apply(change)

    def drift(self, index: int) -> None:
        """Change the row's formula values and no stamp."""
        self.require_existing(index)
        self.drifts[index] += 1

    def convert(self, index: int, now: float) -> None:
        """Mark a lead as converted, which is an edit."""
        self.edit(index, now)
        self.converted[index] = 1

    def delete(self, index: int, now: float, *, permanent: bool = False, lag: float = 0.0, listed: bool = True) -> None:
        """Remove a visible row. Unless `listed` is False the feed shows it from `now + lag` on."""
        if self.presence[index] != LIVE:
            raise ValueError(f"row {self.id_of(index)} is not visible and cannot be deleted")
        self.presence[index] = PURGED if permanent else RECYCLED
        if listed:
            self.deletions[index] = Deletion(index=index, moment=int(now), permanent=permanent, visible_at=now + lag)

    def purge(self, index: int, now: float) -> None:
        """Empty one row out of the recycle bin: the feed shows it as permanent, with a new time."""
        if self.presence[index] != RECYCLED:
            raise ValueError(f"row {self.id_of(index)} is not in the recycle bin")
        self.presence[index] = PURGED
        self.deletions[index] = Deletion(index=index, moment=int(now), permanent=True, visible_at=now)

    def restore(self, index: int, now: float, *, moves_stamp: bool, stays_listed: bool) -> None:
        """Take a row out of the recycle bin."""
        if self.presence[index] != RECYCLED:
            raise ValueError(f"row {self.id_of(index)} is not in the recycle bin")
        self.presence[index] = LIVE
        if not stays_listed:
            self.deletions.pop(index, None)
        if moves_stamp:
            self.edit(index, now)

    def require_existing(self, index: int) -> None:
        """ValueError if the row was deleted."""
        if self.presence[index] not in (LIVE, HIDDEN):
            raise ValueError(f"row {self.id_of(index)} was deleted")

    def reveal(self, now: float) -> None:
        """Let queries see every pending change that is due."""
        while self._pending and self._pending[0][0] <= now:
            _, _, change = heapq.heappop(self._pending)
            self._apply(change)
            if self._last_pending.get(change.index) is change:
                del self._last_pending[change.index]

    def listed_deletions(self, now: float) -> list[Deletion]:
        """What the feed knows at `now`: revealed, and within 60 days (recycle bin) or 120 days (permanent)."""
        return [
            entry
            for entry in self.deletions.values()
            if entry.visible_at <= now
            and now - entry.moment <= (PERMANENT_RETENTION if entry.permanent else RECYCLE_RETENTION)
        ]

    def _postpone(self, change: PendingChange) -> None:
        heapq.heappush(self._pending, (change.visible_at, next(self._sequence), change))
        self._last_pending[change.index] = change

    def _apply(self, change: PendingChange) -> None:
        index = change.index
        if self.presence[index] == HIDDEN:
            self.presence[index] = LIVE
        self.modified[index], self.versions[index] = change.modified, change.version
        if change.values:
            self.overrides.setdefault(index, {}).update(change.values)
