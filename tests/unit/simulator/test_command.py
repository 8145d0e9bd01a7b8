"""The options of the command."""

import threading

import pytest

from syncd.simulator import SMALL_ORG, main
from syncd.simulator.command import arm, parse_rate, parse_rows
from syncd.simulator.faults import Faults


def test_rows() -> None:
    rows = parse_rows("leads=1000, CONTACTS=2k,events=0,deals=1m")
    assert rows == {**SMALL_ORG, "Leads": 1000, "Contacts": 2000, "Events": 0, "Deals": 1_000_000}
    assert parse_rows("") == SMALL_ORG


@pytest.mark.parametrize("text", ["leads", "leads=x", "people=5", "leads=-1"])
def test_wrong_rows(text: str) -> None:
    with pytest.raises(ValueError, match="write MODULE=NUMBER"):
        parse_rows(text)


def test_rates() -> None:
    assert [parse_rate(text) for text in ("5", "0.5/s", "0")] == [5.0, 0.5, 0.0]
    for text in ("fast", "-1", ""):
        with pytest.raises(ValueError, match="changes a second"):
            parse_rate(text)


def test_faults() -> None:
    faults = Faults()
    arm(faults, "429, stall:download=2,reset=5%,job-failure")
    armed = [(fault.kind.name, fault.path, fault.times, fault.share) for fault in faults.armed()]
    assert armed == [
        ("429", "", 1, 1.0),
        ("stall", "download", 2, 1.0),
        ("reset", "", None, 0.05),
        ("job-failure", "create", 1, 1.0),
    ]
    for text in ("boom", "429=x", "429:"):
        with pytest.raises(ValueError, match="fault"):
            arm(faults, text)


def test_the_command_serves_until_it_is_stopped() -> None:
    lines: list[str] = []
    stop = threading.Event()

    def announce(line: str) -> None:
        lines.append(line)
        if len(lines) == 3:
            stop.set()

    main(rows="leads=3", traffic="1/s", announce=announce, stop=stop)
    assert "http://127.0.0.1:" in lines[0]
    assert "Leads 3" in lines[2]
