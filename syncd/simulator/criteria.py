"""Criteria of bulk read: both dialects parsed, checked against the module, and refused as Zoho refuses them.

Owns: the grammar and its error codes. Evaluation stands in `selection`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from syncd.simulator.behaviour import Behaviour
from syncd.simulator.refusals import Refusal
from syncd.simulator.schema import Catalogue, Field, Module
from syncd.simulator.stamps import parse_strict

MAX_CRITERIA = 25
EMPTY = "${EMPTY}"

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Leaf:
    """One comparison. `values` are typed: moments and ids are int, dates and texts str; several for in and between."""

    field: str
    comparator: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Criteria joined by `and` or `or`."""

    operator: str
    members: tuple["Criterion", ...]


Criterion = Leaf | Group

_EQUALITY = ("equal", "not_equal", "in", "not_in")
_NUMBER = (*_EQUALITY, "less_than", "less_equal", "greater_than", "greater_equal")
_TEXT = (*_EQUALITY, "contains", "not_contains", "starts_with", "ends_with")
_TIME = ("between", "not_between", *_EQUALITY)
_ORDERED = ("greater_than", "greater_equal", "less_than", "less_equal")

Kind = Literal["number", "text", "date", "datetime", "boolean", "lookup"]

KINDS: dict[str, Kind] = {
    **dict.fromkeys(("integer", "bigint", "double", "decimal", "currency", "percent"), "number"),
    **dict.fromkeys(("text", "email", "phone", "website", "picklist", "multiselectpicklist", "autonumber"), "text"),
    **dict.fromkeys(("lookup", "ownerlookup", "userlookup"), "lookup"),
    "date": "date",
    "datetime": "datetime",
    "boolean": "boolean",
}


def kind_of(field: Field) -> Kind | None:
    """How values of a field compare; None if it cannot stand in criteria (text areas, subforms ...)."""
    return KINDS.get(field.value_type)


def leaves(criterion: Criterion) -> int:
    """How many comparisons a criterion holds."""
    return 1 if isinstance(criterion, Leaf) else sum(leaves(member) for member in criterion.members)


@dataclass(frozen=True, slots=True, kw_only=True)
class CriteriaParser:
    """Reads criteria for one module. `version` is the API version, (2, 0) speaks the flat dialect."""

    module: Module
    catalogue: Catalogue
    behaviour: Behaviour
    version: tuple[int, int]

    def parse(self, raw: object, *, taken: int = 0) -> Criterion:
        """The criterion in `raw` (decoded JSON). `taken` comparisons of a view count against the limit of 25.

        Raises Refusal with the code that Zoho's table names for the mistake.
        """
        criterion = self._criterion(raw)
        if leaves(criterion) + taken > MAX_CRITERIA:
            raise Refusal("CRITERIA_LIMIT_EXCEEDED", details={"max_limit": MAX_CRITERIA})
        return criterion

    def _criterion(self, raw: object) -> Criterion:
        if not isinstance(raw, dict):
            raise Refusal("INVALID_CRITERIA", criteria=_show(raw))
        grouped = "group" in raw or "group_operator" in raw
        if grouped and {"field", "api_name", "comparator", "value"} & raw.keys():
            raise Refusal("AMBIGUOUS_CRITERIA", criteria=_show(raw))
        return self._group(raw) if grouped else self._leaf(raw)

    def _group(self, raw: dict[str, object]) -> Group:
        members, operator = raw.get("group"), raw.get("group_operator")
        if not isinstance(members, list):
            raise Refusal("INVALID_CRITERIA", criteria=_show(raw))
        if len(members) < 2:
            raise Refusal("AMBIGUOUS_GROUP_IN_CRITERIA", criteria=_show(raw))
        if operator not in {"and", "or"}:
            raise Refusal("GROUP_OPERATOR_NOT_SUPPORTED", criteria=_show(raw), operator=operator)
        return Group(str(operator), tuple(self._criterion(member) for member in members))

    def _leaf(self, raw: dict[str, object]) -> Leaf:
        name = self._name(raw)
        comparator = raw.get("comparator")
        if not isinstance(comparator, str) or "value" not in raw:
            raise Refusal("INVALID_CRITERIA", criteria=_show(raw))
        field = self._resolve(name, raw)
        kind = kind_of(field)
        if kind is None or (field.api_name == "id" and not self.behaviour.id_in_criteria):
            raise Refusal("FIELD_IN_CRITERIA_NOT_SUPPORTED", details={"api_name": name}, criteria=_show(raw))
        supported = self._comparators(kind)
        if comparator not in supported:
            details = {"api_name": name, "comparator": comparator, "supported": list(supported)}
            raise Refusal("FIELD_COMPARATOR_IN_CRITERIA_NOT_SUPPORTED", details=details, criteria=_show(raw))
        return Leaf(name, comparator, self._values(kind, name, comparator, raw))

    def _name(self, raw: dict[str, object]) -> str:
        """v2 names the field by `api_name`, later versions by `field.api_name`; the other form is not understood."""
        if self.version == (2, 0):
            name = raw.get("api_name")
        else:
            field = raw.get("field")
            name = field.get("api_name") if isinstance(field, dict) else None
        if not isinstance(name, str):
            raise Refusal("INVALID_CRITERIA", criteria=_show(raw))
        return name

    def _resolve(self, name: str, raw: dict[str, object]) -> Field:
        head, _, tail = name.partition(".")
        field = self.catalogue.visible_field(self.module.api_name, head)
        if field is not None and tail:
            parent = self.catalogue.get(field.lookup)
            field = self.catalogue.visible_field(parent.api_name, tail) if parent else None
        if field is None:
            raise Refusal("FIELD_IN_CRITERIA_NOT_AVAILABLE", details={"api_name": name}, criteria=_show(raw))
        return field

    def _comparators(self, kind: Kind) -> Sequence[str]:
        match kind:
            case "number":
                return _NUMBER
            case "text":
                return _TEXT
            case "lookup":
                return _EQUALITY
            case "boolean":
                return ("equal",)
            case _:
                return (*_TIME, *_ORDERED) if self.version >= (7, 0) else _TIME

    def _values(self, kind: Kind, name: str, comparator: str, raw: dict[str, object]) -> tuple[Scalar, ...]:
        value = raw["value"]
        several = comparator in {"in", "not_in", "between", "not_between"}
        if several != isinstance(value, list):
            details = {"comparator": comparator, "value": value}
            raise Refusal("COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE", details=details, criteria=_show(raw))
        values = value if isinstance(value, list) else [value]
        if comparator.endswith("between") and len(values) != 2:
            raise Refusal("VALUE_IN_CRITERIA_NOT_SUPPORTED", details={"value": value}, criteria=_show(raw))
        if comparator.endswith("in") and len(values) > self.behaviour.value_limit:
            raise Refusal("VALUE_LIMIT_EXCEEDED_IN_CRITERIA", details={"max_limit": self.behaviour.value_limit})
        typed = tuple(typed_value(kind, item) for item in values)
        if None in typed:
            details = {"api_name": name, "value": value}
            raise Refusal("FIELD_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE", details=details, criteria=_show(raw))
        return tuple(item for item in typed if item is not None)


def typed_value(kind: Kind, value: object) -> Scalar | None:
    """A value of criteria as the type that cells of that kind compare by; None if it does not fit."""
    match kind:
        case "boolean":
            return value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value))
        case "datetime":
            return EMPTY if value == EMPTY else parse_strict(value)
        case "date":
            return str(value) if isinstance(value, str) and len(value) == 10 and value[4] == value[7] == "-" else None
        case "text":
            return value if isinstance(value, str) and len(value) <= 255 else None
        case "lookup":
            return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
        case "number":
            return EMPTY if value == EMPTY else _number(value)


def _number(value: object) -> float | int | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float) or len(str(value)) > 19 + 1:
        return None
    try:
        return float(value) if "." in str(value) else int(value)
    except ValueError:
        return None


def _show(raw: object) -> str:
    return json.dumps(raw, ensure_ascii=False)
