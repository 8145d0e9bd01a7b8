"""Whether the modules and fields that a configuration names exist in Zoho."""

from collections.abc import Iterator, Mapping

from syncd.bootstrap.inspection import ZohoClient
from syncd.cli import failure
from syncd.cli.findings import Finding, ok, problem
from syncd.core.choice import nearest
from syncd.core.fields import cursor_of, selection, slices
from syncd.core.model import Comparison, Criterion, Field, Module
from syncd.errors import Problem, Refused
from syncd.settings.settings import Settings


def module_findings(settings: Settings, client: ZohoClient) -> Iterator[Finding]:
    """A finding per configured module, and one per name in it that Zoho does not know."""
    listed = {module.api_name: module for module in client.modules()}
    for name in settings.modules:
        where = f"{settings.source}: modules.{name}"
        if name not in listed:
            yield problem("module", Problem(where=where, what="Zoho has no such module", fix=_module_fix(name, listed)))
        elif listed[name].why_not:
            why = f"this module cannot be synced: {listed[name].why_not}"
            yield problem("module", Problem(where=where, what=why, fix="remove it from [modules]"))
        else:
            yield from _fields(settings, name, where, client)


def _module_fix(name: str, listed: Mapping[str, Module]) -> str:
    near = nearest(name, [module for module, found in listed.items() if not found.why_not])
    return f"did you mean {' or '.join(near)}?" if near else "see what there is: syncd modules"


def _fields(settings: Settings, name: str, where: str, client: ZohoClient) -> Iterator[Finding]:
    policy = settings.policy(name)
    try:
        fields = {field.api_name: field for field in client.fields(name)}
    except Refused as refusal:
        yield Finding(
            "fail",
            "module",
            f"{name}: its fields cannot be read: {refusal}",
            failure.fix_of(refusal),
            failure.exit_code(refusal),
        )
        return
    asked = {"fields": policy.fields, "exclude": policy.exclude, "criteria": tuple(_leaves(policy.criteria))}
    wrong = [
        problem(
            "module",
            Problem(where=f"{where}.{key}", what=f"Zoho has no field {field!r}", fix=_field_fix(field, fields)),
        )
        for key, names in asked.items()
        for field in dict.fromkeys(names)
        if not _is_known(field, fields)
    ]
    yield from wrong
    if not wrong:
        chosen = selection(tuple(fields.values()), wanted=policy.fields, exclude=policy.exclude)
        cursor = cursor_of(tuple(fields.values()), policy.cursor)
        parts = len(slices(chosen))
        by = f"by {cursor.value}" if cursor else "read in full each time, because it has no stamp"
        yield ok("module", f"{name}: {len(chosen)} fields{f' in {parts} slices' if parts > 1 else ''}, {by}")


def _is_known(field: str, fields: Mapping[str, Field]) -> bool:
    """A dotted name is judged by its first part: the fields beyond a lookup belong to another module."""
    first, dot, _ = field.partition(".")
    if field.lower() == "id":
        return True
    return first in fields and (not dot or "lookup" in fields[first].data_type)


def _field_fix(field: str, fields: Mapping[str, Field]) -> str:
    first, dot, rest = field.partition(".")
    if dot and first in fields:
        return f"{first} is not a lookup: write {first} alone"
    near = [f"{name}{dot}{rest}" for name in nearest(first, fields)]
    return f"did you mean {' or '.join(near)}?" if near else "use API names, as Zoho's set-up shows them"


def _leaves(criterion: Criterion | None) -> Iterator[str]:
    """The fields that a criterion compares."""
    if isinstance(criterion, Comparison):
        yield criterion.field
    elif criterion is not None:
        for member in criterion.members:
            yield from _leaves(member)
