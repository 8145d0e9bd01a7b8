"""Loads files through the real warehouse, one transaction each, and shows what the tables hold afterwards."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from syncd.core.model import Column, Deletion, Job, JobSpec, LoadCounts, Staged, StreamKey, Table
from syncd.postgres.warehouse import Warehouse

DEALS = StreamKey("acme", "Deals")
TABLE = Table(schema="zoho", name="deals", label="Deals")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
COLUMNS = (
    Column(
        field="Modified_Time", name="modified_time", type="timestamptz", zoho_type="datetime", label="Modified Time"
    ),
    Column(field="Deal_Name", name="deal_name", type="text", zoho_type="text", label="Deal Name"),
    Column(field="Amount", name="amount", type="numeric", zoho_type="currency", label="Amount"),
    Column(field="Stage_Number", name="stage_number", type="bigint", zoho_type="integer", label="Stage Number"),
    Column(field="Probability", name="probability", type="double precision", zoho_type="percent", label="Probability"),
    Column(field="Closing_Date", name="closing_date", type="date", zoho_type="date", label="Closing Date"),
    Column(field="Won", name="won", type="boolean", zoho_type="boolean", label="Won"),
    Column(
        field="Account_Name",
        name="account_name",
        type="bigint",
        zoho_type="lookup",
        label="Account Name",
        lookup_module="Accounts",
    ),
)


def minutes(number: float) -> datetime:
    """A moment: so many minutes after noon."""
    return NOON + timedelta(minutes=number)


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[str]], *, line_end: str = "\r\n") -> bytes:
    """A file as a bulk read writes it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=line_end)
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


@dataclass
class Loader:
    """Everything a load needs, with defaults; each `load` is one transaction on a connection of its own."""

    dsn: str
    stream: StreamKey = DEALS
    table: Table = TABLE
    columns: tuple[Column, ...] = COLUMNS
    hinted: bool = True
    staged: list[Staged] = field(default_factory=list)

    def load(
        self,
        data: bytes | Iterable[bytes],
        at: datetime = NOON,
        *,
        whole: bool = True,
        job_id: int = 1,
        run_id: int = 7,
        cursor: str = "",
    ) -> LoadCounts:
        job = Job(id=job_id, run_id=run_id, stream=self.stream, spec=JobSpec(window=None))
        with psycopg.connect(self.dsn) as connection:
            warehouse = Warehouse(connection, self.stream)
            staged = warehouse.stage(
                [data] if isinstance(data, bytes) else data,
                cursor=cursor,
                columns=self.columns if self.hinted else (),
            )
            self.staged.append(staged)
            warehouse.evolve(self.table, self.columns)
            return warehouse.merge(self.table, staged, self.columns, job=job, evaluated_at=at, whole=whole)

    def stage(self, data: bytes | Iterable[bytes], *, cursor: str = "") -> Staged:
        with psycopg.connect(self.dsn) as connection:
            blocks = [data] if isinstance(data, bytes) else data
            return Warehouse(connection, self.stream).stage(blocks, cursor=cursor, columns=self.columns)

    def delete(self, *entries: tuple[int, datetime]) -> int:
        with psycopg.connect(self.dsn) as connection:
            deletions = [Deletion(record_id, at) for record_id, at in entries]
            return Warehouse(connection, self.stream).tombstone(self.table, deletions)

    def rows(self, *names: str) -> list[dict[str, Any]]:
        """All rows by id; `names` choose columns (none: all)."""
        what = sql.SQL(", ").join(map(sql.Identifier, names)) if names else sql.SQL("*")
        query = sql.SQL("SELECT {} FROM {} ORDER BY id").format(
            what, sql.Identifier(self.table.schema, self.table.name)
        )
        return self.query(query)

    def versions(self) -> list[str]:
        """Where each row lies and who wrote it: the same before and after means that nothing was rewritten."""
        query = sql.SQL("SELECT id || ':' || ctid || ':' || xmin AS version FROM {} ORDER BY id").format(
            sql.Identifier(self.table.schema, self.table.name)
        )
        return [row["version"] for row in self.query(query)]

    def rejected(self) -> list[dict[str, Any]]:
        return self.query(sql.SQL('SELECT * FROM syncd.rejected_row ORDER BY line, "column"'))

    def query(self, statement: sql.SQL | sql.Composed) -> list[dict[str, Any]]:
        with psycopg.connect(self.dsn, row_factory=dict_row) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            return connection.execute(statement).fetchall()
