"""The canonical log line: one per pass over a stream, and fewer while a stream keeps failing in the same way."""

from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from structlog.typing import FilteringBoundLogger

from syncd.core.model import StreamKey
from syncd.errors import Draining, Refused, SyncdError
from syncd.sync.ports import RunOutcome

_LEVELS = {"failed": "error", "parked": "error", "waiting": "warning"}


def run_fields(outcome: RunOutcome) -> dict[str, object]:
    """The fields of an outcome's log line, without those that say nothing. Ids are strings, moments ISO 8601 in UTC."""
    counts, error = outcome.counts, outcome.error
    fields: dict[str, object] = {
        "org": outcome.stream.org,
        "module": outcome.stream.module,
        "state": outcome.state,
        "seconds": round(outcome.seconds, 3),
        "fresh_to": _stamp(outcome.fresh_to),
        "run": None if outcome.run_id is None else str(outcome.run_id),
        "kinds": "+".join(outcome.kinds),
    }
    if outcome.run_id is not None:
        fields |= {
            "jobs": outcome.jobs,
            "read": counts.read,
            "inserted": counts.inserted,
            "updated": counts.updated,
            "unchanged": counts.unchanged,
            "rejected": counts.rejected,
            "bad_values": counts.bad_values,
            "deleted": counts.deleted,
        }
    if (census := outcome.census) is not None:
        fields |= {"census_missing": census.missing, "census_extra": census.extra, "census_stale": census.stale}
        fields["census_tombstoned"] = census.tombstoned
    if error is not None and not isinstance(error, Draining):
        fields |= {"error": str(error), "error_kind": type(error).__name__, "fix": fix_of(error)}
        fields["code"] = error.code if isinstance(error, Refused) else ""
    fields["notes"] = "; ".join(outcome.notes)
    return {name: value for name, value in fields.items() if value not in {None, ""}}


def fix_of(error: Exception | None) -> str:
    """What the reader can do about an error, or ''."""
    return error.fix if isinstance(error, SyncdError) else ""


def _stamp(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def worth_a_line(repeats: int) -> bool:
    """Whether the n-th time in a row (from 1) that a stream says the same trouble deserves its line: 1, 2, 4, 8 ...

    >>> [n for n in range(1, 20) if worth_a_line(n)]
    [1, 2, 4, 8, 16]
    """
    return repeats & (repeats - 1) == 0


class RunLog:
    """Writes the line of each pass. Not for several threads at once."""

    def __init__(self, log: Callable[[], FilteringBoundLogger] = structlog.get_logger) -> None:
        self._log = log
        self._repeats: dict[StreamKey, tuple[str, int]] = {}

    def write(self, outcome: RunOutcome, *, failed_before: int) -> None:
        """Log a pass; `failed_before` is how many passes of its stream had failed in a row.

        A trouble that repeats itself word for word is logged the 1st, 2nd, 4th, 8th ... time, else at debug level.
        """
        log, fields = self._log(), run_fields(outcome)
        level = _LEVELS.get(outcome.state, "info")
        if level == "info":
            self._repeats.pop(outcome.stream, None)
        else:
            said, times = self._repeats.get(outcome.stream, ("", 0))
            text = f"{outcome.state} {outcome.error}"
            times = times + 1 if said == text else 1
            self._repeats[outcome.stream] = text, times
            if times > 1:
                fields["repeats"] = times
            if not worth_a_line(times):
                level = "debug"
        # A bug, not a remedy: only its traceback tells where.
        bug = outcome.error if outcome.error is not None and not isinstance(outcome.error, SyncdError) else None
        if bug is not None:
            fields["exc_info"] = bug
        getattr(log, level)("run", **fields)
        if outcome.state == "ok" and failed_before:
            log.info("recovered", org=outcome.stream.org, module=outcome.stream.module, after_failures=failed_before)
