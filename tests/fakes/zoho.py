"""A Zoho small enough to reason about: rows that move while they are exported, jobs evaluated when they run.

It plays the ZohoApi and Archives ports in memory. What nobody knows of the real one is drawn per world: whether
`between` includes its ends, the order of rows, when a job is evaluated. Pages are evaluated anew, so they drift.
"""

import csv
import io
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from syncd.core.limits import PAGE_TOKEN_EXPIRED
from syncd.core.model import (
    AcceptedJob,
    BulkQuery,
    Comparison,
    Criterion,
    Cursor,
    Deletion,
    Field,
    Group,
    JobReport,
    Module,
    RemoteState,
    Window,
)
from syncd.errors import BadArchive, Refused
from tests.fakes.store import Effect

SECOND = timedelta(seconds=1)
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Version:
    """A record as it was from one moment on; `visible_at` may be later than the stamp it carries.

    `silent`: it came back from the recycle bin and carries the stamp that it had before.
    """

    created: datetime
    modified: datetime
    number: int
    visible_at: datetime
    deleted: bool = False
    silent: bool = False


@dataclass(kw_only=True)
class RemoteJob:
    query: BulkQuery
    created: datetime
    ready_after: int
    looks: int = 0
    rows: list[dict[str, str]] | None = None
    more: bool = False
    token: str = ""
    failed: bool = False


@dataclass(kw_only=True)
class World:
    """The truth, and everything that is uncertain about how it is shown."""

    rng: random.Random
    page: int
    now: datetime = START
    versions: dict[int, list[Version]] = field(default_factory=dict)
    deletions: list[Deletion] = field(default_factory=list)
    fields: list[str] = field(default_factory=lambda: ["Name", "Value"])
    refuses: set[str] = field(default_factory=set)
    low_included: bool = True
    high_included: bool = True
    counts: bool = True
    late: timedelta = timedelta(seconds=20)
    stamped: bool = True
    hides: float = 0.0  # how many deletes the feed does not list, and how many restores move no stamp
    numbers: int = 0

    def clock(self) -> datetime:
        """Now, for those who may only ask."""
        return self.now

    def visible(self, number: int) -> Version | None:
        """The newest version of a record that can be seen now, if it is not deleted."""
        seen = [version for version in self.versions[number] if version.visible_at <= self.now]
        return None if not seen or seen[-1].deleted else seen[-1]

    def truth(self) -> dict[int, dict[str, str]]:
        """All live records with their cells."""
        return {n: self.cells(v) for n in self.versions if (v := self.visible(n))}

    def cells(self, version: Version) -> dict[str, str]:
        stamps = {
            "Created_Time": version.created.isoformat(),
            "Modified_Time": version.modified.isoformat(),
        }
        return stamps | {name: f"{name} {version.number}" for name in self.fields}

    # ------------------------------------------------------------------------------------------------------- traffic

    def pass_time(self, seconds: float, *, changes: int) -> None:
        """Let time go by, with `changes` records touched at random seconds of it."""
        whole = max(int(seconds), 0)
        moments = sorted(self.rng.randint(0, whole) for _ in range(changes))
        start = self.now
        for moment in moments:
            self.now = max(self.now, start + moment * SECOND)
            self.change()
        self.now = start + timedelta(seconds=seconds)

    def change(self) -> None:
        """One thing that happens in a CRM."""
        live = [number for number in self.versions if self.visible(number)]
        kind = self.rng.random()
        if kind < 0.35 or not live:
            self.create()
        elif kind < 0.75:
            self.edit(self.rng.choice(live), late=self.rng.random() < 0.15)
        elif kind < 0.85:  # a mass update: more rows than a page, all in one second
            for number in self.rng.sample(live, min(len(live), self.page + 3)):
                self.edit(number, late=False)
        elif kind < 0.95:
            self.delete(self.rng.choice(live))
        else:
            gone = [n for n in self.versions if self.versions[n][-1].deleted and n not in live]
            if gone and self.rng.random() < self.hides:
                self.restore_silently(self.rng.choice(gone))
            elif gone:
                self.edit(self.rng.choice(gone), late=False)

    def create(self) -> int:
        self.numbers += 1
        number, now = 1000 + self.numbers, self.now.replace(microsecond=0)
        self.versions[number] = [
            Version(created=now, modified=now, number=self.numbers, visible_at=self.now + self._lateness(0.1))
        ]
        return number

    def edit(self, number: int, *, late: bool) -> None:
        self.numbers += 1
        last = self.versions[number][-1]
        if last.visible_at > self.now:
            return
        self.versions[number].append(
            replace(
                last,
                modified=self.now.replace(microsecond=0),
                number=self.numbers,
                visible_at=self.now + self._lateness(1.0 if late else 0.0),
                deleted=False,
                silent=False,
            )
        )

    def restore_silently(self, number: int) -> None:
        last = next(version for version in reversed(self.versions[number]) if not version.deleted)
        if last.visible_at <= self.now:
            self.versions[number].append(replace(last, visible_at=self.now, silent=True))

    def delete(self, number: int) -> None:
        last = self.versions[number][-1]
        if last.visible_at > self.now:
            return
        self.versions[number].append(replace(last, visible_at=self.now, deleted=True))
        if self.rng.random() >= self.hides:
            self.deletions.append(Deletion(number, self.now.replace(microsecond=0)))

    def _lateness(self, chance: float) -> timedelta:
        return self.rng.random() * self.late if self.rng.random() < chance else timedelta(0)


class MemoryZoho:
    """ZohoApi and Archives over a World. `effect` is called before and after each call."""

    def __init__(self, world: World, effect: Effect) -> None:
        self.world = world
        self.jobs: dict[str, RemoteJob] = {}
        self.files: dict[str, bytes] = {}
        self.fail_next = ""
        self._created = 0
        self._origins: dict[str, RemoteJob] = {}
        self._effect = effect

    # -- ZohoApi

    def server_time(self) -> datetime:
        return self.world.now

    def modules(self) -> tuple[Module, ...]:
        return (Module(api_name="Leads", label="Leads", kind="default"),)

    def fields(self, module: str) -> tuple[Field, ...]:
        self._effect("fields", before=True)
        stamps = [Field(api_name=cursor.value, data_type="datetime") for cursor in Cursor if self.world.stamped]
        return (*stamps, *(Field(api_name=n, data_type="text") for n in [*self.world.fields, *self.world.refuses]))

    def count(self, module: str, window: Window) -> int | None:
        self._effect("count", before=True)
        if not self.world.counts:
            return None
        return sum(
            window.start <= _stamp(version, window.cursor.value) <= window.end
            for number in self.world.versions
            if (version := self.world.visible(number))
        )

    def create(self, query: BulkQuery) -> AcceptedJob:
        self._effect("create", before=True)
        for name in query.fields:
            if name in self.world.refuses:
                raise Refused(f"no {name}", code="FIELD_NOT_SUPPORTED", field=name)
        if query.page_token and query.page_token.split(":")[0] not in self.jobs:
            raise Refused("the page token is too old", code=PAGE_TOKEN_EXPIRED)
        self._created += 1
        remote_id = str(7000 + self._created)
        created = self.world.now.replace(microsecond=0)
        job = RemoteJob(query=query, created=created, ready_after=self.world.rng.randint(1, 3))
        if self.world.rng.random() < 0.3:
            self._evaluate(remote_id, job)
        self.jobs[remote_id] = self._origins[remote_id] = job
        self._effect("create", before=False)
        return AcceptedJob(remote_id, created)

    def poll(self, remote_id: str) -> JobReport:
        self._effect("poll", before=True)
        job = self.jobs.get(remote_id)
        if job is None:
            return JobReport(state=RemoteState.GONE)
        job.looks += 1
        if job.failed:
            return JobReport(state=RemoteState.FAILED, error="INTERNAL_SERVER_ERROR")
        if job.looks < job.ready_after:
            return JobReport(state=RemoteState.RUNNING)
        rows = job.rows if job.rows is not None else self._evaluate(remote_id, job)
        return JobReport(state=RemoteState.COMPLETED, count=len(rows), more_records=job.more, next_page_token=job.token)

    def download(self, remote_id: str, target: Path) -> bool:
        self._effect("download", before=True)
        job = self.jobs.get(remote_id)
        if job is None or job.rows is None:
            return False
        if self.fail_next == "not a zip":
            self.fail_next = ""
            raise BadArchive("what came is no zip")
        self.files[target.name] = _csv(job.rows, job.query, self._next_damage())
        self._effect("download", before=False)
        return True

    def deleted(self, module: str, since: datetime) -> Iterator[Deletion]:
        self._effect("deleted", before=True)
        listed = [entry for entry in self.world.deletions if entry.deleted_at >= since]
        return iter(self.world.rng.sample(listed, len(listed)))

    # -- Archives

    def path(self, remote_id: str) -> Path:
        return Path(remote_id)

    def held(self, remote_id: str) -> bool:
        return remote_id in self.files

    def blocks(self, path: Path) -> Iterable[bytes]:
        data = self.files[path.name]
        if data.startswith(b"corrupt"):
            raise BadArchive("the checksum does not fit")
        return [data]

    def discard(self, path: Path) -> None:
        self.files.pop(path.name, None)

    # -- inside

    def forget(self, remote_id: str) -> None:
        """What a day does to a result."""
        self.jobs.pop(remote_id, None)

    def _next_damage(self) -> str:
        damage, self.fail_next = self.fail_next, ""
        return damage

    def _evaluate(self, remote_id: str, job: RemoteJob) -> list[dict[str, str]]:
        """Run the job's query now, at this moment, on what is visible."""
        query, world = job.query, self.world
        origin, first = job, 1
        if query.page_token:
            origin_id, page = query.page_token.split(":")
            origin, first = self._origins[origin_id], int(page)
        matching = [
            (number, version)
            for number in sorted(world.versions)
            if (version := world.visible(number)) and self._matches(version, origin.query.criterion)
        ]
        # Each export has an order of its own, which its pages share; the rows are those of this moment.
        origin_id = query.page_token.split(":")[0] if query.page_token else remote_id
        matching.sort(key=lambda found: (found[0] * int(origin_id)) % 1009)
        at = (first - 1) * world.page
        page_rows = matching[at : at + world.page]
        job.more = len(matching) > at + world.page
        job.token = f"{origin_id}:{first + 1}" if job.more else ""
        job.query = replace(query, fields=origin.query.fields)
        job.rows = [{"Id": str(number)} | world.cells(version) for number, version in page_rows]
        return job.rows

    def _matches(self, version: Version, criterion: Criterion | None) -> bool:
        if criterion is None:
            return True
        if isinstance(criterion, Group):
            return all(self._matches(version, member) for member in criterion.members)
        return self._leaf(version, criterion)

    def _leaf(self, version: Version, leaf: Comparison) -> bool:
        assert leaf.comparator == "between"
        assert isinstance(leaf.value, tuple)
        low, high = (datetime.fromisoformat(str(value)) for value in leaf.value)
        stamp = _stamp(version, leaf.field)
        above = stamp > low or (self.world.low_included and stamp == low)
        below = stamp < high or (self.world.high_included and stamp == high)
        return above and below


def _stamp(version: Version, name: str) -> datetime:
    return version.modified if name == Cursor.MODIFIED.value else version.created


def _csv(rows: list[dict[str, str]], query: BulkQuery, damage: str) -> bytes:
    if damage == "corrupt":
        return b"corrupt"
    out = io.StringIO(newline="")
    names = ["Id", *query.fields]
    writer = csv.writer(out)
    writer.writerow(names)
    kept = rows[:-1] if damage == "short" else rows
    writer.writerows([row.get(name, "") for name in names] for row in kept)
    return out.getvalue().encode()
