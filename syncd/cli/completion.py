"""`syncd completion`: completion of verbs and options by the shell."""

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a script for the shell's start-up file: eval "$(syncd completion bash)"."""
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    if found is not None:
        click.echo(found(ctx.find_root().command, {}, "syncd", "_SYNCD_COMPLETE").source())
