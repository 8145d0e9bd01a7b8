"""Throttling: the same trouble once in a while with a count, everything else always."""

from typing import Any

from syncd.daemon.throttle import Throttle


class Ticking:
    """A throttle of ten seconds and the time it goes by."""

    def __init__(self) -> None:
        self.at = 0.0
        self.throttle = Throttle(10.0, lambda: self.at)

    def say(self, event: str, level: str = "warning", **fields: Any) -> Any:
        """None when it was held back, else how many were since the last time."""
        admitted = self.throttle.admit({"event": event, "level": level, **fields})
        return None if admitted is None else admitted.get("unsaid", 0)


def test_the_same_trouble_is_told_once_and_then_with_a_count() -> None:
    time = Ticking()
    assert time.say("down") == 0
    assert [time.say("down") for _ in range(3)] == [None] * 3
    time.at = 9.9
    assert time.say("down") is None
    time.at = 10.0
    assert time.say("down") == 4
    time.at = 25.0
    assert time.say("down") == 0


def test_troubles_that_only_differ_in_numbers_are_the_same() -> None:
    time = Ticking()
    assert time.say("waiting", error="try again in 40 s", tries=1) == 0
    assert time.say("waiting", error="try again in 39 s", tries=2) is None
    assert time.say("waiting", error="refused", tries=3) == 0


def test_another_stream_place_or_level_is_another_trouble() -> None:
    time = Ticking()
    for module in ("Custom_1", "Custom_2"):
        assert time.say("failed", org="a", module=module) == 0
    assert time.say("failed", org="b", module="Custom_1") == 0
    assert time.say("failed", level="error", org="a", module="Custom_1") == 0
    for line in (1, 2):
        assert time.say("configuration", where=f"syncd.toml:{line}") == 0


def test_what_is_no_trouble_always_passes() -> None:
    time = Ticking()
    assert [time.say("run", level=level) for level in ("info", "debug", "critical") * 3] == [0] * 9


def test_recovery_counts_what_was_held_back_and_makes_the_next_trouble_news() -> None:
    time = Ticking()
    for module in ("Leads", "Deals"):
        for _ in range(3):
            time.say("failed", org="a", module=module)
    assert time.say("recovered", level="info", org="a", module="Leads") == 2
    assert time.say("failed", org="a", module="Leads") == 0
    assert time.say("failed", org="a", module="Deals") is None
    assert time.say("recovered", level="info", org="b", module="Deals") == 0
    assert time.say("recovered", level="info") == 3
    assert time.say("failed", org="a", module="Deals") == 0


def test_memory_is_bounded() -> None:
    time = Ticking()
    for number in range(2_000):
        time.say("x", where=str(number))
    assert time.say("x", where="1999") is None
    assert time.say("x", where="0") == 0
