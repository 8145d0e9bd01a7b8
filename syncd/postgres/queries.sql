-- The statements of the ledger. All names are qualified: search_path is pg_catalog.

-- ---------------------------------------------------------------------------------------------------- lease and epoch

-- name: lease_try
SELECT pg_try_advisory_lock(%(lock)s);

-- name: lease_epoch
-- Waits for a writer of the old epoch that is committing at this moment, and voids all others.
INSERT INTO syncd.stream AS s (org, module, epoch) VALUES (%(org)s, %(module)s, 1)
ON CONFLICT (org, module) DO UPDATE SET epoch = s.epoch + 1
RETURNING epoch;

-- name: lease_release
SELECT pg_advisory_unlock(%(lock)s);

-- name: epoch_look
SELECT epoch FROM syncd.stream WHERE org = %(org)s AND module = %(module)s;

-- name: epoch_hold
-- NO KEY UPDATE: enough to keep epoch and writers out, and foreign keys may still be checked against the row.
SELECT epoch FROM syncd.stream WHERE org = %(org)s AND module = %(module)s FOR NO KEY UPDATE;

-- name: wrote_anything
SELECT pg_current_xact_id_if_assigned() IS NOT NULL AS wrote;

-- ------------------------------------------------------------------------------------------------------------- stream

-- name: stream_get
SELECT cursor, watermark, fill_until, deletes_through, last_full_at, census_at,
    calendar_through, calendar_full_at, calendar_windows, paused, parked, trouble
FROM syncd.stream WHERE org = %(org)s AND module = %(module)s;

-- name: stream_update
-- Not `paused`: that belongs to a person, who may change it while a run is under way.
UPDATE syncd.stream
SET cursor = %(cursor)s, watermark = %(watermark)s, fill_until = %(fill_until)s, deletes_through = %(deletes_through)s,
    last_full_at = %(last_full_at)s, census_at = %(census_at)s, parked = %(parked)s, trouble = %(trouble)s,
    calendar_through = %(calendar_through)s, calendar_full_at = %(calendar_full_at)s,
    calendar_windows = %(calendar_windows)s,
    changed_at = clock_timestamp()
WHERE org = %(org)s AND module = %(module)s;

-- name: stream_pause
INSERT INTO syncd.stream (org, module, paused) VALUES (%(org)s, %(module)s, %(paused)s)
ON CONFLICT (org, module) DO UPDATE SET paused = excluded.paused, changed_at = clock_timestamp();

-- name: stream_park
INSERT INTO syncd.stream (org, module, parked) VALUES (%(org)s, %(module)s, %(parked)s)
ON CONFLICT (org, module) DO UPDATE SET parked = excluded.parked, changed_at = clock_timestamp();

-- ------------------------------------------------------------------------------------------------------ runs and jobs

-- name: run_start
INSERT INTO syncd.sync_run (org, module, kind, through, slices)
VALUES (%(org)s, %(module)s, %(kind)s, %(through)s, %(slices)s)
RETURNING id, kind, through, slices, started_at;

-- name: run_unfinished
SELECT id, kind, through, slices, started_at
FROM syncd.sync_run WHERE org = %(org)s AND module = %(module)s AND finished_at IS NULL;

-- name: run_replan
UPDATE syncd.sync_run SET slices = %(slices)s
WHERE id = %(run)s AND org = %(org)s AND module = %(module)s AND finished_at IS NULL
RETURNING id, kind, through, slices, started_at;

-- name: run_add_counts
UPDATE syncd.sync_run
SET rows_read = rows_read + %(read)s, rows_inserted = rows_inserted + %(inserted)s,
    rows_updated = rows_updated + %(updated)s, rows_unchanged = rows_unchanged + %(unchanged)s,
    rows_rejected = rows_rejected + %(rejected)s, rows_deleted = rows_deleted + %(deleted)s,
    bad_values = bad_values + %(bad_values)s
WHERE id = %(run)s AND org = %(org)s AND module = %(module)s AND finished_at IS NULL;

-- name: run_finish
UPDATE syncd.sync_run
SET finished_at = greatest(clock_timestamp(), started_at), outcome = %(outcome)s, error = %(error)s
WHERE id = %(run)s AND org = %(org)s AND module = %(module)s AND finished_at IS NULL
RETURNING rows_read, rows_inserted, rows_updated, rows_unchanged, rows_rejected, rows_deleted, bad_values;

-- name: runs_forget
-- Runs come by the minute, for years: the oldest few of a stream that are past keeping go whenever one ends. Only the
-- first are looked at, so that it costs nothing when there is nothing to forget. A census is older than the run that
-- reads its findings again, so both go together or the census goes first.
WITH first AS (
    SELECT id, finished_at FROM syncd.sync_run
    WHERE org = %(org)s AND module = %(module)s ORDER BY id LIMIT 20
), old AS (
    SELECT id FROM first WHERE finished_at < clock_timestamp() - %(kept_for)s::interval
), censuses AS (
    DELETE FROM syncd.census WHERE run_id IN (SELECT id FROM old)
), jobs AS (
    DELETE FROM syncd.bulk_job WHERE run_id IN (SELECT id FROM old)
)
DELETE FROM syncd.sync_run WHERE id IN (SELECT id FROM old);

-- name: job_add
INSERT INTO syncd.bulk_job (run_id, parent_id, cursor, window_start, window_end, slice, page, page_token, chain)
VALUES (%(run)s, %(parent)s, %(cursor)s, %(start)s, %(end)s, %(slice)s, %(page)s, %(page_token)s, %(chain)s)
RETURNING id;

-- name: job_record
-- A finished job is history: no replay and no late writer changes it.
UPDATE syncd.bulk_job AS j
SET state = %(state)s, remote_id = %(remote_id)s, evaluated_at = %(evaluated_at)s, row_count = %(count)s,
    more_records = %(more_records)s, next_page_token = %(next_page_token)s, failures = %(failures)s,
    last_error = %(last_error)s, changed_at = clock_timestamp()
FROM syncd.sync_run AS r
WHERE j.id = %(job)s AND j.state NOT IN ('loaded', 'split')
  AND r.id = j.run_id AND r.org = %(org)s AND r.module = %(module)s AND r.finished_at IS NULL;

-- name: jobs_unfinished
SELECT id, parent_id, cursor, window_start, window_end, slice, page, page_token, chain, state, remote_id, evaluated_at,
       row_count, more_records, next_page_token, failures, last_error
FROM syncd.bulk_job WHERE run_id = %(run)s AND state NOT IN ('loaded', 'split') ORDER BY id;

-- name: jobs_open
SELECT count(*) FROM syncd.bulk_job WHERE run_id = %(run)s AND state NOT IN ('loaded', 'split');

-- ------------------------------------------------------------------------------------------------------------- census

-- name: census_moment
-- Jobs that were split prove nothing: what they show was exported anew by others.
SELECT min(evaluated_at) AS moment FROM syncd.bulk_job WHERE run_id = %(run)s AND state = 'loaded';

-- name: census_exported
SELECT count(*) AS exported FROM syncd.census_row WHERE run_id = %(run)s;

-- name: census_put
INSERT INTO syncd.census (run_id, org, module, at, compared, missing, extra, stale, tombstoned, refused_deletes, reason,
                          reread_run)
VALUES (%(run)s, %(org)s, %(module)s, %(at)s, %(compared)s, %(missing)s, %(extra)s, %(stale)s, %(tombstoned)s,
        %(refused_deletes)s, %(reason)s, %(reread_run)s);

-- name: census_forget
DELETE FROM syncd.census_row WHERE run_id = %(run)s;

-- name: census_get
SELECT run_id, at, compared, missing, extra, stale, tombstoned, refused_deletes, reason, reread_run
FROM syncd.census WHERE run_id = %(run)s AND org = %(org)s AND module = %(module)s;

-- ---------------------------------------------------------------------------------------------- field map and tables

-- name: field_map_get
SELECT field, name, type, zoho_type, label, lookup_module, partial, refused
FROM syncd.field_map WHERE org = %(org)s AND module = %(module)s ORDER BY position;

-- name: field_map_put
-- A line that is there already is found by reading: ON CONFLICT would lock it, and lanes would wait for each other.
INSERT INTO syncd.field_map (org, module, name, field, type, zoho_type, label, lookup_module, partial, refused)
SELECT %(org)s, %(module)s, %(name)s, %(field)s, %(type)s, %(zoho_type)s, %(label)s, %(lookup_module)s, %(partial)s,
       %(refused)s
WHERE NOT EXISTS (
    SELECT FROM syncd.field_map AS m
    WHERE (m.org, m.module, m.name, m.field, m.type, m.zoho_type, m.label, m.lookup_module, m.partial, m.refused)
        = (%(org)s, %(module)s, %(name)s, %(field)s, %(type)s, %(zoho_type)s, %(label)s, %(lookup_module)s, %(partial)s,
           %(refused)s)
)
ON CONFLICT (org, module, name) DO UPDATE
SET field = excluded.field, type = excluded.type, zoho_type = excluded.zoho_type, label = excluded.label,
    lookup_module = excluded.lookup_module, partial = excluded.partial, refused = excluded.refused;

-- name: table_put
INSERT INTO syncd.warehouse_table (org, module, table_schema, table_name)
SELECT %(org)s, %(module)s, %(schema)s, %(name)s
WHERE NOT EXISTS (
    SELECT FROM syncd.warehouse_table AS t
    WHERE (t.org, t.module, t.table_schema, t.table_name) = (%(org)s, %(module)s, %(schema)s, %(name)s)
)
ON CONFLICT (org, module) DO UPDATE SET table_schema = excluded.table_schema, table_name = excluded.table_name;

-- ------------------------------------------------------------------------------------------------------------- quotas

-- name: quota_lock
SELECT pg_advisory_xact_lock(%(lock)s);

-- name: quota_take
-- What is spent within a thousandth of the period shares one entry at that stretch's end: it leaves a little late, never
-- early, and a busy day is a thousand entries. Entries from a future further away than a period are left by a clock
-- that was set back, and count no more.
INSERT INTO syncd.api_use AS u (org, quota, at, units)
SELECT %(org)s, %(quota)s, date_bin(%(period)s::interval / 1000, now, timestamptz 'epoch') + %(period)s::interval / 1000,
       %(cost)s::bigint
FROM clock_timestamp() AS now
WHERE %(cost)s::bigint + (
    SELECT coalesce(sum(units), 0) FROM syncd.api_use
    WHERE org = %(org)s AND quota = %(quota)s AND at > now - %(period)s::interval AND at <= now + %(period)s::interval
) <= %(limit)s
ON CONFLICT (org, quota, at) DO UPDATE SET units = u.units + excluded.units
RETURNING at;

-- name: quota_wait
-- The seconds until enough of what was spent has left the period.
WITH recent AS (
    SELECT u.at + %(period)s::interval - now AS leaves, sum(u.units) OVER (ORDER BY u.at DESC) - u.units AS staying
    FROM clock_timestamp() AS now, syncd.api_use AS u
    WHERE u.org = %(org)s AND u.quota = %(quota)s
      AND u.at > now - %(period)s::interval AND u.at <= now + %(period)s::interval
)
SELECT extract(epoch FROM min(leaves))::double precision FROM recent WHERE staying + %(cost)s::bigint <= %(limit)s;

-- name: quota_prune
-- A day and an hour are kept for the status page whatever the period.
DELETE FROM syncd.api_use
WHERE org = %(org)s AND quota = %(quota)s
  AND (at <= clock_timestamp() - greatest(%(period)s::interval, interval '25 hours')
       OR at > clock_timestamp() + greatest(%(period)s::interval, interval '25 hours'));

-- name: quota_spent
SELECT coalesce(sum(units), 0)::bigint FROM syncd.api_use
WHERE org = %(org)s AND quota = %(quota)s
  AND at > clock_timestamp() - %(period)s::interval AND at <= clock_timestamp() + %(period)s::interval;

-- ------------------------------------------------------------------------------------------------------------- status

-- name: module_statuses
SELECT org, module, watermark, fill_until, run_kind, open_jobs, done_jobs, row_estimate, last_run_id, last_started_at,
       last_finished_at, last_outcome, last_error, last_rows_read, last_rows_inserted, last_rows_updated,
       last_rows_unchanged, last_rows_rejected, last_rows_deleted, last_bad_values, rejected_values, partial_columns,
       refused_fields, paused, parked, trouble
FROM syncd.module_status ORDER BY org, module;

-- name: api_use_totals
SELECT org, quota, sum(units)::bigint AS used FROM syncd.api_use
WHERE at > clock_timestamp() - %(period)s::interval AND at <= clock_timestamp() + %(period)s::interval
GROUP BY org, quota ORDER BY org, quota;

-- name: runs_recent
-- The newest first; without a module those of all streams.
SELECT s.id, s.kind, s.through, s.slices, s.started_at, v.org, v.module, v.finished_at, coalesce(v.outcome, '') AS outcome,
       v.error, v.open_jobs, v.open_jobs + v.done_jobs AS jobs, v.rows_read, v.rows_inserted, v.rows_updated,
       v.rows_unchanged, v.rows_rejected, v.rows_deleted, v.bad_values
FROM syncd.run AS v JOIN syncd.sync_run AS s ON s.id = v.run_id
WHERE (%(run)s::bigint IS NULL OR s.id = %(run)s)
  AND (%(org)s::text IS NULL OR s.org = %(org)s) AND (%(module)s::text IS NULL OR s.module = %(module)s)
  AND (NOT %(failed)s OR s.outcome = 'abandoned')
ORDER BY s.id DESC LIMIT %(limit)s;

-- name: run_jobs
SELECT id, parent_id, cursor, window_start, window_end, slice, page, page_token, chain, state, remote_id, evaluated_at,
       row_count, more_records, next_page_token, failures, last_error, created_at, changed_at
FROM syncd.bulk_job WHERE run_id = %(run)s ORDER BY id;

-- name: jobs_open_everywhere
SELECT j.id, j.parent_id, j.cursor, j.window_start, j.window_end, j.slice, j.page, j.page_token, j.chain, j.state,
       j.remote_id, j.evaluated_at, j.row_count, j.more_records, j.next_page_token, j.failures, j.last_error,
       j.created_at, j.changed_at, j.run_id, r.org, r.module, r.kind
FROM syncd.sync_run AS r JOIN syncd.bulk_job AS j ON j.run_id = r.id
WHERE r.finished_at IS NULL AND j.state NOT IN ('loaded', 'split') ORDER BY j.id;

-- name: runs_finished
SELECT org, module, id AS run_id, finished_at, outcome, rows_inserted + rows_updated + rows_deleted AS changed, through
FROM syncd.sync_run WHERE finished_at >= %(since)s ORDER BY finished_at, id;

-- name: rejected_rows
SELECT org, module, job_id, line, record_id, "column", value, reason, raw, rejected_at
FROM syncd.rejected_row
WHERE (%(org)s::text IS NULL OR org = %(org)s) AND (%(module)s::text IS NULL OR module = %(module)s)
ORDER BY rejected_at DESC LIMIT %(limit)s;
