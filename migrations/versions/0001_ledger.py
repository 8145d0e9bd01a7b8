"""The ledger: streams, runs, jobs, the field map, rejected rows, API use, and the public views on them.

There is no way down: the ledger is the proof of what is in the warehouse, and dropping it is the operator's decision.
"""

from alembic import op

revision = "0001_ledger"
down_revision = None

STREAM = """
CREATE TABLE syncd.stream (
    org             text        NOT NULL,
    module          text        NOT NULL,
    epoch           bigint      NOT NULL DEFAULT 0,
    cursor          text        CHECK (cursor IN ('Modified_Time', 'Created_Time')),
    watermark       timestamptz,
    fill_until      timestamptz,
    deletes_through timestamptz,
    last_full_at    timestamptz,
    paused          boolean     NOT NULL DEFAULT false,
    parked          text        NOT NULL DEFAULT '',
    trouble         text        NOT NULL DEFAULT '',
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (org, module),
    CHECK (org <> '' AND module <> '')
);
COMMENT ON TABLE syncd.stream IS 'One row per module of an org: the unit of schedule, lease and watermark.';
COMMENT ON COLUMN syncd.stream.org IS 'The org, as its configuration file names it.';
COMMENT ON COLUMN syncd.stream.module IS 'The module''s API name.';
COMMENT ON COLUMN syncd.stream.epoch IS 'Counts the leases taken; a writer with an older number cannot commit.';
COMMENT ON COLUMN syncd.stream.cursor IS 'The field that windows lie on; NULL until the first run, or for full reads.';
COMMENT ON COLUMN syncd.stream.watermark IS 'Everything stamped at or before it is committed. Zoho''s clock.';
COMMENT ON COLUMN syncd.stream.fill_until IS 'Where the first load ends and catching up begins. Zoho''s clock.';
COMMENT ON COLUMN syncd.stream.deletes_through IS 'The deleted-records feed was read up to here. Zoho''s clock.';
COMMENT ON COLUMN syncd.stream.last_full_at IS 'When the whole module was last read. Zoho''s clock.';
COMMENT ON COLUMN syncd.stream.paused IS 'A person asked that this module be left alone.';
COMMENT ON COLUMN syncd.stream.parked IS 'Why the module waits for a person, or empty.';
COMMENT ON COLUMN syncd.stream.trouble IS 'Why the last pass did not end well though it will be tried again, or empty.';
COMMENT ON COLUMN syncd.stream.created_at IS 'When the ledger first heard of the module. Clock of this server.';
COMMENT ON COLUMN syncd.stream.changed_at IS 'When this row last changed, a new lease apart. Clock of this server.';
"""

# The one rule that a CHECK cannot say, because it compares a row with its former self.
STREAM_GUARD = """
CREATE FUNCTION syncd.stream_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NEW.epoch < OLD.epoch THEN
        RAISE EXCEPTION 'the epoch of a stream never goes back' USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.watermark IS NOT NULL AND (NEW.watermark IS NULL OR NEW.watermark < OLD.watermark)
       AND coalesce(current_setting('syncd.rewind', true), '') <> 'on' THEN
        RAISE EXCEPTION 'the watermark of a stream never goes back'
            USING ERRCODE = 'check_violation', HINT = 'An operator may: SET LOCAL syncd.rewind = ''on''';
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION syncd.stream_guard() IS 'Refuses to move an epoch or a watermark back.';
CREATE TRIGGER stream_guard BEFORE UPDATE ON syncd.stream
    FOR EACH ROW EXECUTE FUNCTION syncd.stream_guard();
"""

RUN = """
CREATE TABLE syncd.sync_run (
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org            text        NOT NULL,
    module         text        NOT NULL,
    kind           text        NOT NULL CHECK (kind IN ('fill', 'catch-up', 'full-read', 'columns')),
    through        timestamptz,
    slices         jsonb       NOT NULL CHECK (jsonb_typeof(slices) = 'array'),
    started_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at    timestamptz,
    outcome        text        CHECK (outcome IN ('ok', 'abandoned')),
    error          text        NOT NULL DEFAULT '',
    rows_read      bigint      NOT NULL DEFAULT 0 CHECK (rows_read >= 0),
    rows_inserted  bigint      NOT NULL DEFAULT 0 CHECK (rows_inserted >= 0),
    rows_updated   bigint      NOT NULL DEFAULT 0 CHECK (rows_updated >= 0),
    rows_unchanged bigint      NOT NULL DEFAULT 0 CHECK (rows_unchanged >= 0),
    rows_rejected  bigint      NOT NULL DEFAULT 0 CHECK (rows_rejected >= 0),
    rows_deleted   bigint      NOT NULL DEFAULT 0 CHECK (rows_deleted >= 0),
    bad_values     bigint      NOT NULL DEFAULT 0 CHECK (bad_values >= 0),
    FOREIGN KEY (org, module) REFERENCES syncd.stream,
    CONSTRAINT sync_run_finished_with_outcome CHECK ((finished_at IS NULL) = (outcome IS NULL)),
    CONSTRAINT sync_run_finished_after_start CHECK (finished_at >= started_at)
);
CREATE UNIQUE INDEX sync_run_one_unfinished ON syncd.sync_run (org, module) WHERE finished_at IS NULL;
CREATE INDEX sync_run_finished ON syncd.sync_run (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX sync_run_latest ON syncd.sync_run (org, module, id DESC);
COMMENT ON TABLE syncd.sync_run IS 'One execution of a stream: its windows, their jobs, and what it did to the rows.';
COMMENT ON COLUMN syncd.sync_run.id IS 'The run''s number; rows of the warehouse carry it as _run_id.';
COMMENT ON COLUMN syncd.sync_run.org IS 'The org.';
COMMENT ON COLUMN syncd.sync_run.module IS 'The module''s API name.';
COMMENT ON COLUMN syncd.sync_run.kind IS 'fill, catch-up, full-read or columns.';
COMMENT ON COLUMN syncd.sync_run.through IS 'What the watermark becomes when all jobs are loaded; NULL: it stays.';
COMMENT ON COLUMN syncd.sync_run.slices IS 'The API names that each slice''s jobs ask for: an array of arrays.';
COMMENT ON COLUMN syncd.sync_run.started_at IS 'Clock of this server.';
COMMENT ON COLUMN syncd.sync_run.finished_at IS 'Clock of this server; NULL while the run is under way.';
COMMENT ON COLUMN syncd.sync_run.outcome IS 'ok or abandoned; NULL while the run is under way.';
COMMENT ON COLUMN syncd.sync_run.error IS 'Why the run was abandoned, or empty.';
COMMENT ON COLUMN syncd.sync_run.rows_read IS 'Rows in the files: inserted + updated + unchanged + rejected.';
COMMENT ON COLUMN syncd.sync_run.rows_inserted IS 'Rows that were new.';
COMMENT ON COLUMN syncd.sync_run.rows_updated IS 'Rows that were there and differed.';
COMMENT ON COLUMN syncd.sync_run.rows_unchanged IS 'Rows that were there already, or in a newer version.';
COMMENT ON COLUMN syncd.sync_run.rows_rejected IS 'Rows without a usable id or structure.';
COMMENT ON COLUMN syncd.sync_run.rows_deleted IS 'Rows newly marked as deleted.';
COMMENT ON COLUMN syncd.sync_run.bad_values IS 'Values that did not fit their column and became NULL.';
"""

JOB = """
CREATE TABLE syncd.bulk_job (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id          bigint      NOT NULL REFERENCES syncd.sync_run,
    parent_id       bigint      REFERENCES syncd.bulk_job,
    cursor          text        CHECK (cursor IN ('Modified_Time', 'Created_Time')),
    window_start    timestamptz,
    window_end      timestamptz,
    slice           integer     NOT NULL DEFAULT 0 CHECK (slice >= 0),
    page            integer     NOT NULL DEFAULT 1 CHECK (page >= 1),
    page_token      text        NOT NULL DEFAULT '',
    chain           jsonb       CHECK (jsonb_typeof(chain) = 'object'),
    state           text        NOT NULL DEFAULT 'planned'
                    CHECK (state IN ('planned', 'accepted', 'ready', 'fetched', 'loaded', 'split')),
    remote_id       text        NOT NULL DEFAULT '',
    evaluated_at    timestamptz,
    row_count       bigint      CHECK (row_count >= 0),
    more_records    boolean     NOT NULL DEFAULT false,
    next_page_token text        NOT NULL DEFAULT '',
    failures        integer     NOT NULL DEFAULT 0 CHECK (failures >= 0),
    last_error      text        NOT NULL DEFAULT '',
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT bulk_job_whole_window CHECK (num_nulls(cursor, window_start, window_end) IN (0, 3)),
    CONSTRAINT bulk_job_window_order CHECK (window_start <= window_end),
    CONSTRAINT bulk_job_whole_seconds CHECK (
        mod(extract(second FROM window_start), 1) = 0 AND mod(extract(second FROM window_end), 1) = 0
    ),
    CONSTRAINT bulk_job_known_to_zoho CHECK (
        state NOT IN ('accepted', 'ready', 'fetched') OR (remote_id <> '' AND evaluated_at IS NOT NULL)
    ),
    CONSTRAINT bulk_job_counted CHECK (state NOT IN ('ready', 'fetched') OR row_count IS NOT NULL)
);
CREATE INDEX bulk_job_of_run ON syncd.bulk_job (run_id, id);
CREATE INDEX bulk_job_open ON syncd.bulk_job (run_id) WHERE state NOT IN ('loaded', 'split');
CREATE INDEX bulk_job_parent ON syncd.bulk_job (parent_id) WHERE parent_id IS NOT NULL;
COMMENT ON TABLE syncd.bulk_job IS 'One bulk read job: one page of one slice of fields of one window.';
COMMENT ON COLUMN syncd.bulk_job.id IS 'The job''s number in this ledger.';
COMMENT ON COLUMN syncd.bulk_job.run_id IS 'The run that needs it.';
COMMENT ON COLUMN syncd.bulk_job.parent_id IS 'The job whose window was too large or whose page this one continues.';
COMMENT ON COLUMN syncd.bulk_job.cursor IS 'The field that the window lies on; NULL: the whole module.';
COMMENT ON COLUMN syncd.bulk_job.window_start IS 'First second, included. Zoho''s clock.';
COMMENT ON COLUMN syncd.bulk_job.window_end IS 'Last second, included. Zoho''s clock.';
COMMENT ON COLUMN syncd.bulk_job.slice IS 'Which of the run''s field slices.';
COMMENT ON COLUMN syncd.bulk_job.page IS 'Page number, from 1.';
COMMENT ON COLUMN syncd.bulk_job.page_token IS 'Zoho''s token of the page, or empty.';
COMMENT ON COLUMN syncd.bulk_job.chain IS 'Progress of an export that only paging can finish.';
COMMENT ON COLUMN syncd.bulk_job.state IS 'planned, accepted, ready, fetched; loaded and split are final.';
COMMENT ON COLUMN syncd.bulk_job.remote_id IS 'Zoho''s id of the job, or empty.';
COMMENT ON COLUMN syncd.bulk_job.evaluated_at IS 'The export was not evaluated before this moment. Zoho''s clock.';
COMMENT ON COLUMN syncd.bulk_job.row_count IS 'Rows in the result, as Zoho counted them.';
COMMENT ON COLUMN syncd.bulk_job.more_records IS 'Zoho had more rows than fit into one result.';
COMMENT ON COLUMN syncd.bulk_job.next_page_token IS 'Zoho''s token of the page after this one, or empty.';
COMMENT ON COLUMN syncd.bulk_job.failures IS 'How often its export failed or got lost.';
COMMENT ON COLUMN syncd.bulk_job.last_error IS 'The last failure, for people.';
COMMENT ON COLUMN syncd.bulk_job.created_at IS 'Clock of this server.';
COMMENT ON COLUMN syncd.bulk_job.changed_at IS 'When the job last moved. Clock of this server.';
"""

FIELD_MAP = """
CREATE TABLE syncd.field_map (
    org           text    NOT NULL,
    module        text    NOT NULL,
    name          text    NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 63),
    field         text    NOT NULL,
    type          text    NOT NULL,
    zoho_type     text    NOT NULL DEFAULT '',
    label         text    NOT NULL DEFAULT '',
    lookup_module text    NOT NULL DEFAULT '',
    partial       boolean NOT NULL DEFAULT false,
    refused       text    NOT NULL DEFAULT '',
    position      bigint  GENERATED ALWAYS AS IDENTITY,
    mapped_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (org, module, name),
    FOREIGN KEY (org, module) REFERENCES syncd.stream
);
COMMENT ON TABLE syncd.field_map IS 'Which column holds which field: decided once, then never recomputed.';
COMMENT ON COLUMN syncd.field_map.org IS 'The org.';
COMMENT ON COLUMN syncd.field_map.module IS 'The module''s API name.';
COMMENT ON COLUMN syncd.field_map.name IS 'The column.';
COMMENT ON COLUMN syncd.field_map.field IS 'The field''s API name; a field whose type changed has two columns.';
COMMENT ON COLUMN syncd.field_map.type IS 'The column''s type.';
COMMENT ON COLUMN syncd.field_map.zoho_type IS 'The field''s type in Zoho''s words.';
COMMENT ON COLUMN syncd.field_map.label IS 'What people call the field.';
COMMENT ON COLUMN syncd.field_map.lookup_module IS 'The module that a lookup points to, or empty.';
COMMENT ON COLUMN syncd.field_map.partial IS 'Rows loaded before the column came lack its value so far.';
COMMENT ON COLUMN syncd.field_map.refused IS 'Why Zoho will not export the field, or empty; it then has no column.';
COMMENT ON COLUMN syncd.field_map.position IS 'The order in which the columns came.';
COMMENT ON COLUMN syncd.field_map.mapped_at IS 'When the line was made. Clock of this server.';

CREATE TABLE syncd.warehouse_table (
    org          text NOT NULL,
    module       text NOT NULL,
    table_schema text NOT NULL,
    table_name   text NOT NULL,
    PRIMARY KEY (org, module),
    UNIQUE (table_schema, table_name),
    FOREIGN KEY (org, module) REFERENCES syncd.stream
);
COMMENT ON TABLE syncd.warehouse_table IS 'Which table holds a module''s rows.';
COMMENT ON COLUMN syncd.warehouse_table.org IS 'The org.';
COMMENT ON COLUMN syncd.warehouse_table.module IS 'The module''s API name.';
COMMENT ON COLUMN syncd.warehouse_table.table_schema IS 'The schema of the table.';
COMMENT ON COLUMN syncd.warehouse_table.table_name IS 'The name of the table.';
"""

# hashtextextended and not md5: a server in FIPS mode has no md5, and values may exceed what an index entry can hold.
REJECTED = """
CREATE TABLE syncd.rejected_row (
    org         text        NOT NULL,
    module      text        NOT NULL,
    job_id      bigint,
    line        bigint,
    record_id   bigint,
    "column"    text        NOT NULL DEFAULT '',
    value       text,
    reason      text        NOT NULL,
    raw         text,
    rejected_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX rejected_row_once ON syncd.rejected_row (
    org, module, coalesce(record_id, 0), "column",
    hashtextextended((coalesce(value, raw, '')) COLLATE "C", 0)
);
CREATE INDEX rejected_row_latest ON syncd.rejected_row (rejected_at DESC);
COMMENT ON TABLE syncd.rejected_row IS 'Values and rows that could not be loaded, with their text. One row per value.';
COMMENT ON COLUMN syncd.rejected_row.org IS 'The org.';
COMMENT ON COLUMN syncd.rejected_row.module IS 'The module''s API name.';
COMMENT ON COLUMN syncd.rejected_row.job_id IS 'The job whose file held it: syncd.job.job_id.';
COMMENT ON COLUMN syncd.rejected_row.line IS 'Its data row in the file, from 1.';
COMMENT ON COLUMN syncd.rejected_row.record_id IS 'The record, if its id could be read.';
COMMENT ON COLUMN syncd.rejected_row."column" IS 'The column that stayed NULL; empty: the whole row was rejected.';
COMMENT ON COLUMN syncd.rejected_row.value IS 'The value as exported.';
COMMENT ON COLUMN syncd.rejected_row.reason IS 'Why it was rejected.';
COMMENT ON COLUMN syncd.rejected_row.raw IS 'The row as exported, where the value alone does not tell.';
COMMENT ON COLUMN syncd.rejected_row.rejected_at IS 'When. Clock of this server.';
"""

API_USE = """
CREATE TABLE syncd.api_use (
    org   text        NOT NULL,
    quota text        NOT NULL,
    at    timestamptz NOT NULL,
    units bigint      NOT NULL CHECK (units > 0),
    PRIMARY KEY (org, quota, at) INCLUDE (units)
);
COMMENT ON TABLE syncd.api_use IS 'What was taken from each of Zoho''s quotas lately, so that no restart forgets it.';
COMMENT ON COLUMN syncd.api_use.org IS 'The org.';
COMMENT ON COLUMN syncd.api_use.quota IS 'The quota''s name, for example downloads.';
COMMENT ON COLUMN syncd.api_use.at IS 'The end of the short stretch in which it was spent. Clock of this server.';
COMMENT ON COLUMN syncd.api_use.units IS 'How much.';
"""

VIEWS = """
CREATE VIEW syncd.run AS
SELECT r.id AS run_id, r.org, r.module, r.kind, r.through, r.started_at, r.finished_at, r.outcome, r.error,
       j.open_jobs, j.done_jobs,
       r.rows_read, r.rows_inserted, r.rows_updated, r.rows_unchanged, r.rows_rejected, r.rows_deleted, r.bad_values
FROM syncd.sync_run AS r
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE state NOT IN ('loaded', 'split')) AS open_jobs,
           count(*) FILTER (WHERE state IN ('loaded', 'split')) AS done_jobs
    FROM syncd.bulk_job WHERE run_id = r.id
) AS j;
COMMENT ON VIEW syncd.run IS 'Public: one row per run, newest run_id last; outcome is NULL while it is under way.';

CREATE VIEW syncd.job AS
SELECT j.id AS job_id, j.run_id, r.org, r.module, r.kind AS run_kind, j.cursor, j.window_start, j.window_end,
       j.slice, j.page, j.state, j.remote_id, j.evaluated_at, j.row_count, j.more_records, j.failures, j.last_error,
       j.parent_id, j.created_at, j.changed_at
FROM syncd.bulk_job AS j JOIN syncd.sync_run AS r ON r.id = j.run_id;
COMMENT ON VIEW syncd.job IS 'Public: one row per bulk read job, with the window that it covers.';

CREATE VIEW syncd.module_status AS
SELECT s.org, s.module,
       CASE WHEN s.parked <> '' THEN 'parked' WHEN s.paused THEN 'paused' WHEN u.run_id IS NOT NULL THEN 'running'
            WHEN s.watermark IS NULL AND l.run_id IS NULL THEN 'new' ELSE 'idle' END AS state,
       s.watermark, clock_timestamp() - s.watermark AS lag, s.fill_until, s.cursor, s.paused, s.parked,
       t.table_schema, t.table_name,
       greatest(c.reltuples::bigint, pg_stat_get_live_tuples(c.oid)) AS row_estimate,
       u.run_id, u.kind AS run_kind, u.started_at AS run_started_at,
       coalesce(u.open_jobs, 0) AS open_jobs, coalesce(u.done_jobs, 0) AS done_jobs,
       l.run_id AS last_run_id, l.kind AS last_run_kind, l.started_at AS last_started_at,
       l.finished_at AS last_finished_at, l.outcome AS last_outcome, l.error AS last_error,
       l.rows_read AS last_rows_read, l.rows_inserted AS last_rows_inserted, l.rows_updated AS last_rows_updated,
       l.rows_unchanged AS last_rows_unchanged, l.rows_rejected AS last_rows_rejected,
       l.rows_deleted AS last_rows_deleted, l.bad_values AS last_bad_values,
       (SELECT count(*) FROM syncd.rejected_row AS x WHERE x.org = s.org AND x.module = s.module) AS rejected_values,
       f.partial_columns, f.refused_fields, s.trouble
FROM syncd.stream AS s
LEFT JOIN syncd.run AS u ON u.org = s.org AND u.module = s.module AND u.finished_at IS NULL
LEFT JOIN LATERAL (
    SELECT r.id AS run_id, r.* FROM syncd.sync_run AS r
    WHERE r.org = s.org AND r.module = s.module AND r.finished_at IS NOT NULL ORDER BY r.id DESC LIMIT 1
) AS l ON true
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE m.partial AND m.refused = '') AS partial_columns,
           count(*) FILTER (WHERE m.refused <> '') AS refused_fields
    FROM syncd.field_map AS m WHERE m.org = s.org AND m.module = s.module
) AS f
LEFT JOIN syncd.warehouse_table AS t ON t.org = s.org AND t.module = s.module
LEFT JOIN (pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace)
       ON n.nspname = t.table_schema AND c.relname = t.table_name;
COMMENT ON VIEW syncd.module_status IS
    'Public: one row per module: how fresh it is, what runs now, how the last run ended, what is incomplete.';
COMMENT ON COLUMN syncd.module_status.state IS 'new, running, idle, paused or parked.';
COMMENT ON COLUMN syncd.module_status.lag IS 'How far the watermark is behind this server''s clock.';
COMMENT ON COLUMN syncd.module_status.row_estimate IS 'Rows by the statistics, deleted ones included; not a count.';
"""


def upgrade() -> None:
    """Create everything; the schema itself is there already, since alembic keeps its version table in it."""
    for script in (STREAM, STREAM_GUARD, RUN, JOB, FIELD_MAP, REJECTED, API_USE, VIEWS):
        op.execute(script)
