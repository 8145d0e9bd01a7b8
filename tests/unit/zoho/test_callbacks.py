"""A callback is a hint about one job, in two shapes; everything else is nothing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.zoho.callbacks import job_of_callback, valid_job_id

JOB = "4150868000004717002"


@pytest.mark.parametrize("state", ["COMPLETED", "FAILURE", "FAILED"])
def test_both_documented_shapes_are_read(state: str) -> None:
    flat = {"job_id": JOB, "operation": "read", "state": state, "query": {}, "result": {"download_url": "//evil/x"}}
    wrapped = {"data": [{"id": JOB, "operation": "read", "state": state}]}
    assert job_of_callback(json.dumps(flat).encode()) == JOB
    assert job_of_callback(json.dumps(wrapped).encode()) == JOB
    assert job_of_callback(json.dumps({"job_id": int(JOB)}).encode()) == JOB


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "x",
        {},
        {"job_id": ""},
        {"job_id": "../../etc/passwd"},
        {"job_id": "12 "},
        {"job_id": "٣"},
        {"job_id": True},
        {"job_id": -5},
        {"job_id": "1" * 26},
        {"job_id": {"id": "1"}},
        {"data": []},
        {"data": ["1"]},
        {"data": {"id": JOB}},
        {"data": [{"id": None}]},
    ],
)
def test_anything_else_names_no_job(document: object) -> None:
    assert job_of_callback(json.dumps(document).encode()) is None


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"{", b"[" * 100_000, b"9" * 10_000, b'{"job_id": ' + b"9" * 5_000])
def test_a_broken_body_names_no_job(body: bytes) -> None:
    assert job_of_callback(body) is None


@given(st.binary(max_size=200))
def test_no_body_raises(body: bytes) -> None:
    found = job_of_callback(body)
    assert found is None or valid_job_id(found)
