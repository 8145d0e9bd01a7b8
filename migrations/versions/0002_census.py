"""The census: what ids and stamps it has brought so far, and what it found."""

from alembic import op

revision = "0002_census"
down_revision = "0001_ledger"

STREAM = """
ALTER TABLE syncd.stream ADD COLUMN census_at timestamptz;
COMMENT ON COLUMN syncd.stream.census_at IS 'When the last census began; the first fill counts as one. Zoho''s clock.';

ALTER TABLE syncd.sync_run DROP CONSTRAINT sync_run_kind_check;
ALTER TABLE syncd.sync_run ADD CONSTRAINT sync_run_kind_check
    CHECK (kind IN ('fill', 'catch-up', 'full-read', 'columns', 'census', 're-read'));
COMMENT ON COLUMN syncd.sync_run.kind IS 'fill, catch-up, full-read, columns, census or re-read.';
COMMENT ON COLUMN syncd.sync_run.through IS
    'What the watermark becomes when all jobs are loaded; NULL: it stays. Of a census: the last creation it counts.';
"""

# No foreign key on run_id: it would be checked for every id, and the rows live no longer than their run.
ROW = """
CREATE TABLE syncd.census_row (
    run_id       bigint      NOT NULL,
    id           bigint      NOT NULL,
    stamp        timestamptz,
    evaluated_at timestamptz NOT NULL,
    PRIMARY KEY (run_id, id)
);
COMMENT ON TABLE syncd.census_row IS 'The ids that a run under way has seen in Zoho; empty between censuses.';
COMMENT ON COLUMN syncd.census_row.run_id IS 'The run: syncd.run.run_id.';
COMMENT ON COLUMN syncd.census_row.id IS 'The record.';
COMMENT ON COLUMN syncd.census_row.stamp IS 'The stamp of the module''s cursor as exported; NULL: none.';
COMMENT ON COLUMN syncd.census_row.evaluated_at IS 'The export that showed it was not evaluated before. Zoho''s clock.';
"""

CENSUS = """
CREATE TABLE syncd.census (
    run_id          bigint      PRIMARY KEY REFERENCES syncd.sync_run,
    org             text        NOT NULL,
    module          text        NOT NULL,
    at              timestamptz NOT NULL,
    compared        bigint      NOT NULL CHECK (compared >= 0),
    missing         bigint      NOT NULL CHECK (missing >= 0),
    extra           bigint      NOT NULL CHECK (extra >= 0),
    stale           bigint      NOT NULL CHECK (stale >= 0),
    tombstoned      bigint      NOT NULL CHECK (tombstoned >= 0),
    refused_deletes bigint      NOT NULL CHECK (refused_deletes >= 0),
    reason          text        NOT NULL DEFAULT '',
    reread_run      bigint      REFERENCES syncd.sync_run,
    FOREIGN KEY (org, module) REFERENCES syncd.stream
);
CREATE INDEX census_latest ON syncd.census (org, module, run_id DESC);
CREATE INDEX census_reread ON syncd.census (reread_run) WHERE reread_run IS NOT NULL;
COMMENT ON TABLE syncd.census IS
    'Public: one row per census, newest run_id last: what it found before anything was repaired, and what was done.';
COMMENT ON COLUMN syncd.census.run_id IS 'The run that counted: syncd.run.run_id.';
COMMENT ON COLUMN syncd.census.org IS 'The org.';
COMMENT ON COLUMN syncd.census.module IS 'The module''s API name.';
COMMENT ON COLUMN syncd.census.at IS 'When the first of its exports was evaluated. Zoho''s clock.';
COMMENT ON COLUMN syncd.census.compared IS 'Settled records that were looked for on both sides.';
COMMENT ON COLUMN syncd.census.missing IS 'Records in Zoho that were not here, or here as deleted.';
COMMENT ON COLUMN syncd.census.extra IS 'Live rows here that are not in Zoho, or do not match the criteria any more.';
COMMENT ON COLUMN syncd.census.stale IS 'Rows here that were older than the record in Zoho.';
COMMENT ON COLUMN syncd.census.tombstoned IS 'Extra rows that were marked deleted.';
COMMENT ON COLUMN syncd.census.refused_deletes IS 'Extra rows that were left alone.';
COMMENT ON COLUMN syncd.census.reason IS 'Why they were left alone, or empty.';
COMMENT ON COLUMN syncd.census.reread_run IS 'The run that reads missing and stale rows again; NULL: there were none.';
"""


def upgrade() -> None:
    """Nothing is rewritten; a stream without census_at is due for its first census."""
    for script in (STREAM, ROW, CENSUS):
        op.execute(script)
