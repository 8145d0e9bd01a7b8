"""The orgs of a configuration, each with its client, its database and what a run of its streams works with."""

import random
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from types import TracebackType
from typing import Self

from syncd.bootstrap.database import Database, open_database
from syncd.core.census import CensusCall
from syncd.core.choice import chosen
from syncd.core.limits import GRANTS_PER_TEN_MINUTES
from syncd.core.model import Quota, StreamKey, StreamPolicy
from syncd.core.status import ApiUse
from syncd.settings.settings import Settings
from syncd.sync.context import SyncContext
from syncd.sync.ports import Observer, Pause, RunOutcome
from syncd.sync.preview import Preview, preview
from syncd.sync.run import sync_stream
from syncd.zoho.archive import Spool
from syncd.zoho.auth import ClientCredentialsGrant, Grant, RefreshTokenGrant
from syncd.zoho.client import ZohoClient
from syncd.zoho.connect import Account, connect
from syncd.zoho.limiter import CreditBudget
from syncd.zoho.probe import Capability, probe
from syncd.zoho.redaction import Secret
from syncd.zoho.regions import Region, custom_region, region

_SESSIONS_PER_LANE = 2
"""A lane holds one connection while it loads and reads the ledger on a second one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Org:
    """One org, ready to run. `client` is the whole of Zoho, `context` what a run of it works with."""

    settings: Settings
    database: Database
    client: ZohoClient
    spool: Spool
    context: SyncContext

    def streams(self) -> tuple[StreamKey, ...]:
        """Its configured streams, in the order of the file."""
        return tuple(StreamKey(self.settings.org, module) for module in self.settings.modules)

    def policy(self, key: StreamKey) -> StreamPolicy:
        """How a stream is to be synced."""
        return self.settings.policy(key.module)

    def sync(self, key: StreamKey, *, full: bool = False, census: CensusCall = CensusCall.WHEN_DUE) -> RunOutcome:
        """One pass over a stream; blocks, and raises nothing but bugs."""
        context = replace(self.context, poll_pace=self.settings.poll(key.module))
        return sync_stream(context, key, self.policy(key), full=full, census=census)

    def preview(self, key: StreamKey, *, full: bool = False) -> Preview:
        """What the next pass over a stream would do."""
        return preview(self.context, key, self.policy(key), full=full)

    def capabilities(self, module: str) -> tuple[Capability, ...]:
        """Which calls the grant is good for, tried one by one."""
        return probe(self.client, module)


class Fleet:
    """All orgs of a configuration and the threads they share; a context that closes them.

    `executor` runs passes and lends lanes to them. Databases are shared between orgs that name the same one.
    """

    def __init__(self, configured: Sequence[Settings], *, pause: Pause, observer: Observer, executor: Executor) -> None:
        self.executor = executor
        self._closing = ExitStack()
        self._databases: dict[str, Database] = {}
        with ExitStack() as started:
            started.callback(self._closing.close)
            self.orgs: Mapping[str, Org] = {
                settings.org: self._open(settings, pause, observer, configured) for settings in configured
            }
            started.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close every client and database."""
        self._closing.close()

    @property
    def databases(self) -> tuple[Database, ...]:
        """The distinct databases of all orgs."""
        return tuple(self._databases.values())

    def upgrade(self) -> tuple[str, ...]:
        """Bring every ledger's schema up to date; the revisions applied."""
        return tuple(revision for database in self.databases for revision in database.upgrade())

    def streams(self) -> tuple[StreamKey, ...]:
        """All configured streams."""
        return tuple(key for org in self.orgs.values() for key in org.streams())

    def chosen(self, names: Iterable[str]) -> tuple[StreamKey, ...]:
        """The streams that `MODULE` or `ORG/MODULE` name, all of them without names. ConfigWrong for an unknown one."""
        return chosen(self.streams(), names)

    def sync(self, key: StreamKey, *, full: bool = False, census: CensusCall = CensusCall.WHEN_DUE) -> RunOutcome:
        """One pass over a stream."""
        return self.orgs[key.org].sync(key, full=full, census=census)

    def sync_all(
        self, keys: Sequence[StreamKey], *, full: bool = False, census: CensusCall = CensusCall.WHEN_DUE
    ) -> list[RunOutcome]:
        """One pass over each stream, several at once; the outcomes in the order given."""
        return list(self.executor.map(lambda key: self.sync(key, full=full, census=census), keys))

    def api_use(self) -> tuple[ApiUse, ...]:
        """How much of each org's quotas is used, with the limits that the configuration knows."""
        return tuple(
            ApiUse(
                name=quota.name.replace("_", " "),
                used=org.database.quotas.spent(org.settings.org, quota),
                limit=quota.limit or None,
                period=quota.period,
                org=org.settings.org,
            )
            for org in self.orgs.values()
            for quota in _quotas(org.settings)
        )

    def sweep(self) -> None:
        """Remove what dead processes left in the spools."""
        for org in self.orgs.values():
            org.spool.sweep()

    def _open(self, settings: Settings, pause: Pause, observer: Observer, configured: Sequence[Settings]) -> Org:
        conninfo = settings.conninfo().get_secret_value()
        if conninfo not in self._databases:
            # The ledger is one per database, so its sessions are those of all orgs that share it.
            lanes = sum(other.zoho.concurrent_jobs for other in configured)
            self._databases[conninfo] = open_database(settings, size=_SESSIONS_PER_LANE * lanes + 2)
            self._closing.callback(self._databases[conninfo].close)
        database = self._databases[conninfo]
        client = connect(account_of(settings), quotas=database.quotas, state_dir=settings.state_dir, wait=pause.wait)
        self._closing.callback(client.close)
        spool = Spool(settings.state_dir / "spool" / settings.org)
        return Org(
            settings=settings,
            database=database,
            client=client,
            spool=spool,
            context=SyncContext(
                org=settings.org,
                schema=settings.postgres.schema_name,
                api=client,
                archives=spool,
                store=database.store,
                pause=pause,
                observer=observer,
                executor=self.executor,
                lanes=settings.zoho.concurrent_jobs,
                monotonic=time.monotonic,
                chance=random.random,
                callback_url=settings.callback.url.get_secret_value() if settings.callback.url else "",
            ),
        )


def _quotas(settings: Settings) -> tuple[Quota, ...]:
    """The quotas that the client keeps, as people know them; a limit of 0 is one that only Zoho knows."""
    return (
        Quota("credits", settings.zoho.daily_credits.credits, timedelta(days=1)),
        Quota("downloads", settings.zoho.downloads_per_minute, timedelta(minutes=1)),
        Quota("token_grants", GRANTS_PER_TEN_MINUTES, timedelta(minutes=10)),
    )


def threads_for(configured: Sequence[Settings]) -> ThreadPoolExecutor:
    """The one pool of threads: as many as bulk jobs may be under way in all orgs together."""
    size = max(1, sum(settings.zoho.concurrent_jobs for settings in configured))
    return ThreadPoolExecutor(max_workers=size, thread_name_prefix="syncd-run")


def account_of(settings: Settings) -> Account:
    """The access to Zoho that a configuration describes."""
    zoho = settings.zoho
    return Account(
        org=settings.org,
        region=region_of(settings),
        grant=_grant(settings),
        api_version=zoho.api_version,
        downloads_per_minute=zoho.downloads_per_minute,
        budget=CreditBudget(credits=zoho.daily_credits.credits, share=zoho.daily_credits.share),
        ca_file=settings.ca_file,
    )


def region_of(settings: Settings) -> Region:
    """The data centre, or the free URLs that stand for one."""
    zoho = settings.zoho
    if zoho.accounts_url and zoho.api_url:
        return custom_region(zoho.accounts_url, zoho.api_url)
    return region(zoho.data_center or "")


def _grant(settings: Settings) -> Grant:
    zoho, secrets = settings.zoho, settings.secrets
    client_secret = Secret(secrets.client_secret.get_secret_value() if secrets.client_secret else "")
    if zoho.grant == "client_credentials":
        return ClientCredentialsGrant(
            client_id=zoho.client_id,
            client_secret=client_secret,
            scopes=tuple(zoho.scope or ()),
            org_id=zoho.soid or "",
        )
    refresh_token = Secret(secrets.refresh_token.get_secret_value() if secrets.refresh_token else "")
    return RefreshTokenGrant(client_id=zoho.client_id, client_secret=client_secret, refresh_token=refresh_token)
