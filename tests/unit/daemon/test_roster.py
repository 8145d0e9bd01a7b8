from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.health import unlisted
from syncd.core.model import ModuleStatus, StreamKey
from syncd.daemon.roster import Place, Roster
from syncd.daemon.schedule import Timing
from syncd.errors import GrantRefused, NeedsOperator, TryLater, Unreachable
from syncd.sync.ports import RunOutcome

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
LEADS, DEALS, OTHER = StreamKey("one", "Leads"), StreamKey("one", "Deals"), StreamKey("two", "Leads")
MINUTE = Timing(every=timedelta(minutes=1))


def roster_of(*keys: StreamKey, timing: Timing = MINUTE) -> Roster:
    roster = Roster()
    roster.apply(dict.fromkeys(keys, timing))
    return roster


def outcome(key: StreamKey, state: str = "ok", error: Exception | None = None) -> RunOutcome:
    return RunOutcome(stream=key, state=state, error=error)


def run_pass(
    roster: Roster, key: StreamKey, state: str = "ok", error: Exception | None = None, *, at: float = 0
) -> None:
    assert roster.ask(key, at)
    assert roster.begin(key, at)
    roster.end(key, outcome(key, state, error), mono=at, now=NOW + timedelta(seconds=at))


def listed(key: StreamKey, *, ended: float | None = None, parked: str = "", paused: bool = False) -> ModuleStatus:
    finished = None if ended is None else NOW - timedelta(seconds=ended)
    return replace(unlisted(key), last_finished_at=finished, parked=parked, paused=paused)


def test_one_pass_of_a_stream_at_a_time() -> None:
    roster = roster_of(LEADS, DEALS)
    assert roster.ask(LEADS, 0)
    assert not roster.ask(LEADS, 0)
    assert roster.begin(LEADS, 1)
    assert not roster.ask(LEADS, 2)
    assert roster.ask(DEALS, 2)
    assert not roster.ask(OTHER, 2)


def test_turns_in_a_long_pass_become_one_more_pass() -> None:
    roster = roster_of(LEADS)
    roster.ask(LEADS, 0)
    roster.begin(LEADS, 0)
    for turn in (60, 120, 180):
        roster.ask(LEADS, turn)
    roster.end(LEADS, outcome(LEADS), mono=200, now=NOW)
    assert roster.ripe(200) == (LEADS,)
    run_pass(roster, LEADS, at=200)
    assert roster.ripe(10_000) == ()


def test_a_turn_early_in_a_short_pass_is_dropped() -> None:
    roster = roster_of(LEADS)
    roster.ask(LEADS, 0)
    roster.begin(LEADS, 0)
    roster.ask(LEADS, 1)
    roster.end(LEADS, outcome(LEADS), mono=5, now=NOW)
    assert roster.ripe(1000) == ()


def test_a_failing_stream_backs_off_and_comes_back_by_itself() -> None:
    roster = roster_of(LEADS)
    error = Unreachable("no answer")
    run_pass(roster, LEADS, "failed", error)
    assert not roster.ask(LEADS, 20), "a turn within the backoff is ignored"
    first = roster.next_moment()
    assert first is not None
    assert 24 <= first <= 30
    assert roster.ripe(first) == (LEADS,)
    run_pass(roster, LEADS, "failed", error, at=first)
    second = roster.next_moment()
    assert second is not None
    assert second - first > 40
    roster.ask(LEADS, second)
    roster.begin(LEADS, second)
    assert roster.end(LEADS, outcome(LEADS), mono=second, now=NOW) == 2
    assert roster.next_moment() is None
    assert roster[LEADS].failures == 0


def test_a_quota_is_obeyed_and_is_no_failure() -> None:
    roster = roster_of(LEADS)
    run_pass(roster, LEADS, "waiting", TryLater("quota", after=600))
    assert not roster.ask(LEADS, 599)
    moment = roster.next_moment()
    assert moment is not None
    assert 600 <= moment <= 605
    assert roster[LEADS].failures == 0


def test_a_parked_stream_waits_for_a_person_and_the_others_do_not() -> None:
    roster = roster_of(LEADS, DEALS)
    run_pass(roster, LEADS, "parked", NeedsOperator("a table of that name is not ours"))
    assert not roster.ask(LEADS, 10_000)
    assert roster.ask(DEALS, 10_000)
    assert LEADS not in roster.overdue(10_000)


def test_a_refused_grant_parks_its_org_until_a_reload() -> None:
    roster = roster_of(LEADS, DEALS, OTHER)
    run_pass(roster, LEADS, "parked", GrantRefused("the token is revoked"))
    assert [roster.ask(key, 100) for key in (LEADS, DEALS, OTHER)] == [False, False, True]
    assert roster.refused_by("one") == LEADS
    roster.apply(dict.fromkeys((LEADS, DEALS, OTHER), MINUTE))
    assert set(roster.ripe(100)) == {LEADS, DEALS}
    assert roster.ask(DEALS, 100)


def test_resuming_in_the_ledger_releases_stream_and_org() -> None:
    roster = roster_of(LEADS, DEALS)
    run_pass(roster, LEADS, "parked", GrantRefused("the token is revoked"))
    # A look taken before the pass had written that it parked must not count as a resume.
    assert roster.learn([listed(LEADS, ended=0)], mono=1, now=NOW) == (DEALS,)
    assert roster.held(LEADS)
    roster.learn([listed(LEADS, ended=0, parked="revoked")], mono=2, now=NOW)
    assert roster.held(LEADS)
    assert roster.learn([listed(LEADS, ended=0)], mono=3, now=NOW) == (LEADS,)
    assert roster.ask(LEADS, 3)
    assert roster.ask(DEALS, 3)


def test_a_paused_stream_is_left_alone_until_it_is_resumed() -> None:
    roster = roster_of(LEADS)
    roster.learn([listed(LEADS, ended=1000, paused=True)], mono=0, now=NOW)
    assert not roster.ask(LEADS, 5000)
    assert roster.overdue(5000) == ()
    assert roster.learn([listed(LEADS, ended=1000)], mono=6000, now=NOW) == (LEADS,)
    assert roster.ask(LEADS, 6000)


def test_what_was_parked_before_the_start_gets_one_try() -> None:
    roster = roster_of(LEADS)
    assert roster.learn([listed(LEADS, ended=1000, parked="no permission")], mono=0, now=NOW) == (LEADS,)
    run_pass(roster, LEADS, "parked", NeedsOperator("no permission"))
    assert roster.learn([listed(LEADS, ended=1000, parked="no permission")], mono=60, now=NOW) == ()
    assert not roster.ask(LEADS, 60)


@pytest.mark.parametrize(
    ("ended", "due"), [(None, True), (61, True), (60, True), (59, False), (0, False), (-99, False)]
)
def test_due_at_start_by_the_ledger(ended: float | None, due: bool) -> None:
    roster = roster_of(LEADS)
    assert roster.learn([listed(LEADS, ended=ended)], mono=0, now=NOW) == ((LEADS,) if due else ())


def test_a_stream_the_ledger_does_not_know_is_due() -> None:
    roster = roster_of(LEADS, DEALS)
    assert roster.learn([listed(DEALS, ended=1)], mono=0, now=NOW) == (LEADS,)


def test_what_was_parked_before_the_start_and_runs_well_is_not_run_again() -> None:
    roster = roster_of(LEADS)
    roster.learn([listed(LEADS, ended=1000, parked="no permission")], mono=0, now=NOW)
    roster.ask(LEADS, 0)
    roster.begin(LEADS, 0)
    # Looks that were taken before the pass had cleared what parked it, and after.
    assert roster.learn([listed(LEADS, ended=1000, parked="no permission")], mono=1, now=NOW) == ()
    roster.end(LEADS, outcome(LEADS), mono=2, now=NOW)
    assert roster.learn([listed(LEADS, ended=0)], mono=3, now=NOW) == ()


def test_a_missed_cron_turn_is_made_up_for_once() -> None:
    nightly = Timing(every=timedelta(days=1), cron="0 2 * * *")
    roster = roster_of(LEADS, DEALS, timing=nightly)
    looks = [listed(LEADS, ended=86_400), listed(DEALS, ended=3_600)]
    assert roster.learn(looks, mono=0, now=NOW) == (LEADS,)
    run_pass(roster, LEADS)
    # The pass had nothing to do, so the ledger still tells of the run of yesterday.
    assert roster.learn(looks, mono=60, now=NOW + timedelta(seconds=60)) == ()


def test_a_lost_turn_is_found_by_the_monotonic_clock() -> None:
    roster = roster_of(LEADS)
    run_pass(roster, LEADS)
    assert roster.overdue(119) == ()
    assert roster.overdue(121) == (LEADS,)
    assert roster.ask(LEADS, 121)
    assert roster.overdue(10_000) == (), "queued is not lost"


def test_a_stream_taken_off_while_queued_or_running_ends_quietly() -> None:
    roster = roster_of(LEADS, DEALS)
    roster.ask(LEADS, 0)
    roster.ask(DEALS, 0)
    roster.begin(DEALS, 0)
    roster.apply({})
    assert roster.configured() == ()
    assert not roster.begin(LEADS, 1)
    roster.end(DEALS, outcome(DEALS), mono=2, now=NOW)
    assert LEADS not in roster
    assert DEALS not in roster
    roster.apply({DEALS: MINUTE})
    assert roster.ask(DEALS, 3)


def test_a_stream_that_comes_back_while_it_runs_goes_on() -> None:
    roster = roster_of(LEADS)
    roster.ask(LEADS, 0)
    roster.begin(LEADS, 0)
    roster.apply({})
    roster.apply({LEADS: MINUTE})
    assert not roster.ask(LEADS, 1)
    roster.end(LEADS, outcome(LEADS), mono=2, now=NOW)
    assert roster.ask(LEADS, 3)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "begin", "end", "apply", "learn"]),
        st.sampled_from([LEADS, DEALS, OTHER]),
        st.sampled_from(["ok", "failed", "waiting", "parked", "paused", "skipped", "drained"]),
        st.floats(0, 100),
    ),
    max_size=60,
)


@given(STEPS)
def test_never_two_passes_and_never_a_retry_of_a_busy_stream(steps: list[tuple[str, StreamKey, str, float]]) -> None:
    roster, places, mono = roster_of(LEADS, DEALS, OTHER), dict.fromkeys((LEADS, DEALS, OTHER), Place.IDLE), 0.0
    for what, key, state, later in steps:
        mono += later
        if what == "ask" and roster.ask(key, mono):
            assert places[key] is Place.IDLE
            places[key] = Place.QUEUED
        elif what == "begin" and places[key] is Place.QUEUED:
            assert roster.begin(key, mono)
            places[key] = Place.RUNNING
        elif what == "end" and places[key] is Place.RUNNING:
            error = (
                TryLater("quota", after=5) if state == "waiting" else GrantRefused("no") if state == "parked" else None
            )
            roster.end(key, outcome(key, state, error), mono=mono, now=NOW)
            places[key] = Place.IDLE
        elif what == "apply":
            roster.apply(dict.fromkeys(places, MINUTE))
        elif what == "learn":
            roster.learn([listed(key, ended=later)], mono=mono, now=NOW)
        for ripe in (*roster.ripe(mono), *roster.overdue(mono)):
            assert places[ripe] is Place.IDLE
        assert set(roster.in_place(Place.RUNNING)) == {key for key, place in places.items() if place is Place.RUNNING}
