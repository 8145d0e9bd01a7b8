"""The settings of one org as the rest of syncd uses them: what is said, completed by what is meant when nothing is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from pydantic import SecretStr

from syncd.core.model import Cursor, StreamPolicy
from syncd.core.pacing import PollPace
from syncd.errors import Problem
from syncd.settings import dsn
from syncd.settings.credentials import Secrets
from syncd.settings.pauses import longest_pause
from syncd.settings.tree import Callback, Defaults, Log, ModuleTable, Postgres, Web, Zoho

_CENSUS_EVERY = {
    "daily": timedelta(days=1),
    "weekly": timedelta(days=7),
    "monthly": timedelta(days=30),
    "off": None,
}
_INTERVALS = 3
_SLACK = timedelta(hours=2)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """When a module is synced: at the minutes of a crontab line (standard numbering, '' for none), else `every`.

    With a crontab line `every` is the measure for retries. `timezone` is the IANA name that the line is read in.
    """

    every: timedelta
    cron: str
    timezone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One org. `source` is the file it was read from, `modules` are in the order of that file.

    `state_dir` is where syncd keeps files of its own and need not exist yet. `warnings` are what works, but not as one
    may believe. Secrets print as asterisks.
    """

    source: Path
    org: str
    timezone: str
    zoho: Zoho
    postgres: Postgres
    defaults: Defaults
    modules: Mapping[str, ModuleTable]
    callback: Callback
    web: Web
    log: Log
    state_dir: Path
    ca_file: Path | None
    secrets: Secrets
    warnings: tuple[Problem, ...] = ()

    def policy(self, module: str) -> StreamPolicy:
        """How a module is to be synced, for the planner. KeyError for a module that is not configured."""
        own, shared = self.modules[module], self.defaults
        return StreamPolicy(
            settle=_first(own.settle, shared.settle),
            overlap=_first(own.overlap, shared.overlap),
            window_rows=_first(own.window_rows, shared.window_rows),
            fields=own.fields or (),
            exclude=own.exclude or (),
            criteria=own.criteria,
            cvid=own.cvid or "",
            cursor=None if own.cursor is None else Cursor(own.cursor),
            table=own.table or "",
            deletes=_first(own.deletes, shared.deletes),
            rows=own.format != "ics",
            calendar=own.format in {"ics", "both"},
            expand_back=_first(own.expand_back, shared.expand_back),
            expand_ahead=_first(own.expand_ahead, shared.expand_ahead),
            full_read_every=_first(own.full_read_every, shared.full_read_every),
            census_every=_CENSUS_EVERY[_first(own.census, shared.census)],
            census_max_deleted=_first(own.census_max_deleted, shared.census_max_deleted),
        )

    def turns(self, module: str) -> Turns:
        """When a module is synced: what it says itself, be it `every` or `cron`, beats both of the defaults."""
        own, shared = self.modules[module], self.defaults
        silent = own.every is None and own.cron is None
        return Turns(
            every=_first(own.every, shared.every),
            cron=shared.cron if silent else own.cron or "",
            timezone=self.timezone,
        )

    def poll(self, module: str) -> PollPace:
        """The waits between two looks at a running job."""
        return _first(self.modules[module].poll, self.defaults.poll)

    def deadline(self, module: str) -> timedelta:
        """The age from which a module's data counts as late.

        Where nothing says so: three intervals, or the longest pause of a crontab line and two hours if that is less,
        and on top what is never read yet because it has not settled.
        """
        own, shared = self.modules[module], self.defaults
        if (said := own.deadline or shared.deadline) is not None:
            return said
        turns = self.turns(module)
        pause = longest_pause(turns.cron) if turns.cron else turns.every
        late = min(_INTERVALS * pause, pause + _SLACK) if turns.cron else _INTERVALS * pause
        return late + _first(own.settle, shared.settle)

    def conninfo(self) -> SecretStr:
        """libpq's connection string with the password in it, if one was found; '' leaves all to the PG* variables.

        A password in the string itself, which only the environment may hold, wins over all others.
        """
        said, password = self.postgres.dsn.get_secret_value(), self.secrets.pg_password
        if password is None or dsn.has_password(said):
            return self.postgres.dsn
        return SecretStr(dsn.with_password(said, password.get_secret_value()))

    def known_secrets(self) -> tuple[str, ...]:
        """Every secret of these settings in plain text, for those who have to keep them out of what is printed."""
        found = self.secrets
        given = (found.client_secret, found.refresh_token, found.pg_password, found.web_token)
        callback = self.callback.url.get_secret_value().rpartition("/")[2] if self.callback.url else ""
        texts = (*(secret.get_secret_value() for secret in given if secret is not None), callback)
        return tuple(filter(None, (*texts, *dsn.secrets_in(self.postgres.dsn.get_secret_value()))))


def _first(own: T | None, shared: T) -> T:
    return shared if own is None else own
