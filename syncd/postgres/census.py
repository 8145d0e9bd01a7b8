"""The census in SQL: ids noted file by file in the ledger, compared with a table set-based, extra rows marked.

Owns: `syncd.census_row`, the comparison's two statements and the temporary table between them. Must not decide which
findings count for what: `Scope` says what may be compared.

    syncd_finding   one row a finding: kind (missing, extra, stale), id, the stamp in Zoho; gone with the transaction
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from psycopg import sql

from syncd.core.census import Comparison, Scope, Span
from syncd.core.fields import TIMESTAMP
from syncd.core.limits import BEGINNING
from syncd.core.model import Column, Cursor, Table
from syncd.postgres.staging import STAGE, Connection, Stage, column

FINDINGS = sql.Identifier("pg_temp", "syncd_finding")

_MOST_SPANS = 1000
"""Stamps closer together than this part of their whole range are one span: so many come back at most."""

# Loads are told to probe by key (staging); here both sides are read as wholes.
_JOINS = "SELECT set_config('enable_hashjoin', 'on', true), set_config('enable_mergejoin', 'on', true)"

_SPANS = sql.SQL("""
    WITH stamps AS (SELECT DISTINCT date_trunc('second', stamp) AS stamp FROM {findings} WHERE kind <> 'extra'),
         marked AS (
             SELECT stamp, (stamp - lag(stamp) OVER (ORDER BY stamp)
                            > greatest((max(stamp) OVER () - min(stamp) OVER ()) / {most}, interval '1 second'))
                           IS TRUE AS apart
             FROM stamps
         ),
         numbered AS (SELECT stamp, count(*) FILTER (WHERE apart) OVER (ORDER BY stamp) AS number FROM marked)
    SELECT min(stamp), max(stamp) FROM numbered GROUP BY number ORDER BY number
""").format(findings=FINDINGS, most=sql.Literal(_MOST_SPANS))


def note(connection: Connection, stage: Stage, *, run_id: int, stamp: str, evaluated_at: datetime) -> None:
    """Keep id and stamp of each staged row; of several exports of one id the one evaluated last is kept.

    In the order of ids, so that two lanes whose windows touch cannot wait for each other in a circle.
    """
    at = stage.file.header.index(stamp) if stamp in stage.file.header else None
    value: sql.Composable = sql.SQL("NULL::timestamptz")
    if at is not None and stage.types[at] == TIMESTAMP:
        value = sql.SQL("max({})").format(column(at))
    connection.execute(
        sql.SQL(
            "INSERT INTO syncd.census_row AS r (run_id, id, stamp, evaluated_at)"
            " SELECT {run}, {id}, {value}, {at} FROM {stage} GROUP BY {id} ORDER BY {id}"
            " ON CONFLICT (run_id, id) DO UPDATE SET stamp = excluded.stamp, evaluated_at = excluded.evaluated_at"
            " WHERE r.evaluated_at <= excluded.evaluated_at"
        ).format(
            run=sql.Literal(run_id),
            id=column(stage.file.id_at),
            value=value,
            at=sql.Literal(evaluated_at),
            stage=STAGE,
        )
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """The comparison of one run's ids with one table. `columns` is the field map, by field.

    `moment` is when the run's first export was evaluated: rows stored by a later one are not compared.
    """

    table: Table
    columns: Mapping[str, Column]
    scope: Scope
    run_id: int
    moment: datetime

    def compare(self, connection: Connection, *, exported: int) -> Comparison:
        """Find and keep what differs in syncd_finding; the numbers, and where the stamps of it lie."""
        connection.execute(_JOINS)
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(FINDINGS))
        connection.execute(sql.SQL("CREATE TEMP TABLE {} ON COMMIT DROP AS {}").format(FINDINGS, self._differences()))
        counted = dict(connection.execute(sql.SQL("SELECT kind, count(*) FROM {} GROUP BY kind").format(FINDINGS)))
        here = connection.execute(
            sql.SQL("SELECT count(*) FROM ({}) AS t WHERE counts").format(self._rows())
        ).fetchone()
        return Comparison(
            moment=self.moment,
            exported=exported,
            here=int(here[0]) if here else 0,
            missing=counted.get("missing", 0),
            extra=counted.get("extra", 0),
            stale=counted.get("stale", 0),
            spans=_spans(connection),
        )

    def _differences(self) -> sql.Composed:
        return sql.SQL("""
            SELECT kind, id, stamp FROM (
                SELECT id, s.stamp,
                       CASE WHEN s.id IS NULL THEN CASE WHEN t.counts THEN 'extra' END
                            WHEN s.stamp > {settled} THEN NULL
                            WHEN t.id IS NULL OR t._deleted_at < s.evaluated_at THEN 'missing'
                            WHEN t._deleted_at IS NULL AND coalesce(t.stamp < s.stamp, t.stamp IS NULL) THEN 'stale'
                       END AS kind
                FROM (SELECT id, stamp, evaluated_at FROM syncd.census_row WHERE run_id = {run}) AS s
                FULL JOIN ({rows}) AS t USING (id)
                WHERE s.id IS NULL OR s.stamp IS NOT NULL
            ) AS d WHERE kind IS NOT NULL
        """).format(
            settled=sql.SQL("coalesce({}, timestamptz '-infinity')").format(sql.Literal(self.scope.settled)),
            run=sql.Literal(self.run_id),
            rows=self._rows(),
        )

    def _rows(self) -> sql.Composed:
        """The table's rows; `counts`: live, stored before the census, created where it looked."""
        created: sql.Composable = sql.SQL("true")
        if self.scope.created_through is not None:
            created = sql.SQL("{} BETWEEN {} AND {}").format(
                self._stamp(Cursor.CREATED),
                sql.Literal(BEGINNING),
                sql.Literal(self.scope.created_through),
            )
        return sql.SQL(
            "SELECT id, {stamp} AS stamp, _deleted_at,"
            " (_deleted_at IS NULL AND _synced_at <= {moment} AND {created}) IS TRUE AS counts FROM {table}"
        ).format(
            stamp=self._stamp(self.scope.cursor),
            moment=sql.Literal(self.moment),
            created=created,
            table=sql.Identifier(self.table.schema, self.table.name),
        )

    def _stamp(self, cursor: Cursor | None) -> sql.Composable:
        """The column of a stamp; NULL where there is none, which is never compared."""
        found = self.columns.get(cursor.value) if cursor else None
        if found is None or found.type != TIMESTAMP:
            return sql.SQL("NULL::timestamptz")
        return sql.Identifier(found.name)


def tombstone_extra(connection: Connection, table: Table, moment: datetime) -> int:
    """Set `_deleted_at` of the extra rows of the comparison before, in the order of their ids; how many."""
    statement = sql.SQL(
        "UPDATE {table} AS t SET _deleted_at = {moment}"
        " FROM (SELECT id FROM {findings} WHERE kind = 'extra' ORDER BY id) AS d"
        " WHERE t.id = d.id AND t._deleted_at IS NULL AND t._synced_at <= {moment}"
    ).format(table=sql.Identifier(table.schema, table.name), moment=sql.Literal(moment), findings=FINDINGS)
    return connection.execute(statement).rowcount


def _spans(connection: Connection) -> tuple[Span, ...]:
    return tuple((first.astimezone(UTC), last.astimezone(UTC)) for first, last in connection.execute(_SPANS))
