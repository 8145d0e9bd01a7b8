"""All rows of the org: one store per module, filled from a seed, and the texts of their fields, dotted ones included.

Owns: the initial data and the way from a row to its parents. Takes moments as epoch seconds; reads no clock.
"""

from collections.abc import Mapping
from random import Random

from syncd.simulator.cells import CellMaker, CellStyle
from syncd.simulator.rows import RowBlock, RowStore
from syncd.simulator.schema import Catalogue, Field, Module
from syncd.simulator.users import BY_ID

_MODIFIED_SHARE = 0.6


class Records:
    """The stores by module name, and the maker of cell texts."""

    def __init__(self, *, seed: int, catalogue: Catalogue, rows: Mapping[str, int]) -> None:
        self._seed = seed
        self.catalogue = catalogue
        self.initial_rows = dict(rows)
        self.stores = {module.api_name: RowStore(module.id_base) for module in catalogue}
        self.cells = CellMaker(seed, catalogue, self.initial_rows)

    def store(self, module: str) -> RowStore:
        """The rows of a module; a module added at run time starts empty."""
        if module not in self.stores:
            self.stores[module] = RowStore(self.catalogue[module].id_base)
        return self.stores[module]

    def fill(self, *, start: int, stop: int, same_second: int) -> None:
        """Make the initial rows, created between the epoch seconds start and stop.

        In the middle of each module's history up to `same_second` rows share one second, as after an import.
        """
        for module in self.catalogue:
            if number := self.initial_rows.get(module.api_name, 0):
                rng = Random(f"{self._seed}/{module.api_name}/history")
                span = stop - start
                created = sorted(start + int(span * rng.random()) for _ in range(number))
                middle = number // 2
                crowd = min(same_second, number - middle)
                created[middle : middle + crowd] = [created[middle]] * crowd
                modified = [
                    moment if rng.random() > _MODIFIED_SHARE else moment + int((stop - moment) * rng.random())
                    for moment in created
                ]
                self.store(module.api_name).fill(created, modified)

    def reveal(self, now: float) -> None:
        """Let queries see every pending change that is due, in all modules."""
        for store in self.stores.values():
            store.reveal(now)

    def texts(self, module: Module, name: str, block: RowBlock, style: CellStyle) -> list[str]:
        """Texts of a field by its name, which may be dotted (`Owner.last_name`, `Account_Name.Phone`).

        A parent that was deleted gives empty texts. Raises KeyError for a field that does not exist.
        """
        head, _, tail = name.partition(".")
        field = module.field(head)
        if field is None:
            raise KeyError(name)
        texts = self.cells.texts(module, field, block, style)
        return self._parents(field, tail, texts, style) if tail else texts

    def _parents(self, lookup: Field, tail: str, ids: list[str], style: CellStyle) -> list[str]:
        if lookup.lookup == "users":
            return [(BY_ID[user].text(tail) or "") if user else "" for user in ids]
        parent = self.catalogue[lookup.lookup]
        store = self.store(parent.api_name)
        wanted = sorted({int(text) for text in ids if text})
        alive = [index for index in map(store.index_of, wanted) if store.presence[index] == 0]
        texts = self.texts(parent, tail, store.block(alive), style)
        by_id = {str(store.id_of(index)): text for index, text in zip(alive, texts, strict=True)}
        return [by_id.get(text, "") for text in ids]
