"""Quotas hold to the unit: over threads, over pools, over restarts, and in every stretch of the period."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.core.model import Quota
from syncd.postgres.pool import Pool
from syncd.postgres.quotas import PostgresQuotas

DOWNLOADS = Quota("downloads", 10, timedelta(minutes=1))


@pytest.fixture
def quotas(dsn: str) -> Iterator[PostgresQuotas]:
    pool = Pool(dsn)
    yield PostgresQuotas(pool)
    pool.close()


def shift(connection: psycopg.Connection[Any], seconds: float) -> None:
    """Let time pass: everything so far happened that much earlier."""
    connection.execute("UPDATE syncd.api_use SET at = at - %s", [timedelta(seconds=seconds)])


def test_the_limit_is_reached_and_not_passed(quotas: PostgresQuotas) -> None:
    assert [quotas.take("acme", DOWNLOADS) for _ in range(10)] == [0.0] * 10
    wait = quotas.take("acme", DOWNLOADS)
    assert 55 < wait <= 60.06  # a thousandth of the period
    assert quotas.spent("acme", DOWNLOADS) == 10


def test_orgs_and_names_are_counted_apart(quotas: PostgresQuotas) -> None:
    one = Quota("downloads", 1, timedelta(minutes=1))
    assert quotas.take("acme", one) == 0.0
    assert quotas.take("acme", one) > 0
    assert quotas.take("other", one) == 0.0
    assert quotas.take("acme", Quota("tokens", 1, timedelta(minutes=1))) == 0.0


def test_the_wait_is_until_enough_units_have_left(quotas: PostgresQuotas, connection: psycopg.Connection[Any]) -> None:
    for cost, later in ((3, 10), (4, 10), (3, 10)):
        assert quotas.take("acme", DOWNLOADS, cost) == 0.0
        shift(connection, later)
    # 3 units 30 s ago, 4 units 20 s ago, 3 units 10 s ago
    assert quotas.take("acme", DOWNLOADS, 1) == pytest.approx(30, abs=2)
    assert quotas.take("acme", DOWNLOADS, 3) == pytest.approx(30, abs=2)
    assert quotas.take("acme", DOWNLOADS, 4) == pytest.approx(40, abs=2)
    assert quotas.take("acme", DOWNLOADS, 8) == pytest.approx(50, abs=2)
    assert quotas.spent("acme", DOWNLOADS) == 10
    wait = quotas.take("acme", DOWNLOADS, 3)
    shift(connection, wait)
    assert quotas.take("acme", DOWNLOADS, 3) == 0.0
    assert quotas.take("acme", DOWNLOADS, 1) > 0


def test_a_lower_limit_counts_what_was_spent_before(quotas: PostgresQuotas) -> None:
    for _ in range(8):
        quotas.take("acme", DOWNLOADS)
    assert quotas.take("acme", Quota("downloads", 5, DOWNLOADS.period)) > 0
    assert quotas.take("acme", DOWNLOADS) == 0.0


def test_a_busy_day_is_a_thousand_entries(quotas: PostgresQuotas, connection: psycopg.Connection[Any]) -> None:
    daily = Quota("credits", 1_000_000, timedelta(days=1))
    for _ in range(50):
        quotas.take("acme", daily, 50)
    entries = connection.execute("SELECT count(*), sum(units) FROM syncd.api_use").fetchone()
    assert entries in {(1, 2500), (2, 2500)}  # two when a stretch ended meanwhile
    assert quotas.spent("acme", daily) == 2500


def test_a_cost_over_the_limit_waits_a_whole_period_and_nothing_costs_nothing(quotas: PostgresQuotas) -> None:
    assert quotas.take("acme", DOWNLOADS, 11) == 60.0
    assert quotas.take("acme", DOWNLOADS, 0) == 0.0
    assert quotas.spent("acme", DOWNLOADS) == 0


def test_a_clock_that_was_set_back_does_not_stop_the_org(
    quotas: PostgresQuotas, connection: psycopg.Connection[Any]
) -> None:
    quotas.take("acme", DOWNLOADS, 10)
    shift(connection, -30)
    assert 85 < quotas.take("acme", DOWNLOADS) <= 90.06
    shift(connection, -3600 * 26)
    assert quotas.take("acme", DOWNLOADS) == 0.0
    assert quotas.spent("acme", DOWNLOADS) == 1
    assert connection.execute("SELECT count(*) FROM syncd.api_use").fetchone() == (1,)


def test_old_entries_are_removed_after_a_day_or_the_period(
    quotas: PostgresQuotas, connection: psycopg.Connection[Any]
) -> None:
    week = Quota("credits", 10, timedelta(days=7))
    quotas.take("acme", DOWNLOADS)
    quotas.take("acme", week)
    shift(connection, 3600 * 24)
    quotas.take("acme", DOWNLOADS)
    assert connection.execute("SELECT count(*) FROM syncd.api_use").fetchone() == (3,)
    shift(connection, 3600 * 2)
    quotas.take("acme", DOWNLOADS)
    quotas.take("acme", week)
    assert connection.execute("SELECT quota, count(*) FROM syncd.api_use GROUP BY 1 ORDER BY 1").fetchall() == [
        ("credits", 2),
        ("downloads", 2),
    ]


def test_threads_of_two_processes_never_pass_the_limit(dsn: str, connection: psycopg.Connection[Any]) -> None:
    quota = Quota("downloads", 25, timedelta(minutes=10))
    pools = [Pool(dsn, size=4), Pool(dsn, size=4)]
    gate = threading.Barrier(8)

    def worker(number: int) -> int:
        quotas = PostgresQuotas(pools[number % 2])
        gate.wait(20)
        return sum(quotas.take("acme", quota) == 0.0 for _ in range(8))

    with ThreadPoolExecutor(8) as executor:
        assert sum(executor.map(worker, range(8))) == 25
    for pool in pools:
        pool.close()
    assert connection.execute("SELECT sum(units) FROM syncd.api_use").fetchone() == (25,)


def test_no_stretch_of_the_period_holds_more_than_the_limit(
    quotas: PostgresQuotas, connection: psycopg.Connection[Any]
) -> None:
    steps = st.lists(st.tuples(st.integers(1, 5), st.floats(0, 40)), min_size=1, max_size=25)

    @settings(max_examples=25)
    @given(steps, st.integers(5, 12))
    def holds(taken: list[tuple[int, float]], limit: int) -> None:
        connection.execute("TRUNCATE syncd.api_use")
        quota = Quota("downloads", limit, timedelta(minutes=1))
        for cost, pause in taken:
            wait = quotas.take("acme", quota, cost)
            if wait:
                # Not one moment too late either: once the wait is over the units are free.
                shift(connection, wait)
                assert quotas.take("acme", quota, cost) == 0.0
            shift(connection, pause)
        spent = connection.execute("SELECT at, units FROM syncd.api_use ORDER BY at").fetchall()
        for start, _ in spent:
            within = sum(units for at, units in spent if start <= at < start + quota.period)
            assert within <= limit

    holds()
