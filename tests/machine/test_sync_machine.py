"""The whole of a sync against a moving CRM, with crashes and faults at every effect, in memory and by seed.

One seed fixes the traffic, the faults, the order in which jobs are stepped, and what is uncertain about Zoho. The
checks are the invariants of the design: nothing at or before the watermark is missing or old (W2), nothing goes back
in time (A3), only what was gone is marked deleted (A6), and at rest the copy equals the truth (W1). Deletes that the
feed hides, restores that move no stamp, and rows that were never in Zoho are left to censuses.
"""

import random
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import syncd.sync.census
import syncd.sync.run
from syncd.core.census import CensusCall
from syncd.core.fields import slices
from syncd.core.model import Job, Run, StreamKey, StreamPolicy
from syncd.core.pacing import PollPace, RetryPace
from syncd.errors import TryLater, Unreachable
from syncd.sync.context import SyncContext
from syncd.sync.ports import RunOutcome
from syncd.sync.run import sync_stream
from tests.fakes.store import MemoryStore, StoredRow
from tests.fakes.zoho import START, MemoryZoho, World
from tests.machine.interleaving import NoExecutor, shuffled_drive

KEY = StreamKey("acme", "Leads")
POLICY = StreamPolicy(settle=timedelta(seconds=30), overlap=timedelta(seconds=40), window_rows=4)


class Crash(BaseException):
    """The process dies here."""


class Quiet:
    """An observer that only remembers how runs ended."""

    def __init__(self) -> None:
        self.outcomes: list[RunOutcome] = []

    def run_started(self, run: Run, jobs: int) -> None: ...

    def job_moved(self, run: Run, job: Job) -> None: ...

    def job_loaded(self, run: Run, job: Job, counts: object, open_jobs: int) -> None: ...

    def waiting(self, key: StreamKey, why: str, seconds: float) -> None: ...

    def run_finished(self, outcome: RunOutcome) -> None:
        self.outcomes.append(outcome)


class Campaign:
    """One seeded life of a stream: a world, a store that outlives crashes, and passes over the stream."""

    def __init__(self, seed: int, *, faults: float, stamped: bool = True) -> None:
        self.rng = random.Random(seed)
        rng = self.rng
        self.world = World(
            rng=rng,
            page=rng.choice([3, 5, 8]),
            low_included=rng.random() < 0.5,
            high_included=rng.random() < 0.5,
            counts=rng.random() < 0.5,
            refuses={"Address"} if rng.random() < 0.3 else set(),
            stamped=stamped,
            hides=rng.choice([0.0, 0.5, 0.9]),
        )
        self.policy = replace(
            POLICY,
            census_every=rng.choice([None, timedelta(minutes=3), timedelta(days=7)]),
            census_max_deleted=rng.choice([0.1, 1.0]),
        )
        self.tombstones: dict[int, datetime] = {}
        self.forgotten: set[int] = set()
        self.findings = 0
        self.fault_rate = faults
        self.injected = 0
        self.crashes = 0
        self.store = MemoryStore(self.world.clock, self._effect)
        self.zoho = MemoryZoho(self.world, self._effect)
        self.observer = Quiet()
        self.busy = True
        self.seen: dict[int, tuple[str, datetime]] = {}
        self.context = SyncContext(
            org=KEY.org,
            schema="zoho",
            api=self.zoho,
            archives=self.zoho,
            store=self.store,
            pause=self,
            observer=self.observer,
            executor=NoExecutor(),
            lanes=1,
            monotonic=lambda: self.world.now.timestamp(),  # noqa: PLW0108  # `now` is replaced as time passes
            chance=rng.random,
            poll_pace=PollPace(1, 5),
            retry_pace=RetryPace(1, 8, 6),
        )

    # -- the Pause port: here time passes, and the world moves

    def wait(self, seconds: float, *, remote_id: str = "") -> None:
        self.world.pass_time(seconds, changes=int(self.busy and self.rng.random() < 0.25))
        self.check_nothing_lost()

    def check(self) -> None:
        return

    # -- faults

    def _effect(self, name: str, *, before: bool) -> None:
        if name == "commit" and not before:
            self.check_nothing_lost()
        if self.rng.random() >= self.fault_rate:
            return
        self.injected += 1
        kind = self.rng.choice(["crash", "unreachable", "unreachable", "busy", "job", "file"])
        if kind == "crash":
            self.crashes += 1
            raise Crash(name)
        if kind == "unreachable":
            raise Unreachable(f"{name}: broken off", where="here")
        if kind == "busy" and before and name != "commit":
            raise TryLater(f"{name}: too many requests", after=self.rng.choice([1.0, 70.0, 300.0]))
        if kind == "job" and self.zoho.jobs:
            remote_id = self.rng.choice(list(self.zoho.jobs))
            if self.rng.random() < 0.5:
                self.zoho.jobs[remote_id].failed = self.zoho.jobs[remote_id].rows is None
            else:
                self.zoho.forget(remote_id)
        if kind == "file":
            self.zoho.fail_next = self.rng.choice(["corrupt", "short", "not a zip"])

    # -- invariants

    def check_nothing_lost(self) -> None:
        """W2 and A3, at any instant."""
        rows = self.store.state.rows.get("leads", {})
        watermark = self.store.stream(KEY).watermark
        for number, row in rows.items():
            guard = (row.modified, row.synced_at)
            assert guard >= self.seen.get(number, guard), f"{number} went back in time"
            self.seen[number] = guard
            if row.deleted_at is not None and row.deleted_at != self.tombstones.get(number):
                self.check_was_gone(number, row.deleted_at)
                self.tombstones[number] = row.deleted_at
        if watermark is None or not self.world.stamped:
            return
        for number in self.world.versions:
            version = self.world.visible(number)
            if version is None or version.modified > watermark:
                continue
            if version.silent or number in self.forgotten:
                continue  # it came back, or went, unseen: only a census finds it
            stored = rows.get(number)
            assert stored is not None, f"{number} is below the watermark and missing"
            cells = self.world.cells(version)
            if stored.modified == cells["Modified_Time"]:
                wrong = {n: (stored.values.get(n), v) for n, v in cells.items() if stored.values.get(n) != v}
                newer = version is not self.world.versions[number][-1]
                new_field = set(wrong) <= {"City"}
                same_second = any(
                    other is not version and other.modified == version.modified for other in self.world.versions[number]
                )
                assert not wrong or newer or new_field or same_second, f"{number}: {wrong}"
            else:
                assert stored.modified > cells["Modified_Time"], f"{number} is old below the watermark"

    def check_was_gone(self, number: int, since: datetime) -> None:
        """A6: at some moment of the second `since`, or later, and not after now, the record was not to be seen."""
        versions = self.world.versions.get(number)
        if versions is None:
            return
        ends = [version.visible_at for version in versions[1:]]
        gone = [
            version.visible_at <= self.world.now and (at == len(ends) or ends[at] >= since)
            for at, version in enumerate(versions)
            if version.deleted
        ]
        assert any(gone), f"{number} is marked deleted since {since} and was there all the time"

    # -- a life

    def one_pass(self, *, full: bool = False, census: CensusCall = CensusCall.WHEN_DUE) -> RunOutcome | None:
        try:
            outcome = sync_stream(self.context, KEY, self.policy, full=full, census=census)
        except Crash:
            self.store.crash()
            return None
        except Unreachable:
            return None
        self.findings += outcome.census is not None and not outcome.census.is_clean
        return outcome

    def haunt(self) -> None:
        """Put a row into the table that Zoho never had, or lost before anybody looked."""
        rows = self.store.state.rows.get("leads")
        if rows is not None:
            self.world.numbers += 1
            stamp = START.isoformat()
            cells = {"Created_Time": stamp, "Modified_Time": stamp} if self.world.stamped else {}
            rows[9_000_000 + self.world.numbers] = StoredRow(cells | {"Name": "ghost"}, START)

    def forget_row(self) -> None:
        """Lose a row of the table that has long been settled, as a careless person would."""
        rows, watermark = self.store.state.rows.get("leads"), self.store.stream(KEY).watermark
        if rows and watermark and not self.busy:
            number = self.rng.choice(list(rows))
            self.seen.pop(number, None)
            self.tombstones.pop(number, None)
            self.forgotten.add(number)
            del rows[number]

    def live(self, passes: int) -> None:
        self.world.pass_time(600, changes=self.rng.randint(5, 40))
        for number in range(passes):
            if number == passes // 2 and self.rng.random() < 0.5:
                self.world.fields.append("City")
            asked = self.rng.random() < 0.15
            self.one_pass(full=self.rng.random() < 0.05, census=CensusCall.NOW if asked else CensusCall.WHEN_DUE)
            if self.rng.random() < 0.1:
                self.haunt()
            if self.rng.random() < 0.05:
                self.world.pass_time(90_000, changes=3)  # more than a day: results expire
                self.zoho.jobs.clear()
            self.world.pass_time(self.rng.choice([5, 60, 200]), changes=self.rng.randint(0, 8))

    def rest(self) -> None:
        """Faults off, traffic off: within a few passes all is as in Zoho (W1)."""
        self.busy, self.fault_rate, self.zoho.fail_next = False, 0.0, ""
        for job in self.zoho.jobs.values():
            job.failed = False
        self.world.refuses.clear()
        for _ in range(4):
            self.world.pass_time(200, changes=0)
            outcome = self.one_pass()
            assert outcome is not None
            assert outcome.state == "ok", outcome
        self.count_all()
        rows = self.store.state.rows["leads"]
        live = {number: row.values for number, row in rows.items() if row.deleted_at is None}
        truth = self.world.truth()
        assert live.keys() == truth.keys()
        for number, cells in truth.items():
            names = self._whole_cells(number)
            assert {name: live[number].get(name) for name in names} == {name: cells[name] for name in names}
        assert not self.store.state.noted

    def _whole_cells(self, number: int) -> list[str]:
        """The fields that must be right at rest.

        A record that went between two slices of one version and came back with its stamp, both unseen, lacks the
        fields of the second slice until a full read.
        """
        if not self.world.stamped:
            return self.world.fields
        came_back = any(version.silent for version in self.world.versions[number])
        return ["Created_Time", "Modified_Time", "Name", *([] if came_back else self.world.fields[1:])]

    def count_all(self) -> None:
        """One census puts everything right, and the next one finds nothing."""
        if self.world.stamped and self.rng.random() < 0.5:
            self.forget_row()
        for call in (CensusCall.ACCEPT_DELETES, CensusCall.NOW):
            self.world.pass_time(200, changes=0)
            outcome = self.one_pass(census=call)
            assert outcome is not None
            assert outcome.state == "ok", outcome
            assert outcome.census is not None
            assert outcome.census.is_clean or call is CensusCall.ACCEPT_DELETES, outcome


def run_seed(seed: int, monkeypatch: pytest.MonkeyPatch, *, passes: int = 8, stamped: bool = True) -> Campaign:
    """One life. Even seeds run through the real lanes, odd ones interleave the steps of all jobs of a run."""
    campaign = Campaign(seed, faults=0.02 if seed % 3 else 0.0, stamped=stamped)
    with monkeypatch.context() as patched:
        if seed % 2:
            patched.setattr(syncd.sync.run, "drive", shuffled_drive(campaign.rng))
        if seed % 5 < 2:
            patched.setattr(syncd.sync.run, "slices", lambda names: slices(names, 3))
            patched.setattr(syncd.sync.census, "slices", lambda names: slices(names, 3))
        campaign.live(passes)
        campaign.rest()
    return campaign


@given(st.integers(0, 2**32))
@settings(max_examples=25)
def test_a_life_with_faults_ends_in_the_truth(seed: int) -> None:
    run_seed(seed, pytest.MonkeyPatch())


@given(st.integers(0, 2**32))
@settings(max_examples=10)
def test_a_life_without_stamps_ends_in_the_truth(seed: int) -> None:
    run_seed(seed, pytest.MonkeyPatch(), stamped=False)


def test_the_campaign_really_injects_faults_and_crashes() -> None:
    campaigns = [run_seed(seed, pytest.MonkeyPatch()) for seed in range(12)]
    assert sum(campaign.injected for campaign in campaigns) > 20
    assert sum(campaign.crashes for campaign in campaigns) > 3
    assert any(len(campaign.world.versions) > 50 for campaign in campaigns)
    assert sum(campaign.findings for campaign in campaigns) > 10
