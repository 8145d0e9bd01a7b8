"""`syncd plan`: what the next pass would do."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from syncd.cli.invocation import Invocation, configured, json_option

if TYPE_CHECKING:
    from syncd.cli.tables import Value
    from syncd.sync.preview import PlannedWindow, Preview

ROWS_PER_SECOND = 30_000
"""What one lane loads, on the slow side of what was measured (README, speed)."""


@click.command()
@click.argument("modules", nargs=-1, metavar="[MODULE]...")
@click.option("--full", is_flag=True, help="As if everything were read again.")
@json_option
@configured
def plan(invocation: Invocation, modules: tuple[str, ...], full: bool, as_json: bool) -> None:
    """What the next pass would ask Zoho for: windows, rows, jobs, credits, time. No export is made.

    Rows are counted by Zoho where the grant allows it (a credit a window), before your criteria are applied. The time
    is that of downloads and loading; how long Zoho exports is not known before.
    """
    import json

    from syncd.cli.documents import preview_document
    from syncd.cli.fleets import asking

    settings = invocation.settings()
    with asking(settings) as fleet:
        fleet.upgrade()
        previews = [fleet.orgs[key.org].preview(key, full=full) for key in fleet.chosen(modules)]
    if as_json:
        click.echo(json.dumps({"plans": [preview_document(one) for one in previews]}, ensure_ascii=False))
        return
    limits = {one.org: one.zoho.downloads_per_minute for one in settings}
    for one in previews:
        _print(one, name=str(one.stream) if len(settings) > 1 else one.stream.module, limit=limits[one.stream.org])
    words = " ".join((*modules, *(["--full"] if full else [])))
    click.echo(f"nothing was sent; to do it: syncd sync {words}".rstrip())


def _print(preview: "Preview", *, name: str, limit: int) -> None:
    from syncd.cli.tables import show

    click.echo(_headline(preview, name))
    if preview.windows:
        rows: list[list[Value]] = [_row(window, limit) for window in preview.windows]
        if len(preview.windows) > 1:
            rows.append(_total(preview.windows, limit))
        show(("FROM", "TO", "ROWS", "JOBS", "CREDITS", "TIME"), rows)
    click.echo("")


def _headline(preview: "Preview", name: str) -> str:
    before = f"{preview.unfinished} unfinished exports come first; " if preview.unfinished else ""
    if preview.kind is None:
        return f"{name}: {before}nothing has settled since the watermark"
    window = next((planned.window for planned in preview.windows if planned.window), None)
    stamp = window.cursor if window else preview.cursor
    by = f"by {stamp.value}" if stamp else "the whole module"
    nothing = "" if preview.windows else "; nothing to export, only the watermark moves"
    return f"{name}: {before}{preview.kind.value} {by}, {preview.fields} fields{nothing}"


def _row(planned: "PlannedWindow", limit: int) -> "list[Value]":
    from syncd.core.limits import BEGINNING

    window = planned.window
    start: Value = "everything"
    if window is not None:
        start = "beginning" if window.start == BEGINNING else window.start
    return [
        start,
        window.end if window else None,
        planned.rows,
        planned.jobs,
        planned.credits,
        estimate([planned], limit),
    ]


def _total(windows: "Sequence[PlannedWindow]", limit: int) -> "list[Value]":
    known = [window.rows for window in windows if window.rows is not None]
    rows = sum(known) if len(known) == len(windows) else None
    jobs, price = sum(window.jobs for window in windows), sum(window.credits for window in windows)
    return ["total", None, rows, jobs, price, estimate(windows, limit)]


def estimate(windows: "Sequence[PlannedWindow]", limit: int) -> timedelta | None:
    """How long downloads and loading take at least; None when the rows are not known.

    `limit` downloads are allowed in a minute, so every further lot of so many waits a minute.
    """
    if any(window.rows is None for window in windows):
        return None
    jobs, rows = sum(window.jobs for window in windows), sum(window.rows or 0 for window in windows)
    return timedelta(minutes=max(jobs - 1, 0) // limit, seconds=-(-rows // ROWS_PER_SECOND))
