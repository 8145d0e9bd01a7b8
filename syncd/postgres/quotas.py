"""Zoho's quotas, counted in the ledger so that neither a restart nor a second worker starts from zero.

Owns: when a unit may be spent. Knows no limit: those are values of the caller.
"""

from psycopg.rows import scalar_row

from syncd.core.model import Quota
from syncd.postgres.advisory import lock_number
from syncd.postgres.pool import Pool
from syncd.postgres.queries import query

_LOCK, _TAKE, _WAIT = query("quota_lock"), query("quota_take"), query("quota_wait")
_PRUNE, _SPENT = query("quota_prune"), query("quota_spent")
_SHORTEST_WAIT = 0.001


class PostgresQuotas:
    """A sliding window per org and quota, on PostgreSQL's clock alone."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def take(self, org: str, quota: Quota, cost: int = 1) -> float:
        """Spend `cost` units now and return 0.0, or spend nothing and return the seconds to wait before asking again.

        In no stretch of `quota.period` are more than `quota.limit` units spent, whoever asks; the wait may be longer
        than needed by a thousandth of the period. Asking again too early is harmless. A cost that is over the limit by
        itself can never be spent: the period is returned.
        """
        if cost > quota.limit:
            return quota.period.total_seconds()
        if cost <= 0:
            return 0.0
        spend = {"org": org, "quota": quota.name, "period": quota.period, "limit": quota.limit, "cost": cost}
        with (
            self._pool.transaction(f"syncd:{org}/quota") as connection,
            connection.cursor(row_factory=scalar_row) as cursor,
        ):
            # A statement sees what was committed before it began: the lock has to come in one before it.
            cursor.execute(_LOCK, {"lock": lock_number("quota", org, quota.name)})
            if cursor.execute(_TAKE, spend).rowcount:
                cursor.execute(_PRUNE, spend)
                return 0.0
            return max(float(cursor.execute(_WAIT, spend).fetchone() or 0.0), _SHORTEST_WAIT)

    def spent(self, org: str, quota: Quota) -> int:
        """The units spent in the period that ends now."""
        with self._pool.connection() as connection, connection.cursor(row_factory=scalar_row) as cursor:
            return int(
                cursor.execute(_SPENT, {"org": org, "quota": quota.name, "period": quota.period}).fetchone() or 0
            )
