"""The warehouse half of a transaction: users' tables, filled from result files and marked by deletions.

Owns: the order of the steps and what they count. Must not commit, roll back or touch the ledger, but for the reports of
what a file held that could not be loaded.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice

from psycopg import sql

from syncd.core.evolve import columns_of
from syncd.core.model import Column, Deletion, Job, LoadCounts, Staged, StreamKey, Table
from syncd.postgres import census, merge, rejects, shape
from syncd.postgres.stage import stage_file
from syncd.postgres.stage_file import ResultFile
from syncd.postgres.staging import Connection, Stage, typed

_DELETIONS_AT_ONCE = 10_000


class Warehouse:
    """Works on a connection that is inside a transaction; one file is staged at a time."""

    def __init__(self, connection: Connection, stream: StreamKey) -> None:
        self._connection = connection
        self._stream = stream
        self._staged: tuple[Staged, Stage] | None = None

    def evolve(self, table: Table, columns: tuple[Column, ...]) -> None:
        """Create the table if it is missing, add missing columns, comment on new things, widen the live view.

        Additive only, and one catalog query when there is nothing to do. Columns that are refused get none.
        NeedsOperator when a table or view of that name is not ours or was changed so that it cannot be used.
        """
        shape.evolve(self._connection, self._stream, table, columns)

    def stage(self, blocks: Iterable[bytes], *, cursor: str, columns: Iterable[Column] = ()) -> Staged:
        """COPY the bytes of a result file into a temporary table.

        `blocks` should be something that can be iterated again: a file with faults is read up to three times, and
        an iterator is refused (BadArchive) when that becomes necessary. `columns` are the lines of the field map as far
        as they are known: values are typed while they are copied. Without them, or with a changed type, the merge
        stages the file once more. `cursor` is the field whose median stamp is wanted, '' for none; it needs its column
        to be known as a timestamptz.

        No user's table is looked at. BadArchive when the header is unreadable, repeats a name or lacks the record id.
        """
        file = ResultFile(blocks)
        stage = stage_file(self._connection, file, columns_of(columns), cursor=cursor)
        staged = Staged(header=file.header, rows=stage.rows, digest=stage.digest, median_stamp=stage.median_stamp)
        self._staged = (staged, stage)
        return staged

    def merge(
        self,
        table: Table,
        staged: Staged,
        columns: tuple[Column, ...],
        *,
        job: Job,
        evaluated_at: datetime,
        whole: bool,
    ) -> LoadCounts:
        """Bring the staged file into the table by the guard; see `Transaction.merge` for the rule.

        `staged` is what `stage` returned last. Of rows with the same id in one file the newest is loaded, and the
        last of equals; the others count as unchanged. Bad values become NULL, rows without an id are left out; both
        are written to syncd.rejected_row with the job's id. read = inserted + updated + unchanged + rejected.
        """
        if staged.rows == 0:
            return LoadCounts()
        stage = self._stage_for(staged, columns_of(columns))
        matched = merge.pairs(stage, columns_of(columns))
        work = merge.Merge(table, stage, matched, evaluated_at=evaluated_at, run_id=job.run_id)
        inserted, updated = work.upsert(self._connection) if whole else (0, work.fill_in(self._connection))
        bad_values = (
            rejects.report(self._connection, self._stream, job.id, _names(stage, matched)) if stage.faulty else 0
        )
        return LoadCounts(
            read=stage.rows,
            inserted=inserted,
            updated=updated,
            unchanged=stage.kept - inserted - updated,
            rejected=stage.rows - stage.kept,
            bad_values=bad_values,
        )

    def note_present(
        self, run_id: int, staged: Staged, columns: tuple[Column, ...], *, stamp: str, evaluated_at: datetime
    ) -> LoadCounts:
        """Keep the ids and stamps of what `stage` returned last, for a comparison at the end of the run.

        Rows without a usable id count as rejected, all others as unchanged.
        """
        if staged.rows == 0:
            return LoadCounts()
        stage = self._stage_for(staged, columns_of(columns))
        census.note(self._connection, stage, run_id=run_id, stamp=stamp, evaluated_at=evaluated_at)
        return LoadCounts(read=stage.rows, unchanged=stage.kept, rejected=stage.rows - stage.kept)

    def tombstone(self, table: Table, deletions: Iterable[Deletion]) -> int:
        """Set `_deleted_at` of rows that have none and were not changed by an export evaluated later; how many.

        Ids that the table does not have are passed over, and so is a table that does not exist. Of several deletions of
        one id the last one counts.
        """
        if not self.exists(table):
            return 0
        statement = sql.SQL(
            "UPDATE {} AS t SET _deleted_at = d.deleted_at"
            " FROM (SELECT id, max(deleted_at) AS deleted_at"
            "       FROM unnest(%s::bigint[], %s::timestamptz[]) AS u (id, deleted_at) GROUP BY id ORDER BY id) AS d"
            " WHERE t.id = d.id AND t._deleted_at IS NULL AND t._synced_at <= d.deleted_at"
        ).format(sql.Identifier(*(name.replace("%", "%%") for name in (table.schema, table.name))))
        marked, rest = 0, iter(deletions)
        while batch := list(islice(rest, _DELETIONS_AT_ONCE)):
            values = [entry.record_id for entry in batch], [entry.deleted_at for entry in batch]
            marked += self._connection.execute(statement, values).rowcount
        return marked

    # --------------------------------------------------------------------------------------------------------- parts

    def _stage_for(self, staged: Staged, columns: dict[str, Column]) -> Stage:
        """The staged file with the types that `columns` ask for: staged anew when they were not known."""
        if self._staged is None or self._staged[0] is not staged:
            raise ValueError("what is merged must be what was staged last")
        stage = self._staged[1]
        wanted = typed(stage.file, {name: column.type for name, column in columns.items()})
        if wanted != stage.types and any(stage.file.header[at] in columns for at in _differing(wanted, stage.types)):
            stage = stage_file(self._connection, stage.file, columns, cursor="")
            self._staged = (staged, stage)
        return stage

    def exists(self, table: Table) -> bool:
        """Whether there is a relation of that name."""
        found = self._connection.execute(
            "SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
            " WHERE n.nspname = %s AND c.relname = %s",
            [table.schema, table.name],
        )
        return found.rowcount > 0


def _differing(wanted: Sequence[str], given: Sequence[str]) -> list[int]:
    return [at for at, (one, other) in enumerate(zip(wanted, given, strict=True)) if one != other]


def _names(stage: Stage, matched: Sequence[merge.Pair]) -> list[str]:
    """The names that faults are reported under: the column's, or the field's where it has no column."""
    names = list(stage.file.header)
    for pair in matched:
        names[pair.position] = pair.target.name
    return names
