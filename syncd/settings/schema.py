"""The JSON schema of a configuration file, for editors that complete and check TOML."""

from typing import Any

from syncd.settings.tree import Document
from syncd.settings.values import DURATION_SCHEMA


def schema() -> dict[str, Any]:
    """The schema as a JSON-ready dict. TOML has no null, so keys that may be left out are simply not required."""
    # The schema of what is written has defaults as they are written; that of what is read has our own types there.
    found = Document.model_json_schema(mode="serialization", by_alias=True)
    modules = found["properties"]["modules"]
    ((pattern, long_form),) = modules["patternProperties"].items()
    modules["patternProperties"] = {pattern: {"anyOf": [dict(DURATION_SCHEMA), long_form]}}
    modules["additionalProperties"] = False
    plain: dict[str, Any] = _without_null(found)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **plain, "title": "syncd's configuration"}


def _without_null(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_null(element) for element in node]
    if not isinstance(node, dict):
        return node
    plain = {
        key: _without_null(value)
        for key, value in node.items()
        if not (key == "default" and value is None) and not (key == "title" and isinstance(value, str))
    }
    choices = [choice for choice in plain.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        del plain["anyOf"]
        return {**choices[0], **plain}
    return plain
