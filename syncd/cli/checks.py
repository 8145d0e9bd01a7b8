"""What `syncd check` looks at, in the order in which things depend on each other.

Every check yields findings instead of raising; one that cannot be made because an earlier one failed is left out.
"""

import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from syncd.bootstrap.clock import now
from syncd.bootstrap.database import Database, open_database
from syncd.bootstrap.inspection import ZohoClient, probe, questioned
from syncd.bootstrap.logs import logs_of_verb
from syncd.cli import failure
from syncd.cli.findings import Finding, failed, ok, problem, warn
from syncd.cli.invocation import Invocation
from syncd.cli.module_checks import module_findings
from syncd.core.health import span
from syncd.core.model import StreamKey
from syncd.errors import ConfigWrong, SyncdError
from syncd.settings.settings import Settings

_ROOM_NEEDED = 200 * 1024**2
_ROOM_WANTED = 2 * 1024**3
_SKEW = timedelta(seconds=30)


def all_findings(invocation: Invocation) -> Iterator[Finding]:
    """Everything that `syncd check` has to say, as it finds it."""
    try:
        configured = invocation.settings()
    except ConfigWrong as error:
        yield from (problem("config", one) for one in error.problems)
        return
    with logs_of_verb(configured):
        for settings in configured:
            yield from _config(settings)
        seen = set[str]()
        for settings in configured:
            conninfo = settings.conninfo().get_secret_value()
            yield from _postgres(settings, whole=conninfo not in seen)
            seen.add(conninfo)
        for settings in configured:
            yield from _disk(settings)
            yield from _zoho(settings)


def exit_code(findings: Sequence[Finding]) -> int:
    """The code of the worst failure: a wrong configuration before a refused grant before anything else."""
    codes = {finding.code for finding in findings if finding.level == "fail"}
    return next((code for code in (78, 77, 69, 75, 1) if code in codes), 0)


def _config(settings: Settings) -> Iterator[Finding]:
    count = len(settings.modules)
    named = f"{settings.source}: org {settings.org!r}, {count} module{'' if count == 1 else 's'}"
    yield ok("config", named)
    for warning in settings.warnings:
        yield warn("config", f"{warning.where}: {warning.what}", fix=warning.fix)


# ----------------------------------------------------------------------------------------------------------- database


def _postgres(settings: Settings, *, whole: bool) -> Iterator[Finding]:
    """`whole`: look at the server too, and not only at what belongs to this org."""
    database = open_database(settings, size=1)
    try:
        yield from _caught("postgres", _server(settings, database, whole=whole))
    finally:
        database.close()


def _server(settings: Settings, database: Database, *, whole: bool) -> Iterator[Finding]:
    schema = settings.postgres.schema_name
    facts = database.facts(schema)
    if whole:
        yield ok("postgres", f"PostgreSQL {facts.version}, database {facts.database}, role {facts.role}")
        yield from _skew("PostgreSQL's clock", facts.clock)
    if facts.read_only:
        yield Finding("fail", "postgres", "the server only takes reads", "name the primary server in the dsn", 69)
    for right in facts.missing:
        fix = f"as a superuser: GRANT {right} TO {facts.role}"
        yield failed("postgres", f"role {facts.role} lacks {right.replace(' ON ', ' on ')}", fix=fix)
    streams = {StreamKey(settings.org, name): table.table or "" for name, table in settings.modules.items()}
    for relation in database.foreign_relations(schema, streams):
        fix = 'rename it, or choose another name in the configuration: MODULE = { table = "..." }'
        yield failed("postgres", f"{relation} exists and is not syncd's", fix=fix)
    if whole:
        steps = database.pending()
        if steps:
            fix = "syncd db upgrade; run and sync do it by themselves"
            yield warn("ledger", f"{len(steps)} upgrade(s) to come: {', '.join(steps)}", fix=fix)
        else:
            yield ok("ledger", "schema syncd is up to date")


def _skew(whose: str, clock: datetime) -> Iterator[Finding]:
    apart = abs(now() - clock)
    if apart > _SKEW:
        yield warn(
            "clock",
            f"{whose} and this machine's are {span(apart)} apart",
            fix="set both by NTP; windows go by Zoho's clock alone, so that no record is lost, but lags look wrong",
        )


# --------------------------------------------------------------------------------------------------------------- disk


def _disk(settings: Settings) -> Iterator[Finding]:
    place = settings.state_dir
    nearest = next(folder for folder in (place, *place.absolute().parents) if folder.exists())
    if not _writable(nearest):
        yield failed("disk", f"{place} cannot be written", fix=f"let the user that runs syncd own {place}")
        return
    free = shutil.disk_usage(nearest).free
    room = f"{free / 1024**3:.1f} GiB free for downloads in {place}"
    if free < _ROOM_NEEDED:
        yield failed("disk", room, fix="free some space, or name another place: [storage] state_dir")
    elif free < _ROOM_WANTED:
        yield warn("disk", room, fix="the largest modules need a few GiB while they are loaded for the first time")
    else:
        yield ok("disk", room)


def _writable(folder: Path) -> bool:
    import os

    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


# --------------------------------------------------------------------------------------------------------------- Zoho


def _zoho(settings: Settings) -> Iterator[Finding]:
    with questioned(settings) as client:
        found = list(_caught("zoho", _grant(settings, client)))
        yield from found
        if not any(one.level == "fail" for one in found):
            yield from _caught("module", module_findings(settings, client))


def _grant(settings: Settings, client: ZohoClient) -> Iterator[Finding]:
    modules = {module.api_name: module for module in client.modules()}
    yield ok("zoho", f"the token is accepted; {len(modules)} modules")
    yield from _skew("Zoho's clock", client.server_time())
    usable = [name for name in settings.modules if name in modules and not modules[name].why_not]
    for capability in probe(client, (usable or ["Leads"])[0]):
        said = f"{capability.call} ({capability.scope})"
        fix = f"generate a new code with the scope {capability.scope} and put its refresh token in place"
        if capability.works:
            yield ok("scope", said)
        elif capability.needed:
            yield Finding("fail", "scope", f"{said}: {capability.why}", fix, 77)
        else:
            yield warn("scope", f"{said} is not possible: {capability.without}", fix=fix)


def _caught(area: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """The findings, and an error of syncd as the last of them."""
    try:
        yield from findings
    except SyncdError as error:
        yield Finding("fail", area, str(error), failure.fix_of(error), failure.exit_code(error))
