"""Puts the parts of this package together: from an account's settings to a client. The only wiring outside tests."""

from dataclasses import dataclass
from pathlib import Path

import stamina

from syncd.core.limits import DOWNLOADS_PER_MINUTE
from syncd.zoho.auth import Authorizer, Grant, token_state
from syncd.zoho.client import ZohoClient
from syncd.zoho.limiter import HALF, CreditBudget, Limiter, QuotaStore, Wait
from syncd.zoho.regions import Region
from syncd.zoho.session import Session
from syncd.zoho.transport import Timeouts, Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Everything that is particular to one org's access to Zoho. `ca_file` replaces the system's certificates."""

    org: str
    region: Region
    grant: Grant
    api_version: str = "v8"
    downloads_per_minute: int = DOWNLOADS_PER_MINUTE
    budget: CreditBudget = HALF
    ca_file: Path | None = None


def open_transport(region: Region, *, ca_file: Path | None = None, timeouts: Timeouts | None = None) -> Transport:
    """The connections to a data centre; proxies of the environment are used unless it is on this machine."""
    return Transport(timeouts=timeouts, ca_file=ca_file, trust_env=not region.is_local)


def connect(
    account: Account, *, quotas: QuotaStore, state_dir: Path, wait: Wait, timeouts: Timeouts | None = None
) -> ZohoClient:
    """The client of one org; nothing is sent yet. To be shared by all threads, and closed in the end.

    `state_dir` is where the access token and the credit estimate are kept (0600 files). `wait(seconds)` lets time
    pass, 0.0 included, and raises Draining on a stop request. ConfigWrong for an unknown version or a bad ca_file,
    NeedsOperator when a state file is open to other users.
    """
    # Its own words for a retry name no call; what a call came to is logged by whoever made it.
    stamina.instrumentation.set_on_retry_hooks(())
    transport = open_transport(account.region, ca_file=account.ca_file, timeouts=timeouts)
    tokens = token_state(state_dir, account.org, account.region, account.grant)
    limiter = Limiter(
        org=account.org,
        store=quotas,
        wait=wait,
        downloads_per_minute=account.downloads_per_minute,
        budget=account.budget,
        state=tokens.sibling("credits"),
    )
    authorizer = Authorizer(
        org=account.org,
        region=account.region,
        grant=account.grant,
        transport=transport,
        limiter=limiter,
        state=tokens,
        wait=wait,
    )
    session = Session(org=account.org, authorizer=authorizer, transport=transport, limiter=limiter, wait=wait)
    return ZohoClient(session, transport, wait=wait, api_version=account.api_version)
