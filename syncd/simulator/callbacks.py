"""Callbacks: the POST that Zoho sends when a job ends, in both documented shapes, with retries and faults.

Owns: when and what is sent, and a thread that sends it. Sends to loopback addresses only, whatever URL a job names.
"""

import http.client
import json
import threading
from dataclasses import dataclass
from urllib.parse import urlsplit

from syncd.simulator.jobs import BulkJob
from syncd.simulator.org import Org
from syncd.simulator.schema import ORG_ID

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_TIMEOUT = 3.0
_PULSE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One POST that was made. `status` is 0 if no answer came (or the URL does not lead to this machine)."""

    job_id: str
    url: str
    number: int
    status: int
    at: float
    forged: bool = False


@dataclass(slots=True, kw_only=True)
class _Delivery:
    job_id: str
    url: str
    body: bytes
    due: float
    number: int = 1
    forged: bool = False


class Callbacks:
    """Sends the callbacks of an org's jobs while its thread runs, or one round at a time with `pump`."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._open: list[BulkJob] = []
        self._deliveries: list[_Delivery] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.attempts: list[Attempt] = []
        self.failed: set[str] = set()
        org.jobs.on_accepted = self._accepted

    def start(self) -> None:
        """Send callbacks from a thread until `stop`."""
        self._stop.clear()

        def run() -> None:
            while not self._stop.wait(_PULSE):
                self.pump()

        self._thread = threading.Thread(target=run, name="simulator-callbacks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; a POST under way is waited for."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_TIMEOUT + 1)
            self._thread = None

    def pump(self) -> None:
        """Send everything that is due now. A failed POST is tried again as often as the behaviour says."""
        if not self._open and not self._deliveries:
            return
        with self._org.moment() as now:
            for job in [job for job in self._open if job.finished(now)]:
                self._open.remove(job)
                self._plan(job, now)
            due = [delivery for delivery in self._deliveries if delivery.due <= now]
            self._deliveries = [delivery for delivery in self._deliveries if delivery.due > now]
        for delivery in due:
            self._send(delivery)

    # -------------------------------------------------------------------------------------------------- inside

    def _accepted(self, job: BulkJob) -> None:
        callback = job.callback
        if callback is None:
            return
        self._open.append(job)
        if "forged-callback" in job.faults:
            foreign = str(ORG_ID * 10**12 + 666)
            for job_id in (job.id, foreign):
                body = {"job_id": job_id, "operation": "read", "state": "COMPLETED", "result": _forged_result()}
                self._deliveries.append(
                    _Delivery(job_id=job_id, url=callback.url, body=_encode(body), due=0.0, forged=True)
                )

    def _plan(self, job: BulkJob, now: float) -> None:
        callback = job.callback
        if callback is None or "lost-callback" in job.faults:
            return
        body = _encode(self._body(job, now))
        for _ in range(2 if "duplicate-callback" in job.faults else 1):
            self._deliveries.append(_Delivery(job_id=job.id, url=callback.url, body=body, due=now))

    def _body(self, job: BulkJob, now: float) -> dict[str, object]:
        details = self._org.jobs.details(job, now)
        shape = self._org.behaviour.callback_shape
        if shape == "wrapped" or (shape == "by-version" and job.request.version >= (7, 0)):
            return {"data": [details]}
        flat = {name: details[name] for name in ("operation", "state", "query", "result")}
        return {"job_id": job.id, **flat}

    def _send(self, delivery: _Delivery) -> None:
        status = _post(delivery.url, delivery.body)
        with self._org.lock:
            now = self._org.clock.timestamp()
            self.attempts.append(
                Attempt(
                    job_id=delivery.job_id,
                    url=delivery.url,
                    number=delivery.number,
                    status=status,
                    at=now,
                    forged=delivery.forged,
                )
            )
            if 200 <= status < 300 or delivery.forged:
                return
            if delivery.number >= self._org.behaviour.callback_attempts:
                self.failed.add(delivery.job_id)
                return
            delivery.number += 1
            delivery.due = now + self._org.behaviour.callback_spacing
            self._deliveries.append(delivery)


def _forged_result() -> dict[str, object]:
    return {
        "page": 1,
        "per_page": 200000,
        "count": 0,
        "download_url": "https://attacker.example.invalid/crm/bulk/v2/read/1/result",
        "more_records": False,
    }


def _encode(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def _post(url: str, body: bytes) -> int:
    """POST JSON; the status of the answer, or 0 if there was none."""
    parts = urlsplit(url)
    if parts.hostname not in _LOOPBACK or parts.scheme != "http":
        return 0
    connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=_TIMEOUT)
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    try:
        connection.request("POST", target, body, {"Content-Type": "application/json"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
