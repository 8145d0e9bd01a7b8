"""One writer per stream: who gets the lease, what happens when it moves, and lanes that share one."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from syncd.core.model import (
    Column,
    Cursor,
    Job,
    JobSpec,
    JobState,
    Lease,
    LoadCounts,
    Run,
    RunKind,
    RunPlan,
    StreamKey,
    Table,
    Window,
)
from syncd.errors import Fenced, TryLater, Unreachable
from syncd.postgres.ledger import PostgresStore
from syncd.postgres.pool import LOCK_TIMEOUT, Pool
from syncd.postgres.transaction import PostgresTransaction

DEALS = StreamKey("acme", "Deals")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = Window(Cursor.MODIFIED, NOON - timedelta(hours=1), NOON)
PATIENCE = 20.0


@pytest.fixture
def pool(dsn: str) -> Iterator[Pool]:
    opened = Pool(dsn)
    yield opened
    opened.close()


@pytest.fixture
def store(pool: Pool) -> PostgresStore:
    return PostgresStore(pool)


@pytest.fixture
def other(dsn: str) -> Iterator[PostgresStore]:
    """What another process would be: a store with connections and leases of its own."""
    opened = Pool(dsn)
    yield PostgresStore(opened)
    opened.close()


def plan(jobs: int = 1) -> RunPlan:
    return RunPlan(
        stream=DEALS, kind=RunKind.CATCH_UP, through=NOON, slices=(("Id",),), specs=(JobSpec(window=HOUR),) * jobs
    )


def fetched(job: Job) -> Job:
    return replace(job, state=JobState.FETCHED, remote_id="1", evaluated_at=NOON, count=1)


def loaded(job: Job) -> Job:
    return replace(fetched(job), state=JobState.LOADED)


def end_session(connection: psycopg.Connection[Any], application_name: str) -> None:
    ended = connection.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = %s", [application_name]
    ).fetchall()
    assert ended == [(True,)]


def run_started(store: PostgresStore, lease: Lease, jobs: int = 1) -> tuple[Run, tuple[Job, ...]]:
    with store.transaction(lease) as transaction:
        run = transaction.start_run(plan(jobs))
    return run, store.unfinished_jobs(run)


# ------------------------------------------------------------------------------------------------------- the lease


def test_a_lease_makes_the_stream_and_counts_up(store: PostgresStore) -> None:
    with store.lease(DEALS) as first:
        assert first == Lease(DEALS, 1)
    with store.lease(DEALS) as second:
        assert second == Lease(DEALS, 2)


def test_another_process_and_another_thread_get_none(store: PostgresStore, other: PostgresStore) -> None:
    with store.lease(DEALS) as mine, other.lease(DEALS) as theirs, store.lease(DEALS) as again:
        assert (mine, theirs, again) == (Lease(DEALS, 1), None, None)
    with other.lease(DEALS) as theirs:
        assert theirs is not None


def test_streams_do_not_stand_in_each_others_way(store: PostgresStore) -> None:
    with ExitStack() as stack:
        for key in (DEALS, StreamKey("acme", "Leads"), StreamKey("other", "Deals")):
            assert stack.enter_context(store.lease(key)) == Lease(key, 1)


def test_a_lease_is_given_back_when_its_block_fails(store: PostgresStore, other: PostgresStore) -> None:
    def fail() -> None:
        with store.lease(DEALS):
            raise KeyError("anything")

    with pytest.raises(KeyError):
        fail()
    with other.lease(DEALS) as theirs:
        assert theirs is not None


def test_a_lease_that_was_given_back_is_worth_nothing(store: PostgresStore) -> None:
    with store.lease(DEALS) as lease:
        assert lease is not None
    with pytest.raises(Fenced), store.transaction(lease):
        pass


def test_the_lease_of_one_store_is_worth_nothing_in_another(store: PostgresStore, other: PostgresStore) -> None:
    with store.lease(DEALS) as lease:
        assert lease is not None
        with pytest.raises(Fenced), other.transaction(lease):
            pass


def test_a_lost_session_frees_the_lease_and_stops_its_holder(
    store: PostgresStore, other: PostgresStore, connection: psycopg.Connection[Any]
) -> None:
    with store.lease(DEALS) as lease:
        assert lease is not None
        end_session(connection, "syncd:acme/Deals lease")
        with pytest.raises(Unreachable), store.transaction(lease):
            pass
        with other.lease(DEALS) as theirs:
            assert theirs == Lease(DEALS, 2)


# ------------------------------------------------------------------------------------------------------- the fence


def moved_away(connection: psycopg.Connection[Any], other: PostgresStore, stack: ExitStack) -> Lease:
    """Let the lease of DEALS go to `other`, as after a network failure that its holder has not noticed."""
    end_session(connection, "syncd:acme/Deals lease")
    lease = stack.enter_context(other.lease(DEALS))
    assert lease is not None
    return lease


Write = Callable[[PostgresTransaction, Run, Job], object]
WRITES: dict[str, Write] = {
    "record": lambda transaction, run, job: transaction.record(fetched(job)),
    "add_jobs": lambda transaction, run, job: transaction.add_jobs(run, [JobSpec(window=None)]),
    "add_counts": lambda transaction, run, job: transaction.add_counts(run, LoadCounts(read=1)),
    "replan": lambda transaction, run, job: transaction.replan(run, (("Id", "Name"),)),
    "open_jobs": lambda transaction, run, job: transaction.open_jobs(run),
    "finish_run": lambda transaction, run, job: transaction.finish_run(run, outcome="ok"),
}


@pytest.mark.parametrize("name", WRITES)
def test_an_open_transaction_is_fenced_at_its_next_write(
    store: PostgresStore, other: PostgresStore, connection: psycopg.Connection[Any], name: str
) -> None:
    with ExitStack() as stack, store.lease(DEALS) as lease:
        assert lease is not None
        run, (job,) = run_started(store, lease)

        def write_late() -> None:
            with store.transaction(lease) as transaction:
                moved_away(connection, other, stack)
                WRITES[name](transaction, run, job)

        with pytest.raises(Fenced):
            write_late()
        assert other.unfinished_jobs(run) == (job,)


def test_what_was_written_without_the_ledger_is_fenced_at_the_commit(
    store: PostgresStore, other: PostgresStore, connection: psycopg.Connection[Any]
) -> None:
    """The warehouse's half of a transaction knows nothing of epochs."""
    connection.execute("CREATE TABLE public.deals (id int)")
    with ExitStack() as stack, store.lease(DEALS) as lease:
        assert lease is not None

        def write_rows() -> None:
            with store.transaction(lease) as transaction:
                transaction._connection.execute("INSERT INTO public.deals VALUES (1)")
                moved_away(connection, other, stack)

        with pytest.raises(Fenced):
            write_rows()
    assert connection.execute("SELECT count(*) FROM public.deals").fetchone() == (0,)


def test_a_moved_lease_is_noticed_on_entering(store: PostgresStore, connection: psycopg.Connection[Any]) -> None:
    with store.lease(DEALS) as lease:
        assert lease is not None
        connection.execute("UPDATE syncd.stream SET epoch = epoch + 1")
        with pytest.raises(Fenced) as raised, store.transaction(lease):
            pass
    assert raised.value.fix


def test_a_new_lease_waits_for_a_commit_that_has_passed_the_fence(
    store: PostgresStore, other: PostgresStore, connection: psycopg.Connection[Any]
) -> None:
    """Between the last comparison and the commit nobody can take the lease: that is what the row lock is for."""
    taken: list[Lease | None] = []

    def take() -> None:
        with other.lease(DEALS) as theirs:
            taken.append(theirs)

    with store.lease(DEALS) as lease:
        assert lease is not None
        run, (job,) = run_started(store, lease)
        with store.transaction(lease) as transaction:
            transaction.record(fetched(job))
            end_session(connection, "syncd:acme/Deals lease")
            thread = threading.Thread(target=take)
            thread.start()
            wait_for_lock(connection)
            assert taken == []
        thread.join(PATIENCE)
    assert taken == [Lease(DEALS, 2)]
    assert [found.state for found in other.unfinished_jobs(run)] == [JobState.FETCHED]


def wait_for_lock(connection: psycopg.Connection[Any], sessions: int = 1) -> None:
    """Return once as many sessions as that wait for a lock."""
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.01)):
        found = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        ).fetchone()
        if found == (sessions,):
            return
        pause.wait(0.01)
    pytest.fail("nobody waits for a lock")


# --------------------------------------------------------------------------------------------------------- the lanes


def test_lanes_of_one_stream_load_side_by_side(store: PostgresStore, connection: psycopg.Connection[Any]) -> None:
    """Each lane stands in the middle of its load until all do: impossible if a load held the stream's row."""
    lanes = 4
    connection.execute("CREATE TABLE public.deals (id int)")
    together = threading.Barrier(lanes)

    def load(lease: Lease, run: Run, job: Job) -> int:
        with store.transaction(lease) as transaction:
            transaction._connection.execute("INSERT INTO public.deals VALUES (%s)", [job.id])
            transaction.field_map()
            together.wait(PATIENCE)
            transaction.record(loaded(job))
            transaction.add_counts(run, LoadCounts(read=10, inserted=10))
            left = transaction.open_jobs(run)
            if left == 0:
                assert transaction.finish_run(run, outcome="ok") == LoadCounts(read=40, inserted=40)
        return left

    with store.lease(DEALS) as lease, ThreadPoolExecutor(lanes) as executor:
        assert lease is not None
        for _ in range(5):
            run, jobs = run_started(store, lease, lanes)
            left = executor.map(lambda job, run=run: load(lease, run, job), jobs)
            assert sorted(left) == [0, 1, 2, 3]
            assert store.unfinished_run(DEALS) is None


def test_lanes_that_meet_a_new_table_together_all_load(
    store: PostgresStore, connection: psycopg.Connection[Any]
) -> None:
    lanes = 4
    together = threading.Barrier(lanes)
    table = Table(schema="zoho", name="deals", label="Deals")
    columns = (
        Column(field="Modified_Time", name="modified_time", type="timestamptz"),
        Column(field="Amount", name="amount", type="numeric"),
    )

    def load(lease: Lease, run: Run, job: Job) -> LoadCounts:
        rows = b"Id,Modified_Time,Amount\n%d,2026-03-01T11:30:00+00:00,5\n1,2026-03-01T11:30:00+00:00,5\n" % (
            job.id + 1
        )
        with store.transaction(lease) as transaction:
            assert transaction.field_map() == ()
            staged = transaction.stage([rows], cursor="")
            together.wait(PATIENCE)
            transaction.store_columns(columns)
            transaction.evolve(table, columns)
            counts = transaction.merge(table, staged, columns, job=job, evaluated_at=NOON, whole=True)
            transaction.record(loaded(job))
            transaction.add_counts(run, counts)
            if transaction.open_jobs(run) == 0:
                transaction.finish_run(run, outcome="ok")
        return counts

    with store.lease(DEALS) as lease, ThreadPoolExecutor(lanes) as executor:
        assert lease is not None
        run, jobs = run_started(store, lease, lanes)
        done = sum(executor.map(lambda job: load(lease, run, job), jobs), LoadCounts())
        assert store.unfinished_run(DEALS) is None
    assert (done.read, done.inserted, done.unchanged) == (8, 5, 3)
    assert connection.execute("SELECT count(*), sum(amount) FROM zoho.deals").fetchone() == (5, 25)
    assert connection.execute("SELECT table_name FROM syncd.module_status").fetchone() == ("deals",)


def test_of_two_lanes_that_finish_last_one_sees_zero(store: PostgresStore, connection: psycopg.Connection[Any]) -> None:
    with store.lease(DEALS) as lease, ThreadPoolExecutor(1) as executor:
        assert lease is not None
        run, (one, two) = run_started(store, lease, 2)

        def late_lane() -> int:
            with store.transaction(lease) as transaction:
                transaction.record(loaded(two))
                return transaction.open_jobs(run)

        late: Future[int]
        with store.transaction(lease) as transaction:
            transaction.record(loaded(one))
            late = executor.submit(late_lane)
            wait_for_lock(connection)
            assert transaction.open_jobs(run) == 1
        assert late.result(PATIENCE) == 0


def test_a_lane_that_waits_too_long_for_its_turn_tries_later(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncd.postgres.transaction._PATIENT", b"SET LOCAL lock_timeout = '10ms'")
    with store.lease(DEALS) as lease, ThreadPoolExecutor(1) as executor:
        assert lease is not None
        run, (job,) = run_started(store, lease)

        def impatient() -> None:
            with store.transaction(lease) as transaction:
                transaction.record(fetched(job))

        with store.transaction(lease) as transaction:
            transaction.open_jobs(run)
            with pytest.raises(TryLater):
                executor.submit(impatient).result(PATIENCE)


def test_waiting_for_a_lane_is_patient_and_for_others_is_not(
    store: PostgresStore, connection: psycopg.Connection[Any]
) -> None:
    with store.lease(DEALS) as lease:
        assert lease is not None
        with store.transaction(lease) as transaction:
            transaction.store_columns([Column(field="Id", name="id", type="bigint")])
            transaction.open_jobs(Run(id=0, stream=DEALS, kind=RunKind.FILL, through=None, slices=(), started_at=NOON))
            shown = transaction._connection.execute("SELECT current_setting('lock_timeout')").fetchone()
    assert shown == (LOCK_TIMEOUT,)


def test_a_finished_job_is_never_told_again(store: PostgresStore) -> None:
    with store.lease(DEALS) as lease:
        assert lease is not None
        run, (job, _) = run_started(store, lease, 2)
        with store.transaction(lease) as transaction:
            transaction.record(loaded(job))
        with pytest.raises(Fenced), store.transaction(lease) as transaction:
            transaction.record(fetched(job))
        with store.transaction(lease) as transaction:
            transaction.finish_run(run, outcome="abandoned")
        with pytest.raises(Fenced), store.transaction(lease) as transaction:
            transaction.add_counts(run, LoadCounts(read=1))
        with pytest.raises(Fenced), store.transaction(lease) as transaction:
            transaction.finish_run(run, outcome="ok")


def test_two_processes_and_many_lanes_never_mix(dsn: str, connection: psycopg.Connection[Any]) -> None:
    """Two stores take the lease in turns by force while lanes of both commit: no commit carries an old epoch."""
    connection.execute("CREATE TABLE public.commits (at bigint GENERATED ALWAYS AS IDENTITY, epoch bigint)")
    stop = threading.Event()

    def lane(store: PostgresStore, lease: Lease) -> None:
        while not stop.is_set():
            try:
                with store.transaction(lease) as transaction:
                    # The order of `at` is the order of the commits only because the number is drawn under the lock.
                    transaction._hold()
                    transaction._connection.execute("INSERT INTO public.commits (epoch) VALUES (%s)", [lease.epoch])
            except (Fenced, Unreachable):
                return

    pools = [Pool(dsn), Pool(dsn)]
    with ThreadPoolExecutor(8) as executor, ExitStack() as stack:
        lanes: list[Future[None]] = []
        for turn in range(6):
            store = PostgresStore(pools[turn % 2])
            lease = stack.enter_context(store.lease(DEALS))
            assert lease is not None
            lanes += [executor.submit(lane, store, lease) for _ in range(3)]
            wait_for_commits(connection, lease.epoch)
            end_session(connection, "syncd:acme/Deals lease")
        stop.set()
        for future in lanes:
            future.result(PATIENCE)
    for pool in pools:
        pool.close()
    epochs = [row[0] for row in connection.execute("SELECT epoch FROM public.commits ORDER BY at")]
    assert epochs == sorted(epochs)
    assert set(epochs) == set(range(1, 7))


def wait_for_commits(connection: psycopg.Connection[Any], epoch: int, least: int = 20) -> None:
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.01)):
        found = connection.execute("SELECT count(*) FROM public.commits WHERE epoch = %s", [epoch]).fetchone()
        assert found is not None
        if found[0] >= least:
            return
        pause.wait(0.01)
    pytest.fail("no lane commits")
