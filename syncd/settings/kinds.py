"""How a kind of value is made: read from TOML, written back, described to editors, and refused with a fix."""

from collections.abc import Callable
from typing import Any

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from syncd.settings.findings import Finding, shown


def wrong(what: str, fix: str, findings: tuple[Finding, ...] = ()) -> PydanticCustomError:
    """The error a kind raises. With `findings`, whose paths are relative to the value, only they are reported."""
    return PydanticCustomError("syncd", "{what}", {"what": what, "fix": fix, "findings": findings})


def kind(read: Callable[[Any], Any], write: Callable[[Any], Any], **schema: Any) -> Any:
    """The annotations of a kind; `read` raises what `wrong` makes, `schema` is its JSON schema."""
    return PlainValidator(read), PlainSerializer(write), WithJsonSchema(schema)


def text_of(value: object, fix: str) -> str:
    """The value, if it is text."""
    if not isinstance(value, str):
        raise wrong(f"{shown(value)} is not text", fix)
    return value
