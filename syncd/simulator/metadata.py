"""settings/modules, settings/fields, settings/custom_views and org, as JSON values.

Owns: how the catalogue is described to clients.
"""

from syncd.simulator.bulk_request import view_id
from syncd.simulator.schema import ORG_ID, Catalogue, Field, Module, settings_id
from syncd.simulator.users import API_USER, USERS


def modules_body(catalogue: Catalogue) -> dict[str, object]:
    """The answer of settings/modules."""
    return {"modules": [_module(module) for module in catalogue]}


def _module(module: Module) -> dict[str, object]:
    return {
        "id": settings_id("module", module.api_name),
        "api_name": module.api_name,
        "module_name": module.plural or module.api_name,
        "singular_label": module.singular or module.api_name,
        "plural_label": module.plural or module.api_name,
        "generated_type": module.generated_type,
        "module_type": "ENTITIES",
        "api_supported": module.api_supported,
        "viewable": module.api_supported,
        "creatable": module.api_supported,
        "editable": module.api_supported,
        "deletable": module.api_supported,
        "status": module.status,
        "visible": module.status == "visible",
        "show_as_tab": module.status == "visible",
        "sequence_number": module.ordinal,
        "profiles": [{"id": settings_id("profile", "Administrator"), "name": "Administrator"}],
        "parent_module": {},
        "modified_by": None,
        "modified_time": None,
    }


def fields_body(catalogue: Catalogue, module: Module, *, lists_id: bool) -> dict[str, object]:
    """The answer of settings/fields."""
    fields = [field for field in catalogue.visible_fields(module.api_name) if lists_id or field.api_name != "id"]
    return {"fields": [_field(module, field) for field in fields]}


def _field(module: Module, field: Field) -> dict[str, object]:
    identity = settings_id("field", module.api_name, field.api_name)
    found: dict[str, object] = {
        "id": identity,
        "api_name": field.api_name,
        "field_label": field.label or field.api_name,
        "display_label": field.label or field.api_name,
        "data_type": field.data_type,
        "json_type": field.wire_json_type,
        "length": field.length,
        "decimal_place": field.decimals if field.value_type in {"double", "currency", "percent"} else None,
        "system_mandatory": field.api_name in {"Last_Name", "Account_Name", "Deal_Name", "Subject", "Event_Title"},
        "read_only": field.read_only,
        "field_read_only": field.read_only,
        "visible": True,
        "custom_field": field.custom,
        "virtual_field": field.api_name.startswith("$"),
        "filterable": field.exportable,
        "sortable": field.exportable,
        "searchable": field.exportable,
        "unique": {},
        "lookup": {},
        "multiselectlookup": {},
        "associated_module": None,
        "pick_list_values": _pick_list(field, identity),
        "formula": {},
        "rollup_summary": {},
        "currency": {},
        "crypt": None,
        "created_time": None,
        "modified_time": None,
    }
    return {**found, **_details(field, identity)}


def _details(field: Field, identity: str) -> dict[str, object]:  # noqa: PLR0911  # one per type
    match field.data_type:
        case "lookup":
            target = {"api_name": field.lookup, "id": settings_id("module", field.lookup)}
            return {"lookup": {"module": target, "display_label": field.label, "id": f"{identity}"}}
        case "formula":
            return {"formula": {"return_type": field.return_type, "expression": "Len(${Leads.Company})"}}
        case "rollup_summary":
            return {"rollup_summary": {"return_type": field.return_type}}
        case "currency":
            return {"currency": {"rounding_option": "normal", "precision": field.decimals}}
        case "textarea":
            return {"textarea": {"type": "large"}}
        case "multiselectlookup":
            return {"multiselectlookup": {"linking_module": "Contacts_X_Skills"}}
        case _:
            return {}


def _pick_list(field: Field, identity: str) -> list[dict[str, object]] | None:
    if field.data_type not in {"picklist", "multiselectpicklist"}:
        return None
    return [
        {
            "id": settings_id(identity, value),
            "display_value": value,
            "actual_value": value,
            "reference_value": value,
            "sequence_number": number,
            "type": "used",
        }
        for number, value in enumerate(field.options, 1)
    ]


def views_body(module: Module) -> dict[str, object]:
    """The answer of settings/custom_views: one view that restricts rows by two criteria of its own."""
    view = {
        "id": view_id(module.api_name),
        "name": f"Available {module.plural}",
        "system_name": "AVAILABLE",
        "display_value": f"Available {module.plural}",
        "default": False,
        "system_defined": False,
        "category": "created_by_me",
    }
    info: dict[str, object] = {
        "per_page": 200,
        "page": 1,
        "count": 1,
        "more_records": False,
        "default": None,
        "translation": {},
    }
    return {"custom_views": [view], "info": info}


def org_body(zone: str) -> dict[str, object]:
    """The answer of org."""
    organisation = {
        "id": str(ORG_ID),
        "zgid": str(ORG_ID * 13),
        "company_name": "Simulated Holdings GmbH",
        "primary_email": API_USER.email,
        "time_zone": zone if "/" in zone else "Etc/UTC",
        "currency": "Euro - EUR",
        "iso_code": "EUR",
        "license_details": {"paid": True, "paid_type": "enterprise", "users_license_purchased": len(USERS)},
    }
    return {"org": [organisation]}


def users_body() -> dict[str, object]:
    """The answer of users."""
    users = [
        {
            "id": user.id,
            "full_name": user.full_name,
            "first_name": user.first_name,
            "last_name": user.last_name,
            "email": user.email,
            "status": "active",
        }
        for user in USERS
    ]
    return {"users": users, "info": {"per_page": 200, "count": len(users), "page": 1, "more_records": False}}
