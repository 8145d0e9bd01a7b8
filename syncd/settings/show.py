"""The configuration as it is in effect, defaults included and secrets hidden, as TOML."""

from collections.abc import Iterator
from typing import Any

from syncd.settings import dsn
from syncd.settings.durations import format_duration
from syncd.settings.settings import Settings
from syncd.settings.toml_text import toml_key, toml_value
from syncd.settings.tree import ModuleTable


def show(settings: Settings) -> str:
    """The settings of one org as text to read; what is hidden makes it unfit to load."""
    return "\n".join(_lines(settings)) + "\n"


def _lines(settings: Settings) -> Iterator[str]:
    yield f"# from {settings.source}"
    for name, source in sorted(settings.secrets.sources.items()):
        yield f"# {name} is {dsn.MASK}, from {source}"
    yield from _pairs({"org": settings.org, "timezone": settings.timezone})
    tables = {
        "zoho": settings.zoho,
        "postgres": settings.postgres,
        "defaults": settings.defaults,
        "callback": settings.callback,
        "web": settings.web,
        "log": settings.log,
    }
    for name, table in tables.items():
        yield from ("", f"[{name}]", *_pairs(table.model_dump(mode="json", by_alias=True)))
    yield from ("", "[storage]", *_pairs({"state_dir": str(settings.state_dir)}))
    for module in settings.modules:
        yield from ("", f"[modules.{toml_key(module)}]", *_pairs(effective(settings, module)))


def effective(settings: Settings, module: str) -> dict[str, Any]:
    """Everything that holds for one module, as TOML values; keys that say nothing are left out."""
    own = settings.modules[module].model_dump(mode="json", exclude_none=True)
    shared, turns = settings.defaults.model_dump(mode="json", exclude_none=True), settings.turns(module)
    whole = {key: own.get(key, shared.get(key)) for key in ModuleTable.model_fields}
    whole["every"], whole["cron"] = (None, turns.cron) if turns.cron else (format_duration(turns.every), None)
    whole["deadline"] = format_duration(settings.deadline(module))
    return {key: value for key, value in whole.items() if value is not None}


def _pairs(table: dict[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        if value is not None:
            yield f"{toml_key(key)} = {toml_value(value)}"
