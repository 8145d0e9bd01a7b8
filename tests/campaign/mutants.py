"""Planted bugs: each is a patch of syncd in memory that the campaign must notice. docs/campaign.md lists their deaths.

A mutant changes one rule of the design and leaves everything else alone.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Any

import pytest
from psycopg import sql

import syncd.core.criteria
import syncd.core.jobs
import syncd.core.plan
import syncd.core.windows
import syncd.sync.deletes
import syncd.sync.job
import syncd.sync.load
import syncd.sync.run
from syncd.core.jobs import Completed, Event, Loaded, Overflowed
from syncd.core.model import (
    Comparison,
    Job,
    JobReport,
    JobSpec,
    LoadCounts,
    PageChain,
    Quota,
    RemoteState,
    Run,
    RunKind,
    RunPlan,
    Staged,
    Stream,
    Window,
)
from syncd.errors import BadArchive
from syncd.postgres.lease import Leases
from syncd.postgres.merge import Merge
from syncd.postgres.transaction import PostgresTransaction
from syncd.postgres.warehouse import Warehouse
from syncd.sync.context import RunInProgress
from syncd.zoho.archive import Contents
from syncd.zoho.state_file import StateFile
from tests.campaign.daemon import LifeQuotas

Patch = pytest.MonkeyPatch


@dataclass(frozen=True)
class Mutant:
    """A planted bug."""

    name: str
    what: str
    apply: Callable[[Patch], None]


MUTANTS: dict[str, Mutant] = {}


def mutant(what: str) -> Callable[[Callable[[Patch], None]], Callable[[Patch], None]]:
    """Enter a patch into the list under its function's name."""

    def enter(apply: Callable[[Patch], None]) -> Callable[[Patch], None]:
        name = apply.__name__.replace("_", "-")
        MUTANTS[name] = Mutant(name, what, apply)
        return apply

    return enter


# -------------------------------------------------------------------------------------------------- windows and pages


@mutant("a window that overflowed is continued by page 2 instead of being cut")
def page_two(patch: Patch) -> None:
    def follow_ups(job: Job, staged: Staged, *, slices: int) -> tuple[Event, tuple[JobSpec, ...]]:
        spec = job.spec
        if job.more_records:
            following = replace(
                spec, page=spec.page + 1, page_token=job.next_page_token, chain=PageChain(), parent_id=job.id
            )
            return Loaded(), (following,)
        return original(replace(job, spec=replace(spec, chain=None)), staged, slices=slices)

    original = syncd.core.jobs.follow_ups
    patch.setattr(syncd.sync.load, "follow_ups", follow_ups)


@mutant("a window ends now, not `settle` ago")
def no_settle(patch: Patch) -> None:
    def until(now: Any, _settle: timedelta) -> Any:
        return syncd.core.windows.whole_second(now)

    for module in (syncd.core.windows, syncd.core.plan, syncd.sync.deletes):
        patch.setattr(module, "settled_until", until)
    patch.setattr(syncd.sync.job, "_seconds_too_early", lambda *_: 0.0)


def _exact(window: Window) -> Comparison:
    bounds = syncd.core.criteria.stamp(window.start), syncd.core.criteria.stamp(window.end)
    return Comparison(window.cursor.value, "between", bounds)


@mutant("windows are asked for by their exact bounds, though `between` may leave its ends out")
def strict_bounds(patch: Patch) -> None:
    patch.setattr(syncd.core.criteria, "between", _exact)


@mutant("no overlap, and exact bounds")
def no_overlap(patch: Patch) -> None:
    def window(watermark: Any, now: Any, *, cursor: Any, settle: timedelta, overlap: timedelta) -> Window | None:
        end = syncd.core.windows.settled_until(now, settle)
        return Window(cursor, watermark, end) if end > watermark else None

    patch.setattr(syncd.core.plan, "catch_up_window", window)
    patch.setattr(syncd.core.criteria, "between", _exact)


@mutant("a cut window is carried on by its early half alone")
def half_forgotten(patch: Patch) -> None:
    def follow_ups(job: Job, staged: Staged, *, slices: int) -> tuple[Event, tuple[JobSpec, ...]]:
        event, specs = original(job, staged, slices=slices)
        return event, specs[:1]

    original = syncd.core.jobs.follow_ups
    patch.setattr(syncd.sync.load, "follow_ups", follow_ups)


@mutant("one round over the pages of a second is believed")
def one_round(patch: Patch) -> None:
    def next_of_chain(job: Job, staged: Staged) -> JobSpec | None:
        return original(job, staged) if job.more_records else None

    original = syncd.core.jobs._next_of_chain
    patch.setattr(syncd.core.jobs, "_next_of_chain", next_of_chain)


@mutant("catching up starts where the fill ended, not where it began")
def fill_end(patch: Patch) -> None:
    def vouched(work: RunInProgress, stream: Stream) -> Stream:
        found = original(work, stream)
        if work.run.kind is RunKind.FILL and found.watermark is not None:
            ended = syncd.core.windows.settled_until(work.context.api.server_time(), work.policy.settle)
            return replace(found, watermark=max(found.watermark, ended))
        return found

    original = syncd.sync.load._vouched
    patch.setattr(syncd.sync.load, "_vouched", vouched)


@mutant("the watermark is the largest stamp seen")
def largest_stamp(patch: Patch) -> None:
    seen: dict[int, Any] = {}

    def upsert(self: Merge, connection: Any) -> tuple[int, int]:
        if self._stamp is not None and self._stage.kept:
            position = sql.Identifier(f"c{self._stamp.position}")
            query = sql.SQL("SELECT max({}) FROM pg_temp.syncd_stage").format(position)
            top = connection.execute(query).fetchone()[0]
            if top is not None:
                run = int(str(self._run_id._obj))
                seen[run] = max(seen.get(run, top), top)
        return original_upsert(self, connection)

    def vouched(work: RunInProgress, stream: Stream) -> Stream:
        found, top = original(work, stream), seen.get(work.run.id)
        return replace(found, watermark=max(stream.watermark or top, top)) if top is not None else found

    original_upsert, original = Merge.upsert, syncd.sync.load._vouched
    patch.setattr(Merge, "upsert", upsert)
    patch.setattr(syncd.sync.load, "_vouched", vouched)


@mutant("the watermark is committed with the plan, before the rows")
def watermark_first(patch: Patch) -> None:
    def start_run(self: PostgresTransaction, plan: RunPlan) -> Run:
        run = original(self, plan)
        if plan.through is not None:
            self._connection.execute(
                "UPDATE syncd.stream SET watermark = %s WHERE org = %s AND module = %s",
                [plan.through, plan.stream.org, plan.stream.module],
            )
        return run

    original = PostgresTransaction.start_run
    patch.setattr(PostgresTransaction, "start_run", start_run)


@mutant("a run is finished when one job is still open")
def one_job_open(patch: Patch) -> None:
    def open_jobs(self: PostgresTransaction, run: Run) -> int:
        return max(original(self, run) - 1, 0)

    original = PostgresTransaction.open_jobs
    patch.setattr(PostgresTransaction, "open_jobs", open_jobs)


# -------------------------------------------------------------------------------------------------------- whole files


@mutant("the rows of a file are not counted against Zoho's count")
def no_count(patch: Patch) -> None:
    patch.setattr(syncd.sync.load, "_check_count", lambda *_: None)


@mutant("an archive that cannot be read counts as an empty one")
def bad_zip_empty(patch: Patch) -> None:
    def blocks(self: Contents) -> Iterator[bytes]:
        try:
            yield from list(original(self))
        except BadArchive:
            yield b"Id\n"

    def check(staged: Staged, job: Job) -> None:
        if staged.rows:
            original_check(staged, job)

    original, original_check = Contents.__iter__, syncd.sync.load._check_count
    patch.setattr(Contents, "__iter__", blocks)
    patch.setattr(syncd.sync.load, "_check_count", check)


@mutant("a result that is gone counts as an empty one")
def gone_is_empty(patch: Patch) -> None:
    def event_of(report: JobReport, job: Job, now: Any) -> Event | None:
        if report.state is RemoteState.GONE:
            return Completed(count=0, more_records=False)
        return original(report, job, now)

    original = syncd.sync.job._event_of
    patch.setattr(syncd.sync.job, "_event_of", event_of)


@mutant("a failed export counts as an empty one")
def failed_is_empty(patch: Patch) -> None:
    def event_of(report: JobReport, job: Job, now: Any) -> Event | None:
        if report.state is RemoteState.FAILED:
            return Completed(count=0, more_records=False)
        return original(report, job, now)

    original = syncd.sync.job._event_of
    patch.setattr(syncd.sync.job, "_event_of", event_of)


@mutant("a callback is believed: the job it names is done, with no rows")
def callback_trusted(patch: Patch) -> None:
    def poll(work: RunInProgress, job: Job, looks: int) -> Job:
        pause: Any = work.context.pause
        work.context.pause.wait(work.context.poll_pace.wait(looks), remote_id=job.remote_id)
        if job.remote_id in pause.hinted:
            moved = syncd.core.jobs.advance(job, Completed(count=0, more_records=False))
            with work.transaction() as transaction:
                transaction.record(moved)
            return moved
        return original(work, job, looks)

    original = syncd.sync.job._poll
    patch.setattr(syncd.sync.job, "_poll", poll)


# ---------------------------------------------------------------------------------------------------------- the guard


@mutant("a row is replaced by whatever comes")
def no_guard(patch: Patch) -> None:
    patch.setattr(Merge, "_is_older", lambda *_, **__: sql.SQL("false"))


@mutant("the guard compares the stamp alone, not the moment of the export")
def guard_by_stamp(patch: Patch) -> None:
    def is_older(self: Merge, _evaluated_at: sql.Composable, *, staged: bool) -> sql.Composed:
        if self._stamp is None:
            return sql.SQL("{}").format(sql.SQL("false"))
        stored = self._stamp.target.name
        stamp = sql.Identifier("s", f"c{self._stamp.position}") if staged else sql.Identifier("excluded", stored)
        return sql.SQL("(coalesce(t.{}, '-infinity') > coalesce({}, '-infinity'))").format(
            sql.Identifier(stored), stamp
        )

    patch.setattr(Merge, "_is_older", is_older)


@mutant("a tombstone is lifted by any file that holds the row")
def tombstone_lifted(patch: Patch) -> None:
    def statement(self: Merge) -> sql.Composed:
        text = original(self).as_string(None)
        skip, keep = "(t._deleted_at >= ", "CASE WHEN t._deleted_at >= excluded._synced_at THEN t._deleted_at END"
        assert skip in text
        assert keep in text
        head, _, tail = text.replace(keep, "NULL").partition(skip)
        lifting: Any = head + "(t._deleted_at IS NOT NULL AND t._deleted_at < " + tail
        return sql.Composed([sql.SQL(lifting)])

    original = Merge._insert_or_replace
    patch.setattr(Merge, "_insert_or_replace", statement)


@mutant("a further slice of fields inserts rows and replaces stamps")
def slice_inserts(patch: Patch) -> None:
    def merge(self: Warehouse, *arguments: Any, whole: bool, **named: Any) -> LoadCounts:
        return original(self, *arguments, whole=True, **named)

    original = Warehouse.merge
    patch.setattr(Warehouse, "merge", merge)


@mutant("the slices of a window are exported side by side, not in turn")
def slices_at_once(patch: Patch) -> None:
    def run_plan(stream: Stream, outline: Any, windows: Iterable[Window | None]) -> RunPlan:
        plan = original(stream, outline, list(windows))
        parts = range(len(plan.slices))
        return replace(plan, specs=tuple(replace(spec, slice=part) for part in reversed(parts) for spec in plan.specs))

    def follow_ups(job: Job, staged: Staged, *, slices: int) -> tuple[Event, tuple[JobSpec, ...]]:
        return original_follow_ups(job, staged, slices=1)

    original, original_follow_ups = syncd.core.plan.run_plan, syncd.core.jobs.follow_ups
    patch.setattr(syncd.sync.run, "run_plan", run_plan)
    patch.setattr(syncd.sync.load, "follow_ups", follow_ups)


@mutant("a new column is called whole at once")
def column_whole(patch: Patch) -> None:
    patch.setattr(syncd.sync.load, "_is_partial", lambda *_: False)


# ------------------------------------------------------------------------------------------------ deletes, lease, quota


@mutant("the deleted-records feed is read up to now, without settling or overlap")
def deletes_to_now(patch: Patch) -> None:
    def read(context: Any, lease: Any, stream: Stream, policy: Any, table: Any) -> Any:
        hasty = replace(policy, settle=timedelta(seconds=-30), overlap=timedelta(0))
        return original(context, lease, stream, hasty, table)

    original = syncd.sync.deletes.read_deletes
    patch.setattr(syncd.sync.run, "read_deletes", read)


@mutant("deletes are not read")
def no_deletes(patch: Patch) -> None:
    patch.setattr(syncd.sync.run, "read_deletes", lambda *_: (LoadCounts(), ()))


@mutant("the epoch is not compared at the commit")
def no_epoch(patch: Patch) -> None:
    patch.setattr(PostgresTransaction, "_compare", lambda *_: None)
    patch.setattr(Leases, "check", lambda *_: None)


@mutant("the access token is not kept for the next process")
def token_not_kept(patch: Patch) -> None:
    patch.setattr(StateFile, "write", lambda *_: None)


@mutant("a restart begins its quotas anew")
def quota_reset(patch: Patch) -> None:
    class Fresh:
        """Counts in memory."""

        @cached_property
        def taken(self) -> dict[str, list[float]]:
            return {}

    def take(self: LifeQuotas, _org: str, quota: Quota, cost: int = 1) -> float:
        counts = self.__dict__.setdefault("_fresh", Fresh()).taken
        now = self._timestamp()
        recent = [at for at in counts.get(quota.name, []) if now - at < quota.period.total_seconds()]
        if quota.name == "credits":
            return 0.0
        if len(recent) + cost > quota.limit:
            return float(quota.period.total_seconds() - (now - recent[0]))
        counts[quota.name] = [*recent, *[now] * cost]
        return 0.0

    patch.setattr(LifeQuotas, "take", take)


@mutant("a window that Zoho failed three times is given up")
def failed_given_up(patch: Patch) -> None:
    def failed_too_often(job: Job) -> tuple[Event, tuple[JobSpec, ...]] | None:
        return (Overflowed(), ()) if job.failures >= 1 else None

    patch.setattr(syncd.sync.job, "failed_too_often", failed_too_often)
