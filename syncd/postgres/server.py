"""What a server and a role on it are like, for `syncd check`: version, clock, rights. Reading only.

Must not decide whether that is good enough; the oldest server that a connection is made to is the pool's business.
"""

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import dict_row

from syncd.core.model import StreamKey
from syncd.core.naming import table_name
from syncd.postgres.pool import Pool
from syncd.postgres.shape import live_schema

LEDGER = "syncd"

_FACTS = """
    SELECT current_setting('server_version') AS version, current_user AS role, current_database() AS database,
           clock_timestamp() AS clock,
           pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on' AS read_only,
           has_database_privilege(current_database(), 'CREATE') AS may_create,
           has_database_privilege(current_database(), 'TEMPORARY') AS may_stage
"""
_SCHEMAS = """
    SELECT w.name, n.oid IS NOT NULL AS found,
           coalesce(has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE'), false) AS usable
    FROM unnest(%s::text[]) AS w (name) LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.name
"""
_RELATIONS = """
    SELECT c.relname, coalesce(obj_description(c.oid, 'pg_class'), '') AS comment
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = %s AND c.relname = ANY (%s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """A server as one role sees it. `missing` are the rights that syncd lacks, as GRANT would name them."""

    version: str
    role: str
    database: str
    clock: datetime
    read_only: bool
    missing: tuple[str, ...]


def facts(pool: Pool, schema: str) -> ServerFacts:
    """Look at the server that the pool connects to; `schema` is the warehouse's."""
    with pool.connection("syncd:check") as connection, connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_FACTS).fetchone() or {}
        schemas = cursor.execute(_SCHEMAS, [[LEDGER, schema, live_schema(schema)]]).fetchall()
    absent = [one["name"] for one in schemas if not one["found"]]
    missing = [f"USAGE, CREATE ON SCHEMA {one['name']}" for one in schemas if one["found"] and not one["usable"]]
    if absent and not row["may_create"]:
        missing.append(f"CREATE ON DATABASE {row['database']}")
    if not row["may_stage"]:
        missing.append(f"TEMPORARY ON DATABASE {row['database']}")
    return ServerFacts(
        version=row["version"],
        role=row["role"],
        database=row["database"],
        clock=row["clock"],
        read_only=row["read_only"],
        missing=tuple(missing),
    )


def foreign_relations(pool: Pool, schema: str, streams: dict[StreamKey, str]) -> tuple[str, ...]:
    """The tables that stand where those of `streams` belong and are somebody else's.

    `streams` gives each stream the table's name from the configuration, '' for the one made from the module's.
    """
    tables = {name or table_name(key.module): key for key, name in streams.items()}
    with pool.connection("syncd:check") as connection:
        rows = connection.execute(_RELATIONS, [schema, list(tables)]).fetchall()
    return tuple(f"{schema}.{name}" for name, comment in rows if not comment.endswith(f"| syncd {tables[name]}"))


def libpq_version() -> str:
    """The version of the client library that psycopg brings."""
    number = psycopg.pq.version()
    return f"{number // 10000}.{number % 10000}"
