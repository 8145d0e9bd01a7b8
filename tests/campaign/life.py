"""One seeded life: a CRM that is worked in, one or two daemons that follow it, and everything that goes wrong.

The seed fixes the traffic, the faults, the order in which daemons, modules and jobs take their steps, and what is
uncertain about Zoho; a quarter of the seeds run real lanes in real threads instead, whose order nobody fixes. On the
way the invariants are checked at random instants; at the end faults are off and the copy must be the truth.
"""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self

import pytest
import stamina
from psycopg import Error as DatabaseError
from psycopg.errors import LockNotAvailable

import syncd.sync.run
from syncd.core.evolve import columns_of
from syncd.core.fields import slices
from syncd.core.model import Job, JobSpec, Lease, StreamKey, StreamPolicy, Table
from syncd.errors import SyncdError
from syncd.postgres.embedded import EmbeddedServer
from syncd.simulator import ALL_SCOPES, Behaviour, Config, Field, JobTiming, Simulator, SimulatorClock
from syncd.simulator.faults import KINDS
from syncd.sync.ports import RunOutcome
from syncd.sync.run import sync_stream
from syncd.zoho.archive import ArchiveLimits, Contents
from tests.campaign.baton import Baton, Crash
from tests.campaign.daemon import ORG, Daemon, Surroundings, hurried
from tests.campaign.gate import OPERATION, TOKEN_FAULTS, Chronicle, Gate, Plan
from tests.campaign.ground import Administrator, database
from tests.campaign.truth import Broken, Watch, quota_is_kept, read_copy, visible, windows_are_whole
from tests.machine.interleaving import NoExecutor, shuffled_drive
from tests.rig import Outcomes

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MODULES = {"Contacts": 22, "Deals": 11, "Audit_Trail__c": 8}
POLICY = StreamPolicy(
    settle=timedelta(seconds=20),
    overlap=timedelta(seconds=30),
    window_rows=8,
    full_read_every=timedelta(hours=1),
    census_every=None,  # it would put right what the rest must not leave wrong; some lives have it
)
_PATIENCE = 40


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a seed decides before a life begins.

    `downloads` are allowed in a minute. `effects`: after so many of them a life goes to its rest; some seeds would take
    all day. `mass`: as many records a mass update changes. `rounds` of passes at rest. `same_second`: as many have one
    creation time.
    """

    version: str
    counted: bool
    daemons: int
    threads: bool
    shuffled: bool
    sliced: bool
    timing: JobTiming
    behaviour: Behaviour
    page: int
    census: bool
    fields_change: bool
    downloads: int
    passes: int = 3
    replays: bool = True
    changes: int = 60
    effects: int = 900
    rounds: int = 3
    credits: int = 5_000_000
    same_second: int = 15
    mass: int = 12
    start: datetime = NOON
    modules: Mapping[str, int] = field(default_factory=lambda: dict(MODULES))

    @classmethod
    def of(cls, seed: int, rng: random.Random) -> "Shape":
        running = rng.choice([0.0, 0.0, 2.0])
        return cls(
            version=rng.choice(["v2", "v8"]),
            counted=rng.random() < 0.4,
            daemons=rng.choice([1, 2]),
            threads=seed % 4 == 3,
            shuffled=seed % 4 != 2,
            sliced=rng.random() < 0.5,
            timing=JobTiming(queued=running / 2, running=running),
            page=rng.choice([7, 9, 13]),
            census=rng.random() < 0.2,
            fields_change=rng.random() < 0.5,
            downloads=3 if seed % 3 == 2 else 10,
            behaviour=Behaviour(
                between=rng.choice(["closed", "open", "half-open-right", "half-open-left"]),
                token_mode=rng.choice(["live", "ids", "snapshot"]),
                row_order=rng.choice(["random", "random", "random", "id", "time"]),
                page_order_stable=True,  # else no number of rounds over v2's pages can agree
                restore_moves_modified_time=True,
                merge_losers_in_deleted_feed=True,
                csv_zone=rng.choice(["+00:00", "America/New_York", "+05:30"]),
                boolean_text=rng.choice(["true/false", "TRUE/FALSE"]),
                column_order=rng.choice(["requested", "shuffled"]),
                line_terminator=rng.choice(["\n", "\r\n"]),
                bom=rng.random() < 0.2,
                quote_all=rng.random() < 0.2,
                result_missing_status=rng.choice([404, 400]),
                create_errors_in_data=rng.random() < 0.3,
                too_many_requests_status=rng.choice([429, 400]),
                coql_zero_as_204=rng.random() < 0.3,
                compressed_answers=rng.random() < 0.3,
                deleted_feed_304=rng.random() < 0.3,
            ),
        )

    def small(self) -> "Shape":
        """The same with a third of everything, for many seeds in little time."""
        return replace(
            self,
            modules={"Contacts": 9, "Deals": 4, "Audit_Trail__c": 4},
            page=6,
            same_second=7,
            mass=6,
            passes=1,
            changes=20,
            effects=200,
            rounds=2,
        )


class DaemonPause:
    """The Pause port of one daemon: time passes for all."""

    def __init__(self, life: "Life", gate: Gate) -> None:
        self._life = life
        self._gate = gate
        self.hinted: set[str] = set()

    def wait(self, seconds: float, *, remote_id: str = "") -> None:
        if self._gate.dead:
            raise Crash("waiting")
        if remote_id and self._life.rng.random() < 0.05:
            self.hinted.add(remote_id)  # a forged callback: it ends the wait, and must change nothing else
            self._life.chronicle.faults["forged-callback"] += 1
        else:
            self._life.pass_time(seconds, remote_id=remote_id)
        if self._gate.dead:
            raise Crash("waiting")

    def check(self) -> None:
        if self._gate.dead:
            raise Crash("checking")


class Slot:
    """The place of a daemon that is started anew whenever it dies."""

    def __init__(self, start: Callable[[], Daemon]) -> None:
        self._start = start
        self.daemon = start()

    def restart(self) -> None:
        self.daemon.close()
        self.daemon = self._start()

    def close(self) -> None:
        self.daemon.close()


class Life:
    """See the module's text. `live` and then `rest`; both raise Broken, or whatever syncd raises that it must not."""

    def __init__(
        self,
        seed: int,
        server: EmbeddedServer,
        folder: Path,
        *,
        plan: Plan,
        shape: Shape | None = None,
        small: bool = False,
    ) -> None:
        self.seed = seed
        self.rng = random.Random(seed)
        self.shape = shape or Shape.of(seed, self.rng)
        if small:
            self.shape = self.shape.small()
        self.plan = plan
        self.chronicle = Chronicle()
        self.lock = threading.RLock()
        self.outcomes = Outcomes()
        self._server = server
        self._folder = folder
        self._baton = Baton(self.rng)
        self._closing = ExitStack()
        self._undo: list[tuple[int, Callable[[], None]]] = []
        self._twin: dict[str, int] = {}
        self._again: tuple[str, int] | None = None
        self._stamped: Counter[tuple[str, int, int]] = Counter()
        self._polls: Counter[str] = Counter()
        self._changes = 0
        self._policy = replace(POLICY, census_every=timedelta(minutes=20)) if self.shape.census else POLICY
        self._left: Counter[StreamKey] = Counter()
        self._quiet = False
        self._thinning = True
        self._fields = 0
        self.replays = 0
        self.checks = 0
        self.lived = 0

    # ------------------------------------------------------------------------------------------------ beginning, end

    def __enter__(self) -> Self:
        with ExitStack() as begun:
            begun.callback(self._closing.close)
            self._begin()
            begun.pop_all()
        return self

    def _begin(self) -> None:
        shape, enter = self.shape, self._closing.enter_context
        scopes = tuple(scope for scope in ALL_SCOPES if shape.counted or "coql" not in scope.lower())
        self.sim = Simulator(
            Config(
                seed=self.seed % 1000,
                rows=shape.modules,
                rows_per_page=shape.page,
                timing=shape.timing,
                same_second=shape.same_second,
                behaviour=shape.behaviour,
                scopes=scopes,
            ),
            SimulatorClock(start=shape.start, frozen=True),
        )
        self.sim.traffic.late_seconds = 12.0
        self.sim.traffic.mass = shape.mass
        self.sim.traffic.weights["delete"] = 16.0
        self.sim.traffic.weights["drift"] = 0.0  # formulas that change silently are a sweep's business
        enter(stamina.set_testing(True, attempts=3, cap=True))
        patch = enter(pytest.MonkeyPatch.context())
        if shape.shuffled and not shape.threads:
            patch.setattr(syncd.sync.run, "drive", shuffled_drive(self.rng))
        if shape.sliced:
            patch.setattr(syncd.sync.run, "slices", lambda names: slices(names, 24))
        enter(hurried())
        dsn = enter(database(self._server))
        self.admin = Administrator(self._server, dsn)
        self._closing.callback(self.admin.close)
        self.url = enter(self.sim.serve())
        self.keys = tuple(StreamKey(ORG, module) for module in shape.modules)
        self.watches = {
            key: Watch(key, "Modified_Time" if self.sim.catalogue[key.module].has_modified_time else "Created_Time")
            for key in self.keys
        }
        executor: Executor = NoExecutor()
        if shape.threads:
            executor = enter(ThreadPoolExecutor(3, thread_name_prefix="lane"))
        around = Surroundings(
            url=self.url,
            dsn=dsn,
            folder=self._folder,
            version=shape.version,
            timestamp=self.sim.clock.timestamp,
            rng=self.rng,
            observer=self.outcomes,
            executor=executor,
            lanes=3 if shape.threads else 1,
            credits=shape.credits,
            downloads=shape.downloads,
        )
        self.slots = [Slot(partial(self._start, around)) for _ in range(shape.daemons)]
        for slot in self.slots:
            self._closing.callback(slot.close)

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def _start(self, around: Surroundings) -> Daemon:
        plan = replace(self.plan, rate=0.0) if self._quiet else self.plan
        gate = Gate(rng=self.rng, plan=plan, chronicle=self.chronicle, baton=self._baton, striker=self)
        return Daemon(around, gate, DaemonPause(self, gate))

    def live(self) -> None:
        """The life itself: every daemon makes its passes over every module, all at once."""
        self._left.update(dict.fromkeys(self.keys, self.shape.passes + self.shape.daemons))
        bodies = [(f"{at}/{key.module}", partial(self._work, slot, key)) for at, slot in enumerate(self.slots)
                  for key in self.keys]  # fmt: skip
        if not self.shape.threads:
            for name, body in bodies:
                self._baton.spawn(name, body)
            self._baton.run()
            return
        with ThreadPoolExecutor(len(bodies)) as threads:
            for future in [threads.submit(body) for _, body in bodies]:
                future.result()

    def rest(self) -> None:
        """Faults and traffic off: within a few passes all is as in Zoho."""
        self._end_of_trouble()
        slot = self.slots[0]
        for round_ in range(6):
            self._thinning = round_ == 0  # many a first fill comes to its crowded seconds only now
            self._tick(700)
            outcomes = [self._pass(slot.daemon, key) for key in self.keys]
            self._look(sure=True)
            if round_ + 1 >= self.shape.rounds and all(outcome.state == "ok" for outcome in outcomes):
                break
        else:
            wrong = [(str(one.stream), one.state, str(one.error)) for one in outcomes if one.state != "ok"]
            raise Broken(f"W1: not at rest: {wrong}")
        if any(read_copy(self.admin.query, key).rejected for key in self.keys):
            self._equal(excused=True)
            self._tick(700)
            for key in self.keys:
                outcome = sync_stream(slot.daemon.context, key, self._policy, full=True)
                if outcome.state != "ok":
                    raise Broken(f"the full pass over {key} ended {outcome.state}: {outcome.error}")
        self._equal(excused=False)
        for key in self.keys:
            windows_are_whole(self.admin.query, key, settle=POLICY.settle, counted=self.shape.counted)
        if not self.shape.threads:  # elsewhere time may jump between the taking of a unit and its use
            quota_is_kept(self.sim, "download", limit=self.shape.downloads, seconds=60.0)
            quota_is_kept(self.sim, "token", limit=10, seconds=600.0)
        self._tokens_are_kept()

    def _equal(self, *, excused: bool) -> None:
        for key in self.keys:
            self.watches[key].equals(read_copy(self.admin.query, key), self.sim.truth(key.module), excused=excused)

    def _tokens_are_kept(self) -> None:
        """A token is asked for when there is none, or it was taken away or grew old; never because of a restart."""
        struck = Counter(name for name, _ in self.sim.faults.struck)
        renewals = struck["expired-token"] + sum(struck[name] for name in TOKEN_FAULTS)
        broken = sum(1 for entry in self.sim.log.entries("token") if entry.status != 200 or entry.fault)
        hours = (self.sim.clock.now() - self.shape.start) / timedelta(minutes=50)
        granted = len(self.sim.log.entries("token"))
        # A second daemon may find the token gone at the same moment, and a revoked grant ends its tokens too.
        allowed = 1 + (renewals + self.chronicle.faults["revoked-grant"]) * 2 + broken + hours + self._lost_tokens
        if granted > allowed:
            raise Broken(f"J4 {granted} tokens were asked for where {allowed:.0f} were needed")

    _lost_tokens = 0

    # ------------------------------------------------------------------------------------------------------- a task

    def _work(self, slot: Slot, key: StreamKey) -> None:
        skipped = 0
        while self._left[key] > 0 and skipped < _PATIENCE and self.chronicle.effects < self.shape.effects:
            with suppress(Crash):
                outcome = self._pass(slot.daemon, key)
                if outcome.state == "skipped":
                    skipped += 1
                    self.pass_time(2)
                    continue
                self._left[key] -= 1
            self._look()
            if self.shape.replays and self.rng.random() < 0.4:
                self._replay(key)
            if self.shape.fields_change and self.rng.random() < 0.25:
                self._change_fields(key.module)
            self.pass_time(self.rng.choice([5, 45, 130]), busy=4)

    def _pass(self, daemon: Daemon, key: StreamKey) -> RunOutcome:
        full = not self._quiet and self.rng.random() < 0.06
        outcome = sync_stream(daemon.context, key, self._policy, full=full)
        self.chronicle.note(f"pass over {key.module}: {outcome.state} {outcome.kinds} {_told(outcome)}")
        if outcome.error is not None and not isinstance(outcome.error, SyncdError):
            raise outcome.error
        return outcome

    # ------------------------------------------------------------------------------------------------- time, traffic

    def pass_time(self, seconds: float, *, remote_id: str = "", busy: int = 1) -> None:
        """Let time go by; people work meanwhile, troubles pass, and now and then somebody looks at the copy."""
        if remote_id:
            self._polls[remote_id] += 1
            if self._polls[remote_id] > 30:
                seconds = 2000.0  # a job that hangs: nobody has the patience to look every second for hours
        with self.lock:
            self._tick(seconds, busy=busy)
        self._look()
        self._baton.switch()

    def _tick(self, seconds: float, *, busy: int = 0) -> None:
        if self._again is not None:
            module, number = self._again
            self._again = None
            with suppress(ValueError):
                self._note_change(module, [number])
                self.sim.edit(module, [number])
        if not self._quiet and self._changes < self.shape.changes:
            for _ in range(self.rng.randint(0, busy)):
                self._someone_works()
        self._count_down()
        self.sim.clock.advance(seconds)

    def _someone_works(self) -> None:
        self._changes += 1
        change = self.sim.traffic.step(self.rng)
        self._note_change(change.module, change.ids)
        if self.rng.random() < 0.25:
            module = self.rng.choice([key.module for key in self.keys if self.watches[key].stamp == "Modified_Time"])
            ids = self.sim.live_ids(module)
            if ids:
                number = self.rng.choice(ids)
                self._note_change(module, [number])
                self.sim.edit(module, [number])
                self._again = (module, number)

    def _note_change(self, module: str, numbers: object) -> None:
        second = int(self.sim.clock.timestamp())
        for number in numbers if isinstance(numbers, list | tuple) else ():
            self._stamped[module, number, second] += 1

    def _twice(self, module: str, number: int, stamp: datetime) -> bool:
        return self._stamped[module, number, int(stamp.timestamp())] > 1

    def _change_fields(self, module: str) -> None:
        """An administrator of the CRM adds a field, or takes one away from the user of the grant."""
        with self.lock, self.sim.moment():
            self._fields += 1
            if self.rng.random() < 0.6:
                self.sim.catalogue.add_field(module, Field(api_name=f"New_{self._fields}__c", data_type="text"))
            elif module == "Contacts":
                denied = self.rng.random() < 0.5
                self.sim.catalogue.deny_field(module, "Mobile", denied=denied)
        self.chronicle.note(f"the fields of {module} changed")

    # --------------------------------------------------------------------------------------------------------- looks

    def _look(self, *, sure: bool = False) -> None:
        """W2 at a random instant, of a random module, or of all."""
        if not sure and self.rng.random() > 0.06:
            return
        for key in self.keys if sure else [self.rng.choice(self.keys)]:
            self._look_at(key)

    def _look_at(self, key: StreamKey) -> None:
        with self.lock:
            self.checks += 1
            try:
                copy = read_copy(self.admin.query, key)
            except LockNotAvailable:
                return  # a DBA has the table for himself
            except DatabaseError:
                if not self.shape.threads:
                    raise
                return  # ended by a fault of another thread
            shown = visible(self.sim, key.module)
            self.watches[key].nothing_lost(copy, shown, self._twice, at_rest=not self.shape.threads)

    def check_epoch(self, lease: Lease) -> None:
        """J3: what was just committed was committed by the one who has the stream."""
        if self.shape.threads:
            return
        found = self.admin.query(
            "SELECT epoch FROM syncd.stream WHERE org = %s AND module = %s", [lease.stream.org, lease.stream.module]
        )
        if found != [(lease.epoch,)]:
            raise Broken(f"J3 {lease} has committed, and the stream is at {found}")
        if self.rng.random() < 0.1:
            self._look_at(lease.stream)

    # -------------------------------------------------------------------------------------------------------- faults

    def strike(self, fault: str, gate: Gate, op: str) -> bool:
        """Carry a fault out; False when it does not fit the moment."""
        with self.lock:
            kind, _, name = fault.partition(":")
            if kind == "zoho":
                return self._arm(name, op)
            if fault in {"short-file", "file-gone", "unknown-outcome"}:
                gate.arm(fault)
                return True
            return self._strike_server(fault, gate)

    def _arm(self, name: str, op: str) -> bool:
        options: dict[str, Any] = {}
        path = "token" if name in TOKEN_FAULTS else ""
        if name in {"429", "503"} and self.rng.random() < 0.5:
            options["retry_after"] = self.rng.choice([2, 30, 200])
        if name == "stall":
            options["seconds"] = 0.02
        if name == "drip":
            options |= {"chunk": 400, "seconds": 0.001}
        if name == "wrong-count":
            options["by"] = self.rng.choice([-2, 1])  # never what makes up for a file that lost its last row
        if name == "job-failure":
            options["state"] = self.rng.choice(["FAILURE", "FAILED"])
        if name == "revoked":
            self.sim.accounts.expire_tokens()
            self._undo.append((self.rng.randint(2, 12), self.sim.accounts.restore_refresh_token))
        elif path:
            self.sim.accounts.expire_tokens()
        self._lost_tokens += 2 if path else 0
        if not path and KINDS[name].stage in {"request", "reply"} and not KINDS[name].operation:
            path = OPERATION.get(op, op)
        self.sim.faults.add(name, path=path, times=self.rng.choice([1, 1, 1, 2, 4]), **options)
        return True

    def _strike_server(self, fault: str, gate: Gate) -> bool:
        table = self.rng.choice(self.keys).module.lower()
        means: dict[str, Callable[[], bool]] = {
            "crash": lambda: self._kill(gate),
            "end-session": lambda: self._end_session(gate),
            "end-lease": lambda: self._end_lease(gate),
            "lock": lambda: self._for_a_while(8, lambda: self.admin.lock(table), self.admin.unlock),
            "failover": self._failover,
            "power-cut": self._power_cut,
            "sleep-a-day": self._sleep_a_day,
        }
        strike = means.get(fault)
        return strike() if strike else self.admin.change(table, fault.removeprefix("dba-"))

    def _kill(self, gate: Gate) -> bool:
        self.admin.end(*sorted(gate.pids))
        for slot in self.slots:
            if slot.daemon.gate is gate:
                slot.restart()
        return True

    def _end_session(self, gate: Gate) -> bool:
        pid = getattr(gate.here, "pid", 0)
        self.admin.end(*[pid] if pid else [])
        return bool(pid)

    def _end_lease(self, gate: Gate) -> bool:
        self.admin.end(*sorted(gate.lease_pids))
        gate.lease_pids.clear()
        return True

    def _for_a_while(self, most: int, begin: Callable[[], bool], end: Callable[[], None]) -> bool:
        self._undo.append((self.rng.randint(1, most), end))
        return begin()

    def _failover(self) -> bool:
        """For a while the server takes no writes; every session ends at its beginning and at its end."""
        if self.shape.threads:
            return False
        self.admin.take_writes(allowed=False)
        return self._for_a_while(6, lambda: True, lambda: self.admin.take_writes(allowed=True))

    def _power_cut(self) -> bool:
        if not self.shape.threads:
            self.admin.crash()
        return not self.shape.threads

    def _sleep_a_day(self) -> bool:
        self.sim.clock.advance(90_000)
        return True

    def _count_down(self) -> None:
        due = [action for left, action in self._undo if left <= 1]
        self._undo = [(left - 1, action) for left, action in self._undo if left > 1]
        for action in due:
            action()

    def _end_of_trouble(self) -> None:
        self._quiet = True
        self._undo = [(1, action) for _, action in self._undo]
        self._count_down()
        self.admin.unlock()
        self.sim.faults.clear()
        self.sim.accounts.restore_refresh_token()
        self._tick(30)
        for slot in self.slots:
            slot.restart()

    # ------------------------------------------------------------------------------------------------------- replays

    def _replay(self, key: StreamKey) -> None:
        """A2: load files again that were loaded before, as late as this, in any order. Nothing may change by it."""
        rows = self.admin.query(
            "SELECT j.id, j.run_id, j.remote_id, j.evaluated_at FROM syncd.bulk_job AS j"
            " JOIN syncd.sync_run AS r ON r.id = j.run_id WHERE r.org = %s AND r.module = %s AND r.kind <> 'columns'"
            " AND j.slice = 0 AND j.state IN ('loaded', 'split') AND j.remote_id <> '' AND j.page_token = ''"
            " ORDER BY j.id",
            [key.org, key.module],
        )
        kept = [row for row in rows if (self._folder / "kept" / f"{row[2]}.zip").is_file()]
        if not kept:
            return
        late = kept[-10:]
        self.rng.shuffle(late)
        for number, run, remote_id, evaluated_at in late:
            job = Job(id=number, run_id=run, stream=key, spec=JobSpec(window=None), remote_id=remote_id)
            with suppress(SyncdError):
                self._load_again(job, evaluated_at)
        self._look(sure=True)

    def _load_again(self, job: Job, evaluated_at: datetime) -> None:
        key, store = job.stream, self.slots[0].daemon.store
        blocks = Contents(self._folder / "kept" / f"{job.remote_id}.zip", ArchiveLimits())
        with store.lease(key) as lease:
            if lease is None:
                return
            with store.transaction(lease) as transaction:
                staged = transaction.stage(blocks, cursor="")
                current = columns_of(transaction.field_map())
                columns = tuple(current[name] for name in staged.header if name in current)
                table = Table(schema="zoho", name=key.module.lower(), label=key.module)
                transaction.merge(table, staged, columns, job=job, evaluated_at=evaluated_at, whole=True)
            self.replays += 1
            self.chronicle.note(f"replayed {job.remote_id} of {key.module}, evaluated at {evaluated_at}")

    def exporting(self, module: str, *, before: bool, paged: bool) -> None:
        """Around the creation of a job: somebody edits a record, and once more within the second, behind the export.

        Ahead of a further page (`paged`) two of many records of a second are deleted: the others move up.
        """
        if before and paged and self._thinning and self.rng.random() < 0.9:
            self._thin_out(module)
        if self._quiet or self.watches[StreamKey(ORG, module)].stamp == "Created_Time":
            return
        with self.lock:
            if before and self.rng.random() < 0.2 and (ids := self.sim.live_ids(module)):
                self._twin[module] = self.rng.choice(ids)
            elif before or module not in self._twin:
                return
            number = self._twin[module] if before else self._twin.pop(module)
            with suppress(ValueError):
                self.sim.edit(module, [number])
                self._note_change(module, [number])

    def _thin_out(self, module: str) -> None:
        with self.lock, self.sim.moment():
            store = self.sim.records.store(module)
            seconds = Counter(store.created[index] for index in store.live_indexes())
            crowd = seconds.most_common(1)[0][0] if seconds else 0
            together = [store.id_of(index) for index in store.live_indexes() if store.created[index] == crowd]
            if len(together) > 4:
                self.sim.delete(module, self.rng.sample(together, 2))


def _told(outcome: RunOutcome) -> str:
    """The error in words that are the same whenever the seed is lived again."""
    error = outcome.error
    return f"{error.what}: {error.why}" if isinstance(error, SyncdError) else str(error or "")


@contextmanager
def lived(
    seed: int, server: EmbeddedServer, folder: Path, *, plan: Plan | None = None, shape: Shape | None = None
) -> Iterator[Life]:
    """A life from birth to rest, all invariants checked."""
    with Life(seed, server, folder, plan=plan or Plan(), shape=shape) as life:
        life.live()
        life.rest()
        yield life
