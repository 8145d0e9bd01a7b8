"""`syncd rejected`: values and rows that could not be loaded."""

import click

from syncd.cli.invocation import Invocation, configured, json_option


@click.command()
@click.argument("modules", nargs=-1, metavar="[MODULE]...")
@click.option("-n", "--number", default=20, show_default=True, type=click.IntRange(min=1), help="How many.")
@json_option
@configured
def rejected(invocation: Invocation, modules: tuple[str, ...], number: int, as_json: bool) -> None:
    """Values that did not fit their column, and rows that could not be read, newest first.

    The rest of the row was loaded, with that column NULL. Everything is kept as it was exported, in syncd.rejected_row.
    """
    import json

    from syncd.cli.documents import rejected_document
    from syncd.cli.ledgers import open_ledgers
    from syncd.cli.tables import show

    with open_ledgers(invocation) as ledgers:
        rows = [
            row
            for key in ledgers.chosen(modules)
            for row in ledgers.by_org[key.org].status.rejected(limit=number, org=key.org, module=key.module)
        ]
        rows = sorted(rows, key=lambda row: row.rejected_at, reverse=True)[:number]
        if as_json:
            click.echo(json.dumps({"rejected": [rejected_document(row) for row in rows]}, ensure_ascii=False))
            return
        show(
            ("AT", "MODULE", "RECORD", "COLUMN", "REASON", "VALUE"),
            [
                [
                    row.rejected_at,
                    ledgers.name(row.stream),
                    None if row.record_id is None else str(row.record_id),
                    row.column or "(the whole row)",
                    row.reason,
                    (row.value if row.value is not None else row.raw or "")[:80],
                ]
                for row in rows
            ],
        )
