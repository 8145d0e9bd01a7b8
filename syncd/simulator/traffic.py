"""Background traffic: people at work in the simulated CRM.

Owns: which changes happen and how often. All of them go through the org's public calls.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from types import MappingProxyType

from syncd.simulator.org import Org
from syncd.simulator.rows import LIVE

WEIGHTS: Mapping[str, float] = MappingProxyType({
    "create": 20.0,
    "edit": 40.0,
    "mass-edit": 2.0,
    "late-edit": 10.0,
    "late-create": 4.0,
    "delete": 8.0,
    "restore": 3.0,
    "purge": 1.0,
    "drift": 4.0,
    "convert": 2.0,
    "merge": 1.0,
})  # fmt: skip
_TRIES = 60


@dataclass(frozen=True, slots=True)
class Change:
    """What one step did."""

    kind: str
    module: str
    ids: tuple[int, ...]


class Traffic:
    """Makes random changes, one by one (`step`) or from a thread (`start`, `stop`).

    `weights` says how often each kind happens (0: never), `modules` which ones are touched (None: all with rows),
    `late_seconds` the longest a late change stays hidden, `mass` how many records a mass edit touches.
    """

    def __init__(self, org: Org) -> None:
        self._org = org
        self.weights: dict[str, float] = dict(WEIGHTS)
        self.modules: Sequence[str] | None = None
        self.late_seconds = 5.0
        self.mass = 30
        self.steps = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._kinds: dict[str, Callable[[str, Random], Sequence[int]]] = {
            "create": self._create,
            "edit": self._edit,
            "mass-edit": self._mass_edit,
            "late-edit": self._late_edit,
            "late-create": self._late_create,
            "delete": self._delete,
            "restore": self._restore,
            "purge": self._purge,
            "drift": self._drift,
            "convert": self._convert,
            "merge": self._merge,
        }

    def step(self, rng: Random, kind: str = "") -> Change:
        """Make one change, of a given kind or a random one. A kind that finds nothing to change creates a record."""
        names = [name for name, weight in self.weights.items() if weight > 0]
        chosen = kind or rng.choices(names, [self.weights[name] for name in names])[0]
        if chosen not in self._kinds:
            raise ValueError(f"no kind of traffic named {chosen!r}; there are {', '.join(self._kinds)}")
        module = rng.choice(self._fitting(chosen))
        ids = self._kinds[chosen](module, rng)
        if not ids:
            chosen, ids = "create", self._create(module, rng)
        self.steps += 1
        return Change(chosen, module, tuple(ids))

    def start(self, per_second: float, *, seed: int = 0) -> None:
        """Make changes from a thread at a steady rate of real time until `stop`."""
        if per_second <= 0:
            raise ValueError("traffic needs a rate above zero")
        self.stop()
        self._stop.clear()
        rng = Random(f"{self._org.config.seed}/{seed}/traffic")

        def run() -> None:
            while not self._stop.wait(1 / per_second):
                self.step(rng)

        self._thread = threading.Thread(target=run, name="simulator-traffic", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; returns when the last change is done."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    @property
    def running(self) -> bool:
        return self._thread is not None

    # ------------------------------------------------------------------------------------------------ choosing

    def _fitting(self, kind: str) -> list[str]:
        """Modules that a kind of change can touch. Edits leave out modules that do not stamp them."""
        catalogue = self._org.catalogue
        names = (
            self.modules if self.modules is not None else [name for name, rows in self._org.config.rows.items() if rows]
        )
        if kind == "convert":
            fitting = [name for name in names if catalogue[name].field("$converted")]
        elif kind == "drift":
            fitting = [name for name in names if any(field.source == "formula" for field in catalogue[name].fields)]
        elif kind in {"edit", "mass-edit", "late-edit", "merge", "restore"}:
            fitting = [name for name in names if catalogue[name].has_modified_time]
        else:
            fitting = list(names)
        return fitting or list(names)

    def _pick(self, module: str, rng: Random, number: int = 1) -> list[int]:
        """Ids of up to so many records that queries see now."""
        store = self._org.records.store(module)
        with self._org.moment():
            if not len(store):
                return []
            found: dict[int, None] = {}
            for _ in range(_TRIES + number * 2):
                index = rng.randrange(len(store))
                if store.presence[index] == LIVE:
                    found[store.id_of(index)] = None
                if len(found) == number:
                    break
            return list(found)

    # ----------------------------------------------------------------------------------------------- the kinds

    def _create(self, module: str, _rng: Random) -> Sequence[int]:
        return self._org.create(module)

    def _late_create(self, module: str, rng: Random) -> Sequence[int]:
        return self._org.create(module, late=self._delay(rng))

    def _delay(self, rng: Random) -> float:
        return rng.uniform(0.2, 1.0) * self.late_seconds

    def _edit(self, module: str, rng: Random) -> Sequence[int]:
        with self._org.lock:
            ids = self._pick(module, rng)
            self._org.edit(module, ids)
        return ids

    def _late_edit(self, module: str, rng: Random) -> Sequence[int]:
        with self._org.lock:
            ids = self._pick(module, rng)
            self._org.edit(module, ids, late=self._delay(rng))
        return ids

    def _mass_edit(self, module: str, rng: Random) -> Sequence[int]:
        with self._org.lock:
            ids = self._pick(module, rng, self.mass)
            self._org.edit(module, ids)
        return ids

    def _delete(self, module: str, rng: Random) -> Sequence[int]:
        with self._org.lock:
            ids = self._pick(module, rng)
            self._org.delete(module, ids, permanent=rng.random() < 0.2)
        return ids

    def _restore(self, module: str, rng: Random) -> Sequence[int]:
        with self._org.lock:
            ids = self._recycled(module, rng)
            self._org.restore(module, ids)
        return ids

    def _purge(self, module: str, rng: Random) -> Sequence[int]:
        with self._org.lock:
            ids = self._recycled(module, rng)
            self._org.purge(module, ids)
        return ids

    def _recycled(self, module: str, rng: Random) -> list[int]:
        ids = self._org.recycled_ids(module)
        return [rng.choice(ids)] if ids else []

    def _drift(self, module: str, rng: Random) -> Sequence[int]:
        with self._org.lock:
            ids = self._pick(module, rng)
            self._org.drift(module, ids)
        return ids

    def _convert(self, module: str, rng: Random) -> Sequence[int]:
        if self._org.catalogue[module].field("$converted") is None:
            return []
        with self._org.lock:
            ids = self._pick(module, rng)
            self._org.convert(module, ids)
        return ids

    def _merge(self, module: str, rng: Random) -> Sequence[int]:
        with self._org.lock:
            ids = self._pick(module, rng, 2)
            if len(ids) == 2:
                self._org.merge(module, *ids)
                return ids
        return []
