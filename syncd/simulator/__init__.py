"""A faithful local Zoho CRM over loopback HTTP, for the demo, for tests and for rehearsals.

It shares no code with the client, so that a misreading of Zoho cannot hide in both.

    from syncd.simulator import Behaviour, Config, JobTiming, Simulator, SimulatorClock

    sim = Simulator(Config(rows={"Contacts": 500}, rows_per_page=50, behaviour=Behaviour(between="closed")))
    with sim.serve() as url:                # accounts server and API have the same base URL
        ...                                 # CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, SOID are the credentials

Clock: `SimulatorClock()` runs with real time; `SimulatorClock(start=moment, frozen=True)` stands still until
`sim.clock.advance(seconds)`. Every answer's Date header, every stamp, expiry and quota goes by it.

Data: `sim.create(module, n, values, late=seconds) -> ids`, `sim.edit(module, ids, values, late=seconds)`,
`sim.delete(module, ids, permanent=False)`, `sim.purge`, `sim.restore`, `sim.merge(module, winner, loser)`,
`sim.drift(module, ids)` (formula values change, stamps do not), `sim.convert("Leads", ids)`. `values` are cell texts by
field name. `late` hides a change from queries for some seconds after the stamp it carries.
Traffic: `sim.traffic.step(rng)` makes one random change; `sim.traffic.start(per_second)`, `sim.traffic.stop()`.
Schema: `sim.catalogue.add_field(module, Field(...))`, `.remove_field`, `.retype_field`, `.deny_field` (permission taken
away), `.blank_field` (exported empty), `.add_module`.

Truth: `sim.truth(module) -> {id: {header: text}}`, every record that exists now with the texts an export should show,
whether queries see its newest state yet or not; `sim.deleted(module) -> {ids}`; `sim.live_ids(module)`;
`sim.meetings()`, every VEVENT that an ICS export should hold.
Log: `sim.log.entries("download")` with time (monotonic and simulated), status, credits, fault of each request.
Faults: `sim.faults.add("429", path="download", times=3, after=0, module="", retry_after=5)`; names with meanings
in `syncd.simulator.faults.KINDS`; `sim.faults.clear()`, `sim.faults.struck`.
Switches: `sim.behave(between="half-open-right")`; see `Behaviour` for all of them.
OAuth: `sim.accounts.revoke_refresh_token()`, `.expire_tokens()`, `.set_scopes(...)`, `.issue_code(now)`.
Limits: `sim.limits.downloads_per_minute`, `.daily_credits`, `.concurrent_calls`, `sim.jobs.timing`,
`sim.jobs.rows_per_page` may be changed while it runs.
Callbacks: sent by a thread while it serves, to loopback only; `sim.callbacks.attempts`, `sim.callbacks.failed`.
As a process: `main(port=..., rows="leads=1000", traffic="5/s", faults="429:download=3,reset=5%")`; what is listed here
can then be done over HTTP under `/_sim/` (see `syncd.simulator.control.Control`).
"""

from syncd.simulator.behaviour import Behaviour
from syncd.simulator.clock import SimulatorClock
from syncd.simulator.command import main
from syncd.simulator.config import SMALL_ORG, Config
from syncd.simulator.jobs import JobTiming
from syncd.simulator.oauth import ALL_SCOPES, CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, SOID
from syncd.simulator.schema import Field, Module
from syncd.simulator.simulator import Simulator

__all__ = [
    "ALL_SCOPES",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "REFRESH_TOKEN",
    "SMALL_ORG",
    "SOID",
    "Behaviour",
    "Config",
    "Field",
    "JobTiming",
    "Module",
    "Simulator",
    "SimulatorClock",
    "main",
]
