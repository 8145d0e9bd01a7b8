"""What a simulator is started with."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from syncd.simulator.behaviour import Behaviour
from syncd.simulator.jobs import JobTiming
from syncd.simulator.oauth import ALL_SCOPES

SMALL_ORG: Mapping[str, int] = {
    "Leads": 200,
    "Accounts": 60,
    "Contacts": 150,
    "Deals": 120,
    "Tasks": 80,
    "Events": 60,
    "Audit_Trail__c": 70,
    "Contacts_X_Skills": 40,
    "Measurements": 30,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Start values of a simulator.

    `rows`: how many records each module starts with. `rows_per_page`: rows per export page (Zoho: 200,000; 20,000 for
    ics whatever this says). `timing`: how long jobs wait and run. `history_days`: the first record is that old; the
    newest one is `quiet_seconds` old. `same_second`: that many records of each module share one Created_Time.
    `daily_credits`, `downloads_per_minute`, `concurrent_calls`: the quotas. `scopes`: what tokens may do.
    `control`: whether the control API under /_sim/ is there.
    """

    seed: int = 1
    rows: Mapping[str, int] = field(default_factory=lambda: dict(SMALL_ORG))
    rows_per_page: int = 200_000
    timing: JobTiming = JobTiming()
    behaviour: Behaviour = Behaviour()
    history_days: float = 900.0
    quiet_seconds: float = 600.0
    same_second: int = 5
    daily_credits: int = 5_000_000
    downloads_per_minute: int = 10
    concurrent_calls: int = 20
    scopes: tuple[str, ...] = ALL_SCOPES
    control: bool = True
