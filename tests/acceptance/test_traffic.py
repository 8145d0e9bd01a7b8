"""Correct under traffic: a CRM that is worked in while it is filled and followed, with pages so small that every window
overflows, ends up in PostgreSQL row for row and value for value.

Real HTTP, real zips, a real PostgreSQL. Only time is not real: it passes at the simulator while a run waits, and people
work meanwhile, so that what happens between two calls of a run is in the test's hand.
"""

import random
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from syncd.bootstrap.database import Database
from syncd.core.evolve import columns_of
from syncd.core.model import StreamKey
from syncd.simulator import ALL_SCOPES, Behaviour, Config, JobTiming, Simulator, SimulatorClock
from tests.rig import Outcomes, fleet_of, write_config

MODULES = {"Contacts": 50, "Deals": 35, "Audit_Trail__c": 25}
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class BusyPause:
    """The Pause port: waiting lets the simulator's time pass, and a few changes happen while it does."""

    sim: Simulator
    rng: random.Random
    busy: bool = True
    changes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self, seconds: float, *, remote_id: str = "") -> None:
        with self.lock:
            if self.busy:
                for _ in range(self.rng.randint(0, 3)):
                    self.work()
            self.sim.clock.advance(seconds)

    def work(self) -> None:
        self.sim.traffic.step(self.rng)
        self.changes += 1

    def check(self) -> None:
        return


def simulator(*, between: str, scopes: tuple[str, ...]) -> Simulator:
    sim = Simulator(
        Config(
            rows=MODULES,
            rows_per_page=16,
            timing=JobTiming(),
            same_second=20,
            downloads_per_minute=10_000,
            scopes=scopes,
            behaviour=Behaviour(
                between=between,  # type: ignore[arg-type]
                token_mode="live",
                restore_moves_modified_time=True,
                converted_in_unfiltered_export=True,
                csv_zone="America/New_York",
                boolean_text="TRUE/FALSE",
                column_order="shuffled",
                merge_losers_in_deleted_feed=True,
            ),
        ),
        SimulatorClock(start=NOON, frozen=True),
    )
    sim.traffic.late_seconds = 10.0
    sim.traffic.mass = 30
    sim.traffic.weights["drift"] = 0.0  # silent changes of formulas are for a periodic full read, not for a watermark
    return sim


@pytest.mark.parametrize(
    ("version", "between", "counting"),
    [
        *product(["v2", "v8"], ["closed", "half-open-right", "open"], [True]),
        ("v2", "half-open-left", False),
        ("v8", "half-open-right", False),
    ],
)
def test_every_row_and_value_arrives(version: str, between: str, counting: bool, dsn: str, tmp_path: Path) -> None:
    scopes = tuple(scope for scope in ALL_SCOPES if counting or "coql" not in scope.lower())
    sim = simulator(between=between, scopes=scopes)
    pause = BusyPause(sim, random.Random(f"{version}{between}"))
    outcomes = Outcomes()
    with sim.serve() as url:
        config = write_config(
            tmp_path,
            url=url,
            dsn=dsn,
            modules=dict.fromkeys(MODULES, '"1m"'),
            defaults={"settle": "20s", "overlap": "30s", "poll": "0.2s..1s"},
            zoho={"api_version": version, "downloads_per_minute": 10_000},
        )
        with fleet_of(config, pause, outcomes) as fleet:
            keys = fleet.streams()
            for _ in range(3):
                fleet.sync_all(keys)
                with pause.lock:
                    for _ in range(15):
                        pause.work()
                        sim.clock.advance(0.4)
            pause.busy = False
            for _ in range(2):
                sim.clock.advance(60)
                fleet.sync_all(keys)
    failed = [(str(outcome.stream), str(outcome.error)) for outcome in outcomes.ended if outcome.state != "ok"]
    assert not failed
    assert pause.changes > 80
    for key in keys:
        assert compare(sim, key, dsn) == Differences()
    assert any("catch-up" in outcome.kinds and outcome.jobs > 3 for outcome in outcomes.ended)


@dataclass
class Differences:
    """What the copy has wrong; all empty when it is right."""

    missing: set[int] = field(default_factory=set)
    extra: set[int] = field(default_factory=set)
    stale: dict[int, dict[str, tuple[object, object]]] = field(default_factory=dict)


def compare(sim: Simulator, key: StreamKey, dsn: str) -> Differences:
    """Every live row and every value of a table against the simulator's truth."""
    truth = sim.truth(key.module)
    with closing(Database(dsn)) as database:
        columns = columns_of(database.status.columns(key))
    with psycopg.connect(dsn) as connection:
        connection.execute("SET TimeZone TO 'UTC'")
        if not columns:
            return Differences(missing=set(truth))
        names = [column.name for column in columns.values()]
        query = sql.SQL("SELECT id, {} FROM zoho.{} WHERE _deleted_at IS NULL").format(
            sql.SQL(", ").join(map(sql.Identifier, names)), sql.Identifier(key.module.lower())
        )
        rows = {row[0]: dict(zip(columns, row[1:], strict=True)) for row in connection.execute(query)}
    differences = Differences(missing=truth.keys() - rows.keys(), extra=rows.keys() - truth.keys())
    for number in truth.keys() & rows.keys():
        wrong: dict[str, tuple[object, object]] = {
            name: (rows[number].get(name), text)
            for name, text in truth[number].items()
            if name in columns and not _same(rows[number][name], text, columns[name].type)
        }
        if wrong:
            differences.stale[number] = wrong
    return differences


READERS: dict[str, Callable[[str], object]] = {
    "timestamptz": datetime.fromisoformat,
    "bigint": int,
    "numeric": Decimal,
    "double precision": float,
    "boolean": lambda text: {"true": True, "false": False}[text.lower()],
    "date": date.fromisoformat,
    "text": str,
}


def _same(stored: Any, text: str, kind: str) -> bool:
    """Whether a stored value is what an exported text says, read independently of syncd."""
    return stored is None if text == "" else bool(stored == READERS[kind](text))
