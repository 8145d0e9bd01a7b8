"""`syncd replay`: rejected values that fit by now."""

import click

from syncd.cli.invocation import Invocation, configured, json_option


@click.command()
@click.argument("modules", nargs=-1, metavar="[MODULE]...")
@click.option("--dry-run", is_flag=True, help="Only say how many would be put back.")
@json_option
@configured
def replay(invocation: Invocation, modules: tuple[str, ...], dry_run: bool, as_json: bool) -> int:
    """Put rejected values back into their rows where they fit by now.

    A value that did not fit its column is kept in syncd.rejected_row. When its field has another column since, or
    values are read better than before, it is put into its row, if that is still the version it came with and has
    nothing there, and taken off the list. Everything else stays as it is. Zoho is not asked.

    Ends with 75 when a module is being synced at this moment and was left alone.
    """
    import json

    from syncd.cli.ledgers import open_ledgers
    from syncd.cli.tables import show
    from syncd.core.model import Table
    from syncd.core.naming import table_name
    from syncd.errors import TryLater

    with open_ledgers(invocation) as ledgers:
        by_org = {one.org: one for one in ledgers.settings}
        rows, documents, busy = [], [], False
        for key in ledgers.chosen(modules):
            settings = by_org[key.org]
            name = settings.policy(key.module).table or table_name(key.module)
            table = Table(schema=settings.postgres.schema_name, name=name, label=key.module)
            done = ledgers.by_org[key.org].store.replay(key, table, dry_run=dry_run)
            busy = busy or done is None
            put_back, left = (None, None) if done is None else (done.put_back, done.left)
            rows.append([ledgers.name(key), put_back, left])
            documents.append(
                {
                    "org": key.org,
                    "module": key.module,
                    "busy": done is None,
                    "dry_run": dry_run,
                    "put_back": put_back,
                    "left": left,
                }
            )
    if as_json:
        click.echo(json.dumps({"replayed": documents}, ensure_ascii=False))
    else:
        show(("MODULE", "WOULD PUT BACK" if dry_run else "PUT BACK", "LEFT"), rows)
    return TryLater.exit_code if busy else 0
