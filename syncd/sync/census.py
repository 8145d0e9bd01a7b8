"""The end of a census: compare, mark what is gone, plan what is to be read again. Part of the last load's commit.

Must not decide what a finding is or may cause: that is `syncd.core.census`. Must not load rows: what is missing comes
by an ordinary run, so that the guard holds.
"""

from dataclasses import dataclass

from syncd.core.census import Census, CensusCall, Comparison, reread_windows, scope_of, why_not_delete
from syncd.core.evolve import refused_fields
from syncd.core.fields import selection, slices
from syncd.core.model import JobSpec, LoadCounts, Run, RunKind, RunPlan
from syncd.sync.context import RunInProgress
from syncd.sync.ports import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What a census came to. `reread` is the run that its findings need, None when they need none."""

    run: Run
    comparison: Comparison
    tombstoned: int
    reason: str
    reread: RunPlan | None

    def line(self, reread: Run | None) -> Census:
        """The census's line in the ledger; `reread` is the stored run."""
        found = self.comparison
        return Census(
            run_id=self.run.id,
            stream=self.run.stream,
            at=found.moment,
            compared=found.here + found.missing,
            missing=found.missing,
            extra=found.extra,
            stale=found.stale,
            tombstoned=self.tombstoned,
            refused_deletes=found.extra if self.reason else 0,
            reason=self.reason,
            reread_run=reread.id if reread else None,
        )


def is_noted(work: RunInProgress) -> bool:
    """Whether the ids of this run's files are kept: a census, or a full read that has something to compare with."""
    if work.run.kind is RunKind.FULL_READ:
        return work.context.store.stream(work.key).watermark is not None
    return work.run.kind is RunKind.CENSUS


def count(work: RunInProgress, transaction: Transaction, *, complete: bool) -> Counted | None:
    """Compare what the run noted with the table, and mark extra rows deleted where that is allowed.

    None, and nothing is kept of it, for a full read of a module whose censuses are switched off.
    """
    run, policy = work.run, work.policy
    if run.kind is RunKind.FULL_READ and policy.census_every is None and work.census is CensusCall.WHEN_DUE:
        transaction.close_census(run, None)
        return None
    found = transaction.compare_present(
        run, work.table, scope_of(run, work.context.store.stream(work.key), work.cursor)
    )
    accepted = work.census is CensusCall.ACCEPT_DELETES
    reason = why_not_delete(found, most=policy.census_max_deleted, accepted=accepted, complete=complete)
    tombstoned = 0 if reason or not found.extra else transaction.tombstone_absent(work.table, found.moment)
    transaction.add_counts(run, LoadCounts(deleted=tombstoned))
    return Counted(
        run=run, comparison=found, tombstoned=tombstoned, reason=reason, reread=_reread(work, transaction, found)
    )


def _reread(work: RunInProgress, transaction: Transaction, found: Comparison) -> RunPlan | None:
    """The run that reads missing and stale rows again."""
    if not found.spans or work.cursor is None:
        return None
    chosen = selection(
        work.fields,
        wanted=work.policy.fields,
        exclude=work.policy.exclude,
        refused=refused_fields(transaction.field_map()),
    )
    return RunPlan(
        stream=work.key,
        kind=RunKind.REREAD,
        through=None,
        slices=slices(chosen),
        specs=tuple(JobSpec(window=window) for window in reread_windows(found.spans, work.cursor)),
    )


def remarks(found: Census) -> tuple[str, ...]:
    """What a reader of the outcome should know of a census: nothing when all was well."""
    said = []
    if not found.is_clean:
        said.append(
            f"a census of {found.compared} rows found {found.missing} missing, {found.extra} extra, {found.stale} stale"
        )
    if found.refused_deletes:
        said.append(
            f"{found.refused_deletes} rows that Zoho no longer shows stay ({found.reason}); to mark them deleted: "
            f"syncd verify {found.stream.module} --accept-deletes"
        )
    return tuple(said)
