"""Every error syncd raises on purpose: one class per remedy.

A class says what the caller should do, not where the trouble arose: retry now, try later, ask the operator. Each error
carries what happened, where, why, and a `fix` sentence; `syncd.cli` alone turns it into text and an exit code.

    SyncdError
    |-- Unreachable       Zoho or PostgreSQL did not answer: retry with backoff            exit 69
    |-- TryLater          a quota or a busy server: nothing to do but wait `after` seconds exit 75
    |-- GrantRefused      the token, grant or client is not accepted: the org is parked    exit 77
    |-- ConfigWrong       the configuration cannot be used: nothing was started            exit 78
    |-- Refused           Zoho refuses this query: the module is parked                    exit 1
    |-- NeedsOperator     only a person can put it right: the module is parked             exit 1
    |-- BadArchive        a download that must not be loaded: fetch or export it again     exit 1
    |-- Fenced            another process holds this stream now: stop, change nothing      exit 1
    `-- Draining          a stop was asked for: end at the next ledger boundary            exit 0
"""

from dataclasses import dataclass
from typing import ClassVar


class SyncdError(Exception):
    """Base of all deliberate errors.

    `what` went wrong, `where` (a file:line, a module, a table, a URL without secrets), `why` (the cause as the other
    side put it) and `fix` (what the reader can do) are plain text for people; none holds a secret or a record's value.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, where: str = "", why: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.why = why
        self.fix = fix

    def __str__(self) -> str:
        located = f"{self.where}: {self.what}" if self.where else self.what
        return f"{located}: {self.why}" if self.why else located


class Unreachable(SyncdError):
    """Zoho or PostgreSQL did not answer, or broke off. The outcome of the call is unknown: re-read the ledger."""

    exit_code = 69


class TryLater(SyncdError):
    """A quota is used up or the other side is busy. `after` is the wait in seconds before it is worth trying again."""

    exit_code = 75

    def __init__(self, what: str, *, after: float, where: str = "", why: str = "", fix: str = "") -> None:
        super().__init__(what, where=where, why=why, fix=fix or f"nothing to do: try again in {after:.0f} s")
        self.after = after


class GrantRefused(SyncdError):
    """Zoho refuses the client, the refresh token or the user. Retrying makes it worse: the org waits for a person."""

    exit_code = 77


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with a configuration. `where` is file:line, `fix` says what to write instead."""

    where: str
    what: str
    fix: str


class ConfigWrong(SyncdError):
    """The configuration cannot be used. `problems` lists everything found, not only the first."""

    exit_code = 78

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        count = len(problems)
        super().__init__(
            f"{count} problem{'s' if count != 1 else ''} in the configuration",
            where=problems[0].where,
            why="; ".join(problem.what for problem in problems),
            fix=problems[0].fix,
        )
        self.problems = problems


class Refused(SyncdError):
    """Zoho refuses a query and will go on refusing it. `code` is Zoho's; `field` the API name it objects to, or ''."""

    def __init__(self, what: str, *, code: str, field: str = "", where: str = "", why: str = "", fix: str = "") -> None:
        super().__init__(what, where=where, why=why, fix=fix)
        self.code = code
        self.field = field


class NeedsOperator(SyncdError):
    """Something only a person can change: a table that is not ours, missing rights, a too old server."""


class BadArchive(SyncdError):
    """A result file that must not be loaded: not a zip, cut short, too large, or not the rows that were counted."""


class Fenced(SyncdError):
    """The lease of this stream has moved to another process; whatever this one was about to write is void."""


class Draining(SyncdError):
    """The process was asked to stop; raised at a point where the ledger is consistent."""

    exit_code = 0
