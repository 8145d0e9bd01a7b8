"""A request and an answer as plain values, so that handlers need no HTTP library.

Owns: the shape of both and the encoding of JSON. Must not open sockets.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from syncd.simulator.refusals import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request. `names` are the parts of the path that its route names; header names are lower case."""

    method: str
    path: str
    names: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    now: float
    base_url: str = ""

    def json(self) -> object:
        """The decoded body; a Refusal if there is none or it is not JSON."""
        if not self.body.strip():
            raise Refusal("REQUEST_BODY_IS_EMPTY")
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Refusal("REQUEST_BODY_NOT_READABLE") from error

    @property
    def version(self) -> tuple[int, int]:
        """The API version in the path: v2.1 is (2, 1)."""
        major, _, minor = self.names.get("version", "v8").removeprefix("v").partition(".")
        return int(major), int(minor or 0)

    def whole(self, name: str, default: int, *, low: int, high: int) -> int:
        """A whole number from the query string within limits; a Refusal otherwise."""
        text = self.query.get(name, str(default))
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise Refusal("PATTERN_NOT_MATCHED", details={"api_name": name})
        return int(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer: a body in memory, or a file that is sent in blocks. `credits` were taken by the handler itself."""

    status: int = 200
    body: bytes = b""
    file: Path | None = None
    content_type: str = "application/json;charset=UTF-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    credits: int = 0


def json_reply(value: object, status: int = 200) -> Reply:
    """An answer in JSON."""
    return Reply(status=status, body=json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def flag(text: object) -> bool:
    """Whether a query or JSON value means yes."""
    return text is True or str(text).lower() in {"1", "true", "yes", "on"}
