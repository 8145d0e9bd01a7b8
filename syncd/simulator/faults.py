"""Named faults on demand: what can go wrong, where, how often.

Owns: the list of faults and which armed one strikes a request, a job or a file. What a fault does stands in `strikes`
(answers), `jobs` (jobs), `csv_damage` (files) and `callbacks`.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Literal

Stage = Literal["request", "reply", "job", "file", "callback"]
OPERATIONS = (
    "token", "create", "details", "download", "deleted", "coql", "count", "modules", "fields", "views", "org", "users",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A fault: its name, when it strikes, which operation by default ("" = any API call), and what it does."""

    name: str
    stage: Stage
    operation: str
    summary: str


KINDS = {
    kind.name: kind
    for kind in (
        FaultKind("429", "request", "", "429 TOO_MANY_REQUESTS; retry_after=seconds adds a Retry-After header"),
        FaultKind("400-throttle", "request", "", "TOO_MANY_REQUESTS under status 400"),
        FaultKind("500", "request", "", "500 INTERNAL_ERROR"),
        FaultKind("502", "request", "", "502 with an HTML page"),
        FaultKind("503", "request", "", "503 with an HTML page; retry_after=seconds"),
        FaultKind("html", "request", "", "an HTML page with status 200"),
        FaultKind("empty-body", "request", "", "status 200 and no body"),
        FaultKind("stall", "request", "", "no answer for `seconds` (30), then the connection is closed"),
        FaultKind("reset", "request", "", "connection reset before any work"),
        FaultKind("expired-token", "request", "", "401 INVALID_TOKEN, and the token really is gone"),
        FaultKind("scope", "request", "", "401 OAUTH_SCOPE_MISMATCH"),
        FaultKind("no-permission", "request", "", "403 NO_PERMISSION"),
        FaultKind("redirect", "request", "download", "302 to another host"),
        FaultKind("not-found", "request", "details", "RESOURCE_NOT_FOUND"),
        FaultKind("json-for-zip", "request", "download", "a JSON error body with status 200 where a zip is due"),
        FaultKind("revoked", "request", "token", "the refresh token is revoked for good: invalid_code"),
        FaultKind("access-denied", "request", "token", "the token endpoint's throttle"),
        FaultKind("invalid-client", "request", "token", "invalid_client"),
        FaultKind("lost-reply", "reply", "", "the work is done, then the connection is reset"),
        FaultKind("wrong-length", "reply", "download", "Content-Length promises more than is sent, then closed"),
        FaultKind("drip", "reply", "download", "the body comes in `chunk` (16) bytes every `seconds` (0.05)"),
        FaultKind("cut-off", "reply", "download", "half the body, then the connection is reset"),
        FaultKind("truncated-zip", "reply", "download", "half the zip, with a matching Content-Length"),
        FaultKind("corrupt-zip", "reply", "download", "one byte of the compressed data is flipped"),
        FaultKind("two-members", "reply", "download", "the zip holds a second member"),
        FaultKind("no-members", "reply", "download", "the zip holds nothing"),
        FaultKind("zip-bomb", "reply", "download", "a member that unpacks to `megabytes` (64) of zeros"),
        FaultKind("job-failure", "job", "create", "the job ends in FAILURE; state=FAILED for the old word"),
        FaultKind("unknown-state", "job", "create", "the job shows `state` (PAUSED) for `polls` (2) polls first"),
        FaultKind("stuck-job", "job", "create", "the job stays IN PROGRESS for ever"),
        FaultKind("wrong-count", "job", "create", "result.count is off by `by` (1)"),
        FaultKind("expired-result", "job", "create", "the result is gone as soon as it is complete"),
        FaultKind(
            "duplicate-id",
            "file",
            "create",
            "the first row comes twice and is counted twice; stale=1: the second time in an older version",
        ),
        FaultKind("missing-id", "file", "create", "the file has no Id column"),
        FaultKind("bad-date", "file", "create", "no date in a date cell of the first row; field=NAME"),
        FaultKind("bad-number", "file", "create", "no number in a number cell of the first row; field=NAME"),
        FaultKind("nul-byte", "file", "create", "a NUL character in a text cell of the first row; field=NAME"),
        FaultKind("broken-line", "file", "create", "the first row has three cells too few"),
        FaultKind("huge-cell", "file", "create", "100,000 letters in a text cell of the first row; field=NAME"),
        FaultKind(
            "forged-callback", "callback", "create", "a callback for a job that is not finished, and a foreign id"
        ),
        FaultKind("duplicate-callback", "callback", "create", "the callback is sent twice"),
        FaultKind("lost-callback", "callback", "create", "no callback is sent"),
    )
}


@dataclass(slots=True, kw_only=True)
class Armed:
    """A fault that waits: it lets `after` matches pass, then strikes a `share` of them, `times` times (None: ever)."""

    kind: FaultKind
    path: str
    module: str = ""
    times: int | None = 1
    after: int = 0
    share: float = 1.0
    options: Mapping[str, object] = field(default_factory=dict)

    def number(self, name: str, default: float) -> float:
        """An option as a number."""
        value = self.options.get(name, default)
        return float(value) if isinstance(value, str | int | float) else default

    def text(self, name: str, default: str = "") -> str:
        """An option as text."""
        return str(self.options.get(name, default))

    def describe(self) -> dict[str, object]:
        """As JSON for the control API."""
        return {
            "name": self.kind.name, "path": self.path, "module": self.module, "times": self.times,
            "after": self.after, "share": self.share, "options": dict(self.options),
        }  # fmt: skip


class Faults:
    """The armed faults. Safe to use from several threads."""

    def __init__(self, seed: int = 0) -> None:
        self._random = Random(f"{seed}/faults")
        self._lock = threading.Lock()
        self._armed: list[Armed] = []
        self.struck: list[tuple[str, str]] = []

    def add(
        self,
        name: str,
        *,
        path: str = "",
        module: str = "",
        times: int | None = 1,
        after: int = 0,
        share: float = 1.0,
        **options: object,
    ) -> Armed:
        """Arm a fault. `path` is an operation (`download`, `create`, `token` ...) or a part of the URL's path; left
        out it is the fault's own. `module` restricts faults of jobs and files. `share` of the matches are struck, the
        others pass. Raises ValueError for an unknown name.
        """
        if name not in KINDS:
            raise ValueError(f"no fault named {name!r}; there are {', '.join(sorted(KINDS))}")
        kind = KINDS[name]
        armed = Armed(
            kind=kind,
            path=path or kind.operation,
            module=module,
            times=times,
            after=after,
            share=share,
            options=options,
        )
        with self._lock:
            self._armed.append(armed)
        return armed

    def clear(self) -> None:
        """Disarm everything."""
        with self._lock:
            self._armed.clear()

    def armed(self) -> list[Armed]:
        """What still waits to strike."""
        with self._lock:
            return list(self._armed)

    def take(self, stage: Stage, operation: str, url_path: str = "", module: str = "") -> list[Armed]:
        """The faults that strike this event, used up by one each."""
        with self._lock:
            hits = [
                fault
                for fault in self._armed
                if fault.kind.stage == stage
                and _matches(fault.path, operation, url_path)
                and fault.module in {"", module}
                and self._due(fault)
            ]
            self._armed = [fault for fault in self._armed if fault.times is None or fault.times > 0]
            self.struck += [(fault.kind.name, operation) for fault in hits]
            return hits

    def _due(self, fault: Armed) -> bool:
        if fault.after > 0:
            fault.after -= 1
            return False
        if fault.share < 1 and self._random.random() >= fault.share:
            return False
        if fault.times is not None:
            if fault.times <= 0:
                return False
            fault.times -= 1
        return True


def _matches(path: str, operation: str, url_path: str) -> bool:
    if not path:
        return operation != "token"
    return path == operation if path in OPERATIONS else path in url_path
