"""The switches for everything that Zoho does not document: each plays every plausible answer.

Owns: names, defaults and the parsing of switches. Must not implement any of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Literal, Self, get_args, get_origin, get_type_hints

Between = Literal["closed", "open", "half-open-right", "half-open-left"]
RowOrder = Literal["random", "id", "time"]
TokenMode = Literal["snapshot", "ids", "live"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """One answer to every open question about Zoho. The defaults are the likeliest answers.

    Criteria:
      between: which ends of `between` belong to it (`half-open-right` leaves the end out, `half-open-left` the start).
      id_in_criteria: bulk read accepts the field `id` in criteria.
      ics_criteria: an ICS export accepts criteria.
      value_limit: how many values `in` may list (documented: 20; newest spec: 200).
      dotted_fields: parent fields such as `Account_Name.Phone` may be asked for (non-admins may not).
      join_limit: how many parents dotted fields may reach; more is JOIN_LIMIT_EXCEEDED.

    Paging:
      row_order: order of rows inside an export. `time` is by Modified_Time.
      page_order_stable: False gives every page of v2's `page` its own order, so that pages overlap and miss.
      token_mode: `snapshot` freezes ids and values at the first page, `ids` freezes only the ids, `live`
        evaluates the criteria anew for each page.
      page_limit: highest `page` (documented 500; a pattern in the newest spec says 50).

    CSV:
      line_terminator, bom, quote_all: the dialect. boolean_text: the words for true and false.
      multiselect_separator: between the values of a multi-select. dotted_header: header of a dotted field is the
        dotted name, or only its last part. column_order: `requested` (Id first), `metadata` or `shuffled`.
      csv_zone: offset of date-times in files and JSON: `+00:00`, `+05:30`, `-07:00`, or the name of a zone with
        daylight saving such as `America/New_York`. result_content_type: of the zip.

    Records:
      restore_moves_modified_time, deleted_feed_lists_restored: what a restore does.
      converted_in_unfiltered_export: converted leads are part of an export without cvid.
      merge_losers_in_deleted_feed: records that lose a merge are listed as deleted.
      deleted_feed_lag: seconds after which a delete appears in the feed. deleted_feed_304: answer 304 instead of 204.
      deleted_feed_inclusive: a delete at exactly If-Modified-Since is listed.

    Metadata and errors:
      metadata_lists_id: settings/fields lists a field `id`.
      result_missing_status: HTTP status of RESOURCE_NOT_FOUND on `/result`. create_errors_in_data: errors of create
        stand inside `data[]`. too_many_requests_status: 429 or 400 for TOO_MANY_REQUESTS.
      download_penalty: over 10 downloads a minute, `window` frees the oldest slot after 60 s, `minute` refuses
        every download for 60 s from the first refusal on.
      not_completed_result_ghost: details of unfinished jobs carry a `result` (of another job), as v7's page prints.
      notes_exportable: bulk read takes the module Notes. details_credits, download_credits: their undocumented cost.
      coql_count_key: key of the count in a COQL answer. coql_zero_as_204: a count of nothing is an empty 204.
      compressed_answers: JSON is sent gzipped and chunked to clients that take it.
      bulk_jobs_at_once: unfinished jobs allowed, above it TOO_MANY_REQUESTS; None: no limit.
      redirect_host: host that the redirect fault points to.

    ICS:
      ics_uid: UID is the record's id, the id with `@zoho.com`, or a value that no id can be read from.
      ics_flavour: the CRM's PRODID, or Zoho Calendar's with its non-standard properties. ics_vtimezone: zones are
        defined in the file. ics_folded: long lines are folded. ics_events_per_calendar: start a new VCALENDAR after
        so many events (0: one calendar).

    Callbacks:
      callback_shape: `flat` (v2 pages), `wrapped` (v7 pages), or `by-version`. callback_attempts and
        callback_spacing (seconds): retries of a callback that is not answered with 2xx. callback_requires_https.
    """

    between: Between = "closed"
    id_in_criteria: bool = False
    ics_criteria: bool = True
    value_limit: int = 20
    dotted_fields: bool = True
    join_limit: int = 10

    row_order: RowOrder = "random"
    page_order_stable: bool = True
    token_mode: TokenMode = "snapshot"  # noqa: S105  # the name of a mode
    page_limit: int = 500

    line_terminator: Literal["\n", "\r\n"] = "\n"
    bom: bool = False
    quote_all: bool = False
    boolean_text: Literal["true/false", "TRUE/FALSE", "True/False"] = "true/false"
    multiselect_separator: str = ";"
    dotted_header: Literal["dotted", "last"] = "dotted"
    column_order: Literal["requested", "metadata", "shuffled"] = "requested"
    csv_zone: str = "+00:00"
    result_content_type: Literal["application/zip", "application/x-download"] = "application/x-download"

    restore_moves_modified_time: bool = False
    deleted_feed_lists_restored: bool = False
    converted_in_unfiltered_export: bool = True
    merge_losers_in_deleted_feed: bool = False
    deleted_feed_lag: float = 0.0
    deleted_feed_304: bool = False
    deleted_feed_inclusive: bool = True

    metadata_lists_id: bool = True
    result_missing_status: Literal[404, 400] = 404
    create_errors_in_data: bool = False
    too_many_requests_status: Literal[429, 400] = 429
    download_penalty: Literal["window", "minute"] = "window"
    not_completed_result_ghost: bool = False
    notes_exportable: bool = False
    details_credits: int = 1
    download_credits: int = 1
    coql_count_key: str = "COUNT(id)"
    coql_zero_as_204: bool = False
    compressed_answers: bool = False
    bulk_jobs_at_once: int | None = None
    redirect_host: str = "files.example.invalid"

    ics_uid: Literal["record-id", "record-id-at-host", "opaque"] = "record-id"
    ics_flavour: Literal["crm", "calendar"] = "crm"
    ics_vtimezone: bool = True
    ics_folded: bool = True
    ics_events_per_calendar: int = 0

    callback_shape: Literal["flat", "wrapped", "by-version"] = "by-version"
    callback_attempts: int = 3
    callback_spacing: float = 1.0
    callback_requires_https: bool = False

    def changed(self, changes: Mapping[str, object]) -> Self:
        """The behaviour with some switches set anew.

        Raises ValueError for an unknown switch, a value of the wrong type, or one that is not among a switch's words.
        """
        hints = get_type_hints(type(self))
        known = {field.name for field in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"no switch named {name!r}; there are {', '.join(sorted(known))}")
            _check(name, value, hints[name])
        return replace(self, **changes)  # type: ignore[arg-type]  # checked above, against the same hints


def _check(name: str, value: object, hint: object) -> None:
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ValueError(f"{name}={value!r}: choose from {', '.join(map(str, get_args(hint)))}")
        return
    allowed = tuple(get_args(hint)) or (hint,)
    if bool not in allowed and isinstance(value, bool):
        raise ValueError(f"{name}={value!r}: not a truth value")
    if float in allowed:
        allowed += (int,)
    if not isinstance(value, allowed):
        raise ValueError(f"{name}={value!r}: wrong type")  # noqa: TRY004  # one class for every wrong switch
