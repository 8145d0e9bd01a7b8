"""What `python -m tests.campaign` does: lives by seed, and a report of what they went through."""

import argparse
import logging
import re
import sys
import tempfile
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, fields
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pytest
import structlog

from syncd.postgres.embedded import EmbeddedServer
from tests.campaign.boundaries import all_boundaries, crash_at
from tests.campaign.gate import Plan
from tests.campaign.ground import memory_folder, own_server
from tests.campaign.life import Life
from tests.campaign.mutants import MUTANTS, Mutant
from tests.campaign.processes import BLOWS, siege


@dataclass
class Tally:
    """What lives went through, added up."""

    lives: int = 0
    bad: list[int] = field(default_factory=list)
    unharmed: int = 0
    effects: int = 0
    crashes: int = 0
    checks: int = 0
    replays: int = 0
    faults: Counter[str] = field(default_factory=Counter)

    def add(self, life: Life) -> None:
        self.lives += 1
        struck = sum(life.chronicle.faults.values())
        self.unharmed += struck == 0
        self.effects += life.chronicle.effects
        self.crashes += life.chronicle.crashes
        self.checks += life.checks
        self.replays += life.replays
        self.faults += life.chronicle.faults

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    def __str__(self) -> str:
        counted = self.lives - self.unharmed
        return (
            f"{counted} lives with faults (and {self.unharmed} without, which do not count), {len(self.bad)} bad, "
            f"{self.effects} effects, {self.crashes} crashes, {sum(self.faults.values())} faults, "
            f"{self.checks} looks on the way, {self.replays} replays"
        )


def live_one(
    seed: int, server: EmbeddedServer, *, plan: Plan, small: bool = False
) -> tuple[Life, BaseException | None]:
    """One life in a folder of its own; the life, and what went wrong with it."""
    with tempfile.TemporaryDirectory(prefix="syncd-life-", dir=memory_folder()) as folder:
        life = Life(seed, server, Path(folder), plan=plan, small=small)
        try:
            with life:
                life.live()
                life.rest()
        except Exception as error:  # noqa: BLE001 (a bad life is what is looked for; it is reported)
            return life, error
        return life, None


def tell(life: Life, error: BaseException, *, small: bool, lines: int = 400) -> None:
    """All about a bad life, on stderr."""
    print("\n".join(life.chronicle.lines[-lines:]), file=sys.stderr)
    traceback.print_exception(error, file=sys.stderr)
    print(f"seed {life.seed}: {life.shape}", file=sys.stderr)
    print(f"again: python3 dev.py campaign --seed {life.seed}{' --small' if small else ''}", file=sys.stderr)


def seeds(chosen: range, *, rate: float, small: bool) -> Tally:
    """Live these lives, one after the other, on a server of their own."""
    be_quiet()
    tally = Tally()
    with own_server() as server:
        for seed in chosen:
            life, error = live_one(seed, server, plan=Plan(rate=rate), small=small)
            tally.add(life)
            if error is not None:
                tally.bad.append(seed)
                tell(life, error, small=small)
            struck = sum(life.chronicle.faults.values())
            print(f"seed {seed}: {'BAD' if error else 'ok'}, {struck} faults", flush=True)
    return tally


def seeds_at_once(chosen: range, jobs: int, *, rate: float, small: bool) -> Tally:
    """The same, shared out over so many processes; prints the sum of what they went through."""
    started = time.monotonic()
    shares = [chosen[at::jobs] for at in range(jobs)]
    live = partial(seeds, rate=rate, small=small)
    if jobs == 1:
        total = live(chosen)
    else:
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as processes:
            total = sum(processes.map(live, shares), Tally())
    print(f"{total}, {time.monotonic() - started:.0f} s")
    print(", ".join(f"{name} {number}" for name, number in total.faults.most_common()))
    return total


def boundaries(every: int) -> int:
    """Crash at every boundary of the workload, or at every so-many-th; how many were bad."""
    bad = crashes = tried = 0
    with own_server() as server:
        for at in all_boundaries(server, every=every):
            tried += 1
            try:
                crashes += crash_at(server, at).chronicle.crashes
            except Exception as error:  # noqa: BLE001 (a bad life is what is looked for; it is reported)
                bad += 1
                print(f"crash at effect {at[0]} {'before' if at[1] else 'after'}", file=sys.stderr)
                traceback.print_exception(error, file=sys.stderr)
    print(f"{tried} boundaries, {crashes} crashes, {bad} bad")
    return bad


def sieges(first: int, kills: int) -> int:
    """Besiege real processes until so many were killed; how many sieges did not end in peace."""
    total: Counter[str] = Counter()
    struck: Counter[str] = Counter()
    bad, seed, began, slowest = 0, first, time.monotonic(), [0.0, 0.0, 0.0]
    while total["kill"] < kills:
        try:
            with tempfile.TemporaryDirectory(prefix="syncd-siege-") as folder, siege(Path(folder), seed) as besieged:
                for _ in range(25):
                    besieged.pause(2.5)
                    besieged.blow(besieged.rng.choice(BLOWS))
                times = besieged.peace(), besieged.slowest_start, besieged.slowest_stop
                slowest = [max(pair) for pair in zip(slowest, times, strict=True)]
                total += besieged.blows
                struck += besieged.zoho.struck + besieged.database.struck
        except AssertionError as error:
            bad += 1
            total["kill"] += 1
            print(f"siege {seed} (again: --long --first {seed}): {error}", file=sys.stderr)
        print(f"siege {seed}: {total['kill']} kills so far, {bad} bad", flush=True)
        seed += 1
    print(f"{seed - first} sieges, {bad} bad, {time.monotonic() - began:.0f} s, slowest peace {slowest[0]:.1f} s")
    print(f"from a start to the first request {slowest[1]:.1f} s, from SIGTERM to the end {slowest[2]:.1f} s at most")
    print("blows:", ", ".join(f"{name} {number}" for name, number in total.most_common()))
    print("connections:", ", ".join(f"{name} {number}" for name, number in struck.most_common()))
    return bad


@dataclass(frozen=True)
class Death:
    """How a mutant died: the seed and what gave it away; `seed` None: it lived."""

    mutant: Mutant
    seed: int | None
    lives: int
    what: str = ""


PAGE = Path(__file__).resolve().parents[2] / "docs" / "campaign.md"
_TABLE = re.compile(r"(?<=<!-- mutants -->\n).*?(?=<!-- end -->)", re.DOTALL)


def enter(deaths: list[Death]) -> None:
    """Write the deaths into the table of docs/campaign.md; lines of other mutants stay."""
    page = PAGE.read_text()
    found = _TABLE.search(page)
    known = dict(re.findall(r"^\| `([a-z-]+)` (\|.*)$", found[0] if found else "", re.MULTILINE))
    for death in deaths:
        seed = "alive" if death.seed is None else str(death.seed)
        known[death.mutant.name] = f"| {death.mutant.what} | {seed} | {death.what.partition(': ')[2].split(' ')[0]} |"
    lines = ["| mutant | planted bug | killed by seed | noticed by |", "|---|---|---|---|"]
    lines += [f"| `{name}` {known[name]}" for name in MUTANTS if name in known]
    PAGE.write_text(_TABLE.sub(lambda _: "\n".join(lines) + "\n", page))


def kill(mutant: Mutant, server: EmbeddedServer, *, first: int, most: int) -> Death:
    """Let lives be lived with a planted bug until one of them notices it."""
    for lives, seed in enumerate(range(first, first + most), 1):
        with pytest.MonkeyPatch.context() as patch:
            mutant.apply(patch)
            _, error = live_one(seed, server, plan=Plan(rate=0.03))
        if error is not None:
            words = " ".join(str(error).split())
            return Death(mutant, seed, lives, f"{type(error).__name__}: {words}"[:160])
    return Death(mutant, None, most)


def mutants(names: list[str], *, first: int, most: int) -> list[Death]:
    """Hunt the named mutants, or all."""
    deaths = []
    with own_server() as server:
        for mutant in [MUTANTS[name] for name in names] or MUTANTS.values():
            death = kill(mutant, server, first=first, most=most)
            print(f"{mutant.name}: {'ALIVE' if death.seed is None else f'seed {death.seed}'} {death.what}", flush=True)
            deaths.append(death)
            enter([death])
    return deaths


def be_quiet() -> None:
    """Lives log much at the level of debug, which nobody reads."""
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def main(arguments: list[str] | None = None) -> None:
    """The command line; exits with 1 when a life was bad."""
    parser = argparse.ArgumentParser(prog="campaign")
    parser.add_argument("--seeds", type=int, default=0, metavar="N", help="live N lives")
    parser.add_argument("--first", type=int, default=0, metavar="S", help="the first seed of them")
    parser.add_argument("--seed", type=int, metavar="S", help="live one life and tell all about it")
    parser.add_argument("--rate", type=float, default=Plan.rate, help="faults per effect")
    parser.add_argument("--mutants", nargs="*", metavar="NAME", help="hunt the planted bugs")
    parser.add_argument("--long", type=int, nargs="?", const=300, metavar="KILLS", help="besiege real processes")
    parser.add_argument("--boundaries", type=int, metavar="K", help="crash at every K-th boundary of one workload")
    parser.add_argument("--most", type=int, default=40, help="lives per mutant")
    parser.add_argument("--jobs", type=int, default=1, metavar="J", help="lives that are lived side by side")
    parser.add_argument("--small", action="store_true", help="lives of a third of the size, as in every check")
    given = parser.parse_args(arguments)
    be_quiet()
    if given.long:
        sys.exit(sieges(given.first, given.long) > 0)
    if given.boundaries:
        sys.exit(boundaries(given.boundaries) > 0)
    if given.mutants is not None:
        deaths = mutants(given.mutants, first=given.first, most=given.most)
        sys.exit(any(death.seed is None for death in deaths))
    if given.seed is not None:
        chosen = range(given.seed, given.seed + 1)
    else:
        chosen = range(given.first, given.first + (given.seeds or 10))
    tally = seeds_at_once(chosen, min(given.jobs, len(chosen)), rate=given.rate, small=given.small)
    sys.exit(1 if tally.bad else 0)
