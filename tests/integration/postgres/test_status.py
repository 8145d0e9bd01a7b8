"""What people are shown: from the ledger alone, and promptly whatever happens to the warehouse's tables."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from syncd.core.model import (
    Column,
    Cursor,
    JobSpec,
    JobState,
    Lease,
    LoadCounts,
    ModuleStatus,
    Quota,
    Run,
    RunKind,
    RunPlan,
    Stream,
    StreamKey,
    Window,
)
from syncd.core.status import ApiUse
from syncd.errors import TryLater
from syncd.postgres.ledger import PostgresStore
from syncd.postgres.pool import Pool
from syncd.postgres.quotas import PostgresQuotas
from syncd.postgres.status import PostgresStatus
from syncd.web.source import StatusSource

DEALS, LEADS = StreamKey("acme", "Deals"), StreamKey("acme", "Leads")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = Window(Cursor.MODIFIED, NOON - timedelta(hours=1), NOON)
COUNTS = LoadCounts(read=28, inserted=1, updated=2, unchanged=4, rejected=21, bad_values=16, deleted=32)


@pytest.fixture
def pool(dsn: str) -> Iterator[Pool]:
    opened = Pool(dsn)
    yield opened
    opened.close()


@pytest.fixture
def store(pool: Pool) -> PostgresStore:
    return PostgresStore(pool)


@pytest.fixture
def status(pool: Pool) -> PostgresStatus:
    return PostgresStatus(pool)


@pytest.fixture
def lease(store: PostgresStore) -> Iterator[Lease]:
    with store.lease(DEALS) as taken:
        assert taken is not None
        yield taken


def start(store: PostgresStore, lease: Lease, jobs: int = 1, kind: RunKind = RunKind.CATCH_UP) -> Run:
    plan = RunPlan(
        stream=lease.stream, kind=kind, through=NOON, slices=(("Id",),), specs=(JobSpec(window=HOUR),) * jobs
    )
    with store.transaction(lease) as transaction:
        return transaction.start_run(plan)


def finish(store: PostgresStore, lease: Lease, run: Run, outcome: str = "ok", error: str = "") -> None:
    with store.transaction(lease) as transaction:
        transaction.add_counts(run, COUNTS)
        transaction.finish_run(run, outcome=outcome, error=error)


def test_the_ledger_is_what_the_pages_ask_for(status: PostgresStatus) -> None:
    source: StatusSource = status
    assert source.module_statuses() == ()


def test_a_new_stream_has_nothing_to_show(status: PostgresStatus, lease: Lease) -> None:
    assert status.module_statuses() == (
        ModuleStatus(
            stream=DEALS,
            watermark=None,
            fill_until=None,
            run_kind=None,
            open_jobs=0,
            done_jobs=0,
            rows=None,
            last_run_id=None,
            last_started_at=None,
            last_finished_at=None,
            last_outcome="",
            last_error="",
            last_counts=LoadCounts(),
            rejected_values=0,
            partial_columns=0,
            refused_fields=0,
            paused=False,
            parked="",
        ),
    )


def test_a_stream_shows_the_last_run_and_the_one_under_way(
    status: PostgresStatus, store: PostgresStore, lease: Lease, connection: psycopg.Connection[Any]
) -> None:
    finish(store, lease, start(store, lease), error="older")
    last = start(store, lease, kind=RunKind.FILL)
    finish(store, lease, last, outcome="abandoned", error="the module is gone")
    run = start(store, lease, jobs=3)
    first = store.unfinished_jobs(run)[0]
    columns = [
        Column(field="A", name="a", type="text", partial=True),
        Column(field="B", name="b", type="text", partial=True, refused="FIELD_NOT_SUPPORTED"),
        Column(field="C", name="c", type="text"),
    ]
    with store.transaction(lease) as transaction:
        transaction.record(replace(first, state=JobState.LOADED, remote_id="1", evaluated_at=NOON, count=1))
        transaction.update_stream(Stream(key=DEALS, watermark=NOON, fill_until=NOON, parked="why"))
        transaction.store_columns(columns)
    store.pause(DEALS, paused=True)
    connection.execute(
        "INSERT INTO syncd.rejected_row (org, module, record_id, reason) SELECT 'acme', 'Deals', n, 'bad'"
        " FROM generate_series(1, 3) AS n"
    )
    (shown,) = status.module_statuses()
    assert (shown.watermark, shown.fill_until, shown.paused, shown.parked) == (NOON, NOON, True, "why")
    assert (shown.run_kind, shown.open_jobs, shown.done_jobs) == (RunKind.CATCH_UP, 2, 1)
    assert (shown.last_run_id, shown.last_outcome, shown.last_error) == (last.id, "abandoned", "the module is gone")
    assert shown.last_counts == COUNTS
    assert shown.last_started_at == last.started_at
    assert shown.last_finished_at is not None
    assert shown.last_finished_at >= last.started_at
    assert (shown.rejected_values, shown.partial_columns, shown.refused_fields) == (3, 1, 1)


def test_streams_come_by_org_and_module(status: PostgresStatus, store: PostgresStore) -> None:
    keys = [StreamKey("other", "Accounts"), LEADS, DEALS]
    for key in keys:
        store.pause(key, paused=False)
    assert [shown.stream for shown in status.module_statuses()] == sorted(keys)


def test_the_number_of_rows_is_an_estimate_that_needs_no_table(
    status: PostgresStatus, store: PostgresStore, lease: Lease, connection: psycopg.Connection[Any]
) -> None:
    connection.execute("CREATE SCHEMA zoho; CREATE TABLE zoho.deals AS SELECT n AS id FROM generate_series(1, 1000) n")
    connection.execute("ANALYZE zoho.deals")
    connection.execute("INSERT INTO syncd.warehouse_table VALUES ('acme', 'Deals', 'zoho', 'deals')")
    assert [shown.rows for shown in status.module_statuses()] == [1000]
    with connection.transaction():
        connection.execute("LOCK TABLE zoho.deals IN ACCESS EXCLUSIVE MODE")
        assert [shown.rows for shown in status.module_statuses()] == [1000]


def test_a_table_that_was_never_analysed_is_counted_by_the_statistics(
    status: PostgresStatus, lease: Lease, connection: psycopg.Connection[Any]
) -> None:
    connection.execute("CREATE SCHEMA zoho; CREATE TABLE zoho.deals (id int)")
    connection.execute("INSERT INTO syncd.warehouse_table VALUES ('acme', 'Deals', 'zoho', 'deals')")
    assert [shown.rows for shown in status.module_statuses()] == [0]
    connection.execute("INSERT INTO zoho.deals SELECT generate_series(1, 50)")
    if connection.info.server_version >= 150000:  # before 15 another process collects them, in its own time
        connection.execute("SELECT pg_stat_force_next_flush()")
        assert [shown.rows for shown in status.module_statuses()] == [50]


def test_a_locked_ledger_is_given_up_soon(
    status: PostgresStatus, connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncd.postgres.status._PATIENCE", b"SET LOCAL statement_timeout = '50ms'")
    with connection.transaction():
        connection.execute("LOCK TABLE syncd.stream IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(TryLater):
            status.module_statuses()


def test_runs_are_listed_newest_first(status: PostgresStatus, store: PostgresStore, lease: Lease) -> None:
    good = start(store, lease)
    finish(store, lease, good)
    bad = start(store, lease)
    finish(store, lease, bad, outcome="abandoned", error="no such field")
    with store.lease(LEADS) as other:
        assert other is not None
        current = start(store, other, jobs=2)
    shown = status.runs()
    assert [view.run for view in shown] == [current, bad, good]
    assert [view.outcome for view in shown] == ["", "abandoned", "ok"]
    assert [(view.jobs, view.open_jobs) for view in shown] == [(2, 2), (1, 1), (1, 1)]
    assert shown[0].finished_at is None
    assert shown[1].error == "no such field"
    assert shown[2].counts == COUNTS
    assert [view.run for view in status.runs(limit=1)] == [current]
    assert [view.run for view in status.runs(module="Deals")] == [bad, good]
    assert [view.run for view in status.runs(org="acme", failed=True)] == [bad]
    assert status.runs(org="other") == ()


def test_a_run_is_shown_with_its_jobs(status: PostgresStatus, store: PostgresStore, lease: Lease) -> None:
    run = start(store, lease, jobs=2)
    jobs = store.unfinished_jobs(run)
    moved = replace(jobs[1], state=JobState.LOADED, remote_id="1", evaluated_at=NOON, count=5)
    with store.transaction(lease) as transaction:
        transaction.record(moved)
    detail = status.run(run.id)
    assert detail is not None
    assert detail.view.run == run
    assert [shown.job for shown in detail.jobs] == [jobs[0], moved]
    assert all(shown.kind is RunKind.CATCH_UP for shown in detail.jobs)
    assert detail.jobs[0].planned_at >= run.started_at
    assert detail.jobs[1].changed_at > detail.jobs[1].planned_at
    assert status.run(run.id + 1) is None


def test_open_jobs_of_all_streams_are_shown(status: PostgresStatus, store: PostgresStore, lease: Lease) -> None:
    finish(store, lease, start(store, lease))  # its job was never done, and is nobody's any more
    run = start(store, lease, jobs=2)
    first, second = store.unfinished_jobs(run)
    with store.transaction(lease) as transaction:
        transaction.record(replace(first, state=JobState.SPLIT))
    with store.lease(LEADS) as other:
        assert other is not None
        third = store.unfinished_jobs(start(store, other, kind=RunKind.FILL))[0]
    shown = status.open_jobs()
    assert [view.job for view in shown] == [second, third]
    assert [view.kind for view in shown] == [RunKind.CATCH_UP, RunKind.FILL]


def test_the_history_has_what_a_chart_needs(status: PostgresStatus, store: PostgresStore, lease: Lease) -> None:
    runs = [start(store, lease)]
    finish(store, lease, runs[0])
    runs.append(start(store, lease))
    finish(store, lease, runs[1], outcome="abandoned")
    start(store, lease)
    marks = status.history(runs[0].started_at)
    assert [(mark.stream, mark.run_id, mark.outcome) for mark in marks] == [
        (DEALS, runs[0].id, "ok"),
        (DEALS, runs[1].id, "abandoned"),
    ]
    assert marks[0].changed == COUNTS.inserted + COUNTS.updated + COUNTS.deleted
    assert marks[0].through == NOON
    assert status.history(marks[1].finished_at) == marks[1:]


def test_columns_are_shown_in_their_order(status: PostgresStatus, store: PostgresStore, lease: Lease) -> None:
    lines = (Column(field="B", name="b", type="text"), Column(field="A", name="a", type="text", refused="why"))
    with store.transaction(lease) as transaction:
        transaction.store_columns(lines)
    assert status.columns(DEALS) == lines
    assert status.columns(LEADS) == ()


def test_rejected_rows_come_newest_first(status: PostgresStatus, connection: psycopg.Connection[Any]) -> None:
    for module, record in (("Deals", 1), ("Leads", 2), ("Deals", 3)):
        connection.execute(
            'INSERT INTO syncd.rejected_row (org, module, job_id, line, record_id, "column", value, reason)'
            " VALUES ('acme', %s, 9, 4, %s, 'amount', '12,50', 'not a number')",
            [module, record],
        )
    assert [row.record_id for row in status.rejected()] == [3, 2, 1]
    (newest,) = status.rejected(module="Deals", limit=1)
    assert (newest.stream, newest.column, newest.value, newest.line) == (DEALS, "amount", "12,50", 4)
    assert status.rejected(org="other") == ()


def test_api_use_is_totalled_per_org_and_quota(
    status: PostgresStatus, pool: Pool, connection: psycopg.Connection[Any]
) -> None:
    quotas, minute, day = PostgresQuotas(pool), timedelta(minutes=1), timedelta(days=1)
    quotas.take("acme", Quota("access_tokens", 10, minute))
    connection.execute("UPDATE syncd.api_use SET at = at - interval '2 minutes'")
    quotas.take("acme", Quota("downloads", 10, minute), 3)
    quotas.take("other", Quota("downloads", 10, minute), 2)
    assert status.api_use() == (
        ApiUse(name="access tokens", used=1, limit=None, period=day, org="acme"),
        ApiUse(name="downloads", used=3, limit=None, period=day, org="acme"),
        ApiUse(name="downloads", used=2, limit=None, period=day, org="other"),
    )
    assert [(use.org, use.used) for use in status.api_use(minute)] == [("acme", 3), ("other", 2)]
