"""The simulator over a real socket: whole exports, and connections that go wrong."""

import io
import threading
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from syncd.simulator import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, Config, JobTiming, Simulator
from syncd.simulator.server import listening_socket
from tests.unit.simulator.waiting import until

ROWS = {"Contacts": 120, "Accounts": 10}


@pytest.fixture
def sim() -> Iterator[Simulator]:
    simulator = Simulator(Config(rows=ROWS))
    with simulator.serve():
        yield simulator


@pytest.fixture
def client(sim: Simulator) -> Iterator[httpx2.Client]:
    form = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    with httpx2.Client(base_url=sim.url, timeout=5) as http:
        answer = http.post("/oauth/v2/token", data={**form, "refresh_token": REFRESH_TOKEN}).json()
        http.headers["Authorization"] = f"Zoho-oauthtoken {answer['access_token']}"
        assert answer["api_domain"] == sim.url
        yield http


def job(client: httpx2.Client) -> str:
    answer = client.post("/crm/bulk/v8/read", json={"query": {"module": {"api_name": "Contacts"}}})
    return str(answer.json()["data"][0]["details"]["id"])


def test_an_export_over_http(sim: Simulator, client: httpx2.Client) -> None:
    job_id = job(client)
    details = client.get(f"/crm/bulk/v8/read/{job_id}")
    assert details.headers["content-type"] == "application/json;charset=UTF-8"
    answer = client.get(details.json()["data"][0]["result"]["download_url"])
    assert answer.headers["content-type"] == "application/x-download;charset=UTF-8"
    assert answer.headers["content-disposition"].endswith(f"filename*=UTF-8''{job_id}.zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == [f"{job_id}.csv"]
    assert [entry.operation for entry in sim.log] == ["token", "create", "details", "download"]
    assert answer.headers["date"].endswith("GMT")
    assert answer.headers.get_list("date") == [answer.headers["date"]]


def test_bodies_without_content(client: httpx2.Client) -> None:
    answer = client.get("/crm/v8/Contacts/deleted")
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get("/crm/v8/org").status_code == 200


@pytest.mark.parametrize("name", ["reset", "lost-reply", "stall"])
def test_connections_that_break(sim: Simulator, client: httpx2.Client, name: str) -> None:
    sim.faults.add(name, path="org", seconds=0.05)
    with pytest.raises(httpx2.NetworkError):
        client.get("/crm/v8/org")
    assert client.get("/crm/v8/org").status_code == 200
    assert [entry.status for entry in sim.log.entries("org")] == [0, 200]


def test_a_stall_outlasts_the_clients_patience(sim: Simulator, client: httpx2.Client) -> None:
    sim.faults.add("stall", path="org")
    with pytest.raises(httpx2.ReadTimeout):
        client.get("/crm/v8/org", timeout=0.1)


@pytest.mark.parametrize("name", ["cut-off", "wrong-length"])
def test_bodies_that_end_early(sim: Simulator, client: httpx2.Client, name: str) -> None:
    job_id = job(client)
    sim.faults.add(name)
    with pytest.raises((httpx2.RemoteProtocolError, httpx2.ReadError)):
        client.get(f"/crm/bulk/v8/read/{job_id}/result")
    assert client.get(f"/crm/bulk/v8/read/{job_id}/result").status_code == 200


def test_a_body_that_drips(sim: Simulator, client: httpx2.Client) -> None:
    sim.faults.add("drip", path="org", chunk=100, seconds=0.01)
    slow = client.get("/crm/v8/org")
    assert slow.content == client.get("/crm/v8/org").content


def test_answers_may_be_compressed_and_chunked(sim: Simulator, client: httpx2.Client) -> None:
    plain = client.get("/crm/v8/settings/modules")
    sim.behave(compressed_answers=True)
    packed = client.get("/crm/v8/settings/modules")
    assert packed.json() == plain.json()
    assert (packed.headers["content-encoding"], packed.headers["transfer-encoding"]) == ("gzip", "chunked")
    assert "content-encoding" not in client.get("/crm/v8/org", headers={"Accept-Encoding": "identity"}).headers


def test_it_can_go_away_and_come_back_at_the_same_place() -> None:
    sim = Simulator(Config(rows=ROWS))
    form = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    with sim.serve() as url:
        token = httpx2.post(f"{url}/oauth/v2/token", data={**form, "refresh_token": REFRESH_TOKEN}).json()
        headers = {"Authorization": f"Zoho-oauthtoken {token['access_token']}"}
        with httpx2.Client(base_url=url, headers=headers) as http:
            job_id = job(http)
            first = http.get(f"/crm/bulk/v8/read/{job_id}/result").content
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{url}/crm/v8/org")
    with sim.serve(int(url.rpartition(":")[2])) as again:
        assert again == url
        assert httpx2.get(f"{url}/crm/bulk/v8/read/{job_id}/result", headers=headers).content == first


def test_stopping_is_quick_whatever_goes_on() -> None:
    sim = Simulator(Config(rows=ROWS))
    failures: list[BaseException] = []
    with sim.serve() as url:
        sim.faults.add("stall", path="org", seconds=30)
        form = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        token = httpx2.post(f"{url}/oauth/v2/token", data={**form, "refresh_token": REFRESH_TOKEN}).json()
        headers = {"Authorization": f"Zoho-oauthtoken {token['access_token']}"}

        def wait() -> None:
            try:
                httpx2.get(f"{url}/crm/v8/org", headers=headers, timeout=20)
            except httpx2.HTTPError as error:
                failures.append(error)

        waiting = threading.Thread(target=wait)
        waiting.start()
        until(lambda: sim.log.entries("org"))
        started = time.monotonic()
    assert time.monotonic() - started < 3
    waiting.join(5)
    assert len(failures) == 1
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{url}/crm/v8/org")


def test_a_taken_port_is_an_error_at_once() -> None:
    with listening_socket(0) as taken:
        taken.listen()
        with pytest.raises(OSError, match="in use"), Simulator(Config(rows=ROWS)).serve(taken.getsockname()[1]):
            pass


def test_many_clients_at_once(sim: Simulator, client: httpx2.Client) -> None:
    sim.limits.downloads_per_minute = 1000
    sim.jobs.timing = JobTiming(running=0.02)
    headers = {"Authorization": client.headers["Authorization"]}
    results: list[Any] = []

    def export() -> None:
        with httpx2.Client(base_url=sim.url, headers=headers, timeout=10) as http:
            job_id = job(http)
            until(lambda: http.get(f"/crm/bulk/v8/read/{job_id}").json()["data"][0]["state"] == "COMPLETED")
            results.append(http.get(f"/crm/bulk/v8/read/{job_id}/result").status_code)

    threads = [threading.Thread(target=export) for _ in range(8)]
    sim.traffic.start(200)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [200] * 8
    assert 1 <= sim.limits.highest_running <= 20
