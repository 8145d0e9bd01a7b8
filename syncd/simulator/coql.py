"""COQL: the part of the query language that counts and lists records of one module.

Owns: its grammar (`select ... from M where ... [order by id] [limit n [offset m]]`) and the answers. Conditions become
the same criteria that bulk read uses; only evaluation is shared, not syntax.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from syncd.simulator.behaviour import Behaviour
from syncd.simulator.cells import CellStyle
from syncd.simulator.criteria import EMPTY, Criterion, Group, Kind, Leaf, Scalar, kind_of, typed_value
from syncd.simulator.exchange import Reply, json_reply
from syncd.simulator.records import Records
from syncd.simulator.refusals import Refusal
from syncd.simulator.schema import Module
from syncd.simulator.selection import Selector
from syncd.simulator.stamps import parse_lenient

MAX_LIMIT = 2000
MAX_OFFSET = 100_000
_TOKEN = re.compile(r"\s*(?:('(?:[^'\\]|\\.)*')|([\w$.]+(?:\s*\(\s*\w+\s*\))?)|(<=|>=|!=|<>|[=<>(),+\-]))")
_QUERY = re.compile(
    r"\s*select\s+(?P<what>.+?)\s+from\s+(?P<module>\w+)\s+where\s+(?P<where>.+?)"
    r"(?:\s+order\s+by\s+(?P<order>id(?:\s+asc)?))?"
    r"(?:\s+limit\s+(?P<limit>\d+))?(?:\s+offset\s+(?P<offset>\d+))?\s*",
    re.IGNORECASE | re.DOTALL,
)
_COUNT = re.compile(r"count\s*\(\s*(id|\*)\s*\)(?:\s+as\s+(?P<alias>\w+))?", re.IGNORECASE)
_COMPARATORS = {
    "=": "equal",
    "!=": "not_equal",
    "<>": "not_equal",
    "<": "less_than",
    "<=": "less_equal",
    ">": "greater_than",
    ">=": "greater_equal",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CoqlQuery:
    """A parsed query. `names` is empty for a count; `alias` renames the count."""

    module: Module
    criterion: Criterion
    names: tuple[str, ...] = ()
    alias: str = ""
    limit: int = 200
    offset: int = 0

    @property
    def credits(self) -> int:
        """1, 2 or 3 credits by the limit."""
        return 1 if self.limit <= 200 else 2 if self.limit <= 1000 else 3


def parse_query(text: object, records: Records) -> CoqlQuery:
    """The query in a request body's `select_query`. Raises Refusal (SYNTAX_ERROR, INVALID_QUERY)."""
    match = _QUERY.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise Refusal("SYNTAX_ERROR", details={"near": str(text)[:40]})
    module = records.catalogue.get(match["module"])
    if module is None or not module.api_supported:
        raise Refusal("INVALID_QUERY", details={"reason": "the module name given is invalid"})
    limit, offset = int(match["limit"] or 200), int(match["offset"] or 0)
    if not 0 < limit <= MAX_LIMIT or offset + limit > MAX_OFFSET:
        raise Refusal("INVALID_QUERY", details={"reason": "limit or offset exceeded", "limit": MAX_LIMIT})
    criterion = _Conditions(module, records, match["where"]).parse()
    if count := _COUNT.fullmatch(match["what"].strip()):
        return CoqlQuery(module=module, criterion=criterion, alias=count["alias"] or "")
    names = tuple(name.strip() for name in match["what"].split(","))
    for name in names:
        if records.catalogue.visible_field(module.api_name, name.partition(".")[0]) is None:
            raise _unknown_column(name)
    return CoqlQuery(module=module, criterion=criterion, names=names, limit=limit, offset=offset)


def answer(query: CoqlQuery, records: Records, behaviour: Behaviour) -> Reply:
    """The answer to a query on the rows visible now."""
    selector = Selector(query.module, records, behaviour.between)
    if not query.names:
        number = selector.count(query.criterion)
        if not number and behaviour.coql_zero_as_204:
            return Reply(status=204)
        row = {query.alias or behaviour.coql_count_key: number}
        return json_reply({"data": [row], "info": {"count": 1, "more_records": False}})
    rows = selector.select(query.criterion)
    chosen = rows[query.offset : query.offset + query.limit]
    if not chosen:
        return Reply(status=204)
    store = records.store(query.module.api_name)
    block, style = store.block(chosen), CellStyle.of(behaviour)
    columns = [records.texts(query.module, name, block, style) for name in query.names]
    data = [
        {"id": str(store.id_of(index)), **dict(zip(query.names, texts, strict=True))}
        for index, *texts in zip(chosen, *columns, strict=True)
    ]
    more = len(rows) > query.offset + query.limit
    return json_reply({"data": data, "info": {"count": len(data), "more_records": more}})


def _unknown_column(name: str) -> Refusal:
    return Refusal("INVALID_QUERY", details={"column_name": name, "reason": "column given seems to be invalid"})


class _Conditions:
    """Recursive descent over the where clause. `and` binds stronger than `or`."""

    def __init__(self, module: Module, records: Records, text: str) -> None:
        self._module = module
        self._records = records
        self._text = text
        self._tokens = list(_tokens(text))
        self._at = 0

    def parse(self) -> Criterion:
        criterion = self._either()
        if self._at != len(self._tokens):
            raise self._error()
        return criterion

    def _either(self) -> Criterion:
        members = [self._both()]
        while self._word("or"):
            members.append(self._both())
        return members[0] if len(members) == 1 else Group("or", tuple(members))

    def _both(self) -> Criterion:
        members = [self._one()]
        while self._word("and"):
            members.append(self._one())
        return members[0] if len(members) == 1 else Group("and", tuple(members))

    def _one(self) -> Criterion:
        if self._word("("):
            criterion = self._either()
            self._expect(")")
            return criterion
        return self._comparison(self._next())

    def _comparison(self, name: str) -> Leaf:
        kind = self._kind(name)
        if self._word("is"):
            negated = self._word("not")
            self._expect("null")
            return Leaf(name, "not_equal" if negated else "equal", (EMPTY,))
        negated = self._word("not")
        if self._word("between"):
            low = self._value(kind)
            self._expect("and")
            return Leaf(name, "not_between" if negated else "between", (low, self._value(kind)))
        if self._word("in"):
            self._expect("(")
            values = [self._value(kind)]
            while self._word(","):
                values.append(self._value(kind))
            self._expect(")")
            return Leaf(name, "not_in" if negated else "in", tuple(values))
        symbol = self._next()
        if symbol not in _COMPARATORS or negated:
            raise self._error()
        return Leaf(name, _COMPARATORS[symbol], (self._value(kind),))

    def _kind(self, name: str) -> Kind:
        head, _, tail = name.partition(".")
        field = self._records.catalogue.visible_field(self._module.api_name, head)
        if field is None:
            raise _unknown_column(name)
        if tail and field.lookup in self._records.catalogue:
            field = self._records.catalogue.visible_field(field.lookup, tail)
        return (kind_of(field) if field else None) or "text"

    def _value(self, kind: Kind) -> Scalar:
        raw = self._next()
        if raw == "-":
            raw += self._next()
        text = re.sub(r"\\(.)", r"\1", raw[1:-1]) if raw.startswith("'") else raw
        value = parse_lenient(text) if kind == "datetime" else typed_value(kind, text)
        if value is None:
            raise Refusal("INVALID_QUERY", details={"reason": "the value given is invalid", "value": text})
        return value

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise self._error()
        self._at += 1
        return self._tokens[self._at - 1]

    def _word(self, word: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at].lower() == word:
            self._at += 1
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._word(word):
            raise self._error()

    def _error(self) -> Refusal:
        return Refusal("SYNTAX_ERROR", details={"near": " ".join(self._tokens[self._at : self._at + 3])})


def _tokens(text: str) -> Iterator[str]:
    at = 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Refusal("SYNTAX_ERROR", details={"near": text[at : at + 20]})
        yield match[1] or match[2] or match[3]
        at = match.end()
