"""`syncd modules`: what Zoho has, and what of it is configured."""

from typing import TYPE_CHECKING

import click

from syncd.cli.invocation import Invocation, configured, json_option

if TYPE_CHECKING:
    from syncd.bootstrap.fleet import Org
    from syncd.cli.documents import Document


@click.command()
@click.option("--all", "everything", is_flag=True, help="Modules that cannot be synced too, with the reason.")
@click.option("--count", is_flag=True, help="Ask how many records each has: an API credit a module.")
@json_option
@configured
def modules(invocation: Invocation, everything: bool, count: bool, as_json: bool) -> None:
    """The modules of the organisation, the configured ones first: API name, table, schedule."""
    import json

    from syncd.cli.fleets import asking
    from syncd.cli.tables import Coloured, Value, show

    with asking(invocation.settings()) as fleet:
        found = [one for org in fleet.orgs.values() for one in _modules(org, count=count)]
    shown = [one for one in found if everything or not one["why_not"] or one["configured"]]
    if as_json:
        click.echo(json.dumps({"modules": shown}, ensure_ascii=False))
        return
    rows: list[list[Value]] = []
    for one in shown:
        state = Coloured("configured", "green") if one["configured"] else ("no" if one["why_not"] else "could be")
        rows.append([one["module"], one["label"], state, one["table"], one["every"], one["records"], one["why_not"]])
    show(("MODULE", "LABEL", "SYNCED", "TABLE", "EVERY", "RECORDS", "WHY NOT"), rows)


def _modules(org: "Org", *, count: bool) -> "list[Document]":
    """The modules of one org as Zoho lists them, and those that are configured although Zoho does not list them."""
    from syncd.core.model import Module

    settings = org.settings
    listed = {module.api_name: module for module in org.client.modules()}
    for name in settings.modules:
        listed.setdefault(name, Module(api_name=name, label="", kind="", why_not="Zoho does not list this module"))
    ordered = sorted(listed.values(), key=lambda module: (module.api_name not in settings.modules, module.api_name))
    return [
        {
            "org": settings.org,
            "module": module.api_name,
            "label": module.label,
            "kind": module.kind,
            "configured": module.api_name in settings.modules,
            "table": _table(org, module.api_name),
            "every": _schedule(org, module.api_name),
            "records": _records(org, module.api_name) if count and not module.why_not else None,
            "why_not": module.why_not or None,
        }
        for module in ordered
    ]


def _table(org: "Org", module: str) -> str:
    from syncd.core.naming import table_name

    chosen = org.settings.modules[module].table if module in org.settings.modules else None
    return f"{org.settings.postgres.schema_name}.{chosen or table_name(module)}"


def _schedule(org: "Org", module: str) -> str | None:
    from syncd.settings.durations import format_duration

    if module not in org.settings.modules:
        return None
    turns = org.settings.turns(module)
    return turns.cron or format_duration(turns.every)


def _records(org: "Org", module: str) -> int | None:
    from syncd.core.limits import BEGINNING
    from syncd.core.model import Cursor, Window
    from syncd.core.windows import whole_second

    until = whole_second(org.client.server_time())
    return org.client.count(module, Window(Cursor.CREATED, BEGINNING, until))
