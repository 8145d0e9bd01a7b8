"""What the demo shows of a warehouse: exact counts of its tables, and the answer to one query. Reading only."""

from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from syncd.postgres.pool import Pool

SAMPLE = """\
SELECT a.account_name AS account, count(*) AS deals, sum(d.amount) AS amount
FROM zoho_live.deals AS d
JOIN zoho_live.accounts AS a ON a.id = d.account_name
GROUP BY a.id, a.account_name ORDER BY 3 DESC NULLS LAST LIMIT 5"""
"""A question that a CRM's people ask: which customers are worth most."""

_TABLES = """
    SELECT org, module, table_schema, table_name, watermark
    FROM syncd.module_status WHERE table_name IS NOT NULL ORDER BY org, module
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCount:
    """A warehouse table: rows that exist in Zoho, rows that were deleted there, and its module's watermark."""

    name: str
    rows: int
    deleted: int
    fresh_to: datetime | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query returned, as text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def table_counts(pool: Pool) -> tuple[TableCount, ...]:
    """All tables that the ledger knows, counted by reading them whole: for small databases."""
    counts = []
    with pool.transaction("syncd:demo") as connection:
        for _, _, schema, name, watermark in connection.execute(_TABLES).fetchall():
            count = sql.SQL("SELECT count(*) FILTER (WHERE _deleted_at IS NULL), count(_deleted_at) FROM {}")
            row = connection.execute(count.format(sql.Identifier(schema, name))).fetchone() or (0, 0)
            counts.append(TableCount(name=f"{schema}.{name}", rows=row[0], deleted=row[1], fresh_to=watermark))
    return tuple(counts)


def ask(pool: Pool, query: str) -> Answer:
    """Run one query in a read-only transaction. `query` is our own text, never a user's."""
    with pool.transaction("syncd:demo") as connection:
        connection.execute("SET TRANSACTION READ ONLY")
        cursor = connection.execute(query.encode())
        columns = tuple(column.name for column in cursor.description or ())
        return Answer(columns, tuple(tuple("" if value is None else str(value) for value in row) for row in cursor))
