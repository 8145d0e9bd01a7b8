"""The ledger gives back what it was given, refuses what cannot be true, and changes nothing by halves."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.model import (
    Column,
    Cursor,
    Job,
    JobSpec,
    JobState,
    Lease,
    LoadCounts,
    PageChain,
    RunKind,
    RunPlan,
    Stream,
    StreamKey,
    Window,
)
from syncd.errors import NeedsOperator, Unreachable
from syncd.postgres import records
from syncd.postgres.ledger import PostgresStore
from syncd.postgres.pool import Pool
from syncd.postgres.queries import QUERIES
from syncd.sync.ports import Store

DEALS = StreamKey("acme", "Deals")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = Window(Cursor.MODIFIED, NOON - timedelta(hours=1), NOON)


@pytest.fixture
def store(dsn: str) -> Iterator[PostgresStore]:
    pool = Pool(dsn)
    yield PostgresStore(pool)
    pool.close()


@pytest.fixture
def lease(store: PostgresStore) -> Iterator[Lease]:
    with store.lease(DEALS) as taken:
        assert taken is not None
        yield taken


def plan(*specs: JobSpec, kind: RunKind = RunKind.CATCH_UP, through: datetime | None = NOON) -> RunPlan:
    return RunPlan(stream=DEALS, kind=kind, through=through, slices=(("Id", "Näme"), ("Amount",)), specs=specs)


def started(store: PostgresStore, lease: Lease, *specs: JobSpec) -> tuple[Job, ...]:
    with store.transaction(lease) as transaction:
        run = transaction.start_run(plan(*specs))
    return store.unfinished_jobs(run)


def test_the_store_is_what_a_run_asks_for(store: PostgresStore) -> None:
    contract: Store = store
    assert contract.stream(DEALS) == Stream(key=DEALS)


# ------------------------------------------------------------------------------------------------------- runs and jobs


def test_a_run_comes_back_as_it_was_planned(store: PostgresStore, lease: Lease) -> None:
    assert store.unfinished_run(DEALS) is None
    specs = (
        JobSpec(window=HOUR),
        JobSpec(window=HOUR, slice=1, page=3, page_token="tok"),
        JobSpec(window=None, chain=PageChain(round=2, rows=7, digest=2**70, previous=(9, -(2**65)))),
    )
    with store.transaction(lease) as transaction:
        run = transaction.start_run(plan(*specs))
        assert transaction.open_jobs(run) == 3
    assert store.unfinished_run(DEALS) == run
    assert (run.kind, run.through, run.slices) == (RunKind.CATCH_UP, NOON, (("Id", "Näme"), ("Amount",)))
    jobs = store.unfinished_jobs(run)
    assert tuple(job.spec for job in jobs) == specs
    assert all((job.state, job.run_id, job.stream) == (JobState.PLANNED, run.id, DEALS) for job in jobs)


def test_a_rolled_back_run_never_was(store: PostgresStore, lease: Lease) -> None:
    def given_up() -> None:
        with store.transaction(lease) as transaction:
            transaction.start_run(plan(JobSpec(window=HOUR)))
            raise KeyError("anything")

    with pytest.raises(KeyError):
        given_up()
    assert store.unfinished_run(DEALS) is None


def test_a_session_lost_before_the_commit_leaves_nothing_and_says_so(
    store: PostgresStore, lease: Lease, connection: psycopg.Connection[Any]
) -> None:
    def cut_off() -> None:
        with store.transaction(lease) as transaction:
            transaction.start_run(plan(JobSpec(window=HOUR)))
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE application_name = 'syncd:acme/Deals'"
            )

    with pytest.raises(Unreachable):
        cut_off()
    assert store.unfinished_run(DEALS) is None
    started(store, lease, JobSpec(window=HOUR))


def test_a_stream_has_one_unfinished_run(store: PostgresStore, lease: Lease) -> None:
    started(store, lease, JobSpec(window=HOUR))
    with pytest.raises(NeedsOperator, match="sync_run_one_unfinished"), store.transaction(lease) as transaction:
        transaction.start_run(plan())


def test_jobs_move_and_drop_out_when_they_are_finished(store: PostgresStore, lease: Lease) -> None:
    one, two = started(store, lease, JobSpec(window=HOUR), JobSpec(window=HOUR))
    ready = replace(
        one,
        state=JobState.READY,
        remote_id="1000000000000000001",
        evaluated_at=NOON + timedelta(microseconds=5),
        count=200_000,
        more_records=True,
        next_page_token="next",
        failures=2,
        last_error="a% 'quoted' reason",
    )
    with store.transaction(lease) as transaction:
        transaction.record(ready)
    run = store.unfinished_run(DEALS)
    assert run is not None
    assert store.unfinished_jobs(run) == (ready, two)
    halves = (JobSpec(window=HOUR, parent_id=one.id), JobSpec(window=HOUR, parent_id=one.id))
    with store.transaction(lease) as transaction:
        transaction.record(replace(ready, state=JobState.SPLIT))
        more = transaction.add_jobs(run, halves)
        assert transaction.open_jobs(run) == 3
    assert tuple(job.spec for job in more) == halves
    assert store.unfinished_jobs(run) == (two, *more)
    assert [job.id for job in more] == sorted(job.id for job in more)


def test_counts_add_up_and_the_end_returns_them(store: PostgresStore, lease: Lease) -> None:
    started(store, lease)
    run = store.unfinished_run(DEALS)
    assert run is not None
    counts = LoadCounts(read=28, inserted=1, updated=2, unchanged=4, rejected=21, bad_values=16, deleted=32)
    with store.transaction(lease) as transaction:
        transaction.add_counts(run, counts)
    with store.transaction(lease) as transaction:
        transaction.add_counts(run, counts)
        assert transaction.finish_run(run, outcome="ok") == counts + counts
    assert store.unfinished_run(DEALS) is None


def test_runs_past_keeping_are_forgotten_a_few_at_a_time(
    store: PostgresStore, lease: Lease, connection: psycopg.Connection[Any]
) -> None:
    for _ in range(25):
        started(store, lease, JobSpec(window=None), JobSpec(window=None))
        with store.transaction(lease) as transaction:
            run = store.unfinished_run(DEALS)
            assert run is not None
            transaction.finish_run(run, outcome="ok")
    first = connection.execute("SELECT min(id) FROM syncd.sync_run").fetchone()
    assert first is not None
    connection.execute(
        "UPDATE syncd.bulk_job j SET parent_id = p.id FROM syncd.bulk_job p WHERE p.run_id = j.run_id AND p.id < j.id"
    )
    connection.execute(
        "UPDATE syncd.sync_run SET started_at = started_at - interval '91 days',"
        " finished_at = finished_at - interval '91 days' WHERE id < %s + 23",
        [first[0]],
    )
    left = []
    for _ in range(3):
        started(store, lease)
        with store.transaction(lease) as transaction:
            run = store.unfinished_run(DEALS)
            assert run is not None
            transaction.finish_run(run, outcome="ok")
        left.append(connection.execute("SELECT count(*) FROM syncd.sync_run").fetchone())
    assert left == [(6,), (4,), (5,)]
    assert connection.execute("SELECT count(*) FROM syncd.bulk_job").fetchone() == (4,)


def test_slices_change_without_a_refused_field(store: PostgresStore, lease: Lease) -> None:
    started(store, lease, JobSpec(window=HOUR))
    run = store.unfinished_run(DEALS)
    assert run is not None
    with store.transaction(lease) as transaction:
        changed = transaction.replan(run, (("Id",),))
    assert changed == replace(run, slices=(("Id",),))
    assert store.unfinished_run(DEALS) == changed


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": JobState.ACCEPTED},  # Zoho's id is missing
        {"state": JobState.FETCHED, "remote_id": "1", "evaluated_at": NOON},  # Zoho's count is missing
        {"state": JobState.PLANNED, "failures": -1},
    ],
)
def test_a_job_that_cannot_be_is_refused(store: PostgresStore, lease: Lease, wrong: dict[str, Any]) -> None:
    (job,) = started(store, lease, JobSpec(window=HOUR))
    with pytest.raises(NeedsOperator, match="CheckViolation"), store.transaction(lease) as transaction:
        transaction.record(replace(job, **wrong))


@pytest.mark.parametrize(
    "window",
    [
        Window(Cursor.MODIFIED, NOON, NOON - timedelta(seconds=1)),
        Window(Cursor.MODIFIED, NOON, NOON + timedelta(milliseconds=1500)),
    ],
)
def test_a_window_is_whole_seconds_in_order(store: PostgresStore, lease: Lease, window: Window) -> None:
    with pytest.raises(NeedsOperator, match="bulk_job_w"), store.transaction(lease) as transaction:
        transaction.start_run(plan(JobSpec(window=window)))


def test_a_transaction_writes_no_stream_but_its_own(store: PostgresStore, lease: Lease) -> None:
    (job,) = started(store, lease, JobSpec(window=HOUR))
    with pytest.raises(ValueError, match="cannot write"), store.transaction(lease) as transaction:
        transaction.update_stream(Stream(key=StreamKey("acme", "Leads")))
    with pytest.raises(ValueError, match="cannot write"), store.transaction(lease) as transaction:
        transaction.record(replace(job, stream=StreamKey("acme", "Leads")))


moments = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2100, 1, 1)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)
windows = st.builds(
    lambda cursor, one, two: Window(cursor, min(one, two), max(one, two)), st.sampled_from(Cursor), moments, moments
)
pairs = st.tuples(st.integers(0, 2**40), st.integers(-(2**80), 2**80))
chains = st.builds(
    PageChain,
    round=st.integers(1, 100),
    rows=st.integers(0, 2**40),
    digest=st.integers(-(2**80), 2**80),
    previous=st.none() | pairs,
)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
specs = st.builds(
    JobSpec,
    window=st.none() | windows,
    slice=st.integers(0, 50),
    page=st.integers(1, 10**6),
    page_token=texts,
    chain=st.none() | chains,
)


def test_any_spec_comes_back_equal(store: PostgresStore, lease: Lease) -> None:
    started(store, lease)
    run = store.unfinished_run(DEALS)
    assert run is not None

    @given(st.lists(specs, max_size=4))
    def comes_back(wanted: list[JobSpec]) -> None:
        with store.transaction(lease) as transaction:
            added = transaction.add_jobs(run, wanted)
        assert [job.spec for job in added] == wanted
        stored = {job.id: job for job in store.unfinished_jobs(run)}
        assert [stored[job.id] for job in added] == list(added)

    comes_back()


# ------------------------------------------------------------------------------------------------------- the stream


def test_a_stream_keeps_all_it_is_told(store: PostgresStore, lease: Lease) -> None:
    known = Stream(
        key=DEALS,
        cursor=Cursor.CREATED,
        watermark=NOON,
        fill_until=NOON - timedelta(days=1),
        deletes_through=NOON - timedelta(minutes=5),
        last_full_at=NOON - timedelta(days=2),
        parked="the field Amount was refused",
    )
    with store.transaction(lease) as transaction:
        transaction.update_stream(known)
    assert store.stream(DEALS) == known
    with store.transaction(lease) as transaction:
        transaction.update_stream(replace(known, cursor=None, parked=""))
    assert store.stream(DEALS) == replace(known, cursor=None, parked="")


@pytest.mark.parametrize("lower", [NOON - timedelta(microseconds=1), None])
def test_the_watermark_never_goes_back(store: PostgresStore, lease: Lease, lower: datetime | None) -> None:
    with store.transaction(lease) as transaction:
        transaction.update_stream(Stream(key=DEALS, watermark=NOON))
    with pytest.raises(NeedsOperator), store.transaction(lease) as transaction:
        transaction.update_stream(Stream(key=DEALS, watermark=lower))
    assert store.stream(DEALS).watermark == NOON


def test_the_epoch_never_goes_back(lease: Lease, connection: psycopg.Connection[Any]) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("UPDATE syncd.stream SET epoch = 0")


def test_an_operator_may_rewind_by_saying_so(
    store: PostgresStore, lease: Lease, connection: psycopg.Connection[Any]
) -> None:
    with store.transaction(lease) as transaction:
        transaction.update_stream(Stream(key=DEALS, watermark=NOON))
    with connection.transaction():
        connection.execute("SET LOCAL syncd.rewind = 'on'")
        connection.execute("UPDATE syncd.stream SET watermark = NULL")
    assert store.stream(DEALS).watermark is None


def test_a_pause_survives_a_run_that_read_the_stream_before_it(store: PostgresStore, lease: Lease) -> None:
    before = store.stream(DEALS)
    store.pause(DEALS, paused=True)
    with store.transaction(lease) as transaction:
        transaction.update_stream(replace(before, watermark=NOON))
    assert store.stream(DEALS).paused
    store.pause(DEALS, paused=False)
    assert store.stream(DEALS) == Stream(key=DEALS, watermark=NOON)


def test_a_stream_that_never_ran_can_be_paused_and_parked(store: PostgresStore) -> None:
    store.pause(DEALS, paused=True)
    store.park(DEALS, "ask the accountant")
    assert store.stream(DEALS) == Stream(key=DEALS, paused=True, parked="ask the accountant")
    store.park(DEALS, "")
    assert store.stream(DEALS).parked == ""


# ------------------------------------------------------------------------------------------------------- field map


def test_the_field_map_keeps_order_and_takes_changes(store: PostgresStore, lease: Lease) -> None:
    lines = [
        Column(field="Id", name="id", type="bigint"),
        Column(field="Deal_Name", name="deal_name", type="text", zoho_type="text", label="Déal"),
        Column(field="Account_Name", name="account_name", type="bigint", lookup_module="Accounts", partial=True),
        Column(field="Address", name="address", type="text", refused="FIELD_NOT_SUPPORTED"),
    ]
    with store.transaction(lease) as transaction:
        transaction.store_columns(lines)
        assert list(transaction.field_map()) == lines
    lines[2] = replace(lines[2], partial=False)
    more = Column(field="Deal_Name", name="deal_name__text", type="text")
    with store.transaction(lease) as transaction:
        transaction.store_columns([*lines, more])
    with store.transaction(lease) as transaction:
        assert list(transaction.field_map()) == [*lines, more]


def test_lines_that_are_there_are_not_written_again(
    store: PostgresStore, lease: Lease, connection: psycopg.Connection[Any]
) -> None:
    """Or lanes that store the same columns would wait for each other through a whole load."""
    lines = [Column(field="Id", name="id", type="bigint")]
    with store.transaction(lease) as transaction:
        transaction.store_columns(lines)
    with store.transaction(lease) as one, store.transaction(lease) as two:
        one.store_columns(lines)
        two.store_columns(lines)
        assert not one._one(QUERIES["wrote_anything"], {})["wrote"]


def test_a_table_belongs_to_one_stream(store: PostgresStore, lease: Lease) -> None:
    put = {"schema": "zoho", "name": "deals"}
    with store.transaction(lease) as transaction:
        transaction._connection.execute(QUERIES["table_put"], {**records.key_parameters(DEALS), **put})
    with store.lease(StreamKey("acme", "Leads")) as other:
        assert other is not None
        with pytest.raises(NeedsOperator, match="warehouse_table"), store.transaction(other) as transaction:
            transaction._connection.execute(QUERIES["table_put"], {**records.key_parameters(other.stream), **put})


# ------------------------------------------------------------------------------------------------------- rejected rows


def test_the_same_bad_value_is_kept_once(lease: Lease, connection: psycopg.Connection[Any]) -> None:
    insert = (
        'INSERT INTO syncd.rejected_row (org, module, job_id, line, record_id, "column", value, reason, raw)'
        " VALUES ('acme', 'Deals', %s, %s, %s, %s, %s, 'bad', %s) ON CONFLICT DO NOTHING"
    )
    first: list[tuple[object, ...]] = [
        (1, 1, 7, "amount", "12,50 EUR", None),
        (1, 2, 8, "amount", "12,50 EUR", None),
        (1, 1, 7, "amount", "13,50 EUR", None),
        (1, 1, 7, "probability", "12,50 EUR", None),
        (1, 3, None, "", None, "x" * 100_000),
        (1, 4, None, "", None, "x" * 99_999),
    ]
    again = [(2, 9, *row[2:]) for row in first]
    for row in [*first, *again]:
        connection.execute(insert, row)
    assert connection.execute("SELECT count(*), max(job_id) FROM syncd.rejected_row").fetchone() == (len(first), 1)
