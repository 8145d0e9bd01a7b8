"""Which rows a criterion selects, at the moment it is asked.

Owns: evaluation and the meaning of each comparator, with the switch for `between`. Created_Time is answered by
bisection because rows stand in order of creation; everything else by scanning columns.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

from syncd.simulator.behaviour import Between
from syncd.simulator.cells import CANONICAL
from syncd.simulator.criteria import EMPTY, Criterion, Group, Kind, Leaf, Scalar, kind_of
from syncd.simulator.records import Records
from syncd.simulator.schema import Field, Module
from syncd.simulator.stamps import parse_lenient

_FAR = 2**62


def bounds(  # noqa: PLR0911  # one per comparator
    comparator: str, values: Sequence[Scalar], between: Between
) -> tuple[int, int] | None:
    """The closed range of whole numbers that a comparator admits, or None if it is not a single range."""
    numbers = [int(value) for value in values if value != EMPTY]
    if len(numbers) != len(values):
        return None
    match comparator:
        case "between":
            left_open = between in {"open", "half-open-left"}
            right_open = between in {"open", "half-open-right"}
            return numbers[0] + left_open, numbers[1] - right_open
        case "equal":
            return numbers[0], numbers[0]
        case "greater_than":
            return numbers[0] + 1, _FAR
        case "greater_equal":
            return numbers[0], _FAR
        case "less_than":
            return -_FAR, numbers[0] - 1
        case "less_equal":
            return -_FAR, numbers[0]
        case _:
            return None


class Selector:
    """Selects and counts rows of one module under the current switches."""

    def __init__(self, module: Module, records: Records, between: Between) -> None:
        self._module = module
        self._records = records
        self._store = records.store(module.api_name)
        self._between = between

    def select(self, criterion: Criterion | None, *, converted: bool = True) -> list[int]:
        """Indexes of the visible rows that meet the criterion, ascending; without converted leads on demand."""
        start, stop = self._created_range(criterion)
        rows = self._store.live_indexes(start, stop)
        if not converted:
            rows = [index for index in rows if not self._store.converted[index]]
        return rows if criterion is None else self._filter(criterion, rows)

    def count(self, criterion: Criterion | None) -> int:
        """How many visible rows meet the criterion; fast for windows on Created_Time."""
        if criterion is None or self._only_created(criterion):
            return self._store.live_count(*self._created_range(criterion))
        return len(self.select(criterion))

    # ---------------------------------------------------------------------------------------- Created_Time

    def _created_bounds(self, criterion: Criterion | None) -> tuple[int, int] | None:
        if isinstance(criterion, Leaf) and criterion.field == "Created_Time":
            return bounds(criterion.comparator, criterion.values, self._between)
        return None

    def _only_created(self, criterion: Criterion) -> bool:
        return self._created_bounds(criterion) is not None

    def _created_range(self, criterion: Criterion | None) -> tuple[int, int]:
        start, stop = 0, len(self._store)
        members = criterion.members if isinstance(criterion, Group) and criterion.operator == "and" else (criterion,)
        for member in members:
            if found := self._created_bounds(member):
                start = max(start, bisect_left(self._store.created, found[0]))
                stop = min(stop, bisect_right(self._store.created, found[1]))
        return start, max(start, stop)

    # ------------------------------------------------------------------------------------------ evaluation

    def _filter(self, criterion: Criterion, rows: list[int]) -> list[int]:
        if isinstance(criterion, Leaf):
            return self._leaf(criterion, rows)
        if criterion.operator == "and":
            for member in criterion.members:
                rows = self._filter(member, rows)
            return rows
        matched = {index for member in criterion.members for index in self._filter(member, rows)}
        return [index for index in rows if index in matched]

    def _leaf(self, leaf: Leaf, rows: list[int]) -> list[int]:
        stamps = {"Created_Time": self._store.created, "Modified_Time": self._store.modified}.get(leaf.field)
        if stamps is not None and (found := bounds(leaf.comparator, leaf.values, self._between)):
            low, high = found
            return [index for index in rows if low <= stamps[index] <= high]
        kind, texts = self._column(leaf.field, rows)
        accepts = _test(kind, leaf, self._between)
        return [index for index, text in zip(rows, texts, strict=True) if accepts(_typed(kind, text))]

    def _column(self, name: str, rows: list[int]) -> tuple[Kind, list[str]]:
        texts = self._records.texts(self._module, name, self._store.block(rows), CANONICAL)
        head, _, tail = name.partition(".")
        field = self._module.field(head)
        if field is not None and tail and field.lookup in self._records.catalogue:
            field = self._records.catalogue[field.lookup].field(tail)
        return _kind(field), texts


def _kind(field: Field | None) -> Kind:
    return (kind_of(field) if field is not None else None) or "text"


def _typed(kind: Kind, text: str) -> Scalar:
    """A cell's text as the type that criteria values have; EMPTY for nothing."""
    if not text:
        return EMPTY
    match kind:
        case "number":
            return float(text) if "." in text else int(text)
        case "boolean":
            return text == "true"
        case "datetime":
            moment = parse_lenient(text)
            return EMPTY if moment is None else moment
        case _:
            return text


def _test(  # noqa: PLR0911  # one per comparator
    kind: Kind, leaf: Leaf, between: Between
) -> Callable[[Scalar], bool]:
    """A predicate on typed cells. Ordering never holds for an empty cell."""
    first = leaf.values[0] if leaf.values else EMPTY
    chosen = frozenset(leaf.values)
    match leaf.comparator:
        case "equal":
            return lambda cell: cell == first
        case "not_equal":
            return lambda cell: cell != first
        case "in":
            return lambda cell: cell in chosen
        case "not_in":
            return lambda cell: cell not in chosen
        case "contains":
            return lambda cell: str(first) in str(cell)
        case "not_contains":
            return lambda cell: str(first) not in str(cell)
        case "starts_with":
            return lambda cell: str(cell).startswith(str(first))
        case "ends_with":
            return lambda cell: str(cell).endswith(str(first))
        case _:
            return _ordered(kind, leaf, between)


def _ordered(kind: Kind, leaf: Leaf, between: Between) -> Callable[[Scalar], bool]:
    def comparable(value: Scalar) -> tuple[float, str]:
        return (0.0, str(value)) if kind == "date" else (float(value), "")

    keys = [comparable(value) for value in leaf.values]
    low, high = keys[0], keys[-1]
    left_open, right_open = between in {"open", "half-open-left"}, between in {"open", "half-open-right"}

    def inside(key: tuple[float, str]) -> bool:
        return (low < key if left_open else low <= key) and (key < high if right_open else key <= high)

    tests: dict[str, Callable[[tuple[float, str]], bool]] = {
        "between": inside,
        "not_between": lambda key: not inside(key),
        "greater_than": lambda key: key > low,
        "greater_equal": lambda key: key >= low,
        "less_than": lambda key: key < low,
        "less_equal": lambda key: key <= low,
    }
    test = tests[leaf.comparator]
    return lambda cell: cell != EMPTY and test(comparable(cell))
