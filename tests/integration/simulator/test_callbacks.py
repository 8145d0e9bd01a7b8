"""Callbacks reach a real listener: both shapes, retries, forgeries, doubles."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from syncd.simulator import Behaviour, Config, Simulator, SimulatorClock
from syncd.simulator.bulk_request import RequestParser
from tests.unit.simulator.waiting import until


@dataclass
class Listener:
    """A receiver of callbacks. `statuses` are what it answers first; after that 200."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            found.bodies.append({"path": self.path, **json.loads(self.rfile.read(length))})
            self.send_response(found.statuses.pop(0) if found.statuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name of the base class
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        found.url = f"http://127.0.0.1:{server.server_address[1]}/hook?secret=s3"
        yield found
        server.shutdown()
        thread.join()


def create(sim: Simulator, url: str, version: tuple[int, int] = (8, 0)) -> str:
    module: object = "Leads" if version == (2, 0) else {"api_name": "Leads"}
    body = {"callback": {"url": url, "method": "post"}, "query": {"module": module}}
    with sim.moment() as now:
        parser = RequestParser(catalogue=sim.catalogue, behaviour=sim.behaviour, version=version)
        return sim.jobs.create(parser.parse(body), now).id


def make(**behaviour: Any) -> Simulator:
    return Simulator(Config(rows={"Leads": 5}, behaviour=Behaviour(**behaviour)), SimulatorClock(frozen=True))


@pytest.mark.parametrize(
    ("shape", "version", "wrapped"),
    [("by-version", (2, 0), False), ("by-version", (8, 0), True), ("flat", (8, 0), False), ("wrapped", (2, 0), True)],
)
def test_both_shapes(listener: Listener, shape: str, version: tuple[int, int], wrapped: bool) -> None:
    sim = make(callback_shape=shape)
    job_id = create(sim, listener.url, version)
    sim.callbacks.pump()
    (body,) = listener.bodies
    assert body["path"] == "/hook?secret=s3"
    found = body["data"][0] if wrapped else body
    assert (found["id"] if wrapped else found["job_id"]) == job_id
    assert (found["state"], found["result"]["count"]) == ("COMPLETED", 5)
    assert [attempt.status for attempt in sim.callbacks.attempts] == [200]


def test_failures_are_reported_too(listener: Listener) -> None:
    sim = make()
    sim.faults.add("job-failure")
    create(sim, listener.url)
    sim.callbacks.pump()
    assert listener.bodies[0]["data"][0]["state"] == "FAILURE"


def test_retries_are_spaced_and_end(listener: Listener) -> None:
    sim = make(callback_attempts=3, callback_spacing=10.0)
    listener.statuses = [500, 404, 503]
    job_id = create(sim, listener.url)
    for _ in range(4):
        sim.callbacks.pump()
        sim.callbacks.pump()
        sim.clock.advance(10)
    assert [attempt.status for attempt in sim.callbacks.attempts] == [500, 404, 503]
    assert sim.callbacks.failed == {job_id}


def test_nobody_listens_and_nothing_leaves_this_machine() -> None:
    sim = make(callback_attempts=1)
    jobs = {create(sim, url) for url in ("http://127.0.0.1:9/x", "https://example.com/x", "http://192.0.2.1/x")}
    sim.callbacks.pump()
    assert [attempt.status for attempt in sim.callbacks.attempts] == [0, 0, 0]
    assert sim.callbacks.failed == jobs


@pytest.mark.parametrize(("fault", "states"), [("duplicate-callback", 2), ("lost-callback", 0)])
def test_doubled_and_lost(listener: Listener, fault: str, states: int) -> None:
    sim = make()
    sim.faults.add(fault)
    create(sim, listener.url)
    sim.callbacks.pump()
    assert len(listener.bodies) == states


def test_forged_callbacks_come_before_the_end(listener: Listener) -> None:
    sim = make()
    sim.faults.add("forged-callback")
    sim.faults.add("stuck-job")
    job_id = create(sim, listener.url)
    sim.callbacks.pump()
    assert [body["job_id"] for body in listener.bodies] == [job_id, "5725767000000000666"]
    assert all("attacker" in body["result"]["download_url"] for body in listener.bodies)
    assert sim.jobs.by_id[job_id].state(sim.clock.timestamp()) == "IN PROGRESS"


def test_a_serving_simulator_sends_them_by_itself(listener: Listener) -> None:
    sim = Simulator(Config(rows={"Leads": 5}))
    with sim.serve():
        create(sim, listener.url)
        until(lambda: sim.callbacks.attempts)
    assert len(listener.bodies) == 1
