"""The whole simulated org: its parts, and the calls by which tests and traffic change it.

Owns: the lock around all state, and that every job sees the rows of its own moment: each method first lets time catch
up (`settle`), then acts. Opens no socket.
"""

import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from syncd.simulator.behaviour import Behaviour
from syncd.simulator.catalogue import standard_modules
from syncd.simulator.cells import CellStyle
from syncd.simulator.clock import SimulatorClock
from syncd.simulator.config import Config
from syncd.simulator.csv_export import Snapshot
from syncd.simulator.faults import Faults
from syncd.simulator.ics_export import meetings
from syncd.simulator.jobs import BulkJobs
from syncd.simulator.limits import Limits
from syncd.simulator.meetings import Meeting
from syncd.simulator.oauth import Accounts
from syncd.simulator.records import Records
from syncd.simulator.request_log import RequestLog
from syncd.simulator.rows import LIVE, RowStore
from syncd.simulator.schema import Catalogue
from syncd.simulator.switches import Switches

SECONDS_A_DAY = 86400


class Org:
    """All state of one simulator. `lock` guards it; methods take it themselves."""

    def __init__(self, config: Config | None = None, clock: SimulatorClock | None = None) -> None:
        self.config = config or Config()
        self.clock = clock or SimulatorClock()
        self.lock = threading.RLock()
        self.switches = Switches(self.config.behaviour)
        self.catalogue = Catalogue(standard_modules())
        self.faults = Faults(self.config.seed)
        self.log = RequestLog()
        self.records = Records(seed=self.config.seed, catalogue=self.catalogue, rows=self.config.rows)
        now = self.clock.timestamp()
        self.records.fill(
            start=int(now - self.config.history_days * SECONDS_A_DAY),
            stop=int(now - self.config.quiet_seconds),
            same_second=self.config.same_second,
        )
        self.accounts = Accounts(seed=self.config.seed, scopes=self.config.scopes)
        self.limits = Limits(
            switches=self.switches,
            daily_credits=self.config.daily_credits,
            downloads_per_minute=self.config.downloads_per_minute,
            concurrent_calls=self.config.concurrent_calls,
        )
        self.jobs = BulkJobs(
            records=self.records,
            switches=self.switches,
            faults=self.faults,
            timing=self.config.timing,
            rows_per_page=self.config.rows_per_page,
            seed=self.config.seed,
        )
        self._folder: Path | None = None

    # ------------------------------------------------------------------------------------------------- time

    @contextmanager
    def moment(self) -> Iterator[float]:
        """Hold the lock at one moment, with everything done that was due before it. Yields epoch seconds."""
        with self.lock:
            now = self.clock.timestamp()
            self.jobs.settle(now)
            for file in self.jobs.forget_expired(now):
                file.unlink(missing_ok=True)
            yield now

    @property
    def behaviour(self) -> Behaviour:
        """The switches in force."""
        return self.switches.behaviour

    def behave(self, **changes: object) -> None:
        """Set switches of `Behaviour` anew while running; ValueError for an unknown name or a wrong value."""
        with self.moment():
            self.switches.play(**changes)

    @property
    def folder(self) -> Path:
        """Where result files are kept while the simulator lives."""
        with self.lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="syncd-simulator-"))
            return self._folder

    def close(self) -> None:
        """Throw the result files away."""
        with self.lock:
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None

    # ----------------------------------------------------------------------------------------- changing rows

    def create(
        self, module: str, number: int = 1, values: Mapping[str, str] | None = None, *, late: float = 0.0
    ) -> list[int]:
        """Create records, all stamped now; queries see them `late` seconds after. `values` are cell texts by field.

        Returns the new ids.
        """
        store = self._store(module)
        with self.moment() as now:
            return [store.id_of(store.create(now, values, late=late)) for _ in range(number)]

    def edit(
        self, module: str, ids: Iterable[int], values: Mapping[str, str] | None = None, *, late: float = 0.0
    ) -> None:
        """Edit records, all stamped now: their changeable texts change, or with `values` also those given."""
        store = self._store(module)
        with self.moment() as now:
            for record_id in ids:
                store.edit(store.index_of(record_id), now, values, late=late)

    def drift(self, module: str, ids: Iterable[int]) -> None:
        """Change formula and roll-up values without moving any stamp."""
        store = self._store(module)
        with self.moment():
            for record_id in ids:
                store.drift(store.index_of(record_id))

    def convert(self, module: str, ids: Iterable[int]) -> None:
        """Convert leads: `$converted` becomes true, which is an edit."""
        store = self._store(module)
        with self.moment() as now:
            for record_id in ids:
                store.convert(store.index_of(record_id), now)

    def delete(self, module: str, ids: Iterable[int], *, permanent: bool = False) -> None:
        """Delete visible records, into the recycle bin or for good."""
        store = self._store(module)
        with self.moment() as now:
            for record_id in ids:
                lag = self.behaviour.deleted_feed_lag
                store.delete(store.index_of(record_id), now, permanent=permanent, lag=lag)

    def purge(self, module: str, ids: Iterable[int]) -> None:
        """Empty records out of the recycle bin."""
        store = self._store(module)
        with self.moment() as now:
            for record_id in ids:
                store.purge(store.index_of(record_id), now)

    def restore(self, module: str, ids: Iterable[int]) -> None:
        """Take records out of the recycle bin; the behaviour says whether their Modified_Time moves."""
        store = self._store(module)
        with self.moment() as now:
            for record_id in ids:
                store.restore(
                    store.index_of(record_id),
                    now,
                    moves_stamp=self.behaviour.restore_moves_modified_time,
                    stays_listed=self.behaviour.deleted_feed_lists_restored,
                )

    def merge(self, module: str, winner: int, loser: int) -> None:
        """Merge two records: the winner is edited, the loser vanishes, in the feed or not as the behaviour says."""
        store = self._store(module)
        with self.moment() as now:
            listed = self.behaviour.merge_losers_in_deleted_feed
            store.delete(store.index_of(loser), now, permanent=True, listed=listed)
            store.edit(store.index_of(winner), now)

    # --------------------------------------------------------------------------------------------- the truth

    def truth(self, module: str) -> dict[int, dict[str, str]]:
        """Every record that exists now, by id, with the texts an export of all fields should show for it.

        Late changes count although queries may not see them yet. Keys are header names (`Id` first), texts are not
        quoted. Converted leads are left out where the behaviour keeps them out of exports.
        """
        with self.moment():
            found = self.catalogue[module]
            store, style = self._store(module), CellStyle.of(self.behaviour)
            block = store.final_block()
            fields = self.catalogue.exported_fields(module)
            names = ["Id" if field.api_name == "id" else field.api_name for field in fields]
            columns = [self.records.cells.texts(found, field, block, style) for field in fields]
            hidden = set() if self.behaviour.converted_in_unfiltered_export else {1}
            return {
                store.id_of(index): dict(zip(names, texts, strict=True))
                for index, converted, *texts in zip(block.indexes, block.converted, *columns, strict=True)
                if converted not in hidden
            }

    def deleted(self, module: str) -> set[int]:
        """Ids of all records that were deleted (and not restored) or merged away."""
        with self.moment():
            return self._store(module).deleted_ids()

    def meetings(self) -> list[Meeting]:
        """Every VEVENT that an ICS export of all Events should hold now, late changes included."""
        with self.moment() as now:
            block = self._store("Events").final_block()
            snapshot = Snapshot(module=self.catalogue["Events"], columns=(), block=block, resolved={}, evaluated_at=now)
            return list(meetings(snapshot, self.records, self.behaviour))

    def live_ids(self, module: str) -> list[int]:
        """Ids of the records that queries see now, in order of creation."""
        with self.moment():
            store = self._store(module)
            return [store.id_of(index) for index in store.live_indexes()]

    def recycled_ids(self, module: str) -> list[int]:
        """Ids of the records in the recycle bin."""
        with self.moment():
            store = self._store(module)
            return [store.id_of(index) for index in store.recycled_indexes()]

    def count(self, module: str) -> int:
        """How many records queries see now."""
        with self.moment():
            return self._store(module).presence.count(LIVE)

    def _store(self, module: str) -> RowStore:
        if module not in self.catalogue:
            raise ValueError(f"no module named {module!r}; there are {', '.join(m.api_name for m in self.catalogue)}")
        return self.records.store(module)
