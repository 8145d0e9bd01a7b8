"""From syncd_stage to a warehouse table: one statement, by the guard, fed only with rows that are absent or differ.

Owns: the rule of who may replace whom (DESIGN.md sections 5 and 6). Must not create anything but rows, and touches no
row that would stay the same: no dead tuple, no lock, no WAL.

Two lanes may merge files of one stream at the same time. Rows are written in the order of their ids, so the lanes
cannot wait for each other in a circle, and the guard is asked again under each row's lock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from syncd.core.fields import TEXT, TIMESTAMP
from syncd.core.model import Column, Cursor, Table
from syncd.postgres.staging import AND, COMMA, STAGE, Connection, Stage, column


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A column of the stage, by position, and the column of the table that it goes to."""

    position: int
    target: Column


def pairs(stage: Stage, columns: Mapping[str, Column]) -> tuple[Pair, ...]:
    """Which header name goes to which column; the id is apart, names without a line of the field map are left out."""
    return tuple(
        Pair(position=at, target=columns[name])
        for at, name in enumerate(stage.file.header)
        if at != stage.file.id_at and name in columns
    )


class Merge:
    """The statements that bring one staged file into one table.

    `evaluated_at` is when the export was evaluated, on Zoho's clock; `run_id` is noted in each changed row.
    """

    def __init__(
        self, table: Table, stage: Stage, matched: Sequence[Pair], *, evaluated_at: datetime, run_id: int
    ) -> None:
        self._target = sql.Identifier(table.schema, table.name)
        self._stage = stage
        self._matched = matched
        self._id = column(stage.file.id_at)
        # Literals and not parameters: a name may hold a percent sign, which would be read as a placeholder.
        self._at = sql.Literal(evaluated_at)
        self._run_id = sql.Literal(run_id)
        self._stamp = next(
            (pair for pair in matched if pair.target.field == Cursor.MODIFIED.value and pair.target.type == TIMESTAMP),
            None,
        )

    def upsert(self, connection: Connection) -> tuple[int, int]:
        """Insert what is absent and replace what may be replaced: (inserted, updated) rows."""
        if self._stage.kept == 0:
            return 0, 0
        if not self._meets_rows(connection):
            try:
                with connection.transaction():
                    return connection.execute(self._insert()).rowcount, 0
            except psycopg.errors.UniqueViolation:
                pass  # another lane was faster with one of the ids: now they meet
        counted = sql.SQL(
            "WITH written AS ({} RETURNING xmax = 0 AS fresh)"
            " SELECT count(*) FILTER (WHERE fresh), count(*) FILTER (WHERE NOT fresh) FROM written"
        ).format(self._insert_or_replace())
        inserted, updated = connection.execute(counted).fetchone() or (0, 0)
        return inserted, updated

    def fill_in(self, connection: Connection) -> int:
        """Complete rows that are there and have the very version that was exported: how many changed."""
        if self._stage.kept == 0 or not self._matched:
            return 0
        same_version = sql.SQL("t.{} IS NOT DISTINCT FROM s.{}")
        guard = [sql.SQL("t.id = s.{}").format(self._id), sql.SQL("t._synced_at <= {}").format(self._at)]
        if self._stamp:
            guard.append(same_version.format(sql.Identifier(self._stamp.target.name), column(self._stamp.position)))
        statement = sql.SQL("UPDATE {target} AS t SET {set} FROM {source} WHERE {guard} AND NOT ({same})").format(
            target=self._target,
            set=self._assignments([sql.Identifier("s", f"c{pair.position}") for pair in self._matched]),
            source=self._source(),
            guard=AND.join(guard),
            same=self._same(),
        )
        return connection.execute(statement).rowcount

    # ---------------------------------------------------------------------------------------------------- statements

    def _meets_rows(self, connection: Connection) -> bool:
        """Whether the table has any id in the file's range; if not, every row is new and need not be looked for."""
        query = sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE id BETWEEN {} AND {})").format(
            self._target, sql.Literal(self._stage.lowest), sql.Literal(self._stage.highest)
        )
        row = connection.execute(query).fetchone()
        return row is None or bool(row[0])

    def _insert(self) -> sql.Composed:
        names = [sql.Identifier("id"), *(sql.Identifier(pair.target.name) for pair in self._matched)]
        cells = [sql.SQL("s.{}").format(column(at)) for at in (self._stage.file.id_at, *self._positions)]
        return sql.SQL(
            "INSERT INTO {target} AS t ({names}, _synced_at, _run_id) SELECT {cells}, {at}, {run} FROM {source}"
        ).format(
            target=self._target,
            names=COMMA.join(names),
            cells=COMMA.join(cells),
            at=self._at,
            run=self._run_id,
            source=self._source(),
        )

    def _insert_or_replace(self) -> sql.Composed:
        """The exact rule: skip what is stored newer, and what is stored the same unless a tombstone must go.

        The look before the insert keeps unchanged rows untouched: ON CONFLICT locks a row before it tests its WHERE.
        """
        return sql.SQL(
            "{insert} WHERE NOT EXISTS (SELECT FROM {target} AS t WHERE t.id = s.{id}"
            " AND ({older} OR ((t._deleted_at >= {at}) IS NOT FALSE AND {same})))"
            " ON CONFLICT (id) DO UPDATE SET {set},"
            " _deleted_at = CASE WHEN t._deleted_at >= excluded._synced_at THEN t._deleted_at END"
            " WHERE NOT {overtaken}"
        ).format(
            insert=self._insert(),
            target=self._target,
            id=self._id,
            at=self._at,
            older=self._is_older(self._at, staged=True),
            same=self._same(),
            set=self._assignments([sql.Identifier("excluded", pair.target.name) for pair in self._matched]),
            overtaken=self._is_older(sql.SQL("excluded._synced_at"), staged=False),
        )

    # --------------------------------------------------------------------------------------------------------- parts

    @property
    def _positions(self) -> tuple[int, ...]:
        return tuple(pair.position for pair in self._matched)

    def _source(self) -> sql.Composed:
        """The staged rows as `s`, in the order of their ids, each id once: the newest, and the last of equals.

        The sort moves keys and row addresses only; nothing needs sorting in a file whose ids rise.
        """
        if self._stage.ordered:
            return sql.SQL("{} AS s").format(STAGE)
        newest = sql.SQL("{} DESC NULLS LAST, ").format(column(self._stamp.position)) if self._stamp else sql.SQL("")
        return sql.SQL(
            "(SELECT DISTINCT ON ({id}) ctid AS place FROM {stage} ORDER BY {id}, {newest}ctid DESC) AS k"
            " JOIN {stage} AS s ON s.ctid = k.place"
        ).format(id=self._id, stage=STAGE, newest=newest)

    def _assignments(self, values: Sequence[sql.Composable]) -> sql.Composed:
        """Every matched column set to its value, and the marks of who changed the row."""
        named = [
            sql.SQL("{} = {}").format(sql.Identifier(pair.target.name), value)
            for pair, value in zip(self._matched, values, strict=True)
        ]
        return COMMA.join([*named, sql.SQL("_synced_at = {}, _run_id = {}").format(self._at, self._run_id)])

    def _same(self) -> sql.Composed:
        """Whether the stored row `t` holds the staged values of `s` already. Text is compared byte by byte."""
        equal = sql.SQL("t.{}{} IS NOT DISTINCT FROM s.{}")
        bytewise, plain = sql.SQL(' COLLATE "C"'), sql.SQL("")
        return sql.SQL("({})").format(
            AND.join(
                equal.format(
                    sql.Identifier(pair.target.name),
                    bytewise if pair.target.type == TEXT else plain,
                    column(pair.position),
                )
                for pair in self._matched
            )
            if self._matched
            else sql.SQL("true")
        )

    def _is_older(self, evaluated_at: sql.Composable, *, staged: bool) -> sql.Composed:
        """Whether the row to be stored, `s` if `staged` else `excluded`, is older than the stored row `t`.

        A row without a stamp is older than any with one; without coalesce it could never be replaced again.
        """
        if self._stamp is None:
            return sql.SQL("(t._synced_at > {})").format(evaluated_at)
        stored = self._stamp.target.name
        stamp = sql.Identifier("s", f"c{self._stamp.position}") if staged else sql.Identifier("excluded", stored)
        return sql.SQL(
            "((coalesce(t.{stored}, '-infinity'), t._synced_at) > (coalesce({stamp}, '-infinity'), {evaluated_at}))"
        ).format(stored=sql.Identifier(stored), stamp=stamp, evaluated_at=evaluated_at)
