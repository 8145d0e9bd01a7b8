"""The ZohoApi port of a run: every endpoint that syncd uses, one method each, shared by all threads.

Says what to call and what comes of it; tokens, limits and judgement are the session's, bytes the transport's.
"""

import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from syncd.core.limits import CREDITS_PER_COUNT, CREDITS_PER_DELETED_PAGE, CREDITS_PER_JOB
from syncd.core.model import AcceptedJob, BulkQuery, Deletion, Field, JobReport, Module, RemoteState, Window
from syncd.errors import NeedsOperator, Refused, Unreachable
from syncd.zoho import replies
from syncd.zoho.download import ResultSink
from syncd.zoho.limiter import Wait
from syncd.zoho.session import Call, Session
from syncd.zoho.transport import Transport
from syncd.zoho.wire import DELETED_PAGE, Dialect, count_query, dialect, since_header

GONE = "RESOURCE_NOT_FOUND"
"""The code under which the session reports what is not there (any more)."""

MOST_DELETED_PAGES = 5_000
"""Pages of one reading of the deleted-records feed: a million entries; the census finds what is beyond."""

LARGEST_ARCHIVE = 4 * 1024**3
"""Bytes of a result file as it is downloaded."""


class ZohoClient:
    """One org's CRM API in one dialect. Satisfies `syncd.sync.ports.ZohoApi`."""

    def __init__(
        self,
        session: Session,
        transport: Transport,
        *,
        wait: Wait,
        api_version: str = "v8",
        largest_archive: int = LARGEST_ARCHIVE,
    ) -> None:
        self._session = session
        self._transport = transport
        self._wait = wait
        self._dialect: Dialect = dialect(api_version)
        self._largest_archive = largest_archive
        self._lock = threading.Lock()
        self._uncountable: set[str] = set()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    @property
    def circuit_open(self) -> bool:
        """Whether calls are held back because Zoho could not be reached many times in a row."""
        return self._session.breaker.is_open

    # -- metadata

    def server_time(self) -> datetime:
        """Now on Zoho's clock: a lower bound that never goes back. Asks for the modules if nothing was asked yet."""
        now = self._session.clock.now()
        if now is None:
            self.modules()
            now = self._session.clock.now()
        if now is None:
            raise Unreachable(
                "Zoho's clock is not known",
                why="its answers carry no Date header",
                fix="look for a proxy that drops it",
            )
        return now

    def modules(self) -> tuple[Module, ...]:
        """All modules of the org's metadata, those that cannot be synced included (`why_not`)."""
        call = Call(path=self._dialect.path("settings", "modules"), scope="ZohoCRM.settings.modules.READ")
        return replies.modules(self._session.ask(call), call.where)

    def fields(self, module: str) -> tuple[Field, ...]:
        """The fields of a module as its metadata lists them; Refused when the module is unknown."""
        call = Call(
            path=self._dialect.path("settings", "fields"),
            query={"module": module},
            scope="ZohoCRM.settings.fields.READ",
            about=module,
        )
        return replies.fields(self._session.ask(call), call.where)

    def organisation(self) -> replies.Organisation:
        """The org of the grant; Refused without the scope ZohoCRM.org.READ."""
        call = Call(path=self._dialect.path("org"), scope="ZohoCRM.org.READ")
        return replies.organisation(self._session.ask(call), call.where)

    # -- counting

    def count(self, module: str, window: Window) -> int | None:
        """Rows with a stamp in the window, by COQL COUNT (1 credit), a second wider on both sides.

        None where the grant lacks the scope or COQL does not know the module or the field, which is remembered; None
        too for an answer without a number, because silence is not zero.
        """
        place = f"{module}.{window.cursor.value}"
        if self._uncountable & {"", place}:
            return None
        try:
            return replies.count_of(self._session.ask(self._count_call(module, count_query(module, window))))
        except Refused as refusal:
            with self._lock:
                self._uncountable.add("" if refusal.code == "OAUTH_SCOPE_MISMATCH" else place)
            return None

    def _count_call(self, module: str, query: str) -> Call:
        return Call(
            method="POST",
            path=self._dialect.path("coql"),
            body={"select_query": query},
            credits=CREDITS_PER_COUNT,
            scope="ZohoCRM.coql.READ",
            about=module,
        )

    # -- bulk read

    def create(self, query: BulkQuery) -> AcceptedJob:
        """Create a bulk read job (50 credits).

        Sent once: when the reply is lost it is Unreachable, and the export made in vain is harmless. Refused names
        the field that Zoho objects to.
        """
        call = Call(
            method="POST",
            path=self._dialect.jobs_path(),
            body=self._dialect.create_body(query),
            repeatable=False,
            credits=CREDITS_PER_JOB,
            scope=f"ZohoCRM.bulk.READ, ZohoCRM.modules.{query.module}.READ",
            about=query.module,
        )
        return replies.accepted_job(self._session.ask(call), call.where)

    def poll(self, remote_id: str) -> JobReport:
        """One look at a job; GONE when Zoho no longer knows it."""
        call = Call(path=self._dialect.job_path(remote_id), scope="ZohoCRM.bulk.READ")
        document = self._ask_or_gone(call)
        return JobReport(state=RemoteState.GONE) if document is GONE else replies.job_report(document, call.where)

    def download(self, remote_id: str, target: Path) -> bool:
        """Write the job's result to `target` whole or not at all; False when the result is gone.

        BadArchive when what came is no zip; Unreachable when something else came in its place.
        """
        call = Call(
            path=self._dialect.result_path(remote_id),
            headers={"Accept": "*/*", "Accept-Encoding": "identity"},
            scope="ZohoCRM.bulk.READ",
            download=True,
        )
        sink = ResultSink(target, limit=self._largest_archive, where=call.where, check=lambda: self._wait(0.0))
        try:
            self._session.run(call, sink.take)
        except Refused as refusal:
            if refusal.code != GONE:
                raise
            return False
        return True

    def _ask_or_gone(self, call: Call) -> Any:
        try:
            return self._session.ask(call)
        except Refused as refusal:
            if refusal.code != GONE:
                raise
            return GONE

    # -- deletes

    def deleted(self, module: str, since: datetime) -> Iterator[Deletion]:
        """Entries of the deleted-records feed with a deleted_time at or after `since`, in no order, maybe repeated.

        Pages until Zoho says there are no more. NeedsOperator beyond a million entries.
        """
        before: tuple[Deletion, ...] = ()
        for number in range(1, MOST_DELETED_PAGES + 1):
            call = self._deleted_call(module, since, number)
            page, more = replies.deletions(self._session.ask(call), call.where)
            if more and page == before:
                raise Unreachable("the deleted-records feed does not move on", where=call.where, why=f"page {number}")
            yield from (entry for entry in page if entry.deleted_at >= since)
            if not more:
                return
            before = page
        raise NeedsOperator(
            "the deleted-records feed is too long",
            where=module,
            why=f"more than {MOST_DELETED_PAGES * DELETED_PAGE} entries since {since.isoformat()}",
            fix='switch the feed off for this module (deletes = "off") and let a census find the deleted rows',
        )

    def _deleted_call(self, module: str, since: datetime, page: int) -> Call:
        return Call(
            path=self._dialect.path(module, "deleted"),
            query={"type": "all", "page": str(page), "per_page": str(DELETED_PAGE)},
            headers={"If-Modified-Since": since_header(since)},
            credits=CREDITS_PER_DELETED_PAGE,
            scope=f"ZohoCRM.modules.{module}.READ",
            about=module,
        )
