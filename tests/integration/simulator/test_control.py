"""The control API, as another process would use it."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from syncd.simulator import Config, Simulator, SimulatorClock
from tests.unit.simulator.waiting import until


@pytest.fixture
def sim() -> Iterator[Simulator]:
    simulator = Simulator(Config(rows={"Leads": 20, "Contacts": 10}), SimulatorClock(frozen=True))
    with simulator.serve():
        yield simulator


@pytest.fixture
def client(sim: Simulator) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=f"{sim.url}/_sim/", timeout=5) as http:
        yield http


def post(client: httpx2.Client, where: str, **body: object) -> Any:
    answer = client.post(where, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_clock(sim: Simulator, client: httpx2.Client) -> None:
    before = client.get("clock").json()["timestamp"]
    assert post(client, "clock", advance=90)["timestamp"] == pytest.approx(before + 90)
    assert post(client, "clock", thaw=True)["frozen"] is False
    assert post(client, "clock", freeze=True)["frozen"] is True
    assert client.post("clock", json={"advance": -1}).status_code == 400


def test_records_and_truth(sim: Simulator, client: httpx2.Client) -> None:
    (created,) = post(client, "records/Leads", create=1, values={"Company": "Ünï"})
    truth = client.get("truth/Leads").json()
    assert truth[created]["Company"] == "Ünï"
    assert {int(i): row for i, row in truth.items()} == sim.truth("Leads")
    ids = client.get("ids/Leads").json()
    post(client, "clock", advance=10)
    post(client, "records/Leads", edit=ids[:2], values={"City": "Here"}, late=3)
    post(client, "records/Leads", delete=ids[2:4])
    post(client, "records/Leads", restore=ids[3:4])
    post(client, "records/Leads", merge=ids[5:7])
    for verb in ("drift", "convert"):
        post(client, "records/Leads", **{verb: ids[8:9]})
    post(client, "records/Leads", purge=ids[2:3])
    assert client.get("deleted/Leads").json() == [ids[2], ids[6]]
    assert client.get("truth/Leads").json()[ids[0]]["City"] == "Here"
    assert client.post("records/Leads", json={"edit": ids, "delete": ids}).status_code == 400
    assert client.post("records/Leads", json={"delete": ["1"]}).status_code == 400
    assert client.post("records/Nowhere", json={"create": 1}).status_code == 400


def test_faults_and_log(sim: Simulator, client: httpx2.Client) -> None:
    armed = post(client, "faults", name="429", path="org", times=2, retry_after=3)
    assert armed["options"] == {"retry_after": 3}
    assert httpx2.get(f"{sim.url}/crm/v8/org").headers["retry-after"] == "3"
    listed = client.get("faults").json()
    assert [fault["name"] for fault in listed["armed"]] == ["429"]
    assert listed["struck"] == [{"name": "429", "operation": "org"}]
    assert "stall" in listed["known"]
    assert client.delete("faults").json() == {"armed": []}
    assert client.post("faults", json={"name": "boom"}).json()["error"].startswith("ValueError: no fault named")
    (entry,) = client.get("log", params={"operation": "org"}).json()
    assert (entry["status"], entry["fault"]) == (429, "429")
    client.delete("log")
    assert len(sim.log) == 0


def test_behaviour_limits_and_oauth(sim: Simulator, client: httpx2.Client) -> None:
    assert post(client, "behaviour", between="open")["between"] == "open"
    assert sim.behaviour.between == "open"
    assert client.post("behaviour", json={"between": "ajar"}).status_code == 400
    limits = post(client, "limits", downloads_per_minute=99, rows_per_page=7, queued=1.5)
    assert (sim.limits.downloads_per_minute, sim.jobs.rows_per_page, sim.jobs.timing.queued) == (99, 7, 1.5)
    assert limits["credits_used"] == 0
    credentials = client.get("credentials").json()
    assert credentials["api_url"] == sim.url
    form = {key: credentials[key] for key in ("client_id", "client_secret", "refresh_token")}
    token = f"{sim.url}/oauth/v2/token"
    assert "access_token" in httpx2.post(token, data={"grant_type": "refresh_token", **form}).json()
    code = post(client, "oauth", code=True, expire=True)["code"]
    by_code = httpx2.post(token, data={"grant_type": "authorization_code", "code": code, **form}).json()
    assert "refresh_token" in by_code
    assert post(client, "oauth", revoke=True, scopes=["ZohoCRM.bulk.READ"])["scopes"] == ["ZohoCRM.bulk.READ"]
    assert httpx2.post(token, data={"grant_type": "refresh_token", **form}).json() == {"error": "invalid_code"}
    post(client, "oauth", restore=True)
    assert "access_token" in httpx2.post(token, data={"grant_type": "refresh_token", **form}).json()


def test_traffic(sim: Simulator, client: httpx2.Client) -> None:
    done = post(client, "traffic", step=5, kind="edit", modules=["Leads"], weights={"create": 0}, seed=4)
    assert [change["kind"] for change in done["changes"]] == ["edit"] * 5
    assert sim.traffic.weights["create"] == 0
    assert post(client, "traffic", start=500)["running"] is True
    until(lambda: client.get("traffic").json()["steps"] >= 10)
    assert post(client, "traffic", stop=True)["running"] is False


def test_fields(sim: Simulator, client: httpx2.Client) -> None:
    size = {"api_name": "Size", "data_type": "integer", "source": "integer", "options": ["1", "9"]}
    assert "Size" in post(client, "fields/Leads", add=size)
    post(client, "fields/Leads", retype={"api_name": "Size", "source": "company"}, blank="City")
    assert {row["City"] for row in sim.truth("Leads").values()} == {""}
    assert "City" not in post(client, "fields/Leads", deny="City", unblank="City")
    assert "City" in post(client, "fields/Leads", allow="City")
    assert "Size" not in post(client, "fields/Leads", remove="Size")
    assert client.post("fields/Leads", json={"add": {"name": "x"}}).status_code == 400


def test_unknown_paths_say_what_there_is(client: httpx2.Client) -> None:
    answer = client.get("nothing")
    assert answer.status_code == 404
    assert "POST /_sim/clock" in answer.json()["known"]
    assert client.post("clock", content=b"[1]").status_code == 400


def test_the_control_api_can_be_left_out() -> None:
    with Simulator(Config(rows={"Leads": 1}, control=False)).serve() as url:
        assert httpx2.get(f"{url}/_sim/clock").status_code == 404
        assert httpx2.get(f"{url}/_sim/clock").json()["code"] == "INVALID_URL_PATTERN"
