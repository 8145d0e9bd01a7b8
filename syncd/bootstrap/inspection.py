"""One org to ask questions of, for `syncd check`: it works before there is a ledger, and leaves none behind."""

from collections.abc import Iterator
from contextlib import contextmanager

from syncd.bootstrap.fleet import account_of
from syncd.core.model import Quota
from syncd.daemon.stop import StopRequest
from syncd.settings.settings import Settings
from syncd.zoho.client import ZohoClient
from syncd.zoho.connect import connect
from syncd.zoho.probe import Capability, probe

__all__ = ["Capability", "ZohoClient", "probe", "questioned"]


class _Uncounted:
    """A quota store for the handful of calls of a check; Zoho's own limits still hold."""

    def take(self, org: str, quota: Quota, cost: int = 1) -> float:  # noqa: ARG002 (the port's)
        return 0.0


@contextmanager
def questioned(settings: Settings) -> Iterator[ZohoClient]:
    """A client of the org that needs no database."""
    stop = StopRequest()
    client = connect(account_of(settings), quotas=_Uncounted(), state_dir=settings.state_dir, wait=stop.wait)
    try:
        yield client
    finally:
        client.close()
