"""What a create request asks for: read, checked and refused as Zoho does it, in the dialect of its API version.

Owns: the grammar of the create body. Starts no job.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from syncd.simulator.behaviour import Behaviour
from syncd.simulator.criteria import CriteriaParser, Criterion, Group, Leaf, leaves
from syncd.simulator.refusals import Refusal
from syncd.simulator.schema import NOT_EXPORTED, Catalogue, Field, Module, settings_id
from syncd.simulator.users import USERS

MAX_FIELDS = 200
CALLBACK_METHODS = ["post"]
Format = Literal["csv", "ics"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """Where to report the end of a job."""

    url: str
    method: str = "post"


@dataclass(frozen=True, slots=True)
class ExportColumn:
    """One column of an export: the name it was asked by, which may be dotted."""

    name: str
    field: Field

    @property
    def dotted(self) -> bool:
        return "." in self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkRequest:
    """A checked create request. With `page_token` everything about the query comes from the token's job."""

    version: tuple[int, int]
    format: Format
    callback: Callback | None = None
    module: Module | None = None
    columns: tuple[ExportColumn, ...] = ()
    criterion: Criterion | None = None
    cvid: str = ""
    page: int = 1
    page_token: str = ""
    echo: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestParser:
    """Reads create bodies against the catalogue."""

    catalogue: Catalogue
    behaviour: Behaviour
    version: tuple[int, int]

    def parse(self, body: object) -> BulkRequest:
        """The request in a decoded JSON body. Raises Refusal."""
        if not isinstance(body, dict):
            raise Refusal("REQUEST_BODY_NOT_SUPPORTED" if self.version >= (8, 0) else "REQUEST_BODY_NOT_READABLE")
        callback = self._callback(body.get("callback"))
        file_type = self._format(body)
        query = body.get("query")
        if not isinstance(query, dict) or not query:
            raise Refusal("QUERY_NOT_SUPPORTED", query=query)
        if "page_token" in query and self.version >= (7, 0):
            return self._continuation(query, callback, file_type)
        return self._first_page(query, callback, file_type)

    # ------------------------------------------------------------------------------------------------ parts

    def _callback(self, raw: object) -> Callback | None:
        if raw is None:
            return None
        if not isinstance(raw, dict):
            raise Refusal("INVALID_CALLBACK_URL", url=raw)
        url, method = raw.get("url"), raw.get("method", "post")
        if url is None:  # documented samples of subform exports give a callback without url
            return None
        parts = urlsplit(str(url))
        schemes = {"https"} if self.behaviour.callback_requires_https else {"http", "https"}
        if parts.scheme not in schemes or not parts.hostname:
            raise Refusal("INVALID_CALLBACK_URL", url=url)
        if method not in CALLBACK_METHODS:
            details = {"supported_callback_methods": CALLBACK_METHODS}
            raise Refusal("INVALID_CALLBACK_METHOD", details=details, method=method)
        return Callback(url=str(url), method=str(method))

    def _format(self, body: Mapping[str, object]) -> Format:
        file_type = body.get("file_type", "csv")
        if file_type not in {"csv", "ics"}:
            raise Refusal("INVALID_DATA", details={"api_name": "file_type", "supported_values": ["ics", "csv"]})
        return file_type

    def _continuation(self, query: Mapping[str, object], callback: Callback | None, file_type: Format) -> BulkRequest:
        token = query["page_token"]
        if len(query) != 1 or not isinstance(token, str):
            raise Refusal("INVALID_DATA", details={"api_name": "page_token"})
        return BulkRequest(
            version=self.version, format=file_type, callback=callback, page_token=token, echo={"page_token": token}
        )

    def _first_page(self, query: Mapping[str, object], callback: Callback | None, file_type: Format) -> BulkRequest:
        module = self._module(query.get("module"))
        if file_type == "ics":
            self._check_ics(module, query)
        cvid = self._view(module, query.get("cvid"))
        asked = self._criterion(module, query.get("criteria"), view=bool(cvid))
        criterion = _with_view(module, asked) if cvid else asked
        page = self._page(query.get("page", 1))
        echo: dict[str, object] = {
            "module": {"id": settings_id("module", module.api_name), "api_name": module.api_name},
            "page": page,
        }
        if self.version == (2, 0):
            echo["module"] = module.api_name
        if "fields" in query:
            echo["fields"] = query["fields"]
        if "criteria" in query:
            echo["criteria"] = self._echo(query["criteria"])
        if cvid:
            echo["cvid"] = cvid
            echo["criteria"] = _view_echo(echo.get("criteria"))
        return BulkRequest(
            version=self.version, format=file_type, callback=callback, module=module, cvid=cvid, page=page, echo=echo,
            columns=self._columns(module, query.get("fields")), criterion=criterion,
        )  # fmt: skip

    def _module(self, raw: object) -> Module:
        name = raw
        if self.version != (2, 0):
            name = raw.get("api_name") if isinstance(raw, dict) else None
        if not isinstance(name, str):
            raise Refusal("INVALID_DATA", details={"api_name": "module"})
        module = self.catalogue.get(name)
        if module is None or not module.api_supported:
            raise Refusal("MODULE_NOT_AVAILABLE", details={"module": name})
        if not module.bulk and not (name == "Notes" and self.behaviour.notes_exportable):
            raise Refusal("MODULE_NOT_SUPPORTED", details={"module": name})
        return module

    def _check_ics(self, module: Module, query: Mapping[str, object]) -> None:
        if module.api_name != "Events":
            raise Refusal("MODULE_NOT_SUPPORTED", details={"module": module.api_name})
        if "fields" in query:
            raise Refusal("FIELDS_NOT_SUPPORTED")
        if "criteria" in query and not self.behaviour.ics_criteria:
            raise Refusal("CRITERIA_NOT_SUPPORTED", criteria=query["criteria"])

    def _page(self, page: object) -> int:
        if not isinstance(page, int) or isinstance(page, bool):
            raise Refusal("PAGE_NOT_SUPPORTED", page=page)
        if not 1 <= page <= self.behaviour.page_limit:
            raise Refusal("PAGE_RANGE_EXCEEDED", details={"max_limit": self.behaviour.page_limit}, page=page)
        return page

    def _view(self, module: Module, cvid: object) -> str:
        if cvid is None:
            return ""
        if str(cvid) != view_id(module.api_name):
            raise Refusal("CVID_NOT_SUPPORTED", details={"cvid": cvid})
        return str(cvid)

    def _criterion(self, module: Module, raw: object, *, view: bool) -> Criterion | None:
        if raw is None:
            return None
        parser = CriteriaParser(module=module, catalogue=self.catalogue, behaviour=self.behaviour, version=self.version)
        return parser.parse(raw, taken=leaves(VIEW_CRITERION) if view else 0)

    def _columns(self, module: Module, raw: object) -> tuple[ExportColumn, ...]:
        """The columns in order, Id first. More than 200 fields silently become all of them."""
        everything = [ExportColumn(field.api_name, field) for field in self.catalogue.exported_fields(module.api_name)]
        if raw is None:
            return tuple(everything)
        if not isinstance(raw, list) or not raw or not all(isinstance(name, str) for name in raw):
            raise Refusal("INVALID_DATA", details={"api_name": "fields"})
        if len(raw) > MAX_FIELDS:
            return tuple(everything)
        names = dict.fromkeys(name for name in raw if name not in {"id", "Id"})
        self._check_joins(names)
        identity = [column for column in everything if column.field.api_name == "id"]
        return (*identity, *(ExportColumn(name, self._field(module, name)) for name in names))

    def _check_joins(self, names: Iterable[str]) -> None:
        parents = {name.partition(".")[0] for name in names if "." in name}
        if len(parents) > self.behaviour.join_limit:
            raise Refusal("JOIN_LIMIT_EXCEEDED", details={"max_limit": self.behaviour.join_limit})

    def _field(self, module: Module, name: str) -> Field:
        details = {"api_name": name, "module": module.api_name}
        head, _, tail = name.partition(".")
        field = self.catalogue.visible_field(module.api_name, head)
        if field is None:
            raise Refusal("FIELD_NOT_AVAILABLE", details=details)
        if not field.exportable or field.data_type in NOT_EXPORTED:
            raise Refusal("FIELD_NOT_SUPPORTED", details=details)
        if tail:
            self._check_parent(field, tail, details)
        return field

    def _check_parent(self, field: Field, tail: str, details: Mapping[str, object]) -> None:
        if not self.behaviour.dotted_fields or not field.lookup or "." in tail:
            raise Refusal("FIELD_NOT_SUPPORTED", details=details)
        if field.lookup == "users":
            known = USERS[0].text(tail) is not None
        else:
            known = self.catalogue.visible_field(field.lookup, tail) is not None
        if not known:
            raise Refusal("FIELD_NOT_AVAILABLE", details=details)

    def _echo(self, raw: object) -> object:
        """The criteria as they were sent; from v2.1 on with the field's id added, which is not known."""
        if not isinstance(raw, dict) or self.version == (2, 0):
            return raw
        if isinstance(members := raw.get("group"), list):
            return {**raw, "group": [self._echo(member) for member in members]}
        return {**raw, "field": {"id": None, **dict(raw["field"])}}


def view_id(module: str) -> str:
    """The id of a module's one custom view that restricts rows."""
    return settings_id("view", module)


VIEW_CRITERION = Leaf("Record_Status__s", "equal", ("Available",))


def _view_echo(asked: object) -> dict[str, object]:
    field = {"id": None, "api_name": VIEW_CRITERION.field}
    view: dict[str, object] = {"field": field, "comparator": VIEW_CRITERION.comparator, "value": "Available"}
    return view if asked is None else {"group": [view, asked], "group_operator": "and"}


def _with_view(module: Module, asked: Criterion | None) -> Criterion:
    members: list[Criterion] = [VIEW_CRITERION] if module.field("Record_Status__s") else []
    if module.field("$converted"):
        members.append(Leaf("$converted", "equal", (False,)))
    if asked is not None:
        members.append(asked)
    return members[0] if len(members) == 1 else Group("and", tuple(members))
