"""The API's operations: path, method, scopes, credits and handler of each.

Owns: the table of operations and thin handlers that turn a call into an answer. Authentication, quotas and faults
stand around them in `service`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

from syncd.simulator import coql, metadata
from syncd.simulator.bulk_request import RequestParser
from syncd.simulator.criteria import CriteriaParser
from syncd.simulator.deleted import deleted_reply
from syncd.simulator.exchange import Call, Reply, json_reply
from syncd.simulator.oauth import AccessToken, covers
from syncd.simulator.org import Org
from syncd.simulator.refusals import Refusal
from syncd.simulator.results import result_file
from syncd.simulator.schema import Module
from syncd.simulator.selection import Selector

Handler = Callable[[Org, Call, AccessToken | None], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One kind of call. `scopes` may hold `{module}`. `credits` are taken before the handler runs."""

    name: str
    method: str
    pattern: re.Pattern[str]
    handler: Handler
    scopes: tuple[str, ...] = ()
    credits: int = 1


def token(org: Org, call: Call, _token: AccessToken | None) -> Reply:
    form = dict(call.query)
    if "multipart/form-data" not in call.headers.get("content-type", ""):
        form |= dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))
    with org.moment() as now:
        return json_reply(org.accounts.token(form, now, call.base_url))


def create(org: Org, call: Call, access: AccessToken | None) -> Reply:
    if call.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refusal("MEDIA_TYPE_NOT_SUPPORTED")
    body = call.json()
    with org.moment() as now:
        parser = RequestParser(catalogue=org.catalogue, behaviour=org.behaviour, version=call.version)
        try:
            request = parser.parse(body)
            if request.module is not None:
                _require_module_scope(access, request.module.api_name)
            job = org.jobs.create(request, now)
        except Refusal as refusal:
            if org.behaviour.create_errors_in_data and refusal.status == 400:
                return json_reply({"data": [refusal.body()], "info": {}}, refusal.status)
            raise
        return json_reply(org.jobs.accepted(job), 201)


def details(org: Org, call: Call, _token: AccessToken | None) -> Reply:
    with org.moment() as now:
        job = org.jobs.find(call.names["job"])
        job.polls += 1
        return json_reply({"data": [org.jobs.details(job, now)], "info": {}})


def download(org: Org, call: Call, _token: AccessToken | None) -> Reply:
    with org.moment() as now:
        org.limits.download(now)
        job = org.jobs.downloadable(call.names["job"], now)
        snapshot, behaviour, folder = job.snapshot, org.behaviour, org.folder
    if snapshot is None:
        raise Refusal("RESOURCE_NOT_FOUND", details={"resource": job.id})
    file = result_file(job, snapshot, org.records, behaviour, folder)
    return Reply(
        file=file,
        content_type=f"{behaviour.result_content_type};charset=UTF-8",
        headers={"Content-Disposition": f"attachment;filename={job.id}.zip;filename*=UTF-8''{job.id}.zip"},
    )


def deleted(org: Org, call: Call, _token: AccessToken | None) -> Reply:
    with org.moment():
        module = _module(org, call.names["module"])
        return deleted_reply(call, org.records.store(module.api_name), org.behaviour)


def query(org: Org, call: Call, access: AccessToken | None) -> Reply:
    body = call.json()
    with org.moment() as now:
        parsed = coql.parse_query(body.get("select_query") if isinstance(body, dict) else None, org.records)
        _require_module_scope(access, parsed.module.api_name)
        org.limits.spend(parsed.credits, now)
        return replace(coql.answer(parsed, org.records, org.behaviour), credits=parsed.credits)


def count(org: Org, call: Call, _token: AccessToken | None) -> Reply:
    with org.moment():
        module = _module(org, call.names["module"])
        selector = Selector(module, org.records, org.behaviour.between)
        criterion = None
        if text := call.query.get("criteria"):
            name, comparator, value = [*text.strip("() ").split(":", 2), "", ""][:3]
            raw = {"field": {"api_name": name}, "comparator": comparator, "value": value}
            criterion = CriteriaParser(
                module=module, catalogue=org.catalogue, behaviour=org.behaviour, version=(8, 0)
            ).parse(raw)
        return json_reply({"count": selector.count(criterion)})


def modules(org: Org, _call: Call, _token: AccessToken | None) -> Reply:
    with org.moment():
        return json_reply(metadata.modules_body(org.catalogue))


def fields(org: Org, call: Call, _token: AccessToken | None) -> Reply:
    with org.moment():
        module = _module_parameter(org, call)
        body = metadata.fields_body(org.catalogue, module, lists_id=org.behaviour.metadata_lists_id)
        return json_reply(body) if body["fields"] else Reply(status=204)


def views(org: Org, call: Call, _token: AccessToken | None) -> Reply:
    with org.moment():
        return json_reply(metadata.views_body(_module_parameter(org, call)))


def organisation(org: Org, _call: Call, _token: AccessToken | None) -> Reply:
    return json_reply(metadata.org_body(org.behaviour.csv_zone))


def users(_org: Org, _call: Call, _token: AccessToken | None) -> Reply:
    return json_reply(metadata.users_body())


def _module(org: Org, name: str) -> Module:
    module = org.catalogue.get(name)
    if module is None or not module.api_supported:
        raise Refusal("INVALID_MODULE", details={"resource_path_index": 0})
    return module


def _module_parameter(org: Org, call: Call) -> Module:
    if "module" not in call.query:
        raise Refusal("REQUIRED_PARAM_MISSING", details={"param_name": "module"})
    return _module(org, call.query["module"])


def _require_module_scope(access: AccessToken | None, module: str) -> None:
    if access is None or not covers(access.scopes, f"ZohoCRM.modules.{module}.READ"):
        raise Refusal("OAUTH_SCOPE_MISMATCH")


_V = r"/crm/(?P<version>v[2-8](?:\.\d)?)"
_BULK = r"/crm/bulk/(?P<version>v[2-8](?:\.\d)?)/read"
_MODULE_SCOPE = "ZohoCRM.modules.{module}.READ"


def _operation(name: str, method: str, pattern: str, handler: Handler, *scopes: str, credits_: int = 1) -> Operation:
    return Operation(
        name=name, method=method, pattern=re.compile(pattern), handler=handler, scopes=scopes, credits=credits_
    )


OPERATIONS = (
    _operation("token", "POST", r"/oauth/v2/token", token, credits_=0),
    _operation("create", "POST", _BULK, create, "ZohoCRM.bulk.READ", credits_=50),
    _operation("details", "GET", _BULK + r"/(?P<job>\w+)", details, "ZohoCRM.bulk.READ"),
    _operation("download", "GET", _BULK + r"/(?P<job>\w+)/result", download, "ZohoCRM.bulk.READ"),
    _operation("modules", "GET", _V + r"/settings/modules", modules, "ZohoCRM.settings.modules.READ"),
    _operation("fields", "GET", _V + r"/settings/fields", fields, "ZohoCRM.settings.fields.READ"),
    _operation("views", "GET", _V + r"/settings/custom_views", views, "ZohoCRM.settings.custom_views.READ"),
    _operation("org", "GET", _V + r"/org", organisation, "ZohoCRM.org.READ"),
    _operation("users", "GET", _V + r"/users", users, "ZohoCRM.users.READ"),
    _operation("coql", "POST", _V + r"/coql", query, "ZohoCRM.coql.READ", credits_=0),
    _operation("deleted", "GET", _V + r"/(?P<module>\w+)/deleted", deleted, _MODULE_SCOPE, credits_=2),
    _operation(
        "count", "GET", _V + r"/(?P<module>\w+)/actions/count", count, _MODULE_SCOPE, "ZohoSearch.securesearch.READ",
        credits_=50,
    ),
)  # fmt: skip


def find(method: str, path: str) -> tuple[Operation, Mapping[str, str]]:
    """The operation of a path and the named parts of it. Raises Refusal for unknown paths and wrong methods."""
    seen = False
    for operation in OPERATIONS:
        if match := operation.pattern.fullmatch(path):
            seen = True
            if operation.method == method:
                return operation, match.groupdict()
    raise Refusal("INVALID_REQUEST_METHOD" if seen else "INVALID_URL_PATTERN")
