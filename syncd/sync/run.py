"""One pass over a stream: resume what is unfinished, else plan; drive the jobs; read the deletes."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from syncd.core.census import Census, CensusCall, census_run, is_due, is_outlived, without_gaps
from syncd.core.evolve import columns_of, dropped, refused_fields
from syncd.core.fields import cursor_of, selection, slices, walk_of
from syncd.core.limits import FIELD_NOT_EXPORTED, ICS_EVENTS_PER_PAGE, SCOPE_MISSING
from syncd.core.model import (
    Cursor,
    Field,
    Lease,
    LoadCounts,
    Run,
    RunKind,
    Stream,
    StreamKey,
    StreamPolicy,
    Table,
    Window,
)
from syncd.core.naming import table_name
from syncd.core.plan import Outline, calendar_run, columns_run, next_run, run_plan, worth_another_run
from syncd.core.windows import sized
from syncd.errors import (
    ConfigWrong,
    Draining,
    Fenced,
    GrantRefused,
    NeedsOperator,
    Refused,
    SyncdError,
    TryLater,
)
from syncd.sync.census import remarks
from syncd.sync.context import RunInProgress, SyncContext
from syncd.sync.deletes import read_deletes
from syncd.sync.lanes import drive
from syncd.sync.load import finish, name_columns
from syncd.sync.ports import RunOutcome

_STATE_OF: tuple[tuple[type[SyncdError], str], ...] = (
    (Draining, "drained"),
    (TryLater, "waiting"),
    (Refused, "parked"),
    (NeedsOperator, "parked"),
    (GrantRefused, "parked"),
    (ConfigWrong, "parked"),
)


def sync_stream(
    context: SyncContext,
    key: StreamKey,
    policy: StreamPolicy,
    *,
    full: bool = False,
    census: CensusCall = CensusCall.WHEN_DUE,
) -> RunOutcome:
    """Bring one stream up to date and say how it went; every deliberate error becomes part of the outcome.

    `full` reads everything again, in place; `census` says who asks for a census at the end. The watermark has moved
    when the outcome's state is `ok`.
    """
    started = context.monotonic()
    outcome = RunOutcome(stream=key, state="skipped")
    try:
        with context.store.lease(key) as lease:
            if lease is not None:
                outcome = _Pass(context, lease, key, policy, census).go(full=full)
    except Fenced as error:
        outcome = RunOutcome(stream=key, state="skipped", error=error)
    except SyncdError as error:
        outcome = RunOutcome(stream=key, state="failed", error=error)
    outcome = replace(outcome, seconds=context.monotonic() - started)
    context.observer.run_finished(outcome)
    return outcome


def _trouble(state: str, error: SyncdError) -> str:
    """What is worth telling of a pass that will be tried again; neither a drain nor a quota's wait is trouble."""
    return str(error) if state == "failed" else ""


_EVENTS_PLANNED = ICS_EVENTS_PER_PAGE * 3 // 4
"""Events that one ICS export is planned to hold."""


def _brings_rows(run: Run | None) -> bool:
    return run is not None and run.kind is not RunKind.CALENDAR


class _Pass:
    """One pass under a lease: gathers what the outcome reports while the steps go by."""

    def __init__(
        self, context: SyncContext, lease: Lease, key: StreamKey, policy: StreamPolicy, call: CensusCall
    ) -> None:
        self._context = context
        self._lease = lease
        self._key = key
        self._policy = policy
        self._call = call
        self._table = Table(schema=context.schema, name=policy.table or table_name(key.module), label=key.module)
        self._kinds: list[str] = []
        self._jobs = 0
        self._run_id: int | None = None
        self._counts = LoadCounts()
        self._census: Census | None = None
        self._notes: tuple[str, ...] = ()

    def go(self, *, full: bool) -> RunOutcome:
        """All steps of a pass. Raises Fenced; other deliberate errors are in the outcome."""
        if self._stream().paused:
            return self._outcome("paused")
        try:
            self._steps(full=full)
        except Fenced:
            raise
        except SyncdError as error:
            state = next((state for kind, state in _STATE_OF if isinstance(error, kind)), "failed")
            # The error itself is what is reported: if the ledger cannot be told of it, nothing is lost by that.
            with suppress(SyncdError):
                self._tell(parked=str(error) if state == "parked" else "", trouble=_trouble(state, error))
            return self._outcome(state, error)
        return self._outcome("ok")

    def _steps(self, *, full: bool) -> None:
        context, key = self._context, self._key
        fields = context.api.fields(key.module)
        cursor = cursor_of(fields, self._policy.cursor)
        # Without a stamp every full read is a census; whoever asks for one wants it now.
        full = full or (cursor is None and self._call is not CensusCall.WHEN_DUE)
        resumed = self._resumed()
        if resumed is not None:
            self._finish_run(resumed, fields, cursor)
        if self._policy.rows:
            self._follow_rows(fields, cursor, full=full, resumed=_brings_rows(resumed))
        if self._policy.calendar:
            self._follow_calendar(fields, cursor, full=full)
        counts, notes = read_deletes(context, self._lease, self._stream(), self._policy, self._table)
        self._counts += counts
        self._notes += notes
        if self._policy.rows:
            self._take_census(fields, cursor)
        if self._stream().parked or self._stream().trouble:
            self._tell(parked="", trouble="")

    def _follow_rows(self, fields: Sequence[Field], cursor: Cursor | None, *, full: bool, resumed: bool) -> None:
        context = self._context
        # A run that was resumed or took long has left the stream behind: go on at once, but not for ever.
        if not resumed or full or worth_another_run(self._stream(), self._policy, now=context.api.server_time()):
            filled = self._next(fields, cursor, full=full)
            if filled and worth_another_run(self._stream(), self._policy, now=context.api.server_time()):
                self._next(fields, cursor, full=False)
        self._fill_columns(fields, cursor)

    def _follow_calendar(self, fields: Sequence[Field], cursor: Cursor | None, *, full: bool) -> None:
        """Bring the events as ICS into the calendar tables."""
        stream = self._stream()
        outline = calendar_run(stream, self._policy, now=self._context.api.server_time(), full=full)
        if outline is not None:
            self._start(stream, outline, fields, cursor)

    # ---------------------------------------------------------------------------------------------------------- runs

    def _next(self, fields: Sequence[Field], cursor: Cursor | None, *, full: bool) -> bool:
        """Plan and drive the run that moves the watermark; True when it was a fill."""
        context, stream = self._context, self._stream()
        parts = self._slices(fields, full=full)
        outline = next_run(
            stream,
            self._policy,
            now=context.api.server_time(),
            cursor=cursor,
            walk=walk_of(fields),
            slices=parts,
            full=full,
        )
        if outline is not None:
            self._start(stream, outline, fields, cursor)
        return outline is not None and outline.kind is RunKind.FILL

    def _fill_columns(self, fields: Sequence[Field], cursor: Cursor | None) -> None:
        """Bring the values of columns that came after the first fill to the rows that were here before."""
        stream = self._stream()
        with self._context.store.transaction(self._lease) as transaction:
            known = transaction.field_map()
        partial = [column for column in columns_of(known).values() if column.partial]
        stamped = any(field.api_name == Cursor.MODIFIED.value for field in fields)
        outline = columns_run(
            stream, self._policy, partial, now=self._context.api.server_time(), walk=walk_of(fields), stamped=stamped
        )
        if outline is not None:
            self._start(stream, outline, fields, cursor)

    def _take_census(self, fields: Sequence[Field], cursor: Cursor | None) -> None:
        """Compare all ids when that is due or asked for: last, so that feed and watermark have had their say."""
        stream, now = self._stream(), self._context.api.server_time()
        wanted = self._call is not CensusCall.WHEN_DUE
        if not wanted and not is_due(stream, self._policy, now=now):
            return
        if cursor is None and wanted and self._census is None:  # the full read of this pass was the first
            self._next(fields, cursor, full=True)
        stamps = {field.api_name for field in fields}
        outline = census_run(stream, self._policy, now=now, stamps=stamps, cursor=cursor)
        if outline is not None:
            self._start(stream, outline, fields, cursor)

    def _resumed(self) -> Run | None:
        """The run to go on with; a census that takes too long is given up, and begins anew when its turn comes."""
        run = self._context.store.unfinished_run(self._key)
        if run is None or not is_outlived(run, now=self._context.api.server_time()):
            return run
        self._abandon(run, "the census was not done in a day", again=True)
        return None

    def _abandon(self, run: Run, why: str, *, again: bool) -> None:
        """Give a census up; unless `again`, the next one is due when the schedule says so."""
        with self._context.store.transaction(self._lease) as transaction:
            transaction.close_census(run, None)
            transaction.finish_run(run, outcome="abandoned", error=why)
            if not again:
                now = self._context.api.server_time()
                transaction.update_stream(replace(self._stream(), census_at=now))
        self._notes += (f"a census was given up: {why}",)

    def _slices(self, fields: Sequence[Field], *, full: bool) -> tuple[tuple[str, ...], ...]:
        """What every export of a run asks for; columns that it no longer brings are noted in the field map."""
        with self._context.store.transaction(self._lease) as transaction:
            known = transaction.field_map()
            chosen = selection(
                fields,
                wanted=self._policy.fields,
                exclude=self._policy.exclude,
                refused=() if full else refused_fields(known),
            )
            transaction.store_columns(dropped(known, chosen, fields))
        return slices(chosen)

    def _start(self, stream: Stream, outline: Outline, fields: Sequence[Field], cursor: Cursor | None) -> None:
        """Store the run with its jobs before the first effect; a run without jobs is finished in the same commit."""
        windows = self._windows(outline)
        if outline.kind is RunKind.CENSUS and outline.window is not None:
            windows = without_gaps(outline.window, [window for window in windows if window is not None])
        plan = run_plan(stream, outline, windows)
        with self._context.store.transaction(self._lease) as transaction:
            run = transaction.start_run(plan)
            name_columns(transaction, stream, [name for part in run.slices for name in part], fields)
            if not plan.specs:
                finish(self._progress(run, fields, cursor), transaction, complete=False)
        self._context.observer.run_started(run, len(plan.specs))
        if plan.specs:
            self._finish_run(run, fields, cursor)
        else:
            self._note_run(run)

    def _windows(self, outline: Outline) -> Sequence[Window | None]:
        """The outline's window cut to what one export holds, empty parts left out, by COUNT where the grant allows."""
        window, api = outline.window, self._context.api
        if window is None or not self._policy.probe:
            return [window]
        module = self._key.module
        try:
            total = api.count(module, window)
        except Refused as error:
            if error.code in FIELD_NOT_EXPORTED:
                raise
            self._notes += (f"Zoho refuses to count this module ({error.code}); windows are cut as they overflow",)
            return [window]
        if total is None:
            return [window]
        answers = {window: total}

        def count(part: Window) -> int:
            known = answers.get(part)
            if known is None:
                counted = api.count(module, part)
                # The scope was withdrawn between two counts: anything above zero keeps the part.
                known = self._policy.window_rows if counted is None else counted
            return known

        most = _EVENTS_PLANNED if outline.kind is RunKind.CALENDAR else self._policy.window_rows
        return sized(window, count, rows=most)

    def _finish_run(self, run: Run, fields: Sequence[Field], cursor: Cursor | None) -> None:
        jobs = self._context.store.unfinished_jobs(run)
        work = self._progress(run, fields, cursor)
        self._note_run(run)
        if not jobs:
            # Only a crash between two versions of this code could leave such a run; its end is all that is missing.
            with work.transaction() as transaction:
                finish(work, transaction, complete=False)
            return
        try:
            self._jobs += drive(work, jobs)
        except Refused as error:
            # What Zoho will not count is no reason to stop following it.
            if run.kind is not RunKind.CENSUS or error.code == SCOPE_MISSING:
                raise
            self._abandon(work.run, str(error), again=False)
        finally:
            self._counts += work.counts
        self._after_census(run, fields, cursor)

    def _after_census(self, run: Run, fields: Sequence[Field], cursor: Cursor | None) -> None:
        """Report what a run that was a census found, and drive the run that its end has left to do."""
        store = self._context.store
        found = store.census(run)
        if found is None:
            return
        self._census = found
        self._counts += LoadCounts(deleted=found.tombstoned)
        self._notes += remarks(found)
        reread = store.unfinished_run(self._key)
        if reread is not None:
            self._finish_run(reread, fields, cursor)

    def _progress(self, run: Run, fields: Sequence[Field], cursor: Cursor | None) -> RunInProgress:
        return RunInProgress(
            context=self._context,
            lease=self._lease,
            policy=self._policy,
            table=self._table,
            fields=tuple(fields),
            cursor=cursor,
            run=run,
            census=self._call,
        )

    def _note_run(self, run: Run) -> None:
        self._run_id = run.id
        self._kinds.append(run.kind.value)

    # -------------------------------------------------------------------------------------------------------- outcome

    def _stream(self) -> Stream:
        return self._context.store.stream(self._key)

    def _tell(self, *, parked: str, trouble: str) -> None:
        with self._context.store.transaction(self._lease) as transaction:
            transaction.update_stream(replace(self._stream(), parked=parked, trouble=trouble))

    def _outcome(self, state: str, error: Exception | None = None) -> RunOutcome:
        return RunOutcome(
            stream=self._key,
            state=state,
            kinds=tuple(self._kinds),
            run_id=self._run_id,
            jobs=self._jobs,
            counts=self._counts,
            fresh_to=self._stream().watermark,
            error=error,
            census=self._census,
            notes=self._notes,
        )
