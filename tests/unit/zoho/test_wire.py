"""The dialects: what goes out, read back by a reader that shares nothing with the writer."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.model import BulkQuery, Comparison, Criterion, Cursor, FileType, Group, Window
from syncd.errors import ConfigWrong
from syncd.zoho.wire import VERSIONS, count_query, dialect, since_header

WINDOW = Window(
    Cursor.MODIFIED, datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC), datetime(2026, 3, 1, 12, 59, 59, tzinfo=UTC)
)
LEAF = Comparison("Modified_Time", "between", ("2026-03-01T12:00:00+00:00", "2026-03-01T13:00:00+00:00"))
PLAIN = {
    "comparator": "between",
    "value": ["2026-03-01T12:00:00+00:00", "2026-03-01T13:00:00+00:00"],
}

names = st.from_regex(r"[A-Z][A-Za-z_]{0,8}(\.[A-Z][a-z_]{0,5})?", fullmatch=True)
scalars = st.one_of(st.text(max_size=8), st.integers(), st.booleans())
leaves = st.builds(
    Comparison, names, st.sampled_from(["equal", "between", "in"]), scalars | st.tuples(st.text(), st.integers())
)
criteria = st.recursive(
    leaves,
    lambda inner: st.builds(Group, st.sampled_from(["and", "or"]), st.lists(inner, min_size=1, max_size=4).map(tuple)),
    max_leaves=12,
)


def read(document: dict[str, Any], *, objects: bool) -> Criterion:
    """A criterion as Zoho would read it; a group of one is an error there."""
    if set(document) == {"group", "group_operator"}:
        assert len(document["group"]) >= 2, "AMBIGUOUS_GROUP_IN_CRITERIA"
        return Group(document["group_operator"], tuple(read(member, objects=objects) for member in document["group"]))
    expected = {"field", "comparator", "value"} if objects else {"api_name", "comparator", "value"}
    assert set(document) == expected, "AMBIGUOUS_CRITERIA"
    name = document["field"]["api_name"] if objects else document["api_name"]
    value = document["value"]
    return Comparison(name, document["comparator"], tuple(value) if isinstance(value, list) else value)


def without_single_groups(criterion: Criterion) -> Criterion:
    if isinstance(criterion, Comparison):
        return criterion
    if len(criterion.members) == 1:
        return without_single_groups(criterion.members[0])
    return Group(criterion.operator, tuple(without_single_groups(member) for member in criterion.members))


@given(criteria, st.sampled_from(VERSIONS))
def test_a_criterion_means_the_same_in_every_dialect(criterion: Criterion, version: str) -> None:
    spoken = dialect(version)
    assert read(spoken.criterion(criterion), objects=version != "v2") == without_single_groups(criterion)


@given(criteria)
def test_a_criterion_is_told_apart_from_any_other(criterion: Criterion) -> None:
    other = Group("and", (criterion, LEAF))
    assert dialect("v8").criterion(other) != dialect("v8").criterion(criterion)


def test_a_group_of_none_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="without members"):
        dialect("v8").criterion(Group("and", ()))


def test_the_body_of_v8() -> None:
    query = BulkQuery(module="Leads", fields=("Last_Name", "Owner.last_name"), criterion=LEAF, cvid="55")
    assert dialect("v8").create_body(query) == {
        "query": {
            "module": {"api_name": "Leads"},
            "fields": ["Last_Name", "Owner.last_name"],
            "criteria": {"field": {"api_name": "Modified_Time"}, **PLAIN},
            "cvid": "55",
            "page": 1,
        },
        "file_type": "csv",
    }


def test_the_body_of_v2() -> None:
    query = BulkQuery(
        module="Leads", fields=("Last_Name",), criterion=LEAF, page=3, callback_url="https://me.example/x"
    )
    assert dialect("v2").create_body(query) == {
        "callback": {"url": "https://me.example/x", "method": "post"},
        "query": {
            "module": "Leads",
            "fields": ["Last_Name"],
            "criteria": {"api_name": "Modified_Time", **PLAIN},
            "page": 3,
        },
        "file_type": "csv",
    }


@pytest.mark.parametrize("version", ["v2.1", "v3", "v4", "v5", "v6"])
def test_versions_between_speak_in_objects_and_pages(version: str) -> None:
    query = BulkQuery(module="Leads", criterion=LEAF, page=2, page_token="unknown-to-it")
    body = dialect(version).create_body(query)
    assert body["query"]["module"] == {"api_name": "Leads"}
    assert body["query"]["criteria"]["field"] == {"api_name": "Modified_Time"}
    assert body["query"]["page"] == 2
    assert "page_token" not in body["query"]


@pytest.mark.parametrize("version", ["v7", "v8"])
def test_a_page_token_stands_alone(version: str) -> None:
    query = BulkQuery(
        module="Leads", fields=("A",), criterion=LEAF, page=2, page_token="abc", callback_url="https://me.example/x"
    )
    assert dialect(version).create_body(query) == {"query": {"page_token": "abc"}}


def test_an_ics_export_names_no_fields() -> None:
    query = BulkQuery(module="Events", fields=("Event_Title",), file_type=FileType.ICS)
    assert dialect("v8").create_body(query) == {
        "query": {"module": {"api_name": "Events"}, "page": 1},
        "file_type": "ics",
    }


def test_more_fields_than_zoho_takes_are_not_sent() -> None:
    fields = tuple(f"F{number}" for number in range(200))
    assert len(dialect("v8").create_body(BulkQuery(module="Leads", fields=fields))["query"]["fields"]) == 200
    with pytest.raises(ValueError, match="201 fields"):
        dialect("v8").create_body(BulkQuery(module="Leads", fields=(*fields, "One_More")))


def test_paths_are_built_from_our_own_words() -> None:
    spoken = dialect("v8")
    assert spoken.jobs_path() == "/crm/bulk/v8/read"
    assert spoken.job_path("4150868000004717002") == "/crm/bulk/v8/read/4150868000004717002"
    assert spoken.result_path("4150868000004717002") == "/crm/bulk/v8/read/4150868000004717002/result"
    assert dialect("v2.1").path("settings", "modules") == "/crm/v2.1/settings/modules"
    assert spoken.path("a/../b", "deleted") == "/crm/v8/a%2F..%2Fb/deleted"


@pytest.mark.parametrize("remote_id", ["", "12/../13", "//evil.example/x", "12?x=1", "x", "1 ", "1" * 26])
def test_a_job_id_that_is_no_number_is_in_no_path(remote_id: str) -> None:
    for path in (dialect("v8").job_path, dialect("v8").result_path):
        with pytest.raises(ValueError, match="not a job id"):
            path(remote_id)


@pytest.mark.parametrize("version", ["v1", "v9", "8", "V8", "", "v2.2", "v5.1"])
def test_an_unknown_version_is_a_mistake_in_the_configuration(version: str) -> None:
    with pytest.raises(ConfigWrong) as caught:
        dialect(version)
    assert caught.value.problems[0].where == "zoho.api_version"


def test_a_count_asks_for_the_window_a_second_wider() -> None:
    assert count_query("Leads", WINDOW) == (
        "select COUNT(id) from Leads where Modified_Time"
        " between '2026-03-01T12:00:00+00:00' and '2026-03-01T13:00:00+00:00'"
    )
    with pytest.raises(ValueError, match="API name"):
        count_query("Leads where id > 0 --", WINDOW)


@given(st.floats(0, 4e9), st.integers(-840, 840))
def test_the_since_header_is_the_same_moment_or_just_before(seconds: float, minutes: int) -> None:
    aware = datetime.fromtimestamp(seconds, timezone(timedelta(minutes=minutes)))
    sent = since_header(aware)
    assert sent.endswith("+00:00")
    assert timedelta(0) <= aware - datetime.fromisoformat(sent) < timedelta(seconds=1)
