"""The ledgers of a configuration, to look at or to tell an operator's word; no Zoho is needed."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta

from syncd.bootstrap.database import Database, open_database
from syncd.cli.invocation import Invocation
from syncd.core.choice import chosen
from syncd.core.model import ModuleStatus, StreamKey
from syncd.settings.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledgers:
    """The orgs of a configuration, and the database of each; orgs that name the same one share it."""

    settings: tuple[Settings, ...]
    databases: tuple[Database, ...]
    by_org: dict[str, Database]

    def deadlines(self) -> dict[StreamKey, timedelta]:
        """The configured streams, and how late each may be."""
        return {StreamKey(one.org, name): one.deadline(name) for one in self.settings for name in one.modules}

    def statuses(self) -> tuple[ModuleStatus, ...]:
        """What the ledgers say of all streams."""
        return tuple(status for database in self.databases for status in database.status.module_statuses())

    def name(self, key: StreamKey) -> str:
        """What a stream is called: by its org too where there are several."""
        return str(key) if len(self.settings) > 1 else key.module

    def chosen(self, names: tuple[str, ...]) -> tuple[StreamKey, ...]:
        """The configured streams that `MODULE` or `ORG/MODULE` name, all without names. ConfigWrong for others."""
        return chosen(tuple(self.deadlines()), names)


@contextmanager
def open_ledgers(invocation: Invocation) -> Iterator[Ledgers]:
    """Read the configuration, without the secrets of Zoho, and connect to its databases when they are needed."""
    settings = invocation.settings(secrets=False)
    by_conninfo: dict[str, Database] = {}
    with ExitStack() as closing:
        for one in settings:
            conninfo = one.conninfo().get_secret_value()
            if conninfo not in by_conninfo:
                by_conninfo[conninfo] = open_database(one, size=2)
                closing.callback(by_conninfo[conninfo].close)
        by_org = {one.org: by_conninfo[one.conninfo().get_secret_value()] for one in settings}
        yield Ledgers(settings=settings, databases=tuple(by_conninfo.values()), by_org=by_org)
