"""Bulk read jobs: their life from ADDED to expiry, paging, and the answers to create, details and result.

Owns: when a job runs and what it then saw. A job's criteria are evaluated at its run moment on the simulator's clock:
`settle` must be called with the current moment before anything changes rows and before anything is answered.
"""

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from random import Random

from syncd.simulator.behaviour import Behaviour
from syncd.simulator.bulk_request import BulkRequest, Callback
from syncd.simulator.cells import CellStyle
from syncd.simulator.csv_export import Snapshot
from syncd.simulator.exchange import flag
from syncd.simulator.faults import Armed, Faults
from syncd.simulator.page_tokens import PageTokens, TokenEntry
from syncd.simulator.records import Records
from syncd.simulator.refusals import Refusal
from syncd.simulator.rows import LIVE, RowBlock
from syncd.simulator.schema import ORG_ID, Module
from syncd.simulator.selection import Selector
from syncd.simulator.stamps import stamps_in
from syncd.simulator.switches import Switches
from syncd.simulator.users import API_USER

RETENTION = 86400
ICS_PAGE = 20_000
_HEAPS = 97


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTiming:
    """Seconds on the simulator's clock: waiting (ADDED, then QUEUED), then running (IN PROGRESS).

    The criteria are evaluated in the middle of the running time.
    """

    queued: float = 0.0
    running: float = 0.0


@dataclass(slots=True, kw_only=True)
class BulkJob:
    """One job. `snapshot` is there once it ran; it is dropped when the result expires."""

    id: str
    request: BulkRequest
    module: Module
    callback: Callback | None = None
    created_at: float
    run_at: float
    complete_at: float
    rows_per_page: int
    page: int = 1
    token: TokenEntry | None = None
    snapshot: Snapshot | None = None
    evaluated_at: float | None = None
    count: int = 0
    more_records: bool = False
    next_page_token: str = ""
    faults: dict[str, Armed] = field(default_factory=dict)
    polls: int = 0
    file: Path | None = None

    def state(self, now: float) -> str:  # noqa: PLR0911  # one per state  # noqa: PLR0911  # one per state
        """The word that details show."""
        if "stuck-job" in self.faults:
            return "IN PROGRESS"
        if (fault := self.faults.get("unknown-state")) and self.polls <= fault.number("polls", 2):
            return fault.text("state", "PAUSED")
        queued = self.created_at + (self._running_from - self.created_at) / 2
        if now < queued:
            return "ADDED"
        if now < self._running_from:
            return "QUEUED"
        if now < self.complete_at:
            return "IN PROGRESS"
        if fault := self.faults.get("job-failure"):
            return fault.text("state", "FAILURE")
        return "COMPLETED"

    @property
    def _running_from(self) -> float:
        return self.run_at - (self.complete_at - self.run_at)

    def finished(self, now: float) -> bool:
        """Whether it reached COMPLETED or FAILURE."""
        return self.state(now) in {"COMPLETED", "FAILURE", "FAILED"}

    def expired(self, now: float) -> bool:
        """Whether its result was thrown away."""
        return "expired-result" in self.faults or now >= self.complete_at + RETENTION


class BulkJobs:
    """All jobs of the org. Not safe by itself: the org's lock is held around every call."""

    def __init__(
        self, *, records: Records, switches: Switches, faults: Faults, timing: JobTiming, rows_per_page: int, seed: int
    ) -> None:
        self._records = records
        self._switches = switches
        self._faults = faults
        self._seed = seed
        self._numbers = count(1)
        self._waiting: list[BulkJob] = []
        self._tokens = PageTokens(seed)
        self.timing = timing
        self.rows_per_page = rows_per_page
        self.by_id: dict[str, BulkJob] = {}
        self.on_accepted: Callable[[BulkJob], None] = lambda _job: None

    # ------------------------------------------------------------------------------------------------ create

    def create(self, request: BulkRequest, now: float) -> BulkJob:
        """Accept a request as a job. Raises Refusal for a page token that is unknown or too old, or too many jobs."""
        limit = self._switches.behaviour.bulk_jobs_at_once
        if limit is not None and sum(not job.finished(now) for job in self.by_id.values()) >= limit:
            raise Refusal("TOO_MANY_REQUESTS", status=self._switches.behaviour.too_many_requests_status)
        token = self._tokens.get(request.page_token, now) if request.page_token else None
        module = token.module if token else request.module
        if module is None:
            raise ValueError("a first page without a module cannot be accepted")
        running_from = now + self.timing.queued
        job = BulkJob(
            id=str(ORG_ID * 10**12 + 859 * 10**6 + next(self._numbers) * 1007),
            request=token.request if token else request,
            module=module,
            callback=request.callback,
            created_at=now,
            run_at=running_from + self.timing.running / 2,
            complete_at=running_from + self.timing.running,
            rows_per_page=min(self.rows_per_page, ICS_PAGE)
            if self._format(request, token) == "ics"
            else self.rows_per_page,
            page=token.page if token else request.page,
            token=token,
            faults={
                fault.kind.name: fault
                for stage in ("job", "file", "callback")
                for fault in self._faults.take(stage, "create", module=module.api_name)
            },
        )
        self.by_id[job.id] = job
        self._waiting.append(job)
        self.on_accepted(job)
        return job

    def _format(self, request: BulkRequest, token: TokenEntry | None) -> str:
        return (token.request if token else request).format

    # --------------------------------------------------------------------------------------------------- run

    def settle(self, now: float) -> None:
        """Run every job whose moment has come, in order, each on the rows visible at its moment."""
        due = sorted((job for job in self._waiting if job.run_at <= now), key=lambda job: job.run_at)
        for job in due:
            self._records.reveal(job.run_at)
            self._run(job)
        if due:
            self._waiting = [job for job in self._waiting if job.evaluated_at is None]
        self._records.reveal(now)

    def _run(self, job: BulkJob) -> None:
        behaviour = self._switches.behaviour
        job.evaluated_at = job.run_at
        start, stop = (job.page - 1) * job.rows_per_page, job.page * job.rows_per_page
        store, indexes = self._records.store(job.module.api_name), job.token.indexes if job.token else None
        if job.token and job.token.frozen is not None:
            store = job.token.frozen
        if indexes is None:
            indexes = self._chosen(job, behaviour)
        page = store.block([index for index in indexes[start:stop] if store.presence[index] == LIVE])
        job.more_records = len(indexes) > stop
        self._keep(job, page, behaviour)
        if job.more_records and job.request.version >= (7, 0):
            mode = behaviour.token_mode
            entry = TokenEntry(
                request=job.request,
                module=job.module,
                page=job.page + 1,
                made_at=job.run_at,
                indexes=array("I", indexes) if mode != "live" else None,
                frozen=(job.token.frozen if job.token else store.frozen()) if mode == "snapshot" else None,
            )
            job.next_page_token = self._tokens.add(entry)

    def _keep(self, job: BulkJob, page: RowBlock, behaviour: Behaviour) -> None:
        damage = tuple((name, fault.text("field")) for name, fault in job.faults.items() if fault.kind.stage == "file")
        if fault := job.faults.get("duplicate-id"):
            page = page.with_repeated_row(stale=flag(fault.options.get("stale")))
        job.snapshot = Snapshot(
            module=job.module,
            columns=job.request.columns,
            block=page,
            resolved=self._resolved(job, page, behaviour),
            evaluated_at=job.run_at,
            damage=damage,
        )
        job.count = len(page)
        if fault := job.faults.get("wrong-count"):
            job.count += int(fault.number("by", 1))

    def _chosen(self, job: BulkJob, behaviour: Behaviour) -> list[int]:
        selector = Selector(job.module, self._records, behaviour.between)
        converted = behaviour.converted_in_unfiltered_export or bool(job.request.cvid)
        rows = selector.select(job.request.criterion, converted=converted)
        return self._in_order(job, rows, behaviour)

    def _in_order(self, job: BulkJob, rows: list[int], behaviour: Behaviour) -> list[int]:
        if behaviour.row_order == "time":
            rows.sort(key=self._records.store(job.module.api_name).modified.__getitem__)
        elif behaviour.row_order == "random":
            rows = scattered(rows, self._seed if behaviour.page_order_stable else int(job.id))
        return rows

    def _resolved(self, job: BulkJob, block: RowBlock, behaviour: Behaviour) -> dict[str, list[str]]:
        style = CellStyle.of(behaviour)
        dotted = [column.name for column in job.request.columns if column.dotted]
        texts = {name: self._records.texts(job.module, name, block, style) for name in dotted}
        block.keys.clear()  # a snapshot lives for a day
        return texts

    # ----------------------------------------------------------------------------------------------- answers

    def find(self, job_id: str) -> BulkJob:
        """The job, or a Refusal RESOURCE_NOT_FOUND."""
        if job_id not in self.by_id:
            raise Refusal("RESOURCE_NOT_FOUND", details={"resource": job_id})
        return self.by_id[job_id]

    def downloadable(self, job_id: str, now: float) -> BulkJob:
        """The job if its result is there; else a Refusal as Zoho words it, under 404 or 400."""
        job = self.by_id.get(job_id)
        if job is None or job.state(now) != "COMPLETED" or job.expired(now):
            status = self._switches.behaviour.result_missing_status
            raise Refusal("RESOURCE_NOT_FOUND", status=status, details={"resource": job_id})
        return job

    def forget_expired(self, now: float) -> Iterable[Path]:
        """Drop the results of expired jobs; returns the files that are no longer needed."""
        files = []
        for job in self.by_id.values():
            if job.snapshot is not None and now >= job.complete_at + RETENTION:
                job.snapshot = None
                if job.file is not None:
                    files.append(job.file)
                    job.file = None
        self._tokens.forget_expired(now)
        return files

    def accepted(self, job: BulkJob) -> dict[str, object]:
        """The answer to create."""
        details = {
            "id": job.id,
            "operation": "read",
            "state": "ADDED",
            "created_by": API_USER.reference(),
            "created_time": self._stamp(job.created_at),
        }
        entry = {
            "status": "success",
            "code": "ADDED_SUCCESSFULLY",
            "message": "Added successfully.",
            "details": details,
        }
        return {"data": [entry], "info": {}}

    def details(self, job: BulkJob, now: float) -> dict[str, object]:
        """The job as one element of `data` in the answer to details (and in wrapped callbacks)."""
        state = job.state(now)
        found: dict[str, object] = {
            "id": job.id,
            "operation": "read",
            "state": state,
            "query": dict(job.request.echo) if not job.token else {**job.request.echo, "page": job.page},
            "created_by": API_USER.reference(),
            "created_time": self._stamp(job.created_at),
            "file_type": job.request.format,
        }
        if state == "COMPLETED":
            found["result"] = self._result(job)
        elif state in {"FAILURE", "FAILED"}:
            found["result"] = {"error_message": Refusal("INTERNAL_SERVER_ERROR").body()}
        elif self._switches.behaviour.not_completed_result_ghost:
            found["result"] = {
                "page": 1, "per_page": job.rows_per_page, "count": 111, "more_records": False,
                "download_url": self._url(job, str(ORG_ID * 10**12 + 1)),
            }  # fmt: skip
        return found

    def _result(self, job: BulkJob) -> dict[str, object]:
        result: dict[str, object] = {
            "page": job.page,
            "per_page": job.rows_per_page,
            "count": job.count,
            "download_url": self._url(job, job.id),
            "more_records": job.more_records,
        }
        if job.next_page_token:
            result["next_page_token"] = job.next_page_token
        return result

    def _url(self, job: BulkJob, job_id: str) -> str:
        major, minor = job.request.version
        version = f"v{major}.{minor}" if minor else f"v{major}"
        return f"/crm/bulk/{version}/read/{job_id}/result"

    def _stamp(self, moment: float) -> str:
        return stamps_in(self._switches.behaviour.csv_zone).text(int(moment))


def scattered(rows: Iterable[int], seed: int) -> list[int]:
    """The rows in an order without meaning, which the coming and going of other rows does not change."""
    heaps: list[list[int]] = [[] for _ in range(_HEAPS)]
    for index in rows:
        heaps[index * 40503 % _HEAPS].append(index)
    Random(seed).shuffle(heaps)
    return list(chain.from_iterable(heaps))
