"""A simulator and its service without a socket: what the unit tests ask their questions through."""

import csv
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from syncd.simulator import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, Config, Simulator, SimulatorClock
from syncd.simulator.exchange import Call, Reply
from syncd.simulator.service import Delivery, Service

START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
EVER = ["1971-01-01T00:00:00+00:00", "2099-01-01T00:00:00+00:00"]


@dataclass(frozen=True, slots=True)
class Answer:
    """A decoded answer: `data` is JSON, or None without a body."""

    status: int
    data: Any
    headers: Mapping[str, str]

    @property
    def code(self) -> str:
        """Zoho's error code, wherever it stands."""
        body = self.data["data"][0] if "data" in self.data else self.data
        return str(body["code"])


class Desk:
    """Asks a simulator's service on a frozen clock. The access token is fetched when first needed."""

    def __init__(self, config: Config) -> None:
        self.sim = Simulator(config, SimulatorClock(start=START, frozen=True))
        self._service = Service(self.sim)
        self._token = ""

    def deliver(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Delivery:
        """The undecoded answer to one request."""
        return self._service.answer(
            Call(
                method=method,
                path=path,
                names={},
                query=dict(query or {}),
                headers=dict(headers or {}),
                body=body,
                now=self.sim.clock.timestamp(),
                base_url="http://127.0.0.1:1",
            )
        )

    def token(self, **form: str) -> Answer:
        """A call of the token endpoint; the refresh grant unless told otherwise."""
        known = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN}
        body = urlencode({**known, "grant_type": "refresh_token", **form}).encode()
        return _decoded(self.deliver("POST", "/oauth/v2/token", body=body).reply)

    @property
    def access(self) -> str:
        if not self._token:
            self._token = self.token().data["access_token"]
        return self._token

    def ask(
        self,
        method: str,
        path: str,
        value: object = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """A call with token and JSON body, decoded."""
        sent = {"authorization": f"Zoho-oauthtoken {self.access}", "content-type": "application/json"}
        body = b"" if value is None else json.dumps(value).encode()
        return _decoded(self.deliver(method, path, body=body, query=query, headers={**sent, **(headers or {})}).reply)

    # ------------------------------------------------------------------------------------------------ bulk read

    def create(self, query: Mapping[str, object], version: str = "v8", **more: object) -> Answer:
        """Create a job."""
        return self.ask("POST", f"/crm/bulk/{version}/read", {"query": query, **more})

    def job(self, query: Mapping[str, object], version: str = "v8", **more: object) -> str:
        """Create a job that must be accepted; its id."""
        answer = self.create(query, version, **more)
        assert answer.status == 201, answer
        return str(answer.data["data"][0]["details"]["id"])

    def details(self, job_id: str, version: str = "v8") -> dict[str, Any]:
        """A job's details."""
        answer = self.ask("GET", f"/crm/bulk/{version}/read/{job_id}")
        assert answer.status == 200, answer
        return dict(answer.data["data"][0])

    def download(self, job_id: str, version: str = "v8") -> Reply:
        """A job's result as it would be sent."""
        headers = {"authorization": f"Zoho-oauthtoken {self.access}"}
        return self.deliver("GET", f"/crm/bulk/{version}/read/{job_id}/result", headers=headers).reply

    def text(self, job_id: str, version: str = "v8") -> str:
        """The text of the one member of a job's result."""
        reply = self.download(job_id, version)
        assert reply.file is not None, reply
        with zipfile.ZipFile(reply.file) as archive:
            (member,) = archive.namelist()
            return archive.read(member).decode()

    def rows(self, job_id: str, version: str = "v8") -> list[dict[str, str]]:
        """The rows of a CSV result."""
        return list(csv.DictReader(io.StringIO(self.text(job_id, version), newline="")))

    def export(self, module: str, *, fields: list[str] | None = None, **query: object) -> list[dict[str, str]]:
        """One whole export through v8."""
        asked: dict[str, object] = {"module": {"api_name": module}, **query}
        if fields is not None:
            asked["fields"] = fields
        return self.rows(self.job(asked))


def _decoded(reply: Reply) -> Answer:
    return Answer(reply.status, json.loads(reply.body) if reply.body else None, reply.headers)


def between(field: str, start: str, stop: str) -> dict[str, object]:
    """A window criterion of the later dialect."""
    return {"field": {"api_name": field}, "comparator": "between", "value": [start, stop]}


def at(moment: float) -> str:
    """Epoch seconds as criteria take them."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


def small(**changes: object) -> Config:
    """A configuration with few records, changed by name."""
    rows = {"Leads": 30, "Accounts": 12, "Contacts": 40, "Deals": 20, "Events": 21, "Audit_Trail__c": 15}
    return replace(Config(rows=rows), **changes)  # type: ignore[arg-type]  # names of Config's fields
