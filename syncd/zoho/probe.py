"""Which calls a grant is good for, tried one by one: what `syncd check` shows. Spends few credits and no export."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from syncd.core.model import Cursor, Window
from syncd.core.windows import whole_second
from syncd.errors import Refused
from syncd.zoho.client import ZohoClient

_NO_SUCH_JOB = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """One call, the scope it needs, and whether it works. `needed`: no sync without it; else `without` says how."""

    call: str
    scope: str
    needed: bool
    works: bool
    why: str = ""
    without: str = ""


def probe(client: ZohoClient, module: str) -> tuple[Capability, ...]:
    """Try every kind of call; `module` is one that is to be synced.

    Refusals are results. GrantRefused, TryLater and Unreachable are raised: they say nothing of a single call.
    """
    now = whole_second(client.server_time())
    minute = Window(Cursor.CREATED, now - timedelta(minutes=1), now)
    return (
        _try("list the modules", "ZohoCRM.settings.modules.READ", client.modules),
        _try("list the fields", "ZohoCRM.settings.fields.READ", lambda: client.fields(module)),
        _try("look at bulk read jobs", "ZohoCRM.bulk.READ", lambda: client.poll(_NO_SUCH_JOB)),
        _try(
            "read the deleted records",
            f"ZohoCRM.modules.{module}.READ",
            lambda: next(client.deleted(module, now), None),
        ),
        _count(client, module, minute),
        _try(
            "read the organisation",
            "ZohoCRM.org.READ",
            client.organisation,
            without="its name is not shown",
        ),
    )


def _try(call: str, scope: str, action: Callable[[], object], *, without: str = "") -> Capability:
    try:
        action()
    except Refused as refusal:
        return Capability(call=call, scope=scope, needed=not without, works=False, why=str(refusal), without=without)
    return Capability(call=call, scope=scope, needed=not without, works=True, without=without)


def _count(client: ZohoClient, module: str, window: Window) -> Capability:
    works = client.count(module, window) is not None
    return Capability(
        call="count rows",
        scope="ZohoCRM.coql.READ",
        needed=False,
        works=works,
        why="" if works else "the scope is missing, or COQL does not know the module",
        without="large modules are cut into windows by trial, at 50 credits a try",
    )
