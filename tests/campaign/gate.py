"""Where a fault can strike: every effect of a daemon passes through its gate, before and after.

Owns the choice of the fault by the seed, and the log of what happened. What a fault does is the life's business.
"""

import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from syncd.core.model import Lease
from tests.campaign.baton import Baton, Crash

API_FAULTS: dict[str, tuple[str, ...]] = {
    "": (
        "429", "400-throttle", "500", "502", "503", "html", "empty-body", "stall", "reset", "expired-token",
        "lost-reply",
    ),
    "create": (
        "job-failure", "unknown-state", "stuck-job", "wrong-count", "expired-result", "duplicate-id", "missing-id",
        "bad-date", "bad-number", "nul-byte", "broken-line", "scope", "no-permission",
    ),
    "poll": ("not-found",),
    "download": (
        "redirect", "json-for-zip", "wrong-length", "drip", "cut-off", "truncated-zip", "corrupt-zip", "two-members",
        "no-members",
    ),
    "fields": ("access-denied", "invalid-client", "revoked"),
}  # fmt: skip
"""Faults of the simulator by the call that is about to be made; those under '' fit every call."""

ENDLESS = 40_000
"""Effects after which a life is given up; sound ones take 3,000 on the average."""

OPERATION = {"poll": "details", "create": "create", "download": "download", "fields": "fields", "count": "coql"}
TOKEN_FAULTS = frozenset({"access-denied", "invalid-client", "revoked"})


class Striker(Protocol):
    """Who carries out a fault. Returns False when it could not be done just now."""

    def strike(self, fault: str, gate: "Gate", op: str) -> bool: ...

    def check_epoch(self, lease: Lease) -> None: ...

    def exporting(self, module: str, *, before: bool, paged: bool) -> None: ...


@dataclass
class Chronicle:
    """What happened in a life, for whoever has to find out why it went wrong; and how much of it."""

    lines: list[str] = field(default_factory=list)
    effects: int = 0
    crashes: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    points: dict[tuple[int, bool], None] = field(default_factory=dict)
    """Every point at which a fault could strike: the number of the effect, and whether it was still to come."""

    def note(self, text: str) -> None:
        self.lines.append(f"{self.effects:5} {threading.current_thread().name}: {text}")


@dataclass(frozen=True)
class Plan:
    """How often faults strike, and the one effect at which a crash is certain (tier 2): its number, before or after."""

    rate: float = 0.03
    crash_at: tuple[int, bool] | None = None


class Gate:
    """One daemon's way to the outside. Once it is dead every effect is a Crash."""

    def __init__(self, *, rng: random.Random, plan: Plan, chronicle: Chronicle, baton: Baton, striker: Striker) -> None:
        self._rng = rng
        self.plan = plan
        self._chronicle = chronicle
        self._baton = baton
        self._striker = striker
        self.dead = False
        self.pids: set[int] = set()
        self.lease_pids: set[int] = set()
        self.here = threading.local()
        self._armed: set[str] = set()

    def arm(self, fault: str) -> None:
        """Let the next one who asks for this fault have it."""
        self._armed.add(fault)

    def take(self, fault: str) -> bool:
        """Whether the fault was armed; it is used up."""
        armed = fault in self._armed
        self._armed.discard(fault)
        return armed

    def committed(self, lease: Lease) -> None:
        """Something was committed under a lease."""
        self._striker.check_epoch(lease)

    def exporting(self, module: str, *, before: bool, paged: bool) -> None:
        """A job for the module is about to be made, or was made just now."""
        self._striker.exporting(module, before=before, paged=paged)

    def die(self, where: str) -> None:
        """The process is gone."""
        if not self.dead:
            self.dead = True
            self._chronicle.crashes += 1
            self._chronicle.note(f"CRASH at {where}")
        raise Crash(where)

    def effect(self, op: str, *, before: bool, switch: bool = True) -> None:
        """An effect is about to happen, or has happened. May raise a Crash, and may make something go wrong.

        `switch`: no lock is held that another task might want.
        """
        where = f"{op} {'before' if before else 'after'}"
        if self.dead:
            raise Crash(where)
        if before:
            self._chronicle.effects += 1
            if self._chronicle.effects > ENDLESS:
                raise AssertionError("this life does not come to an end")
        self._chronicle.points[self._chronicle.effects, before] = None
        if self.plan.crash_at == (self._chronicle.effects, before):
            self._strike("crash", op, where)
        if self._rng.random() < self.plan.rate:
            self._strike(self._choose(op, before=before), op, where)
        if switch:
            self._baton.switch(surely=op == "stage")
            if self.dead:
                raise Crash(where)

    def _choose(self, op: str, *, before: bool) -> str:
        rng = self._rng
        kinds = ["crash", "crash"]
        if op in {"stage", "merge", "record", "commit", "block"}:
            kinds += ["end-session", "end-session"]
        if op == "commit" and not before:
            kinds += ["unknown-outcome"] * 2
        if op in {"stage", "begin"}:
            kinds += ["end-lease", "end-lease", "lock"]
        if op in {"begin", "read"}:
            kinds += ["dba-column", "dba-index", "dba-view", "failover"]
        if op == "download":
            kinds += ["short-file"] * 6 if not before else []
        if op == "held":
            kinds += ["file-gone"]
        if before and op in {"poll", "create", "download", "fields", "count", "deleted"}:
            fitting = API_FAULTS[""] + API_FAULTS.get(op, ()) * 2
            kinds += [f"zoho:{rng.choice(fitting)}" for _ in range(12)]
        if rng.random() < 0.04:
            kinds = ["power-cut", "sleep-a-day"]
        return rng.choice(kinds)

    def _strike(self, fault: str, op: str, where: str) -> None:
        if fault == "crash":
            self._chronicle.faults["crash"] += 1
            self._striker.strike("crash", self, op)
            self.die(where)
        if not self._striker.strike(fault, self, op):
            return
        self._chronicle.faults[fault] += 1
        self._chronicle.note(f"FAULT {fault} at {where}")
