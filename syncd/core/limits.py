"""Zoho's numbers, each with its source; `D` marks Zoho's documentation, `?` what nobody could verify.

A number lives here once. The simulator has its own copies on purpose: it must not inherit a misreading.
"""

from datetime import UTC, datetime, timedelta

MAX_SELECT_FIELDS = 200
"""Fields of one bulk query; above it Zoho silently exports all fields (D, bulk read limitations)."""

MAX_CRITERIA = 25
"""Leaves of a criterion, those of a custom view included (D, bulk read limitations)."""

MAX_VALUES_IN_LIST = 20
"""Values of `in` / `not_in` (D; the newest specification says 200, so 20 is safe in both)."""

ROWS_PER_PAGE = 200_000
"""Rows of one CSV result file (D, create-job)."""

ICS_EVENTS_PER_PAGE = 20_000
"""Events of one ICS result file (D, bulk read limitations)."""

RESULT_KEPT_FOR = timedelta(days=1)
"""A finished job's result is deleted after a day (D, bulk read limitations)."""

DOWNLOADS_PER_MINUTE = 10
"""Downloads in a minute, then 429 for all of them (D, download-result)."""

GRANTS_PER_TEN_MINUTES = 10
"""Access tokens per refresh token in ten minutes (D, token validity)."""

CREDITS_PER_JOB = 50
"""API credits of one bulk read job (the API limits page, as two independent readers report it)."""

CREDITS_PER_COUNT = 1
"""API credits of a COQL query of at most 200 rows (D, COQL limitations)."""

CREDITS_PER_DELETED_PAGE = 2
"""API credits of one page of the deleted-records feed (reported by one reader of the limits page)."""

DELETED_KEPT_FOR = timedelta(days=60)
"""How long the deleted-records feed surely remembers: 60 days in the recycle bin, 120 permanent (D, get-deleted)."""

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""Earlier than any stamp: records imported into a CRM may carry an old Created_Time."""

ALWAYS_EXPORTED = "Id"
"""The id column's header; it comes unasked (seen in every archive of a live run)."""

FIELD_NOT_EXPORTED = frozenset({"FIELD_NOT_SUPPORTED", "FIELD_NOT_AVAILABLE"})
"""Codes by which Zoho refuses a selected field that its own metadata lists (D; seen live for compound addresses)."""

PAGE_TOKEN_EXPIRED = "EXPIRED_VALUE"  # noqa: S105
"""The code for a page token older than a day (OpenAPI file; documented for records)."""

SCOPE_MISSING = "OAUTH_SCOPE_MISMATCH"
"""The code for a call that the grant has no scope for (D): more consent mends it, another query does not."""
