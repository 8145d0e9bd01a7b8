"""`syncd export`: files to begin with, on stdout."""

import click


@click.command()
@click.argument("what", type=click.Choice(["config", "systemd", "schema"]))
def export(what: str) -> None:
    """Print a file to begin with.

    \b
    config   an annotated configuration: every key with its default
    systemd  the unit of the daemon, for /etc/systemd/system/syncd.service
    schema   the JSON schema of the configuration, for editors
    """
    import json

    from syncd.shipped import folder

    if what == "systemd":
        click.echo((folder("systemd") / "syncd.service").read_text(encoding="utf-8"), nl=False)
    elif what == "config":
        from syncd.settings.sample import sample

        click.echo(sample(), nl=False)
    else:
        from syncd.settings.schema import schema

        click.echo(json.dumps(schema(), indent=2, ensure_ascii=False))
