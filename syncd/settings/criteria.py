"""A user's criteria, from TOML to the core's values.

    criteria = { api_name = "Stage", comparator = "not_equal", value = "Closed Lost" }
    criteria = { group_operator = "or", group = [{ ... }, { ... }] }      # groups nest
    criteria = [{ ... }, { ... }]                                         # all of them must hold

Knows Zoho's words for comparators and how many values each takes (its bulk read pages), nothing of fields: whether a
field exists and takes a comparator only Zoho can tell.
"""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time

from syncd.core.criteria import leaves
from syncd.core.limits import MAX_CRITERIA, MAX_VALUES_IN_LIST
from syncd.core.model import Comparison, Criterion, Group
from syncd.settings.findings import Finding, did_you_mean, one_of, shown
from syncd.settings.toml_lines import TomlPath

COMPARATORS = (
    "equal",
    "not_equal",
    "in",
    "not_in",
    "less_than",
    "less_equal",
    "greater_than",
    "greater_equal",
    "between",
    "not_between",
    "contains",
    "not_contains",
    "starts_with",
    "ends_with",
)
MOST_LEAVES = MAX_CRITERIA - 1
"""The window itself is one more comparison, and Zoho counts it."""

_RANGES = frozenset({"between", "not_between"})
_LISTS = frozenset({"in", "not_in"})
_LEAF_KEYS = frozenset({"api_name", "field", "comparator", "value"})
_GROUP_KEYS = frozenset({"group", "group_operator"})
_FIELD = re.compile(r"[A-Za-z$][A-Za-z0-9_$]*(?:\.[A-Za-z$][A-Za-z0-9_$]*){0,3}")
_EXAMPLE = 'write { api_name = "Stage", comparator = "equal", value = "Qualification" }'

Scalar = str | int | float | bool


def read_criteria(value: object) -> tuple[Criterion | None, tuple[Finding, ...]]:
    """The criterion that a TOML value means, and everything wrong with it; paths are relative to the value.

    The criterion is None exactly when something is wrong. A group of one is its member, because Zoho refuses groups
    of one. A TOML date or time with an offset becomes the text that Zoho reads, in UTC and without fractions.
    """
    reader = _Reader()
    criterion = reader.members((), value, "and") if isinstance(value, list) else reader.criterion((), value)
    if criterion is not None and (count := leaves(criterion)) > MOST_LEAVES:
        reader.wrong(
            (),
            f"{count} comparisons; Zoho takes {MAX_CRITERIA} and the window needs one of them",
            f"use at most {MOST_LEAVES}; one `in` holds {MAX_VALUES_IN_LIST} values",
        )
    findings = tuple(reader.findings)
    return (None if findings else criterion), findings


def write_criteria(criterion: Criterion) -> dict[str, object]:
    """The TOML value that means a criterion; the inverse of `read_criteria`."""
    if isinstance(criterion, Comparison):
        value = list(criterion.value) if isinstance(criterion.value, tuple) else criterion.value
        return {"api_name": criterion.field, "comparator": criterion.comparator, "value": value}
    return {"group_operator": criterion.operator, "group": [write_criteria(member) for member in criterion.members]}


def is_field_name(text: str) -> bool:
    """Whether a text has the shape of a field's API name, or of one over lookups, as `Contact_Name.Email`."""
    return len(text) <= 200 and _FIELD.fullmatch(text) is not None


class _Reader:
    """Collects findings while it reads; what it returns is None where something is wrong."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def wrong(self, path: TomlPath, what: str, fix: str) -> None:
        self.findings.append(Finding(path, what, fix))

    def criterion(self, path: TomlPath, value: object) -> Criterion | None:
        if not isinstance(value, Mapping):
            self.wrong(path, f"{shown(value)} is not a criterion", _EXAMPLE)
            return None
        if not value.keys() & _GROUP_KEYS:
            return self._leaf(path, value)
        self._unknown(path, value, _GROUP_KEYS)
        operator = value.get("group_operator", "and")
        if operator not in {"and", "or"}:
            self.wrong((*path, "group_operator"), f"{shown(operator)} joins nothing", 'write "and" or "or"')
            operator = "and"
        if "group" not in value:
            self.wrong(path, "group is missing", "write group = [{ ... }, { ... }]")
            return None
        return self.members((*path, "group"), value["group"], operator)

    def members(self, path: TomlPath, value: object, operator: str) -> Criterion | None:
        if not isinstance(value, list) or not value:
            self.wrong(path, "a group is a list of criteria, and not an empty one", f"{_EXAMPLE} inside [ ]")
            return None
        read = [self.criterion((*path, number), member) for number, member in enumerate(value)]
        members = [member for member in read if member is not None]
        if len(members) < len(value):
            return None
        return members[0] if len(members) == 1 else Group(operator, tuple(members))

    def _unknown(self, path: TomlPath, value: Mapping[str, object], known: frozenset[str]) -> None:
        for key in sorted(value.keys() - known):
            near = did_you_mean(key, known)
            self.wrong((*path, key), "unknown key", near or f"a criterion has {one_of(sorted(known))}")

    def _leaf(self, path: TomlPath, value: Mapping[str, object]) -> Comparison | None:
        before = len(self.findings)
        self._unknown(path, value, _LEAF_KEYS)
        field = self._field(path, value)
        comparator = value.get("comparator")
        if not isinstance(comparator, str) or comparator not in COMPARATORS:
            what = "is missing" if comparator is None else f"{shown(comparator)} is not a comparator"
            near = did_you_mean(str(comparator), COMPARATORS)
            self.wrong((*path, "comparator"), what, near or f"use {one_of(COMPARATORS)}")
            comparator = ""
        if "value" not in value:
            self.wrong((*path, "value"), "is missing", 'write value = "..."; "${EMPTY}" means no value')
            return None
        operand = self._operand((*path, "value"), comparator, value["value"])
        if len(self.findings) > before or operand is None:
            return None
        return Comparison(field, comparator, operand)

    def _field(self, path: TomlPath, value: Mapping[str, object]) -> str:
        key = "field" if "field" in value else "api_name"
        named = value.get(key)
        if isinstance(named, Mapping) and named.keys() == {"api_name"}:  # as Zoho's newer API writes it
            named = named["api_name"]
        if "field" in value and "api_name" in value:
            self.wrong((*path, "field"), "names the field a second time", "keep api_name alone")
        elif named is None:
            self.wrong((*path, "api_name"), "is missing", 'write api_name = "Stage"')
        elif not isinstance(named, str) or not is_field_name(named):
            self.wrong(
                (*path, key), f"{shown(named)} is not a field's API name", "write it as Zoho's setup page for API names"
            )
        else:
            return named
        return ""

    def _operand(self, path: TomlPath, comparator: str, value: object) -> Scalar | tuple[str | int | float, ...] | None:
        if comparator in _RANGES:
            wanted = isinstance(value, list) and len(value) == 2
            fix = f'write value = [FIRST, LAST] for "{comparator}"'
        elif comparator in _LISTS:
            wanted = isinstance(value, list) and 1 <= len(value) <= MAX_VALUES_IN_LIST
            fix = f'write value = ["A", "B"] for "{comparator}", at most {MAX_VALUES_IN_LIST} values'
        else:
            wanted = not isinstance(value, list) or not comparator
            fix = f'write one value, or use "in" instead of "{comparator}"'
        if not wanted:
            self.wrong(path, f"{shown(value)} does not go with {comparator}", fix)
            return None
        if not isinstance(value, list):
            return self._scalar(path, value)
        return self._values(path, value)

    def _values(self, path: TomlPath, value: Sequence[object]) -> tuple[str | int | float, ...] | None:
        values = [self._scalar((*path, number), element) for number, element in enumerate(value)]
        if any(isinstance(element, bool) for element in values):
            self.wrong(path, "a list holds no booleans", 'write comparator = "equal" and one value')
            return None
        return None if None in values else tuple(element for element in values if element is not None)

    def _scalar(self, path: TomlPath, value: object) -> Scalar | None:
        if isinstance(value, datetime) and value.tzinfo is not None:
            return value.astimezone(UTC).isoformat(timespec="seconds")
        if isinstance(value, datetime | time):
            self.wrong(path, "a time without an offset", "write 2026-01-31T09:00:00+01:00")
            return None
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, float) and not math.isfinite(value):
            self.wrong(path, f"{value} is not a number to compare with", "write a finite number")
            return None
        if isinstance(value, str | int | float):
            return value
        self.wrong(path, f"{shown(value)} is not a value to compare with", "write text, a number, true or false")
        return None
