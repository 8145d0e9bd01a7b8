"""Page tokens of API v7 and later: what they stand for, and their life of 24 hours."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from syncd.simulator.bulk_request import BulkRequest
from syncd.simulator.refusals import Refusal
from syncd.simulator.rows import RowStore
from syncd.simulator.schema import Module

TOKEN_LIFE = 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenEntry:
    """The rest of an export: its request, the page that comes next, and what was frozen when the first one ran:
    the ids in their order, and the store as it was.
    """

    request: BulkRequest
    module: Module
    page: int
    made_at: float
    indexes: Sequence[int] | None = None
    frozen: RowStore | None = None


class PageTokens:
    """All tokens that were handed out."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._numbers = count()
        self._entries: dict[str, TokenEntry] = {}

    def add(self, entry: TokenEntry) -> str:
        """A new token for the rest of an export."""
        token = hashlib.sha256(f"{self._seed}/page/{next(self._numbers)}".encode()).hexdigest()
        self._entries[token] = entry
        return token

    def get(self, token: str, now: float) -> TokenEntry:
        """What a token stands for. Raises Refusal: INVALID_DATA if unknown, EXPIRED_VALUE after 24 hours."""
        entry = self._entries.get(token)
        if entry is None:
            raise Refusal("INVALID_DATA", details={"api_name": "page_token"})
        if now >= entry.made_at + TOKEN_LIFE:
            raise Refusal("EXPIRED_VALUE", details={"api_name": "page_token"})
        return entry

    def forget_expired(self, now: float) -> None:
        """Free the rows of tokens that are too old; the tokens stay known as expired."""
        for token, entry in self._entries.items():
            if now >= entry.made_at + TOKEN_LIFE and (entry.frozen is not None or entry.indexes is not None):
                self._entries[token] = TokenEntry(
                    request=entry.request, module=entry.module, page=entry.page, made_at=entry.made_at
                )
