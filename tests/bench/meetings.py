"""Made-up calendars of any size, shaped like a CRM's export: 1.4 KB an event, one in eighteen a series.

The same number of events gives the same bytes. The one VTIMEZONE stands at the end, as in a third of real files.
"""

import random
from datetime import datetime, timedelta
from pathlib import Path

_LETTERS = "abcdefghijklmnopqrstuvwxyzäöüß"
_ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Sydney")
_RULES = (
    "FREQ=WEEKLY;BYDAY=MO,WE",
    "FREQ=WEEKLY",
    "FREQ=MONTHLY;BYDAY=2TU",
    "FREQ=DAILY;COUNT=30",
    "FREQ=WEEKLY;UNTIL=20261231T000000Z",
)
_HEAD = (
    "BEGIN:VCALENDAR\r\nPRODID:-//Zoho CRM//NONSGML Calendar//EN\r\nVERSION:2.0\r\nMETHOD:PUBLISH\r\n"
    "X-WR-CALNAME:Events\r\nX-WR-TIMEZONE:Europe/Berlin\r\n"
)
_TAIL = (
    "BEGIN:VTIMEZONE\r\nTZID:Custom/Zone\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0345\r\n"
    "TZOFFSETTO:+0345\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nEND:VCALENDAR\r\n"
)


def write(path: Path, events: int) -> int:
    """Write a calendar of so many events; its size in bytes."""
    chance = random.Random(events)
    words = ["".join(chance.choices(_LETTERS, k=chance.randint(3, 10))) for _ in range(3000)]
    people = [(" ".join(chance.choices(words, k=2)), f"p{number}@example.org") for number in range(5000)]
    with path.open("wb") as file:
        file.write(_HEAD.encode())
        for number in range(events):
            file.write(b"".join(_folded(line) for line in _event(chance, number, words, people)))
        file.write(_TAIL.encode())
    return path.stat().st_size


def _event(chance: random.Random, number: int, words: list[str], people: list[tuple[str, str]]) -> list[str]:
    def some(count: int) -> str:
        return " ".join(chance.choices(words, k=count))

    start = datetime(2024, 1, 1) + timedelta(minutes=30 * chance.randint(0, 48 * 800))  # noqa: DTZ001 - wall time
    end, kind = start + timedelta(hours=1), number % 10
    lines = ["BEGIN:VEVENT", f"UID:{5725767000000000000 + number}", "DTSTAMP:20251101T000000Z"]
    if kind < 6:
        zone = chance.choice(_ZONES)
        lines += [f"DTSTART;TZID={zone}:{start:%Y%m%dT%H%M%S}", f"DTEND;TZID={zone}:{end:%Y%m%dT%H%M%S}"]
    elif kind < 8:
        lines += [f"DTSTART:{start:%Y%m%dT%H%M%S}Z", f"DTEND:{end:%Y%m%dT%H%M%S}Z"]
    else:
        lines += [f"DTSTART;VALUE=DATE:{start:%Y%m%d}", f"DTEND;VALUE=DATE:{start + timedelta(days=1):%Y%m%d}"]
    if number % 200 < 11:
        lines.append(f"RRULE:{chance.choice(_RULES)}")
    lines += [
        f"SUMMARY:{some(5)}",
        f"DESCRIPTION:{some(40)}\\, {some(14)}\\n{some(10)}",
        f"LOCATION:{some(3)}\\, {some(2)}",
    ]
    name, address = chance.choice(people)
    lines.append(f"ORGANIZER;CN={name}:mailto:{address}")
    for name, address in chance.choices(people, k=2):
        answer = chance.choice(("ACCEPTED", "DECLINED", "NEEDS-ACTION"))
        lines.append(f'ATTENDEE;CN="{name}";ROLE=REQ-PARTICIPANT;PARTSTAT={answer};RSVP=TRUE:mailto:{address}')
    lines += ["CREATED:20240101T000000Z", "LAST-MODIFIED:20240201T000000Z", "STATUS:CONFIRMED", "TRANSP:OPAQUE"]
    lines += ["SEQUENCE:0", "CLASS:PUBLIC", "CATEGORIES:Meeting,Customer", f"X-OWNER:{number % 500}"]
    if number % 3 == 0:
        lines += ["BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT15M", "DESCRIPTION:Reminder", "END:VALARM"]
    return [*lines, "END:VEVENT"]


def _folded(line: str) -> bytes:
    rest, parts = line.encode(), []
    while len(rest) > 75:
        parts.append(rest[:75])
        rest = b" " + rest[75:]
    return b"\r\n".join([*parts, rest, b""])
