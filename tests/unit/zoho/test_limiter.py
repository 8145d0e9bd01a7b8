"""The gate: what is taken before a call, what is waited for, what is TryLater."""

from pathlib import Path

import pytest

from syncd.errors import Draining, TryLater
from syncd.zoho.limiter import CreditBudget, Limiter
from syncd.zoho.state_file import StateFile
from tests.unit.zoho.mock_zoho import Clock, FakeQuotas, Waits


class Gate:
    def __init__(
        self, budget: CreditBudget | None = None, state: StateFile | None = None, per_minute: int = 10
    ) -> None:
        self.quotas, self.waits, self.clock = FakeQuotas(), Waits(), Clock()
        self.limiter = Limiter(
            org="acme",
            store=self.quotas,
            wait=self.waits,
            budget=budget or CreditBudget(credits=5000),
            downloads_per_minute=per_minute,
            state=state,
            monotonic=self.clock,
        )


def test_each_kind_of_call_takes_its_quota() -> None:
    gate = Gate(per_minute=7)
    gate.limiter.take_download()
    gate.limiter.take_grant()
    gate.limiter.take_credits(50)
    assert gate.quotas.taken == [("downloads", 1), ("token_grants", 1), ("credits", 50)]
    downloads, grants, credit = (gate.quotas.quotas[name] for name in ("downloads", "token_grants", "credits"))
    assert downloads.limit == 7
    assert downloads.period.total_seconds() > 60
    assert (grants.limit, grants.period.total_seconds()) == (10, 600)
    assert (credit.limit, credit.period.total_seconds()) == (5000, 86400)


def test_a_short_wait_is_waited_for_and_a_long_one_is_try_later() -> None:
    gate = Gate()
    gate.quotas.waits["downloads"] = [20.0, 30.0]
    gate.limiter.take_download()
    assert gate.waits.seconds == [20.0, 30.0]
    assert gate.quotas.total("downloads") == 1
    gate.quotas.waits["downloads"] = [91.0]
    with pytest.raises(TryLater, match="limit on downloads") as caught:
        gate.limiter.take_download()
    assert caught.value.after == 91.0
    assert gate.quotas.total("downloads") == 1


def test_waits_add_up() -> None:
    gate = Gate()
    gate.quotas.waits["downloads"] = [40.0, 40.0, 40.0]
    with pytest.raises(TryLater):
        gate.limiter.take_download()
    assert gate.waits.seconds == [40.0, 40.0]


def test_a_drain_ends_the_wait() -> None:
    def drain(_: float) -> None:
        raise Draining("stop")

    quotas = FakeQuotas()
    quotas.waits["downloads"] = [5.0]
    limiter = Limiter(org="acme", store=quotas, wait=drain)
    with pytest.raises(Draining):
        limiter.take_download()


def test_a_gate_that_zoho_closed_lets_nobody_through_for_a_while() -> None:
    gate = Gate()
    gate.limiter.close("downloads", 60.0)
    gate.limiter.close("downloads", 10.0)  # a shorter pause does not open it earlier

    def pass_time(seconds: float) -> None:
        assert gate.quotas.total("downloads") == 0
        gate.clock.now += seconds

    gate.waits._action = pass_time
    gate.limiter.take_grant()
    gate.limiter.take_download()
    assert gate.waits.seconds == [60.0]
    gate.limiter.close("downloads", 300.0)
    with pytest.raises(TryLater):
        gate.limiter.take_download()


def test_a_share_holds_against_what_the_header_implies() -> None:
    gate = Gate(CreditBudget(share=0.5))
    gate.limiter.take_credits(1)
    assert gate.quotas.quotas["credits"].limit > 10**9  # no header yet: less than half is used by all together
    assert gate.limiter.credits_remaining is None
    gate.limiter.heed({"x-api-credits-remaining": "50000"})
    gate.limiter.take_credits(1)
    assert gate.quotas.quotas["credits"].limit == 50_000
    gate.limiter.heed({"x-api-credits-remaining": "20000"})  # the allowance did not shrink: others used it
    gate.limiter.take_credits(1)
    assert gate.quotas.quotas["credits"].limit == 50_000
    assert gate.limiter.credits_remaining == 20_000


def test_the_estimate_survives_a_restart(tmp_path: Path) -> None:
    state = StateFile(tmp_path / "credits.json")
    Gate(CreditBudget(share=0.5), state).limiter.heed({"x-api-credits-remaining": "50000"})
    again = Gate(CreditBudget(share=0.5), state)
    again.limiter.heed({"x-api-credits-remaining": "10"})
    again.limiter.take_credits(1)
    assert again.quotas.quotas["credits"].limit == 50_000


def test_nothing_is_asked_for_while_nothing_remains() -> None:
    gate = Gate()
    gate.limiter.heed({"x-api-credits-remaining": "49"})
    gate.limiter.take_credits(1)
    with pytest.raises(TryLater, match="49 credits remain"):
        gate.limiter.take_credits(50)
    gate.clock.now += 16 * 60  # the number is old: ask again
    gate.limiter.take_credits(50)


@pytest.mark.parametrize("text", ["", "many", "-5", "1.5", "٣"])
def test_a_header_that_is_no_number_says_nothing(text: str) -> None:
    gate = Gate()
    gate.limiter.heed({"x-api-credits-remaining": text})
    assert gate.limiter.credits_remaining is None


@pytest.mark.parametrize(("number", "share"), [(0, 0.0), (5, 0.5), (0, 1.5), (0, -0.5), (-5, 0.0)])
def test_a_budget_is_one_thing_or_the_other(number: int, share: float) -> None:
    with pytest.raises(ValueError, match="budget"):
        CreditBudget(credits=number, share=share)
