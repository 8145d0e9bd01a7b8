"""The service with a real pool, scheduler and threads; only the passes and the ledger are the test's own."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from syncd.core.health import unlisted
from syncd.core.model import ModuleStatus, StreamKey
from syncd.daemon.notify import Notifier
from syncd.errors import GrantRefused, NeedsOperator, TryLater, Unreachable
from syncd.sync.ports import RunOutcome
from tests.integration.daemon.world import DEALS, LEADS, SELDOM, TASKS, Running, World, until, wall

Start = Callable[..., Running]

ORG_TWO = StreamKey("two", "Leads")


def listed(key: StreamKey, *, parked: str = "", paused: bool = False, due: bool = False) -> ModuleStatus:
    ended = wall() - (2 * SELDOM if due else timedelta(seconds=1))
    return replace(unlisted(key), last_finished_at=ended, watermark=ended, parked=parked, paused=paused)


def test_what_is_due_runs_and_a_stop_ends_with_zero(world: World, start: Start) -> None:
    world.statuses = (listed(DEALS), listed(TASKS, due=True))
    running = start(world.plan(LEADS, DEALS, TASKS))
    until(lambda: len(world.passes) == 2)
    assert running.finish() == 0
    assert set(world.passes) == {LEADS, TASKS}
    assert world.closed == ["plan"]


def test_the_schedule_keeps_giving_turns(world: World, start: Start) -> None:
    start(world.plan(LEADS, DEALS, every=timedelta(seconds=0.05)))
    until(lambda: world.passes.count(LEADS) > 3 and world.passes.count(DEALS) > 3)


def test_one_pass_of_a_stream_at_a_time_however_often_it_is_asked(world: World, start: Start) -> None:
    gate, inside, most = threading.Event(), [0], [0]
    lock = threading.Lock()

    def slow(key: StreamKey) -> RunOutcome:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        gate.wait(10)
        with lock:
            inside[0] -= 1
        return RunOutcome(stream=key, state="ok")

    world.behave = slow
    running = start(world.plan(LEADS, every=timedelta(seconds=0.02)))
    until(lambda: world.passes)
    assert not any(running.service.submit(LEADS) for _ in range(100))
    gate.set()
    until(lambda: len(world.passes) > 5)
    assert most[0] == 1


def test_a_module_that_fails_or_has_a_bug_does_not_stop_the_others(world: World, start: Start) -> None:
    def behave(key: StreamKey) -> RunOutcome:
        if key == LEADS:
            raise ZeroDivisionError("a bug")
        if key == DEALS:
            return RunOutcome(stream=key, state="failed", error=Unreachable("no answer", fix="wait"))
        return RunOutcome(stream=key, state="ok")

    world.behave = behave
    with capture_logs() as lines:
        running = start(world.plan(LEADS, DEALS, TASKS, every=timedelta(seconds=0.05)))
        until(lambda: min(world.passes.count(key) for key in (LEADS, DEALS, TASKS)) >= 4)
        shown = {one.stream: one for one in running.service.activities()}
    assert shown[LEADS].error == "a bug"
    assert shown[LEADS].failures >= 3
    assert (shown[DEALS].error, shown[DEALS].fix) == ("no answer", "wait")
    assert shown[TASKS].error == ""
    bugs = [line for line in lines if line.get("module") == "Leads" and line["log_level"] == "error"]
    assert isinstance(bugs[0]["exc_info"], ZeroDivisionError)
    assert b'syncd_runs_total{module="Leads",org="default",outcome="failed"}' in world.metrics.exposition()[0]


def test_a_failing_stream_recovers_and_says_so(world: World, start: Start) -> None:
    def behave(key: StreamKey) -> RunOutcome:
        if len(world.passes) <= 3:
            return RunOutcome(stream=key, state="failed", error=Unreachable("no answer"))
        return RunOutcome(stream=key, state="ok")

    world.behave = behave
    with capture_logs() as lines:
        running = start(world.plan(LEADS, every=timedelta(seconds=0.02)))
        until(lambda: any(line["event"] == "recovered" for line in lines))
        assert running.finish() == 0
    assert [line["after_failures"] for line in lines if line["event"] == "recovered"] == [3]


def test_a_quota_is_waited_for_without_a_turn(world: World, start: Start) -> None:
    def behave(key: StreamKey) -> RunOutcome:
        if len(world.passes) == 1:
            return RunOutcome(stream=key, state="waiting", error=TryLater("quota", after=0.05))
        return RunOutcome(stream=key, state="ok")

    world.behave = behave
    running = start(world.plan(LEADS))
    until(lambda: len(world.passes) == 1)
    until(lambda: running.service.activities()[0].next_at is not None)
    until(lambda: len(world.passes) == 2)


def test_a_refused_grant_parks_the_org_until_a_reload(world: World, start: Start) -> None:
    refused = [True]

    def behave(key: StreamKey) -> RunOutcome:
        if refused[0] and key.org == "default":
            return RunOutcome(stream=key, state="parked", error=GrantRefused("the token is revoked", fix="syncd init"))
        return RunOutcome(stream=key, state="ok")

    world.behave = behave
    world.statuses = (listed(DEALS),)
    running = start(world.plan(LEADS, DEALS, ORG_TWO))
    until(lambda: LEADS in world.passes and ORG_TWO in world.passes)
    until(lambda: running.service.activities()[0].error)
    assert not running.service.submit(LEADS)
    assert not running.service.submit(DEALS)
    shown = {one.stream: one for one in running.service.activities()}
    assert "token is revoked" in shown[DEALS].error
    assert shown[DEALS].fix == "syncd init"
    assert shown[DEALS].next_at is None
    assert shown[ORG_TWO].error == ""
    refused[0] = False
    world.next_plan = world.plan(LEADS, DEALS, ORG_TWO, name="second")
    running.service.reload()
    until(lambda: world.passes.count(LEADS) == 2 and DEALS in world.passes)


def test_paused_and_resumed_by_the_ledger(world: World, start: Start) -> None:
    world.statuses = (listed(LEADS, paused=True), listed(DEALS))
    running = start(world.plan(LEADS, DEALS), watch=0.05)
    assert not running.service.submit(LEADS)
    world.statuses = (listed(LEADS), listed(DEALS))
    until(lambda: world.passes == [LEADS])


def test_a_reload_adds_and_removes_without_disturbing_what_runs(world: World, start: Start) -> None:
    gate = threading.Event()
    outcomes: list[str] = []

    def slow(key: StreamKey) -> RunOutcome:
        if key == LEADS:
            gate.wait(10)
        outcomes.append(key.module)
        return RunOutcome(stream=key, state="ok")

    world.behave = slow
    world.statuses = (listed(DEALS),)
    running = start(world.plan(LEADS, DEALS, name="first"))
    until(lambda: LEADS in world.passes)
    world.next_plan = world.plan(TASKS, name="second")
    with capture_logs() as lines:
        running.service.reload()
        until(lambda: "Tasks" in outcomes)
    told = next(line for line in lines if line["event"] == "reloaded")
    assert (told["added"], told["removed"]) == (["default/Tasks"], ["default/Leads", "default/Deals"])
    assert world.closed == [], "a pass of the first plan is still in flight"
    assert [one.stream for one in running.service.activities()] == [TASKS]
    assert list(running.service.deadlines()) == [TASKS]
    gate.set()
    until(lambda: world.closed == ["first"])
    assert outcomes == ["Tasks", "Leads"]
    assert running.finish() == 0
    assert world.closed == ["first", "second"]


def test_a_reload_that_is_refused_changes_nothing(world: World, start: Start) -> None:
    running = start(world.plan(LEADS, every=timedelta(seconds=0.05)))
    with capture_logs() as lines:
        running.service.reload()
        until(lambda: any(line["event"] == "configuration" for line in lines))
    problem = next(line for line in lines if line["event"] == "configuration")
    assert (problem["where"], problem["fix"]) == ("syncd.toml:7", "did you mean every?")
    before = len(world.passes)
    until(lambda: len(world.passes) > before + 2)
    assert world.closed == []


def test_the_database_is_waited_for_and_ready_comes_after(world: World, start: Start) -> None:
    world.prepare_errors = [Unreachable("PostgreSQL does not answer", fix="start it") for _ in range(2)]
    with capture_logs() as lines:
        running = start(world.plan(LEADS), wait=False, database=0.01)
        assert world.ready.wait(10)
        assert world.prepare_errors == []
        until(lambda: world.passes)
        assert running.finish() == 0
    waits = [line for line in lines if line["event"] == "waiting for the database"]
    assert [(line["tries"], line["fix"]) for line in waits] == [(1, "start it"), (2, "start it")]
    assert [line["event"] for line in lines].index("ready") == 2


def test_a_stop_while_waiting_for_the_database(world: World, start: Start) -> None:
    world.prepare_errors = [Unreachable("PostgreSQL does not answer") for _ in range(1000)]
    running = start(world.plan(LEADS), wait=False, database=3600.0)
    until(lambda: len(world.prepare_errors) < 1000)
    assert running.finish() == 0
    assert not world.ready.is_set()
    assert world.passes == []


def test_what_only_a_person_can_put_right_ends_the_start(world: World, start: Start) -> None:
    world.prepare_errors = [NeedsOperator("PostgreSQL 9.6 is too old", fix="upgrade to 14 or newer")]
    running = start(world.plan(LEADS), wait=False)
    until(lambda: running.over)
    ended = running.finish()
    assert isinstance(ended, NeedsOperator)
    assert world.closed == ["plan"]


def test_an_unreadable_ledger_is_said_and_survived(world: World, start: Start) -> None:
    with capture_logs() as lines:
        start(world.plan(LEADS), watch=0.02)
        world.ledger_error = Unreachable("PostgreSQL does not answer")
        until(lambda: any(line["event"] == "the ledger cannot be read" for line in lines))
        world.ledger_error = None
        until(lambda: any(line["event"] == "the ledger can be read again" for line in lines))


def test_a_drain_ends_waits_and_queued_passes_never_begin(world: World, start: Start) -> None:
    def waits(key: StreamKey) -> RunOutcome:
        with pytest.raises(Exception, match="asked to stop") as caught:
            world.stop.wait(3600)
        return RunOutcome(stream=key, state="drained", error=caught.value)

    world.behave = waits
    keys = [StreamKey("default", f"Module_{number}") for number in range(10)]
    running = start(world.plan(*keys))
    until(lambda: len(world.passes) == 3)
    with capture_logs() as lines:
        assert running.finish() == 0
    assert len(world.passes) == 3
    assert [line["state"] for line in lines if line["event"] == "run"] == ["drained"] * 3
    assert not running.service.submit(keys[0])
    assert world.left == []


def test_a_drain_that_takes_too_long_leaves_with_zero(world: World, start: Start) -> None:
    gate = threading.Event()

    def deaf(key: StreamKey) -> RunOutcome:
        gate.wait(10)
        return RunOutcome(stream=key, state="ok")

    world.behave = deaf
    running = start(world.plan(LEADS), drain=0.05)
    until(lambda: world.passes)
    with capture_logs() as lines:
        running.finish()
    assert world.left == [0]
    assert world.closed == []
    assert any(line.get("modules") == ["default/Leads"] for line in lines)
    gate.set()


def test_a_wall_clock_that_is_set_back_stops_nothing(world: World, start: Start) -> None:
    shift = [timedelta(0)]
    world.now = lambda: wall() + shift[0]
    with capture_logs() as lines:
        start(world.plan(LEADS, every=timedelta(seconds=0.2)), watch=0.05)
        until(lambda: world.passes)
        shift[0] = timedelta(hours=-1)
        until(lambda: any(line["event"] == "the wall clock was set" for line in lines))
        before = len(world.passes)
        until(lambda: len(world.passes) > before + 1)
    step = next(line["step_seconds"] for line in lines if line["event"] == "the wall clock was set")
    assert abs(step + 3600) < 1
    assert b"syncd_clock_steps_total 1.0" in world.metrics.exposition()[0]


def test_lost_turns_are_made_up_for(world: World, start: Start) -> None:
    """The scheduler gives no turn for months here, so that only the watchdog can."""
    ahead = [0.0]
    begin = world.monotonic()
    world.monotonic = lambda: begin + ahead[0]
    world.statuses = (listed(LEADS),)
    with capture_logs() as lines:
        running = start(world.plan(LEADS), watch=1.0, wait=False)
        assert world.ready.wait(10)
        ahead[0] = 2 * SELDOM.total_seconds()
        running.service.reload()
        until(lambda: world.passes == [LEADS])
    assert b"syncd_lost_turns_total 1.0" in world.metrics.exposition()[0]
    assert any(line["event"] == "turns were lost and made up for" for line in lines)


class Heard(Notifier):
    """Keeps what would be sent to systemd."""

    def __init__(self, watchdog: float | None = None) -> None:
        super().__init__(watchdog=watchdog)
        self._address = "kept"
        self.lines: list[str] = []

    def _send(self, *lines: str) -> None:
        self.lines += lines


def test_the_watchdog_is_fed_only_while_all_is_alive(world: World, start: Start) -> None:
    gate = threading.Event()

    def hangs(key: StreamKey) -> RunOutcome:
        gate.wait(20)
        return RunOutcome(stream=key, state="ok")

    world.notifier = heard = Heard(watchdog=0.1)
    world.statuses = (listed(LEADS),)
    world.behave = hangs
    running = start(world.plan(LEADS), stuck=0.3)
    until(lambda: heard.lines.count("WATCHDOG=1") > 2)
    with capture_logs() as lines:
        assert running.service.submit(LEADS)
        until(lambda: any("stuck" in line["event"] for line in lines))
        fed = heard.lines.count("WATCHDOG=1")
        for _ in range(5):
            running.service.reload()
        until(lambda: heard.lines.count("RELOADING=1") == 5)
        assert heard.lines.count("WATCHDOG=1") == fed
        world.stop.check()
        until(lambda: heard.lines.count("WATCHDOG=1") > fed)
    gate.set()


def test_the_manager_hears_one_sentence_and_the_end(world: World, start: Start) -> None:
    world.notifier = heard = Heard()
    world.statuses = (listed(LEADS),)
    running = start(world.plan(LEADS), wait=False)
    assert world.ready.wait(10)
    world.next_plan = world.plan(LEADS, name="second")
    running.service.reload()
    until(lambda: heard.lines.count("READY=1") == 2)
    running.finish()
    said = [line.partition("=")[0] for line in heard.lines]
    assert said.index("READY") < said.index("RELOADING") < said.index("MONOTONIC_USEC") < said.index("STOPPING")
    assert "STATUS=the one module is fresh, 1 s behind" in [line.replace(", 0 s", ", 1 s") for line in heard.lines]


def test_activities_tell_when_the_next_pass_is(world: World, start: Start) -> None:
    world.statuses = (listed(LEADS),)
    running = start(world.plan(LEADS, every=timedelta(hours=1)))
    found = running.service.activities()[0].next_at
    assert found is not None
    assert timedelta(0) < found - datetime.now(UTC) <= timedelta(hours=1)  # noqa: TID251 (the scheduler's own clock)
