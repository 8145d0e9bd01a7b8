"""Events as ICS: through bulk read jobs into calendar tables, whether Zoho narrows such exports or not; and by hand."""

import json
import random
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from syncd.core.model import StreamKey
from syncd.simulator import Behaviour, Config, Simulator, SimulatorClock
from tests.acceptance.test_traffic import BusyPause, Differences, compare
from tests.rig import Outcomes, environment, fleet_of, write_config

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = StreamKey("default", "Events")


def simulator(**behaviour: Any) -> Simulator:
    return Simulator(
        Config(rows={"Events": 60}, behaviour=Behaviour(**behaviour), downloads_per_minute=10_000),
        SimulatorClock(start=NOON, frozen=True),
    )


def stored(dsn: str) -> dict[tuple[str, str], str | None]:
    """Live events: (UID, recurrence key) to summary."""
    with psycopg.connect(dsn) as connection:
        found = connection.execute(
            "SELECT uid, recurrence_key, summary FROM zoho.calendar_event WHERE deleted_at IS NULL"
        ).fetchall()
    return {(row[0], row[1]): row[2] for row in found}


@pytest.mark.parametrize("narrows", [True, False])
def test_events_follow_zoho_whether_it_narrows_exports_or_not(narrows: bool, dsn: str, tmp_path: Path) -> None:
    sim = simulator(ics_criteria=narrows)
    pause = BusyPause(sim, random.Random(7), busy=False)
    outcomes = Outcomes()
    with sim.serve() as url:
        config = write_config(
            tmp_path,
            url=url,
            dsn=dsn,
            modules={"Events": '{ every = "1m", format = "both" }'},
            defaults={"settle": "20s", "overlap": "30s", "poll": "0.2s..1s"},
            zoho={"downloads_per_minute": 10_000},
        )
        with fleet_of(config, pause, outcomes) as fleet:
            fleet.sync(KEY)
            first = {(meeting.uid, "") for meeting in sim.meetings() if not getattr(meeting, "recurrence_id", None)}
            assert first <= stored(dsn).keys()
            assert len(stored(dsn)) == len(sim.meetings())
            gone, changed = sim.live_ids("Events")[:2]
            sim.delete("Events", [gone])
            sim.edit("Events", [changed])
            sim.create("Events", 3, {})
            sim.clock.advance(120)
            fleet.sync(KEY)
            sim.clock.advance(120)
            fleet.sync(KEY)
    assert [outcome.error for outcome in outcomes.ended] == [None] * 3
    assert len(stored(dsn)) == len(sim.meetings())
    assert compare(sim, KEY, dsn) == Differences()
    with psycopg.connect(dsn) as connection:
        learnt = connection.execute("SELECT calendar_windows FROM syncd.stream").fetchone()
        joined = connection.execute(
            "SELECT count(*) FROM zoho.calendar_event AS c JOIN zoho.events AS e ON e.id = c.record_id"
            " WHERE c.deleted_at IS NULL AND e._deleted_at IS NULL"
        ).fetchone()
    assert learnt == (narrows,)
    assert joined is not None
    assert joined[0] == len(sim.meetings())


def syncd(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "syncd", "calendar", *arguments]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60, check=False)


ICS = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n"
    "BEGIN:VEVENT\r\nUID:a@x\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;TZID=Europe/Berlin:20260302T090000\r\n"
    "DTEND;TZID=Europe/Berlin:20260302T100000\r\nSUMMARY:Stand-up\r\nRRULE:FREQ=WEEKLY;COUNT=3\r\nEND:VEVENT\r\n"
    "BEGIN:VEVENT\r\nUID:b@x\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:20260305\r\nSUMMARY:Day\r\nEND:VEVENT\r\n"
    "END:VCALENDAR\r\n"
)


def test_a_file_goes_in_and_comes_out_again(empty_dsn: str, tmp_path: Path) -> None:
    file = tmp_path / "team.ics"
    file.write_bytes(ICS.encode())
    place = ("--dsn", empty_dsn)
    done = syncd("import", str(file), "--calendar", "team", "--json", *place)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["inserted"] == 2
    again = syncd("import", str(file), "--calendar", "team", "--json", *place)
    counts = json.loads(again.stdout)
    assert (counts["inserted"], counts["updated"], counts["unchanged"]) == (0, 0, 2)
    out = syncd("export", "--calendar", "team", *place)
    assert out.returncode == 0
    assert out.stdout.count("BEGIN:VEVENT") == 2
    copy = tmp_path / "copy.ics"
    copy.write_bytes(out.stdout.replace("\n", "\r\n").encode())
    syncd("import", str(copy), "--calendar", "copy", "--horizon", "2026-01-01..2026-12-31", *place)
    with psycopg.connect(empty_dsn) as connection:
        rows = connection.execute(
            "SELECT c.cal_key, e.uid, o.start_local, o.all_day FROM zoho.calendar_occurrence AS o"
            " JOIN zoho.calendar_event AS e USING (event_id) JOIN zoho.calendar AS c ON c.calendar_id = e.calendar_id"
            " ORDER BY 1, 3"
        ).fetchall()
    by_key = {key: [row[1:] for row in rows if row[0] == key] for key in ("team", "copy")}
    assert by_key["team"] == by_key["copy"]
    assert [(row[0], row[1].isoformat(), row[2]) for row in by_key["team"]] == [
        ("a@x", "2026-03-02T09:00:00", False),
        ("b@x", "2026-03-05T00:00:00", True),
        ("a@x", "2026-03-09T09:00:00", False),
        ("a@x", "2026-03-16T09:00:00", False),
    ]


def test_an_export_as_json_holds_every_byte(empty_dsn: str, tmp_path: Path) -> None:
    file = tmp_path / "team.ics"
    file.write_bytes(ICS.replace("Stand-up", 'caf\xe9 "x"').encode("latin-1"))
    assert syncd("import", str(file), "--calendar", "team", "--dsn", empty_dsn).returncode == 0
    document = json.loads(syncd("export", "--calendar", "team", "--json", "--dsn", empty_dsn).stdout)
    assert document.keys() == {"calendar", "schema", "ics"}
    assert document["ics"].encode("utf-8", "surrogateescape") == file.read_bytes()


def test_what_cannot_be_read_is_said_and_stores_nothing(empty_dsn: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK\x03\x04 but no zip")
    for name in (str(broken), str(tmp_path / "missing.ics")):
        done = syncd("import", name, "--calendar", "x", "--dsn", empty_dsn)
        assert done.returncode == 1, done.stderr
        assert "fix:" in done.stderr
    nowhere = syncd("export", "--calendar", "x", "--dsn", empty_dsn)
    assert nowhere.returncode == 1
    assert syncd("import", "x.ics", "--horizon", "tomorrow", "--dsn", empty_dsn).returncode == 2
