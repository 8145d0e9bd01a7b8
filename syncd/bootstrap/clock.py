"""The local wall clock: for pages, logs and health, never for windows, which live on Zoho's."""

from datetime import UTC, datetime


def now() -> datetime:
    """Now, aware, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 (this is the clock)
