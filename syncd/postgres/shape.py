"""The shape of a warehouse table: made, widened, described; never narrowed, rewritten or replaced.

Owns: the DDL of users' tables and of the live views beside them. Must not touch a relation that is not ours, and asks
the catalog once before it does anything.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql
from psycopg.rows import dict_row

from syncd.core.evolve import ID
from syncd.core.fields import BIGINT, TIMESTAMP
from syncd.core.model import Column, StreamKey, Table
from syncd.core.naming import table_name
from syncd.errors import NeedsOperator
from syncd.postgres.advisory import lock_number
from syncd.postgres.staging import COMMA, TYPE_NAME, Connection

MARK = "syncd"
"""Stands in the comment of every relation of ours, before the stream that it belongs to."""

_LONG_NAME = {TIMESTAMP: "timestamp with time zone"}
_KINDS = {"table": frozenset("rp"), "view": frozenset("v")}
"""pg_class.relkind of what can be ours."""
_OURS = {"_synced_at": TIMESTAMP, "_deleted_at": TIMESTAMP, "_run_id": BIGINT}
_OWN_WORDS = {
    "id": "Record id in Zoho CRM",
    "_synced_at": "When the export that last changed this row was evaluated, on Zoho's clock",
    "_deleted_at": "When the record was deleted in Zoho; NULL: it is there",
    "_run_id": "The run that last changed this row: syncd.run.run_id",
}
_HIDDEN = "_deleted_at"
"""Always NULL in the view of rows that are not deleted."""

_PATIENCE = "60s"
"""How long a lane waits for another lane that is creating the same table, load included."""

_LOOK = """
    SELECT r.which, r.schema_exists, r.relkind, r.comment,
           coalesce(array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attname IS NOT NULL), '{}') AS names,
           coalesce(array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum)
                    FILTER (WHERE a.attname IS NOT NULL), '{}') AS types,
           coalesce(bool_or(a.attname = 'id' AND i.indkey::text = a.attnum::text), false) AS id_is_key,
           coalesce(bool_or(a.attname = '_synced_at' AND a.attnotnull), false) AS stamped
    FROM (
        SELECT w.which, n.oid IS NOT NULL AS schema_exists, c.oid, c.relkind::text,
               obj_description(c.oid, 'pg_class') AS comment
        FROM (VALUES ('table', %(schema)s), ('view', %(live)s)) AS w (which, schema)
        LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.schema
        LEFT JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = %(name)s
    ) AS r
    LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_catalog.pg_index AS i ON i.indrelid = r.oid AND i.indisprimary
    GROUP BY 1, 2, 3, 4
    ORDER BY 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A relation as the catalog has it; `kind` is '' when there is none. `columns`: name to type, in their order."""

    schema_exists: bool
    kind: str
    comment: str
    columns: Mapping[str, str]
    id_is_key: bool
    stamped: bool


def live_schema(schema: str) -> str:
    """The schema of the views beside a warehouse schema."""
    return f"{schema}_live"


def evolve(connection: Connection, stream: StreamKey, table: Table, columns: Iterable[Column]) -> None:
    """Bring the table up to `columns`: create, add, comment on what is new, widen the live view.

    Refused columns are left out; `id` need not be named. Does nothing but one catalog query when nothing is missing.
    NeedsOperator when a relation of that name is not ours or does not have what is needed; nothing is changed then.
    """
    wanted = {column.name: column for column in columns if not column.refused and column.name != ID.name}
    found, view = _look(connection, stream, table, wanted)
    names = _shown(found, view, wanted)
    if found.kind and names == list(view.columns) and not wanted.keys() - found.columns.keys():
        return
    _wait_for_other_lanes(connection, table)
    found, view = _look(connection, stream, table, wanted)
    _change_table(connection, stream, table, found, wanted)
    names = _shown(found, view, wanted)
    if names != list(view.columns):
        _change_view(connection, stream, table, view, names)


def _shown(found: _Found, view: _Found, wanted: Iterable[str]) -> list[str]:
    """The view's columns: those it has, since a view can only be appended to, then all others of the table."""
    names = [*view.columns, *(found.columns or [ID.name]), *wanted, *_OURS]
    return [name for name in dict.fromkeys(names) if name != _HIDDEN]


def _wait_for_other_lanes(connection: Connection, table: Table) -> None:
    """Two lanes that create the same thing at once would fail on the catalog's unique indexes."""
    row = connection.execute("SELECT current_setting('lock_timeout')").fetchone()
    change = "SELECT set_config('lock_timeout', %s, true)"
    connection.execute(change, [_PATIENCE])
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [lock_number("table", table.schema, table.name)])
    connection.execute(change, [row[0] if row else "0"])


# -------------------------------------------------------------------------------------------------------- the catalog


def _look(
    connection: Connection, stream: StreamKey, table: Table, wanted: Mapping[str, Column]
) -> tuple[_Found, _Found]:
    """The table and its view as they are; NeedsOperator when one of them cannot be used."""
    live = live_schema(table.schema)
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_LOOK, {"schema": table.schema, "live": live, "name": table.name}).fetchall()
    found, view = (
        _Found(
            schema_exists=row["schema_exists"],
            kind=row["relkind"] or "",
            comment=row["comment"] or "",
            columns=dict(zip(row["names"], row["types"], strict=True)),
            id_is_key=row["id_is_key"],
            stamped=row["stamped"],
        )
        for row in rows
    )
    if found.kind:
        _check_table(stream, table, found, wanted)
    if view.kind:
        place = f"{live}.{table.name}"
        if view.kind not in _KINDS["view"] or not _is_ours(view, stream):
            raise _not_ours("view", stream, place, view)
        if unknown := view.columns.keys() - found.columns.keys():
            raise NeedsOperator(
                "the live view shows columns that its table does not have",
                where=place,
                why=", ".join(sorted(unknown)),
                fix=f"DROP VIEW {place}; syncd makes it anew",
            )
    return found, view


def _check_table(stream: StreamKey, table: Table, found: _Found, wanted: Mapping[str, Column]) -> None:
    place = f"{table.schema}.{table.name}"
    if found.kind not in _KINDS["table"] or not _is_ours(found, stream):
        raise _not_ours("table", stream, place, found)
    expected = {ID.name: ID.type, **_OURS, **{name: column.type for name, column in wanted.items()}}
    needed = {ID.name, *_OURS}
    wrong = [
        f"{name} is {found.columns.get(name, 'missing')} instead of {kind}"
        for name, kind in expected.items()
        if (name in found.columns or name in needed) and found.columns.get(name) != _LONG_NAME.get(kind, kind)
    ]
    if not found.id_is_key:
        wrong.append("id is not the primary key")
    if not found.stamped:
        wrong.append("_synced_at may be NULL")
    if wrong:
        raise NeedsOperator(
            "the table was changed so that syncd cannot use it",
            where=place,
            why="; ".join(wrong),
            fix=f"change it back, or move it away (ALTER TABLE .. RENAME TO ..) and run: syncd resync {stream.module}",
        )


def _is_ours(found: _Found, stream: StreamKey) -> bool:
    return found.comment.endswith(_mark(stream))


def _mark(stream: StreamKey) -> str:
    return f"| {MARK} {stream}"


def _not_ours(kind: str, stream: StreamKey, place: str, found: _Found) -> NeedsOperator:
    owner = found.comment.rpartition(f"| {MARK} ")[2] if f"| {MARK} " in found.comment else ""
    why = f"its comment says that it belongs to {owner}" if owner else "it does not have the comment that syncd leaves"
    if found.kind not in _KINDS[kind]:
        why = f"it is no {kind}"
    return NeedsOperator(
        f"a relation of this name exists and is not the {kind} of {stream}",
        where=place,
        why=why,
        fix=f'rename it, or choose another name in the configuration: {stream.module} = {{ table = "..." }}; '
        f"if it is syncd's own: COMMENT ON {kind.upper()} {place} IS '{_mark(stream)}'",
    )


# ---------------------------------------------------------------------------------------------------------- the changes


def _change_table(
    connection: Connection, stream: StreamKey, table: Table, found: _Found, wanted: Mapping[str, Column]
) -> None:
    name = sql.Identifier(table.schema, table.name)
    added = [column for column in wanted.values() if column.name not in found.columns]
    if not found.kind:
        _create_schema(connection, table.schema, found)
        shape = [sql.SQL("id bigint PRIMARY KEY"), *map(_definition, added)]
        shape += [sql.SQL("_synced_at timestamptz NOT NULL, _deleted_at timestamptz, _run_id bigint")]
        connection.execute(sql.SQL("CREATE TABLE {} ({})").format(name, COMMA.join(shape)))
        _comment(connection, sql.SQL("TABLE {}").format(name), f"{table.label or stream.module} {_mark(stream)}")
        for own, words in _OWN_WORDS.items():
            _comment(connection, _column_of(table, own), words)
    elif added:
        new = COMMA.join(sql.SQL("ADD COLUMN {}").format(_definition(column)) for column in added)
        connection.execute(sql.SQL("ALTER TABLE {} {}").format(name, new))
    for column in added:
        _comment(connection, _column_of(table, column.name), _words(table, column))


def _change_view(connection: Connection, stream: StreamKey, table: Table, view: _Found, names: Sequence[str]) -> None:
    live = live_schema(table.schema)
    name = sql.Identifier(live, table.name)
    _create_schema(connection, live, view)
    connection.execute(
        sql.SQL("CREATE OR REPLACE VIEW {} AS SELECT {} FROM {} WHERE _deleted_at IS NULL").format(
            name, COMMA.join(map(sql.Identifier, names)), sql.Identifier(table.schema, table.name)
        )
    )
    if not view.kind:
        words = f"{table.label or stream.module}: records that are not deleted {_mark(stream)}"
        _comment(connection, sql.SQL("VIEW {}").format(name), words)


def _create_schema(connection: Connection, schema: str, found: _Found) -> None:
    """Only a missing schema is created: IF NOT EXISTS asks for the right to create even where it creates nothing."""
    if not found.schema_exists:
        # Streams that load for the first time at once would all see it missing, and IF NOT EXISTS does not wait.
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [lock_number("schema", schema)])
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))


def _definition(column: Column) -> sql.Composed:
    return sql.SQL("{} {}").format(sql.Identifier(column.name), TYPE_NAME[column.type])


def _column_of(table: Table, name: str) -> sql.Composed:
    return sql.SQL("COLUMN {}").format(sql.Identifier(table.schema, table.name, name))


def _words(table: Table, column: Column) -> str:
    """What a column's comment says: label, Zoho's type, API name, and where a lookup leads."""
    words = f"{column.label or column.field} | {column.zoho_type or 'unknown type'} | {column.field}"
    if column.lookup_module:
        words += f" -> {table.schema}.{table_name(column.lookup_module)}"
    return words


def _comment(connection: Connection, on: sql.Composed, words: str) -> None:
    connection.execute(sql.SQL("COMMENT ON {} IS {}").format(on, sql.Literal(words)))
