"""Fields and modules of the simulated org, and the catalogue that can be changed at run time.

Owns: what a module is made of and which of it an export may show. Holds no rows and writes no answers.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

ORG_ID = 5725767
USER_COUNT = 8

JSON_TYPES = {
    "integer": "integer",
    "bigint": "string",
    "boolean": "boolean",
    "double": "double",
    "percent": "double",
    "currency": "double",
    "lookup": "jsonobject",
    "ownerlookup": "jsonobject",
    "multiselectpicklist": "jsonarray",
    "subform": "jsonarray",
    "multiselectlookup": "jsonarray",
    "RRULE": "jsonobject",
}

NOT_EXPORTED = frozenset({"subform", "multiselectlookup", "imageupload", "fileupload", "profileimage"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field. `source` names the generator of its values (see `cells`).

    `stable` values stay for the life of a row; the others change with every edit. `blank` is the share of empty
    values. `options` are a pick list's words or the generator's arguments. `lookup` is the module a lookup points to.
    `exportable=False` makes bulk read refuse the field although metadata lists it.
    """

    api_name: str
    label: str = ""
    data_type: str = "text"
    source: str = "text"
    options: tuple[str, ...] = ()
    stable: bool = False
    blank: float = 0.0
    lookup: str = ""
    return_type: str = ""
    length: int = 255
    decimals: int = 2
    exportable: bool = True
    custom: bool = False
    read_only: bool = False
    json_type: str = ""

    @property
    def value_type(self) -> str:
        """The type that comparisons go by: a formula's is its return type."""
        return self.return_type or self.data_type

    @property
    def wire_json_type(self) -> str:
        """`json_type` as settings/fields prints it."""
        return self.json_type or JSON_TYPES.get(self.value_type, "string")


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One module. `bulk=False`: metadata lists it and bulk read refuses it. `ordinal` separates the ids of modules."""

    api_name: str
    ordinal: int
    fields: tuple[Field, ...] = ()
    singular: str = ""
    plural: str = ""
    generated_type: str = "default"
    api_supported: bool = True
    bulk: bool = True
    status: str = "visible"

    def field(self, api_name: str) -> Field | None:
        """The field of that API name; `Id` and `id` both name the record id."""
        wanted = "id" if api_name in {"id", "Id"} else api_name
        return next((field for field in self.fields if field.api_name == wanted), None)

    @property
    def has_modified_time(self) -> bool:
        return self.field("Modified_Time") is not None

    @property
    def has_created_time(self) -> bool:
        return self.field("Created_Time") is not None

    @property
    def id_base(self) -> int:
        """Below every record id of this module; ids are 19 digits, org first."""
        return ORG_ID * 10**12 + self.ordinal * 10**10


def settings_id(*names: str) -> str:
    """A stable 19-digit id for a module, field, view or user."""
    digest = hashlib.blake2b("/".join(names).encode(), digest_size=8).digest()
    return str(ORG_ID * 10**12 + int.from_bytes(digest, "big") % 10**9)


class Catalogue:
    """All modules by API name, with what was changed or forbidden at run time.

    Fields can be added, removed and retyped; `denied` fields are invisible to this user (field-level permission);
    `blanked` fields are exported empty (health-data compliance).
    """

    def __init__(self, modules: Iterable[Module]) -> None:
        self._modules = {module.api_name: module for module in modules}
        self._denied: set[tuple[str, str]] = set()
        self._blanked: set[tuple[str, str]] = set()
        self.revision = 0

    def __iter__(self) -> Iterator[Module]:
        return iter(list(self._modules.values()))

    def __contains__(self, api_name: object) -> bool:
        return api_name in self._modules

    def __getitem__(self, api_name: str) -> Module:
        return self._modules[api_name]

    def get(self, api_name: str) -> Module | None:
        return self._modules.get(api_name)

    def visible_field(self, module: str, api_name: str) -> Field | None:
        """The field if it exists and the user may see it."""
        field = self[module].field(api_name)
        return None if field is None or (module, field.api_name) in self._denied else field

    def visible_fields(self, module: str) -> tuple[Field, ...]:
        """What settings/fields lists, in order."""
        return tuple(f for f in self[module].fields if (module, f.api_name) not in self._denied)

    def exported_fields(self, module: str) -> tuple[Field, ...]:
        """What an export without `fields` holds: everything visible that bulk read takes, id first."""
        fields = [f for f in self.visible_fields(module) if f.exportable and f.data_type not in NOT_EXPORTED]
        return tuple(sorted(fields, key=lambda field: field.api_name != "id"))

    def is_blanked(self, module: str, api_name: str) -> bool:
        return (module, api_name) in self._blanked

    def add_field(self, module: str, field: Field) -> None:
        """Add a field; its values come from its generator for old and new rows. ValueError if the name is taken."""
        if self[module].field(field.api_name):
            raise ValueError(f"{module} already has a field {field.api_name}")
        self._replace(module, (*self[module].fields, field))

    def remove_field(self, module: str, api_name: str) -> None:
        """Delete a field as an administrator would. ValueError if there is none."""
        self._require(module, api_name)
        self._replace(module, tuple(f for f in self[module].fields if f.api_name != api_name))

    def retype_field(self, module: str, field: Field) -> None:
        """Put `field` in the place of the one that has its API name."""
        self._require(module, field.api_name)
        fields = self[module].fields
        self._replace(module, tuple(field if f.api_name == field.api_name else f for f in fields))

    def deny_field(self, module: str, api_name: str, *, denied: bool = True) -> None:
        """Take away (or give back) the user's right to see a field."""
        self._require(module, api_name)
        (self._denied.add if denied else self._denied.discard)((module, api_name))
        self.revision += 1

    def blank_field(self, module: str, api_name: str, *, blanked: bool = True) -> None:
        """Export a field as empty, as health-data compliance does."""
        self._require(module, api_name)
        (self._blanked.add if blanked else self._blanked.discard)((module, api_name))
        self.revision += 1

    def add_module(self, module: Module) -> None:
        """Add a module; ValueError if the name or the ordinal is taken."""
        if module.api_name in self or any(m.ordinal == module.ordinal for m in self):
            raise ValueError(f"module {module.api_name} or ordinal {module.ordinal} is taken")
        self._modules[module.api_name] = module
        self.revision += 1

    def _require(self, module: str, api_name: str) -> None:
        if self[module].field(api_name) is None:
            raise ValueError(f"{module} has no field {api_name}")

    def _replace(self, module: str, fields: tuple[Field, ...]) -> None:
        self._modules[module] = replace(self[module], fields=fields)
        self.revision += 1
