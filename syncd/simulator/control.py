"""The control API under /_sim/: lets another process move the clock, arm faults, drive traffic and read the truth.

Owns: the paths and their JSON. Everything is done by the simulator's public calls; nothing here is part of Zoho.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from random import Random

from syncd.simulator.callbacks import Callbacks
from syncd.simulator.exchange import Call, Reply, flag, json_reply
from syncd.simulator.faults import KINDS
from syncd.simulator.jobs import JobTiming
from syncd.simulator.oauth import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, SOID
from syncd.simulator.org import Org
from syncd.simulator.refusals import Refusal
from syncd.simulator.schema import Field
from syncd.simulator.traffic import Traffic

Body = Mapping[str, object]


class Control:
    """Answers calls whose path starts with /_sim/.

    GET and POST `clock`, `behaviour`, `faults`, `limits`, `traffic`, `oauth`; GET `truth/M`, `deleted/M`, `ids/M`,
    `log`, `callbacks`, `credentials`; POST `records/M`, `fields/M`; DELETE `faults`, `log`. A wrong request is
    answered with 400 and `{"error": ...}`.
    """

    def __init__(self, org: Org, traffic: Traffic, callbacks: Callbacks) -> None:
        self._org = org
        self._traffic = traffic
        self._callbacks = callbacks
        self._handlers: dict[tuple[str, str], Callable[[Call, Body, str], object]] = {
            ("GET", "clock"): self._clock,
            ("POST", "clock"): self._clock,
            ("GET", "behaviour"): self._behaviour,
            ("POST", "behaviour"): self._behaviour,
            ("GET", "faults"): self._faults,
            ("POST", "faults"): self._add_faults,
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "limits"): self._limits,
            ("POST", "limits"): self._limits,
            ("GET", "traffic"): self._drive,
            ("POST", "traffic"): self._drive,
            ("POST", "oauth"): self._oauth,
            ("GET", "credentials"): self._credentials,
            ("GET", "truth"): lambda _call, _body, name: _texts(self._org.truth(name)),
            ("GET", "deleted"): lambda _call, _body, name: [str(i) for i in sorted(self._org.deleted(name))],
            ("GET", "ids"): lambda _call, _body, name: [str(i) for i in self._org.live_ids(name)],
            ("GET", "log"): self._log,
            ("DELETE", "log"): self._clear_log,
            ("GET", "callbacks"): lambda _call, _body, _name: [asdict(a) for a in self._callbacks.attempts],
            ("POST", "records"): self._records,
            ("POST", "fields"): self._fields,
        }

    def answer(self, call: Call) -> Reply:
        """The answer to one call."""
        match = re.fullmatch(r"/_sim/(\w+)(?:/(\w+))?", call.path)
        handler = self._handlers.get((call.method, match[1])) if match else None
        if match is None or handler is None:
            known = sorted(f"{method} /_sim/{name}" for method, name in self._handlers)
            return json_reply({"error": f"no {call.method} {call.path}", "known": known}, 404)
        try:
            return json_reply(handler(call, _object(call), match[2] or ""))
        except (ValueError, KeyError, TypeError, Refusal) as error:
            return json_reply({"error": f"{type(error).__name__}: {error}"}, 400)

    # ------------------------------------------------------------------------------------------------ handlers

    def _clock(self, _call: Call, body: Body, _name: str) -> object:
        clock = self._org.clock
        if flag(body.get("freeze")):
            clock.freeze()
        if flag(body.get("thaw")):
            clock.thaw()
        if "advance" in body:
            clock.advance(_number(body, "advance"))
        return {"now": clock.now().isoformat(), "timestamp": clock.timestamp(), "frozen": clock.frozen}

    def _behaviour(self, _call: Call, body: Body, _name: str) -> object:
        if body:
            self._org.behave(**body)
        return asdict(self._org.behaviour)

    def _faults(self, _call: Call, _body: Body, _name: str) -> object:
        return {
            "armed": [fault.describe() for fault in self._org.faults.armed()],
            "struck": [{"name": name, "operation": operation} for name, operation in self._org.faults.struck],
            "known": {kind.name: kind.summary for kind in KINDS.values()},
        }

    def _add_faults(self, _call: Call, body: Body, _name: str) -> object:
        options = dict(body)
        name = str(options.pop("name", ""))
        times = options.pop("times", 1)
        if times is not None and not isinstance(times, int):
            raise ValueError("times must be a whole number, or null for always")
        return self._org.faults.add(
            name,
            path=str(options.pop("path", "")),
            module=str(options.pop("module", "")),
            times=times,
            after=int(_number(options, "after", 0)),
            share=_number(options, "share", 1),
            **{key: value for key, value in options.items() if key not in {"after", "share"}},
        ).describe()

    def _clear_faults(self, _call: Call, _body: Body, _name: str) -> object:
        self._org.faults.clear()
        return {"armed": []}

    def _limits(self, _call: Call, body: Body, _name: str) -> object:
        org = self._org
        with org.moment() as now:
            limits, jobs = org.limits, org.jobs
            limits.daily_credits = int(_number(body, "daily_credits", limits.daily_credits))
            limits.downloads_per_minute = int(_number(body, "downloads_per_minute", limits.downloads_per_minute))
            limits.concurrent_calls = int(_number(body, "concurrent_calls", limits.concurrent_calls))
            jobs.rows_per_page = int(_number(body, "rows_per_page", jobs.rows_per_page))
            jobs.timing = JobTiming(
                queued=_number(body, "queued", jobs.timing.queued),
                running=_number(body, "running", jobs.timing.running),
            )
            return {
                "daily_credits": limits.daily_credits,
                "credits_used": limits.used(now),
                "downloads_per_minute": limits.downloads_per_minute,
                "concurrent_calls": limits.concurrent_calls,
                "rows_per_page": jobs.rows_per_page,
                **asdict(jobs.timing),
            }

    def _drive(self, _call: Call, body: Body, _name: str) -> object:
        traffic = self._traffic
        if isinstance(weights := body.get("weights"), dict):
            traffic.weights.update({str(kind): float(weight) for kind, weight in weights.items()})
        if isinstance(names := body.get("modules"), list):
            traffic.modules = [str(name) for name in names]
        traffic.late_seconds = _number(body, "late_seconds", traffic.late_seconds)
        if flag(body.get("stop")):
            traffic.stop()
        rng = Random(str(body.get("seed", traffic.steps)))
        kind = str(body.get("kind", ""))
        changes = [traffic.step(rng, kind) for _ in range(int(_number(body, "step", 0)))]
        if "start" in body:
            traffic.start(_number(body, "start"))
        done = [{"kind": c.kind, "module": c.module, "ids": [str(i) for i in c.ids]} for c in changes]
        return {"running": traffic.running, "steps": traffic.steps, "weights": traffic.weights, "changes": done}

    def _oauth(self, _call: Call, body: Body, _name: str) -> object:
        with self._org.moment() as now:
            accounts = self._org.accounts
            if flag(body.get("revoke")):
                accounts.revoke_refresh_token()
            if flag(body.get("restore")):
                accounts.restore_refresh_token()
            if flag(body.get("expire")):
                accounts.expire_tokens()
            if isinstance(scopes := body.get("scopes"), list):
                accounts.set_scopes([str(scope) for scope in scopes])
            found: dict[str, object] = {"scopes": accounts.scopes, "tokens_issued": accounts.tokens_issued}
            if flag(body.get("code")):
                found["code"] = accounts.issue_code(now)
            return found

    def _credentials(self, call: Call, _body: Body, _name: str) -> object:
        return {
            "accounts_url": call.base_url,
            "api_url": call.base_url,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "refresh_token": REFRESH_TOKEN,
            "soid": SOID,
        }

    def _log(self, call: Call, _body: Body, _name: str) -> object:
        return [asdict(entry) for entry in self._org.log.entries(call.query.get("operation"))]

    def _clear_log(self, _call: Call, _body: Body, _name: str) -> object:
        self._org.log.clear()
        return []

    def _records(self, _call: Call, body: Body, name: str) -> object:
        org, late = self._org, _number(body, "late", 0)
        raw = body.get("values")
        values = {str(field): str(text) for field, text in raw.items()} if isinstance(raw, dict) else None
        if "create" in body:
            return [str(i) for i in org.create(name, int(_number(body, "create")), values, late=late)]
        changes: dict[str, Callable[[Sequence[int]], None]] = {
            "edit": lambda ids: org.edit(name, ids, values, late=late),
            "delete": lambda ids: org.delete(name, ids, permanent=flag(body.get("permanent"))),
            "restore": lambda ids: org.restore(name, ids),
            "purge": lambda ids: org.purge(name, ids),
            "drift": lambda ids: org.drift(name, ids),
            "convert": lambda ids: org.convert(name, ids),
            "merge": lambda ids: org.merge(name, *ids),
        }
        chosen = [change for change in changes if change in body]
        if len(chosen) != 1:
            raise ValueError(f"give one of create, {', '.join(changes)}")
        listed = body[chosen[0]]
        ids = [int(str(record_id)) for record_id in listed] if isinstance(listed, list) else []
        changes[chosen[0]](ids)
        return [str(record_id) for record_id in ids]

    def _fields(self, _call: Call, body: Body, name: str) -> object:
        catalogue = self._org.catalogue
        with self._org.moment():
            if isinstance(added := body.get("add"), dict):
                catalogue.add_field(name, _field(added))
            if isinstance(changed := body.get("retype"), dict):
                catalogue.retype_field(name, _field(changed))
            if "remove" in body:
                catalogue.remove_field(name, str(body["remove"]))
            for verb, wanted in (("deny", True), ("allow", False)):
                if verb in body:
                    catalogue.deny_field(name, str(body[verb]), denied=wanted)
            for verb, wanted in (("blank", True), ("unblank", False)):
                if verb in body:
                    catalogue.blank_field(name, str(body[verb]), blanked=wanted)
            return [field.api_name for field in catalogue.visible_fields(name)]


def _object(call: Call) -> Body:
    body = call.json() if call.body else {}
    if not isinstance(body, dict):
        raise TypeError("the body must be a JSON object")
    return body


def _number(body: Body, name: str, default: float | None = None) -> float:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number")
    return float(value)


def _texts(truth: Mapping[int, Mapping[str, str]]) -> dict[str, Mapping[str, str]]:
    return {str(record_id): row for record_id, row in truth.items()}


def _field(raw: Mapping[str, object]) -> Field:
    known = {field.name for field in fields(Field)}
    if unknown := set(raw) - known:
        raise ValueError(f"fields have no {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in raw.items()}
    return Field(**values)  # type: ignore[arg-type]  # names are checked above, values by their use
