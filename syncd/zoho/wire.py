"""What goes out: the dialects of Zoho's CRM API, chosen by version. Pure.

v2 names a module by a string and a criterion's field by `api_name`; from v2.1 both are objects; from v7 an export is
continued by `page_token` alone (diff of the type metadata in Zoho's SDKs, and its create-job pages).
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from syncd.core.criteria import between
from syncd.core.limits import MAX_SELECT_FIELDS
from syncd.core.model import BulkQuery, Comparison, Criterion, FileType, Window
from syncd.errors import ConfigWrong, Problem
from syncd.zoho.callbacks import valid_job_id

DELETED_PAGE = 200
"""Entries of one page of the deleted-records feed (D7d)."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one version of the API is spoken. `objects`: modules and fields as objects; `tokens`: page_token."""

    version: str
    objects: bool
    tokens: bool

    # -- paths

    def jobs_path(self) -> str:
        """Where bulk read jobs are created."""
        return f"/crm/bulk/{self.version}/read"

    def job_path(self, remote_id: str) -> str:
        """Where a job's details are; ValueError when the id is none."""
        if not valid_job_id(remote_id):
            raise ValueError(f"not a job id: {remote_id!r}")
        return f"{self.jobs_path()}/{remote_id}"

    def result_path(self, remote_id: str) -> str:
        """Where a job's result is. Never taken from `download_url`, which could name another host."""
        return f"{self.job_path(remote_id)}/result"

    def path(self, *segments: str) -> str:
        """A path of the CRM API beside bulk read."""
        return "/".join((f"/crm/{self.version}", *(quote(segment, safe="") for segment in segments)))

    # -- bodies

    def create_body(self, query: BulkQuery) -> dict[str, Any]:
        """The body that creates a bulk read job.

        With a page token the query holds nothing else (D7c), no callback and no file type: the token remembers.
        ValueError for a query that Zoho would misread: over 200 fields it silently exports all of them.
        """
        if query.page_token and self.tokens:
            return {"query": {"page_token": query.page_token}}
        if len(query.fields) > MAX_SELECT_FIELDS:
            raise ValueError(f"{len(query.fields)} fields in one export; Zoho takes {MAX_SELECT_FIELDS}")
        asked: dict[str, Any] = {"module": {"api_name": query.module} if self.objects else query.module}
        if query.fields and query.file_type is not FileType.ICS:
            asked["fields"] = list(query.fields)
        if query.criterion is not None:
            asked["criteria"] = self.criterion(query.criterion)
        if query.cvid:
            asked["cvid"] = query.cvid
        asked["page"] = query.page
        body: dict[str, Any] = {"query": asked, "file_type": query.file_type.value}
        if query.callback_url:
            body["callback"] = {"url": query.callback_url, "method": "post"}
        return body

    def criterion(self, criterion: Criterion) -> dict[str, Any]:
        """A criterion as JSON. A group of one is its member: Zoho refuses it (AMBIGUOUS_GROUP_IN_CRITERIA)."""
        if isinstance(criterion, Comparison):
            named = {"field": {"api_name": criterion.field}} if self.objects else {"api_name": criterion.field}
            value = list(criterion.value) if isinstance(criterion.value, tuple) else criterion.value
            return {**named, "comparator": criterion.comparator, "value": value}
        if not criterion.members:
            raise ValueError("a group without members")
        if len(criterion.members) == 1:
            return self.criterion(criterion.members[0])
        return {
            "group_operator": criterion.operator.lower(),
            "group": [self.criterion(member) for member in criterion.members],
        }


_NEWEST_PLAIN = "v2"
_TOKENS_SINCE = 7.0
_VERSION = re.compile(r"v([2-9](?:\.1)?)")
VERSIONS = ("v2", "v2.1", "v3", "v4", "v5", "v6", "v7", "v8")


def dialect(version: str) -> Dialect:
    """The dialect of an API version, `v2` to `v8`. ConfigWrong for any other."""
    found = _VERSION.fullmatch(version)
    if found is None or version not in VERSIONS:
        problem = Problem(
            where="zoho.api_version", what=f"{version!r} is not a version", fix=f"use one of {', '.join(VERSIONS)}"
        )
        raise ConfigWrong((problem,))
    return Dialect(version, objects=version != _NEWEST_PLAIN, tokens=float(found.group(1)) >= _TOKENS_SINCE)


_API_NAME = re.compile(r"[A-Za-z$][A-Za-z0-9_$]*")


def count_query(module: str, window: Window) -> str:
    """The COQL query that counts a window, a second wider on both sides like the export. ValueError for odd names.

    COQL has no placeholders, so only plain API names and our own stamps go in.
    """
    leaf = between(window)
    if not _API_NAME.fullmatch(module) or not isinstance(leaf.value, tuple):
        raise ValueError(f"not a module's API name: {module!r}")
    start, end = leaf.value
    return f"select COUNT(id) from {module} where {leaf.field} between '{start}' and '{end}'"


def since_header(moment: datetime) -> str:
    """A moment for If-Modified-Since: ISO 8601 as this one API wants it (D7d), whole seconds, rounded down."""
    return moment.astimezone(UTC).replace(microsecond=0).isoformat()
