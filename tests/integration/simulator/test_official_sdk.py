"""The referee: Zoho's own Python SDK for v8 creates, polls and downloads jobs of the simulator.

It knows nothing of syncd, so that it catches what simulator and client might misread alike.
"""

import csv
import importlib
import io
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from syncd.simulator import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, Config, Simulator

ROOT = "zohocrmsdk.src.com.zoho"

# Its sources hold escapes that newer compilers warn of when they see them first.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:.*zohocrmsdk.*", "ignore::SyntaxWarning:.*zohocrmsdk.*"
)


@pytest.fixture
def sim() -> Iterator[Simulator]:
    simulator = Simulator(Config(rows={"Leads": 50, "Accounts": 5, "Contacts": 5}, rows_per_page=30))
    with simulator.serve():
        yield simulator


@pytest.fixture
def sdk(sim: Simulator, tmp_path: Path) -> Any:
    """The SDK, pointed at the simulator."""
    names = SimpleNamespace()
    for module, wanted in {
        "crm.api": ["Initializer"],
        "crm.api.dc": ["DataCenter"],
        "crm.api.sdk_config": ["SDKConfig"],
        "api.authenticator": ["OAuthToken"],
        "api.authenticator.store": ["FileStore"],
        "api.logger": ["Logger"],
        "crm.api.bulk_read": ["BodyWrapper", "BulkReadOperations", "Criteria", "Query"],
        "crm.api.modules": ["MinifiedModule"],
        "crm.api.fields": ["MinifiedField"],
        "crm.api.util": ["Choice"],
    }.items():
        loaded = importlib.import_module(f"{ROOT}.{module}")
        for name in wanted:
            setattr(names, name, getattr(loaded, name))
    log = names.Logger.get_instance(level=names.Logger.Levels.ERROR, file_path=str(tmp_path / "sdk.log"))
    token = names.OAuthToken(
        client_id=CLIENT_ID, client_secret=CLIENT_SECRET, refresh_token=REFRESH_TOKEN, find_user=False
    )
    names.Initializer.initialize(
        environment=names.DataCenter.Environment(sim.url, f"{sim.url}/oauth/v2/token", sim.url),
        token=token,
        store=names.FileStore(str(tmp_path / "tokens.csv")),
        resource_path=str(tmp_path),
        sdk_config=names.SDKConfig(
            auto_refresh_fields=False, pick_list_validation=False, connect_timeout=5, read_timeout=10
        ),
        logger=log,
    )
    return names


def body(sdk: Any, criteria: Any = None, fields: list[str] | None = None) -> Any:
    query, module, wrapper = sdk.Query(), sdk.MinifiedModule(), sdk.BodyWrapper()
    module.set_api_name("Leads")
    query.set_module(module)
    query.set_page(1)
    if fields:
        query.set_fields(fields)
    if criteria is not None:
        query.set_criteria(criteria)
    wrapper.set_query(query)
    wrapper.set_file_type("csv")
    return wrapper


def criteria(sdk: Any, name: str, comparator: str, value: object) -> Any:
    found, field = sdk.Criteria(), sdk.MinifiedField()
    field.set_api_name(name)
    found.set_field(field)
    found.set_comparator(sdk.Choice(comparator))
    found.set_value(value)
    return found


def test_zohos_sdk_gets_the_truth(sim: Simulator, sdk: Any) -> None:
    truth = sim.truth("Leads")
    stamps = sorted(row["Modified_Time"] for row in truth.values())
    window = [stamps[10], stamps[30]]
    wrapper = body(sdk, criteria(sdk, "Modified_Time", "between", window), ["Last_Name", "Modified_Time"])
    operations = sdk.BulkReadOperations()
    created = operations.create_bulk_read_job(wrapper)
    assert created.get_status_code() == 201
    job_id = int(created.get_object().get_data()[0].get_details()["id"])
    (job,) = operations.get_bulk_read_job_details(job_id).get_object().get_data()
    assert job.get_state().get_value() == "COMPLETED"
    assert job.get_result().get_more_records() is False
    file = operations.download_result(job_id).get_object().get_file()
    assert file.get_name() == f"{job_id}.zip"
    with zipfile.ZipFile(io.BytesIO(b"".join(file.get_stream()))) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read(f"{job_id}.csv").decode(), newline="")))
    low, high = (datetime.fromisoformat(stamp) for stamp in window)
    expected = {i for i, row in truth.items() if low <= datetime.fromisoformat(row["Modified_Time"]) <= high}
    assert {int(row["Id"]) for row in rows} == expected
    assert job.get_result().get_count() == len(rows) == len(expected)
    assert all(row["Last_Name"] == truth[int(row["Id"])]["Last_Name"] for row in rows)


def test_zohos_sdk_reads_pages_and_refusals(sim: Simulator, sdk: Any) -> None:
    operations = sdk.BulkReadOperations()
    created = operations.create_bulk_read_job(body(sdk))
    job_id = int(created.get_object().get_data()[0].get_details()["id"])
    (job,) = operations.get_bulk_read_job_details(job_id).get_object().get_data()
    assert job.get_result().get_more_records() is True
    assert job.get_result().get_next_page_token()
    refused = operations.create_bulk_read_job(body(sdk, fields=["Address"])).get_object()
    assert refused.get_code().get_value() == "FIELD_NOT_SUPPORTED"
    assert refused.get_details()["api_name"] == "Address"
    missing = operations.get_bulk_read_job_details(5725767000000000001)
    assert missing.get_status_code() == 404
    assert missing.get_object().get_code().get_value() == "RESOURCE_NOT_FOUND"
