"""The Store port: one suite, held against the fake in memory and against the real thing on a PostgreSQL server.

What the machine proves with the fake is worth as much as the two agree here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from syncd.core.census import Census, Comparison, Scope
from syncd.core.evolve import new_columns
from syncd.core.model import (
    Column,
    Cursor,
    Deletion,
    Field,
    Job,
    JobSpec,
    JobState,
    LoadCounts,
    PageChain,
    Run,
    RunKind,
    RunPlan,
    StreamKey,
    Table,
    Window,
)
from syncd.errors import Fenced
from syncd.postgres.ledger import PostgresStore
from syncd.postgres.pool import Pool
from syncd.sync.ports import Store, Transaction
from tests.fakes.store import MemoryStore

KEY = StreamKey("acme", "Leads")
TABLE = Table(schema="zoho", name="leads", label="Leads")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WINDOW = Window(Cursor.CREATED, NOON, NOON + MINUTE)
FIELDS = (
    Field(api_name="Created_Time", data_type="datetime"),
    Field(api_name="Modified_Time", data_type="datetime"),
    Field(api_name="Name", data_type="text"),
    Field(api_name="City", data_type="text"),
)
COLUMNS = new_columns((), [field.api_name for field in FIELDS], FIELDS, partial=False)
PLAN = RunPlan(
    stream=KEY,
    kind=RunKind.FILL,
    through=NOON,
    slices=(("Created_Time", "Modified_Time", "Name", "City"),),
    specs=(JobSpec(window=WINDOW), JobSpec(window=None, slice=1)),
)

Rows = dict[int, tuple[str | None, str | None, bool]]


@dataclass(frozen=True)
class Subject:
    """A store and a way to look at its rows from outside: id -> (Name, City, live)."""

    store: Store
    rows: Callable[[], Rows]
    finished_counts: Callable[[Run], LoadCounts]


def memory_subject() -> Subject:
    store = MemoryStore(lambda: NOON, lambda name, *, before: None)

    def rows() -> Rows:
        return {
            number: (row.values.get("Name"), row.values.get("City") or None, row.deleted_at is None)
            for number, row in store.state.rows.get("leads", {}).items()
        }

    return Subject(store, rows, lambda run: store.state.counts[run.id])


@pytest.fixture(params=["memory", "postgres"])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    if request.param == "memory":
        yield memory_subject()
        return
    dsn = request.getfixturevalue("dsn")
    pool = Pool(dsn, size=4)

    def rows() -> Rows:
        with psycopg.connect(dsn) as connection:
            if not connection.execute("SELECT to_regclass('zoho.leads')").fetchone()[0]:  # type: ignore[index]
                return {}
            found = connection.execute("SELECT id, name, city, _deleted_at IS NULL FROM zoho.leads").fetchall()
        return {row[0]: (row[1], row[2], row[3]) for row in found}

    def counts(run: Run) -> LoadCounts:
        with psycopg.connect(dsn) as connection:
            row = connection.execute(
                "SELECT rows_read, rows_inserted, rows_updated, rows_unchanged FROM syncd.sync_run WHERE id = %s",
                [run.id],
            ).fetchone()
        assert row is not None
        return LoadCounts(read=row[0], inserted=row[1], updated=row[2], unchanged=row[3])

    try:
        yield Subject(PostgresStore(pool), rows, counts)
    finally:
        pool.close()


def line(number: int, name: str, *, modified: int, city: str = "") -> str:
    stamp = (NOON + modified * MINUTE).isoformat()
    return f"{number},{NOON.isoformat()},{stamp},{name},{city}"


def csv(*lines: str, header: str = "Id,Created_Time,Modified_Time,Name,City") -> list[bytes]:
    return ["\r\n".join([header, *lines, ""]).encode()]


def load(
    store: Store, *lines: str, at: int, whole: bool = True, columns: tuple[Column, ...] = COLUMNS, header: str = ""
) -> LoadCounts:
    """Load one file, evaluated `at` minutes past noon, under a lease of its own."""
    with store.lease(KEY) as lease:
        assert lease is not None
        with store.transaction(lease) as transaction:
            run = store.unfinished_run(KEY) or transaction.start_run(replace(PLAN, specs=()))
            (job,) = transaction.add_jobs(run, [JobSpec(window=WINDOW)])
            transaction.evolve(TABLE, columns)
            staged = transaction.stage(csv(*lines, header=header) if header else csv(*lines), cursor="Created_Time")
            names = set(staged.header)
            return transaction.merge(
                TABLE,
                staged,
                tuple(column for column in columns if column.field in names),
                job=job,
                evaluated_at=NOON + at * MINUTE,
                whole=whole,
            )


def changing(store: Store, action: Callable[[Transaction], object]) -> None:
    with store.lease(KEY) as lease:
        assert lease is not None
        with store.transaction(lease) as transaction:
            action(transaction)


# ---- the ledger


def test_a_run_and_its_jobs_come_back_as_they_were_stored(subject: Subject) -> None:
    store = subject.store
    changing(store, lambda transaction: transaction.start_run(PLAN))
    run = store.unfinished_run(KEY)
    assert run is not None
    assert (run.kind, run.through, run.slices) == (PLAN.kind, PLAN.through, PLAN.slices)
    jobs = store.unfinished_jobs(run)
    assert [job.spec for job in jobs] == list(PLAN.specs)
    chain = PageChain(round=3, rows=2**40, digest=-(2**70), previous=(5, 2**66))
    moved = replace(
        jobs[0],
        state=JobState.READY,
        remote_id="3652397000000646004",
        evaluated_at=NOON,
        count=7,
        more_records=True,
        next_page_token="t",
        failures=2,
        last_error="broken",
    )
    paged = JobSpec(window=WINDOW, page=2, page_token="abc", chain=chain, parent_id=jobs[0].id)

    def record(transaction: Transaction) -> None:
        transaction.record(moved)
        transaction.record(replace(jobs[1], state=JobState.SPLIT))
        transaction.add_jobs(run, [paged])

    changing(store, record)
    again = store.unfinished_jobs(run)
    assert again[0] == moved
    assert [job.spec for job in again] == [PLAN.specs[0], paged]


def test_nothing_of_a_transaction_that_raises_is_kept(subject: Subject) -> None:
    def fail(transaction: Transaction) -> None:
        transaction.start_run(PLAN)
        raise RuntimeError("dies")

    with pytest.raises(RuntimeError, match="dies"):
        changing(subject.store, fail)
    assert subject.store.unfinished_run(KEY) is None


def test_open_jobs_count_what_this_transaction_changed(subject: Subject) -> None:
    seen: list[int] = []

    def count(transaction: Transaction) -> None:
        run = transaction.start_run(PLAN)
        seen.append(transaction.open_jobs(run))
        jobs = transaction.add_jobs(run, [JobSpec(window=WINDOW)])
        transaction.record(replace(jobs[0], state=JobState.LOADED))
        seen.append(transaction.open_jobs(run))

    changing(subject.store, count)
    assert seen == [2, 2]


def test_a_finished_run_is_not_resumed_and_knows_its_totals(subject: Subject) -> None:
    changing(subject.store, lambda transaction: transaction.start_run(replace(PLAN, specs=())))
    run = subject.store.unfinished_run(KEY)
    assert run is not None
    first, second = LoadCounts(read=3, inserted=2, unchanged=1), LoadCounts(read=1, updated=1)

    def finish(transaction: Transaction) -> None:
        transaction.add_counts(run, first)
        transaction.add_counts(run, second)
        assert transaction.finish_run(run, outcome="ok") == first + second

    changing(subject.store, finish)
    assert subject.store.unfinished_run(KEY) is None
    assert subject.finished_counts(run) == first + second


def test_a_stream_is_one_writers_at_a_time_and_an_old_lease_is_void(subject: Subject) -> None:
    store = subject.store
    with store.lease(KEY) as first:
        assert first is not None
        with store.lease(KEY) as second:
            assert second is None
        with store.lease(StreamKey("acme", "Deals")) as other:
            assert other is not None
    with store.lease(KEY) as later:
        assert later is not None
        assert later.epoch > first.epoch
        with pytest.raises(Fenced), store.transaction(first) as transaction:
            transaction.start_run(PLAN)
    assert store.unfinished_run(KEY) is None


def test_streams_and_the_field_map_come_back(subject: Subject) -> None:
    store = subject.store
    assert store.stream(KEY).watermark is None
    stream = replace(
        store.stream(KEY),
        cursor=Cursor.MODIFIED,
        watermark=NOON,
        fill_until=NOON,
        deletes_through=NOON - MINUTE,
        last_full_at=NOON,
        census_at=NOON + MINUTE,
        parked="waits",
        trouble="busy",
    )
    partial = replace(COLUMNS[3], partial=True)

    def change(transaction: Transaction) -> None:
        transaction.update_stream(stream)
        transaction.store_columns(COLUMNS)
        transaction.store_columns([partial])

    changing(store, change)
    assert store.stream(KEY) == stream
    maps: list[tuple[Column, ...]] = []
    changing(store, lambda transaction: maps.append(transaction.field_map()))
    assert maps == [(*COLUMNS[:3], partial)]


def test_replanned_slices_are_those_of_the_run(subject: Subject) -> None:
    changing(subject.store, lambda transaction: transaction.start_run(PLAN))
    run = subject.store.unfinished_run(KEY)
    assert run is not None
    changing(subject.store, lambda transaction: transaction.replan(run, (("Name",),)))
    assert subject.store.unfinished_run(KEY) == replace(run, slices=(("Name",),))


# ---- the warehouse


def test_rows_are_inserted_replaced_by_newer_ones_and_never_by_older(subject: Subject) -> None:
    store = subject.store
    assert load(store, line(1, "a", modified=1), line(2, "b", modified=1), at=5).inserted == 2
    counts = load(store, line(1, "a2", modified=2), line(2, "b", modified=1), line(3, "c", modified=1), at=6)
    assert (counts.read, counts.inserted, counts.updated, counts.unchanged) == (3, 1, 1, 1)
    load(store, line(1, "old", modified=1), at=9)  # an older stamp, though exported later
    load(store, line(3, "old", modified=1), at=5)  # the same stamp, exported earlier
    assert subject.rows() == {1: ("a2", None, True), 2: ("b", None, True), 3: ("c", None, True)}
    load(store, line(3, "c2", modified=1), at=7)  # the same stamp, exported later: Zoho changed it without a stamp
    assert subject.rows()[3] == ("c2", None, True)


def test_one_id_twice_in_a_file_is_one_row_the_newest(subject: Subject) -> None:
    counts = load(subject.store, line(1, "new", modified=3), line(1, "old", modified=1), at=5)
    assert subject.rows() == {1: ("new", None, True)}
    assert counts.read == counts.inserted + counts.updated + counts.unchanged + counts.rejected == 2


def test_a_partial_export_only_fills_in_rows_of_the_same_stamp(subject: Subject) -> None:
    store, header = subject.store, "Id,Modified_Time,City"
    load(store, line(1, "a", modified=1), line(2, "b", modified=1), at=5)

    def part(number: int, city: str, *, modified: int) -> str:
        return f"{number},{(NOON + modified * MINUTE).isoformat()},{city}"

    load(
        store,
        part(1, "Rome", modified=1),
        part(2, "Oslo", modified=2),
        part(3, "Bonn", modified=1),
        at=6,
        whole=False,
        header=header,
    )
    assert subject.rows() == {1: ("a", "Rome", True), 2: ("b", None, True)}
    load(store, part(1, "Lima", modified=1), at=5, whole=False, header=header)  # exported before what is stored
    assert subject.rows()[1] == ("a", "Rome", True)


def test_a_tombstone_is_lifted_only_by_an_export_made_after_the_delete(subject: Subject) -> None:
    store = subject.store
    load(store, line(1, "a", modified=1), line(2, "b", modified=1), at=5)
    marked: list[int] = []
    deletions = [Deletion(1, NOON + 7 * MINUTE), Deletion(2, NOON + 4 * MINUTE), Deletion(99, NOON + 7 * MINUTE)]
    changing(store, lambda transaction: marked.append(transaction.tombstone(TABLE, deletions)))
    changing(store, lambda transaction: marked.append(transaction.tombstone(TABLE, deletions)))
    # 2 was exported after its delete: it lives again. 99 was never here.
    assert marked == [1, 0]
    assert subject.rows() == {1: ("a", None, False), 2: ("b", None, True)}
    load(store, line(1, "a", modified=1), at=6)
    assert not subject.rows()[1][2]
    assert load(store, line(1, "a", modified=1), at=8).updated == 1
    assert subject.rows()[1] == ("a", None, True)


def test_staging_counts_rows_and_knows_the_middle_stamp(subject: Subject) -> None:
    def created(number: int, minute: int) -> str:
        return f"{number},{(NOON + minute * MINUTE).isoformat()},{NOON.isoformat()},x,"

    digests: list[int] = []

    def stage(transaction: Transaction) -> None:
        transaction.store_columns(COLUMNS)
        for lines in ([created(1, 0), created(2, 5), created(3, 9)], [created(3, 1), created(1, 1), created(2, 1)]):
            staged = transaction.stage(csv(*lines), cursor="Created_Time")
            digests.append(staged.digest)
            assert staged.rows == 3
            assert staged.header == ("Id", "Created_Time", "Modified_Time", "Name", "City")
            assert staged.median_stamp == NOON + (5 if len(digests) == 1 else 1) * MINUTE
        digests.append(transaction.stage(csv(created(1, 0), created(2, 5)), cursor="").digest)
        empty = transaction.stage(csv(), cursor="Created_Time")
        assert (empty.rows, empty.median_stamp) == (0, None)

    changing(subject.store, stage)
    assert digests[0] == digests[1] != digests[2]


def test_a_tombstone_for_a_table_that_is_not_there_marks_nothing(subject: Subject) -> None:
    marked: list[int] = []
    changing(subject.store, lambda transaction: marked.append(transaction.tombstone(TABLE, [Deletion(1, NOON)])))
    assert marked == [0]


def test_finished_jobs_stay_finished(subject: Subject) -> None:
    jobs: list[Job] = []

    def plan(transaction: Transaction) -> None:
        run = transaction.start_run(PLAN)
        jobs.extend(transaction.add_jobs(run, [JobSpec(window=WINDOW)]))
        transaction.record(replace(jobs[0], state=JobState.LOADED))

    changing(subject.store, plan)
    run = subject.store.unfinished_run(KEY)
    assert run is not None
    assert jobs[0].id not in {job.id for job in subject.store.unfinished_jobs(run)}


# ---- the census

STAMPS = "Id,Created_Time,Modified_Time"


def count_records(
    store: Store, *seen: tuple[int, int], at: int, through: int = 60, settled: int = 30
) -> tuple[Run, Comparison]:
    """A census that saw `(id, minute of Modified_Time)` in one export; compared, and left open in the ledger."""
    found: list[tuple[Run, Comparison]] = []

    def census(transaction: Transaction) -> None:
        run = store.unfinished_run(KEY)
        if run is not None:
            transaction.finish_run(run, outcome="ok")
        run = transaction.start_run(replace(PLAN, kind=RunKind.CENSUS, specs=()))
        (job,) = transaction.add_jobs(run, [JobSpec(window=WINDOW)])
        moment = NOON + at * MINUTE
        lines = [f"{number},{NOON.isoformat()},{(NOON + minute * MINUTE).isoformat()}" for number, minute in seen]
        staged = transaction.stage(csv(*lines, header=STAMPS), cursor="")
        counts = transaction.note_present(run, staged, COLUMNS[:2], stamp="Modified_Time", evaluated_at=moment)
        assert (counts.read, counts.unchanged) == (len(seen), len(seen))
        transaction.record(replace(job, state=JobState.LOADED, remote_id="1", evaluated_at=moment, count=len(seen)))
        scope = Scope(cursor=Cursor.MODIFIED, settled=NOON + settled * MINUTE, created_through=NOON + through * MINUTE)
        found.append((run, transaction.compare_present(run, TABLE, scope)))

    changing(store, census)
    return found[0]


def here(store: Store) -> None:
    """Rows 1 to 4, exported at minute 5."""
    changing(store, lambda transaction: transaction.store_columns(COLUMNS))
    load(store, *(line(number, "a", modified=1) for number in (1, 2, 3, 4)), at=5)


def test_a_census_tells_missing_extra_and_stale_rows(subject: Subject) -> None:
    here(subject.store)
    _, found = count_records(subject.store, (1, 1), (2, 7), (3, 1), (5, 9), (6, 9), at=20)
    assert (found.exported, found.here, found.missing, found.extra, found.stale) == (5, 4, 2, 1, 1)
    assert found.moment == NOON + 20 * MINUTE
    assert (found.spans[0][0], found.spans[-1][1]) == (NOON + 7 * MINUTE, NOON + 9 * MINUTE)
    assert subject.rows()[2] == ("a", None, True)


def test_what_had_not_settled_is_no_finding(subject: Subject) -> None:
    here(subject.store)
    # 2 was changed and 5 created after the watermark: both are for the next catch-up.
    _, found = count_records(subject.store, (1, 1), (2, 31), (3, 1), (4, 1), (5, 31), at=40)
    assert (found.missing, found.extra, found.stale, found.spans) == (0, 0, 0, ())
    # Rows that were stored after the census began, and rows created after its end, are not missed by it.
    _, found = count_records(subject.store, at=4)
    assert (found.here, found.extra) == (0, 0)
    _, found = count_records(subject.store, at=40, through=-1)
    assert (found.here, found.extra) == (0, 0)


def test_only_extra_rows_are_marked_deleted_and_a_later_export_lifts_that(subject: Subject) -> None:
    store = subject.store
    here(store)

    def census(transaction: Transaction) -> None:
        run = transaction.start_run(replace(PLAN, kind=RunKind.CENSUS, specs=()))
        (job,) = transaction.add_jobs(run, [JobSpec(window=WINDOW)])
        staged = transaction.stage(csv(f"1,{NOON.isoformat()},", header=STAMPS), cursor="")
        moment = NOON + 20 * MINUTE
        transaction.note_present(run, staged, COLUMNS[:2], stamp="Modified_Time", evaluated_at=moment)
        transaction.record(replace(job, state=JobState.LOADED, remote_id="1", evaluated_at=moment, count=1))
        found = transaction.compare_present(run, TABLE, Scope(cursor=None, settled=None, created_through=None))
        assert (found.extra, found.missing, found.stale) == (3, 0, 0)
        assert transaction.tombstone_absent(TABLE, found.moment) == 3

    changing(store, lambda transaction: transaction.finish_run(unfinished(store), outcome="ok"))
    changing(store, census)
    assert [row[2] for _, row in sorted(subject.rows().items())] == [True, False, False, False]
    load(store, line(2, "a", modified=1), at=20)
    assert not subject.rows()[2][2]
    load(store, line(2, "a", modified=1), at=21)
    assert subject.rows()[2] == ("a", None, True)


def unfinished(store: Store) -> Run:
    run = store.unfinished_run(KEY)
    assert run is not None
    return run


def test_a_tombstone_is_missing_only_where_a_later_export_shows_the_record(subject: Subject) -> None:
    store = subject.store
    here(store)
    deletions = [Deletion(1, NOON + 10 * MINUTE), Deletion(2, NOON + 20 * MINUTE)]
    changing(store, lambda transaction: transaction.tombstone(TABLE, deletions))
    _, found = count_records(store, (1, 1), (2, 1), (3, 1), (4, 1), at=15)
    assert (found.missing, found.extra, found.stale, found.here) == (1, 0, 0, 2)


def test_of_several_exports_of_one_record_the_last_one_counts(subject: Subject) -> None:
    store = subject.store
    here(store)
    run, _ = count_records(store, (1, 9), (2, 1), (3, 1), (4, 1), (4, 1), at=20)

    def again(transaction: Transaction, minute: int, at: int) -> None:
        staged = transaction.stage(csv(f"1,,{(NOON + minute * MINUTE).isoformat()}", header=STAMPS), cursor="")
        moment = NOON + at * MINUTE
        transaction.note_present(run, staged, COLUMNS[:2], stamp="Modified_Time", evaluated_at=moment)

    def compared(transaction: Transaction) -> None:
        scope = Scope(cursor=Cursor.MODIFIED, settled=NOON + 30 * MINUTE, created_through=None)
        stale.append(transaction.compare_present(run, TABLE, scope).stale)

    stale: list[int] = []
    changing(store, lambda transaction: again(transaction, 1, 19))
    changing(store, compared)
    changing(store, lambda transaction: again(transaction, 1, 21))
    changing(store, compared)
    assert stale == [1, 0]


def test_a_census_is_remembered_and_what_it_noted_is_forgotten(subject: Subject) -> None:
    store = subject.store
    here(store)
    run, found = count_records(store, (1, 1), at=20)
    assert store.census(run) is None
    line_of = Census(
        run_id=run.id, stream=KEY, at=NOON, compared=4, missing=1, extra=3, stale=0, refused_deletes=3, reason="many"
    )
    changing(store, lambda transaction: transaction.close_census(run, line_of))
    assert store.census(run) == line_of
    assert found.extra == 3
    again: list[Comparison] = []
    scope = Scope(cursor=Cursor.MODIFIED, settled=NOON, created_through=None)
    changing(store, lambda transaction: again.append(transaction.compare_present(run, TABLE, scope)))
    assert again[0].exported == 0
