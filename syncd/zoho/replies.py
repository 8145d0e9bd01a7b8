"""What comes in: the JSON of successful answers, read into the values of `syncd.core.model`. Pure.

An answer without what it must have is Unreachable: not Zoho's word, to be asked for again. `where` names the call for
people. Nothing else in an answer is trusted: no host, no URL, no echo of the query.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from syncd.core.model import AcceptedJob, Deletion, Field, JobReport, Module, RemoteState
from syncd.errors import Unreachable
from syncd.zoho.callbacks import valid_job_id
from syncd.zoho.redaction import redact


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """Who the grant belongs to; `time_zone` is the org's own, for people."""

    org_id: str
    name: str
    time_zone: str


def accepted_job(document: Any, where: str) -> AcceptedJob:
    """The reply to a create: the job's id and when it was made, on Zoho's clock."""
    details = _first(document, where).get("details")
    if not isinstance(details, dict) or not valid_job_id(str(details.get("id"))):
        raise _malformed(where, "it names no job")
    return AcceptedJob(str(details["id"]), moment(details.get("created_time"), where))


_STATES = {
    "ADDED": RemoteState.RUNNING,
    "QUEUED": RemoteState.RUNNING,
    "IN PROGRESS": RemoteState.RUNNING,
    "COMPLETED": RemoteState.COMPLETED,
    "FAILURE": RemoteState.FAILED,
    "FAILED": RemoteState.FAILED,
}
"""QUEUED is in the documentation alone, FAILED in v2's alone; a state nobody knows is taken for running."""


def job_report(document: Any, where: str) -> JobReport:
    """The details of a job, decided by its state alone: samples of unfinished jobs carry a `result` too.

    A completed job that does not say how many rows it has is still running: a file could not be held against anything.
    """
    job = _first(document, where)
    state = _STATES.get(str(job.get("state")).upper().replace("_", " ").strip(), RemoteState.RUNNING)
    result = job.get("result")
    result = result if isinstance(result, dict) else {}
    if state is RemoteState.FAILED:
        return JobReport(state=state, error=_job_error(result))
    if state is not RemoteState.COMPLETED:
        return JobReport(state=state)
    count, more = _whole_number(result.get("count")), result.get("more_records")
    if count is None or not isinstance(more, bool):
        return JobReport(state=RemoteState.RUNNING)
    token = result.get("next_page_token")
    return JobReport(
        state=state, count=count, more_records=more, next_page_token=token if isinstance(token, str) else ""
    )


def _job_error(result: dict[str, Any]) -> str:
    message = result.get("error_message")
    if isinstance(message, dict):
        parts = [str(message[key]) for key in ("code", "message") if message.get(key)]
        return redact(": ".join(parts))[:500] or "no reason given"
    return redact(str(message))[:500] if message else "no reason given"


def count_of(document: Any) -> int | None:
    """The number in the answer to a COUNT query; None when it has none (204 included: silence is not zero)."""
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, list) or len(data) != 1 or not isinstance(data[0], dict):
        return None
    numbers = [number for value in data[0].values() if (number := _whole_number(value)) is not None]
    return numbers[0] if len(numbers) == 1 else None


def _whole_number(value: Any) -> int | None:
    """A count, which some answers write as a string."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:18])
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


# ------------------------------------------------------------------------------------------------------------ metadata

_NO_RECORDS = {
    "web": "a web tab has no records",
    "webtab_link": "a web tab has no records",
}


def modules(document: Any, where: str) -> tuple[Module, ...]:
    """The modules of the org, those that cannot be synced included."""
    return tuple(_module(entry, where) for entry in _list(document, "modules", where))


def _module(entry: dict[str, Any], where: str) -> Module:
    name = _text(entry, "api_name", where)
    label = entry.get("plural_label") or entry.get("module_name") or name
    kind = entry.get("generated_type") or ""
    return Module(api_name=name, label=str(label), kind=str(kind), why_not=_why_not(entry, name, str(kind)))


def _why_not(entry: dict[str, Any], name: str, kind: str) -> str:
    if entry.get("api_supported") is False:
        return "Zoho's API does not support it"
    if kind in _NO_RECORDS:
        return _NO_RECORDS[kind]
    if name == "Activities":
        return "a view over Tasks, Events and Calls: sync those"
    if entry.get("status") == "scheduled_for_deletion":
        return "it is about to be deleted"
    if entry.get("viewable") is False:
        return "the user of the grant may not see it"
    return ""


def fields(document: Any, where: str) -> tuple[Field, ...]:
    """The fields of a module as its metadata lists them, those that bulk read will refuse included."""
    return tuple(_field(entry, where) for entry in _list(document, "fields", where))


def _field(entry: dict[str, Any], where: str) -> Field:
    name = _text(entry, "api_name", where)
    label = entry.get("display_label") or entry.get("field_label") or name
    return Field(
        api_name=name,
        data_type=str(entry.get("data_type") or ""),
        label=str(label),
        return_type=_return_type(entry),
        length=_size(entry.get("length")),
        decimal_places=_size(entry.get("decimal_place")),
        lookup_module=_lookup_module(entry.get("lookup")),
    )


def _return_type(entry: dict[str, Any]) -> str:
    for key in ("formula", "rollup_summary"):
        computed = entry.get(key)
        if isinstance(computed, dict) and isinstance(computed.get("return_type"), str):
            return str(computed["return_type"])
    return ""


def _lookup_module(lookup: Any) -> str:
    """The module a lookup points to: a string in v2, an object with `api_name` later, `{}` for other fields."""
    module = lookup.get("module") if isinstance(lookup, dict) else None
    if isinstance(module, dict):
        module = module.get("api_name")
    return module if isinstance(module, str) else ""


def _size(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def organisation(document: Any, where: str) -> Organisation:
    """The org of the grant."""
    entry = next(iter(_list(document, "org", where)), None)
    if entry is None:
        raise _malformed(where, "it names no organisation")
    return Organisation(
        org_id=str(entry.get("zgid") or entry.get("id") or ""),
        name=str(entry.get("company_name") or ""),
        time_zone=str(entry.get("time_zone") or ""),
    )


# ------------------------------------------------------------------------------------------------------------- deletes


def deletions(document: Any, where: str) -> tuple[tuple[Deletion, ...], bool]:
    """One page of the deleted-records feed, and whether more follow; no content is an empty last page."""
    if document is None:
        return (), False
    page = tuple(_deletion(entry, where) for entry in _list(document, "data", where))
    info = document.get("info")
    more = info.get("more_records") if isinstance(info, dict) else None
    if not isinstance(more, bool):
        raise _malformed(where, "it does not say whether more records follow")
    return page, more


def _deletion(entry: dict[str, Any], where: str) -> Deletion:
    text = str(entry.get("id"))
    if not valid_job_id(text):
        raise _malformed(where, "an entry without an id")
    return Deletion(int(text), moment(entry.get("deleted_time"), where))


# ------------------------------------------------------------------------------------------------------------- reading


def moment(text: Any, where: str) -> datetime:
    """A moment of an answer in UTC; `Z` is read although it is never sent."""
    try:
        parsed = datetime.fromisoformat(str(text))
        if parsed.tzinfo is not None:
            return parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _malformed(where, "a time that cannot be read") from None
    raise _malformed(where, "a time without an offset")


def _first(document: Any, where: str) -> dict[str, Any]:
    first = next(_entries(document, "data", where), None)
    if first is None:
        raise _malformed(where, "it is empty")
    return first


def _list(document: Any, key: str, where: str) -> tuple[dict[str, Any], ...]:
    """The entries under a key; none when the answer had no content (204)."""
    return () if document is None else tuple(_entries(document, key, where))


def _entries(document: Any, key: str, where: str) -> Iterator[dict[str, Any]]:
    entries = document.get(key) if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise _malformed(where, f"it has no list of {key}")
    for entry in entries:
        if not isinstance(entry, dict):
            raise _malformed(where, f"an entry of {key} is no object")
        yield entry


def _text(entry: dict[str, Any], key: str, where: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value:
        raise _malformed(where, f"an entry without {key}")
    return value


def _malformed(where: str, why: str) -> Unreachable:
    return Unreachable("Zoho's answer does not have its form", where=where, why=why)
