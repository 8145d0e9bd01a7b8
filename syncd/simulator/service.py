"""One request from bytes to answer: operation, faults, token, scopes, quotas, handler, log.

Owns: the order of these steps. Knows no sockets: what a fault does to the connection is handed on as a `Delivery`.
"""

import gzip
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from syncd.simulator.exchange import Call, Reply, json_reply
from syncd.simulator.faults import Armed
from syncd.simulator.oauth import AccessToken, covers
from syncd.simulator.org import Org
from syncd.simulator.refusals import Refusal
from syncd.simulator.request_log import LogEntry
from syncd.simulator.routes import Operation, find
from syncd.simulator.stamps import http_date
from syncd.simulator.strikes import damaged_reply, struck_reply

Control = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An answer and how it is to be sent. `how` is "" (plainly) or the name of a fault of the connection."""

    reply: Reply
    how: str = ""
    options: Armed | None = None


@dataclass(slots=True)
class _Trace:
    operation: str = ""
    credits: int = 0
    code: str = ""
    struck: list[str] = field(default_factory=list)


class Service:
    """Answers calls for one org. `control` answers paths under /_sim/."""

    def __init__(self, org: Org, control: Control | None = None) -> None:
        self._org = org
        self._control = control

    def answer(self, call: Call) -> Delivery:
        """The answer to one request. Raises nothing that Zoho would not."""
        if call.path.startswith("/_sim/") and self._control is not None:
            return Delivery(reply=self._control(call))
        trace = _Trace()
        try:
            delivery = self._operate(call, trace)
        except Refusal as refusal:
            trace.code = refusal.code
            delivery = Delivery(reply=json_reply(refusal.body(), refusal.status))
        headers = {"Date": http_date(call.now), **self._credit_headers(call, trace), **delivery.reply.headers}
        self._record(call, trace, delivery)
        reply = replace(delivery.reply, headers=headers)
        if self._org.behaviour.compressed_answers and "gzip" in call.headers.get("accept-encoding", ""):
            reply = _compressed(reply)
        return replace(delivery, reply=reply)

    def _operate(self, call: Call, trace: _Trace) -> Delivery:
        operation, names = find(call.method, call.path)
        trace.operation = operation.name
        struck = self._org.faults.take("request", operation.name, call.path)
        trace.struck += [fault.kind.name for fault in struck]
        for fault in struck:
            if fault.kind.name in {"stall", "reset"}:
                return Delivery(reply=Reply(status=0), how=fault.kind.name, options=fault)
            return Delivery(reply=struck_reply(fault, self._org, call))
        reply = self._limited(operation, replace(call, names=names), trace)
        after = self._org.faults.take("reply", operation.name, call.path)
        trace.struck += [fault.kind.name for fault in after]
        delivery = Delivery(reply=reply)
        for fault in after:
            if fault.kind.name in {"lost-reply", "wrong-length", "drip", "cut-off"}:
                delivery = replace(delivery, how=fault.kind.name, options=fault)
            elif delivery.reply.file is not None:
                delivery = replace(delivery, reply=damaged_reply(fault, delivery.reply))
        return delivery

    def _limited(self, operation: Operation, call: Call, trace: _Trace) -> Reply:
        org = self._org
        if operation.name == "token":
            return operation.handler(org, call, None)
        with org.lock:
            access = org.accounts.authenticate(call.headers.get("authorization"), call.now)
            _require_scopes(operation.scopes, call.names, access)
            org.limits.enter(operation.name)
        try:
            with org.lock:
                trace.credits = self._price(operation)
                org.limits.spend(trace.credits, call.now)
            reply = operation.handler(org, call, access)
            trace.credits += reply.credits
            return reply
        finally:
            with org.lock:
                org.limits.leave(operation.name)

    def _price(self, operation: Operation) -> int:
        special = {
            "details": self._org.behaviour.details_credits,
            "download": self._org.behaviour.download_credits,
        }
        return special.get(operation.name, operation.credits)

    def _credit_headers(self, call: Call, trace: _Trace) -> Mapping[str, str]:
        if trace.operation in {"", "token"}:
            return {}
        with self._org.lock:
            return self._org.limits.credit_headers(call.now)

    def _record(self, call: Call, trace: _Trace, delivery: Delivery) -> None:
        self._org.log.add(
            LogEntry(
                method=call.method,
                path=call.path,
                operation=trace.operation,
                status=0 if delivery.how in {"stall", "reset", "lost-reply"} else delivery.reply.status,
                monotonic=time.monotonic(),
                at=call.now,
                credits=trace.credits,
                code=trace.code,
                fault=",".join(trace.struck),
            )
        )


def _compressed(reply: Reply) -> Reply:
    """JSON in gzip; anything else as it is."""
    if not reply.body or not reply.content_type.startswith("application/json"):
        return reply
    return replace(reply, body=gzip.compress(reply.body), headers={**reply.headers, "Content-Encoding": "gzip"})


def _require_scopes(scopes: tuple[str, ...], names: Mapping[str, str], access: AccessToken) -> None:
    for scope in scopes:
        if not covers(access.scopes, scope.format_map(names)):
            raise Refusal("OAUTH_SCOPE_MISMATCH")
