"""Runs that bring events as ICS, and what their ends vouch for."""

from alembic import op

revision = "0003_calendar_runs"
down_revision = "0002_census"

STREAM = """
ALTER TABLE syncd.stream
    ADD COLUMN calendar_through timestamptz,
    ADD COLUMN calendar_full_at timestamptz,
    ADD COLUMN calendar_windows boolean;
COMMENT ON COLUMN syncd.stream.calendar_through IS
    'The calendar holds every event stamped at or before it. Zoho''s clock.';
COMMENT ON COLUMN syncd.stream.calendar_full_at IS 'When the last complete ICS export began. Zoho''s clock.';
COMMENT ON COLUMN syncd.stream.calendar_windows IS
    'Whether Zoho narrows ICS exports by criteria; NULL: not tried yet.';

ALTER TABLE syncd.sync_run DROP CONSTRAINT sync_run_kind_check;
ALTER TABLE syncd.sync_run ADD CONSTRAINT sync_run_kind_check
    CHECK (kind IN ('fill', 'catch-up', 'full-read', 'columns', 'census', 're-read', 'calendar'));
COMMENT ON COLUMN syncd.sync_run.kind IS 'fill, catch-up, full-read, columns, census, re-read or calendar.';
"""


def upgrade() -> None:
    """Add what a calendar run needs; there is no way down, as for the ledger itself."""
    op.execute(STREAM)
