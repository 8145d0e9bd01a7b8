"""How the field map follows Zoho's metadata: additions only, and nothing forgotten."""

from syncd.core.evolve import (
    GONE,
    UNSELECTED,
    columns_of,
    dropped,
    new_columns,
    refusal,
    refused_fields,
    restored,
    whole,
)
from syncd.core.model import Column, Field

AMOUNT = Field(api_name="Amount", data_type="currency", label="Amount")
NAME = Field(api_name="Name", data_type="text", label="Name")


def known(*names: str, fields: tuple[Field, ...] = (AMOUNT, NAME)) -> tuple[Column, ...]:
    return new_columns((), names, fields, partial=False)


def test_the_id_is_never_a_column_of_the_map_and_known_fields_are_not_added_again() -> None:
    assert [c.name for c in known("Id", "Amount", "Name")] == ["amount", "name"]
    assert new_columns(known("Amount"), ["Id", "Amount"], [AMOUNT], partial=True) == ()


def test_a_field_called_like_the_id_column_gets_a_name_of_its_own() -> None:
    (column,) = new_columns((), ["ID_"], [Field(api_name="ID_", data_type="text")], partial=False)
    assert column.name == "id_"
    (other,) = new_columns((), ["$id"], [Field(api_name="$id", data_type="text")], partial=False)
    assert other.name == "id_2"


def test_a_changed_type_gets_a_new_column_and_the_old_one_stays() -> None:
    before = known("Amount")
    (added,) = new_columns(before, ["Amount"], [Field(api_name="Amount", data_type="text")], partial=True)
    assert (added.name, added.type, added.partial) == ("amount__text", "text", True)
    assert columns_of((*before, added))["Amount"] is added
    (back,) = new_columns((*before, added), ["Amount"], [Field(api_name="Amount", data_type="double")], partial=True)
    assert back.name == "amount__double"


def test_an_exported_name_without_metadata_is_text_and_keeps_what_is_stored() -> None:
    (column,) = new_columns((), ["Owner.email"], [], partial=False)
    assert (column.name, column.type) == ("owner__email", "text")
    assert new_columns(known("Amount"), ["Amount"], [], partial=False) == ()


def test_a_refused_field_is_remembered_and_comes_back_whole_or_partial() -> None:
    line = refusal((), "Address", [], "not supported")
    assert refused_fields([line]) == {"Address"}
    assert columns_of([line]) == {}
    (lifted,) = restored([line], ["Address"], partial=True)
    assert not lifted.refused
    (column,) = new_columns([lifted], ["Address"], [], partial=True)
    assert (column.name, column.partial) == ("address", True)


def test_a_field_refused_after_it_had_a_column_keeps_the_column() -> None:
    line = refusal(known("Name"), "Name", [NAME], "no permission")
    assert (line.name, line.refused) == ("name", "no permission")
    (back,) = restored([line], ["Name"], partial=True)
    assert (back.name, back.refused, back.partial) == ("name", "", True)


def test_columns_that_no_export_brings_any_more_are_reported_not_refused_by_zoho() -> None:
    lines = dropped(known("Amount", "Name"), ["Created_Time"], [NAME])
    assert {line.field: line.refused for line in lines} == {"Amount": GONE, "Name": UNSELECTED}
    assert refused_fields(lines) == frozenset()


def test_an_export_of_all_rows_makes_its_columns_whole() -> None:
    partial = new_columns((), ["Amount", "Name"], [AMOUNT, NAME], partial=True)
    assert [(c.field, c.partial) for c in whole(partial, ["Name"])] == [("Name", False)]
