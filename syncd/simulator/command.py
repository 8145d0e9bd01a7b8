"""The simulator as a command of its own: what `syncd simulator` runs.

Owns: the meaning of its options. Prints nothing itself: lines go to the `announce` that it is given.
"""

import re
import threading
from collections.abc import Callable, Mapping

from syncd.simulator.catalogue import standard_modules
from syncd.simulator.config import SMALL_ORG, Config
from syncd.simulator.faults import Faults
from syncd.simulator.oauth import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from syncd.simulator.simulator import Simulator

_FAULT = re.compile(r"(?P<name>[\w-]+?)(?::(?P<path>[^=]+))?(?:=(?P<amount>\d+(?:\.\d+)?)(?P<percent>%)?)?")


def parse_rows(text: str) -> dict[str, int]:
    """`leads=1000,contacts=2k` as records by module; what is not named keeps its small number.

    Names ignore case; `k` and `m` stand for thousand and million. ValueError for unknown modules or numbers.
    """
    names = {module.api_name.lower(): module.api_name for module in standard_modules()}
    rows = dict(SMALL_ORG)
    for part in filter(None, text.split(",")):
        name, _, number = part.strip().partition("=")
        match = re.fullmatch(r"(\d+)([km]?)", number.strip().lower())
        if name.lower() not in names or match is None:
            raise ValueError(f"rows {part!r}: write MODULE=NUMBER with one of {', '.join(names.values())}")
        rows[names[name.lower()]] = int(match[1]) * {"": 1, "k": 1_000, "m": 1_000_000}[match[2]]
    return rows


def parse_rate(text: str) -> float:
    """`5`, `0.5` or `5/s` as changes a second; ValueError for anything else."""
    number = text.strip().removesuffix("/s")
    try:
        rate = float(number)
    except ValueError:
        rate = -1.0
    if rate < 0:
        raise ValueError(f"traffic {text!r}: write changes a second, such as 5 or 0.5/s")
    return rate


def arm(faults: Faults, text: str) -> None:
    """Arm what a list such as `429,stall:download=2,reset=5%` says: NAME[:PATH][=TIMES or SHARE%].

    Without a number a fault strikes once. ValueError for unknown names or a wrong form.
    """
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = _FAULT.fullmatch(part)
        if match is None:
            raise ValueError(f"fault {part!r}: write NAME, NAME:PATH, NAME=TIMES or NAME=SHARE%")
        amount, path = float(match["amount"] or 1), match["path"] or ""
        if match["percent"]:
            faults.add(match["name"], path=path, times=None, share=amount / 100)
        else:
            faults.add(match["name"], path=path, times=int(amount))


def main(
    *,
    port: int = 0,
    seed: int = 1,
    rows: str = "",
    traffic: str = "0",
    faults: str = "",
    config: Mapping[str, object] | None = None,
    announce: Callable[[str], None] = lambda _line: None,
    stop: threading.Event | None = None,
) -> None:
    """Run a simulator until `stop` is set or KeyboardInterrupt arrives; `announce` gets a few lines for people.

    `config` holds further fields of `Config`. Raises ValueError for a wrong option and OSError for a taken port.
    """
    sim = Simulator(Config(seed=seed, rows=parse_rows(rows), **dict(config or {})))  # type: ignore[arg-type]  # Config's own names
    rate = parse_rate(traffic)
    arm(sim.faults, faults)
    ended = stop or threading.Event()
    with sim.serve(port) as url:
        announce(f"simulated Zoho CRM on {url} (accounts_url and api_url); control API on {url}/_sim/")
        announce(f"client_id {CLIENT_ID}  client_secret {CLIENT_SECRET}  refresh_token {REFRESH_TOKEN}")
        announce(", ".join(f"{name} {number}" for name, number in sim.config.rows.items() if number))
        if rate:
            sim.traffic.start(rate)
        try:
            ended.wait()
        except KeyboardInterrupt:
            announce("stopping")
