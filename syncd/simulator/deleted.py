"""The deleted-records feed: `GET /crm/{v}/{module}/deleted`.

Owns: what the feed lists, its pages and its filter by time. No order is promised, so none is kept.
"""

from syncd.simulator.behaviour import Behaviour
from syncd.simulator.exchange import Call, Reply, json_reply
from syncd.simulator.refusals import Refusal
from syncd.simulator.rows import Deletion, RowStore
from syncd.simulator.stamps import parse_lenient, stamps_in
from syncd.simulator.users import API_USER

_TYPES = {"all", "recycle", "permanent"}


def deleted_reply(call: Call, store: RowStore, behaviour: Behaviour) -> Reply:
    """One page of the feed; 204 (or 304) without a body when there is nothing."""
    kind = call.query.get("type", "all")
    if kind not in _TYPES:
        raise Refusal("INVALID_DATA", details={"api_name": "type"})
    page = call.whole("page", 1, low=1, high=10**6)
    per_page = call.whole("per_page", 200, low=1, high=200)
    entries = [
        entry
        for entry in store.listed_deletions(call.now)
        if kind in {"all", "permanent" if entry.permanent else "recycle"}
    ]
    if since_text := call.headers.get("if-modified-since"):
        since = parse_lenient(since_text)
        if since is None:
            raise Refusal("PATTERN_NOT_MATCHED", details={"api_name": "If-Modified-Since"})
        first = since if behaviour.deleted_feed_inclusive else since + 1
        entries = [entry for entry in entries if entry.moment >= first]
    entries.sort(key=lambda entry: entry.index * 2654435761 & 0xFFFF)
    chosen = entries[(page - 1) * per_page : page * per_page]
    if not chosen:
        return Reply(status=304 if since_text and behaviour.deleted_feed_304 else 204)
    more = len(entries) > page * per_page
    info = {"per_page": per_page, "count": len(chosen), "page": page, "more_records": more}
    return json_reply({"data": [_entry(entry, store, behaviour) for entry in chosen], "info": info})


def _entry(entry: Deletion, store: RowStore, behaviour: Behaviour) -> dict[str, object]:
    person = None if entry.permanent else API_USER.reference()
    return {
        "deleted_by": person,
        "id": str(store.id_of(entry.index)),
        "display_name": None if entry.permanent else f"Record {entry.index}",
        "type": "permanent" if entry.permanent else "recycle",
        "created_by": person,
        "deleted_time": stamps_in(behaviour.csv_zone).text(entry.moment),
    }
