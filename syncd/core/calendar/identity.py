"""Who a component is, and whether it changed.

Owns the identity (UID, recurrence key), the Zoho record id in a UID, and the content hash. Must not look at what the
event says: a moved DTSTAMP is no change, a LAST-MODIFIED that stands still is no proof of none.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from syncd.core.calendar import PARSER_VERSION
from syncd.core.calendar.file_zones import Definition
from syncd.core.calendar.model import Moment, TimeKind

_LONGEST_UID = 1_000  # bytes; PostgreSQL can index 2,700
_RECORD_ID = re.compile(r"(\d{10,19})(?:@[^@]*)?", re.ASCII)
_STAMP = re.compile(rb"\nDTSTAMP[;:][^\n]*", re.IGNORECASE)
_LARGEST_BIGINT = 2**63 - 1


def uid_of(written: str | None, text: bytes) -> tuple[str, bool]:
    """The UID of a component as written but trimmed, and whether it had to be made up.

    A component without a UID, or with one too long to be indexed, is known by the hash of its lines without DTSTAMP.
    """
    uid = (written or "").strip()
    if uid and len(uid.encode()) <= _LONGEST_UID:
        return uid, False
    return f"sha256:{hashlib.sha256(without_stamp(text)).hexdigest()}", True


def glance(text: bytes) -> tuple[str, bool] | None:
    """(UID, whether there is a RECURRENCE-ID) by searches alone, None where only a careful reading can tell."""
    at = text.find(b"\nUID:")
    lowered = text.lower()
    nested = lowered.find(b"\nbegin:")
    if at < 0 or lowered.find(b"\nuid") != at or 0 <= nested < at or b"\0" in text:
        return None
    try:
        uid = text[at + 5 : text.find(b"\n", at + 1)].decode().strip()
    except UnicodeDecodeError:
        return None
    if not uid or len(uid) > _LONGEST_UID // 4:
        return None
    place = lowered.find(b"\nrecurrence-id")
    if place < 0:
        return uid, False
    end = text.find(b"\n", place + 1)
    plain = text[place + 14 : place + 15] in {b":", b";"} and b":" in text[place:end] and not 0 <= nested < place
    return (uid, True) if plain and lowered.find(b"\nrecurrence-id", end) < 0 else None


def record_id_of(uid: str) -> int | None:
    """The Zoho record id that a UID is made of: 10 to 19 digits, maybe with `@host`, that fit a bigint.

    >>> record_id_of("5725767000000412345@crm.zoho.eu")
    5725767000000412345
    """
    match = _RECORD_ID.fullmatch(uid)
    number = int(match[1]) if match else None
    return number if number is not None and number <= _LARGEST_BIGINT else None


def recurrence_key(moment: Moment) -> str:
    """RECURRENCE-ID in the form that meets its series: UTC where the instant is known, a date, or a wall time."""
    if moment.kind == TimeKind.DATE:
        return date_key(moment.local)
    if moment.at is not None:
        return instant_key(moment.at)
    return wall_key(moment.local)


def date_key(local: datetime) -> str:
    """YYYYMMDD."""
    return local.isoformat()[:10].replace("-", "")


def wall_key(local: datetime) -> str:
    """YYYYMMDDTHHMMSS."""
    return local.isoformat()[:19].replace("-", "").replace(":", "")


def instant_key(at: datetime) -> str:
    """YYYYMMDDTHHMMSSZ of a moment in UTC."""
    return at.isoformat()[:19].replace("-", "").replace(":", "") + "Z"


def without_stamp(text: bytes) -> bytes:
    """The lines of a component without DTSTAMP, which is the moment of the export when METHOD is PUBLISH."""
    at = text.find(b"\nDTSTAMP")
    if at < 0:
        return _STAMP.sub(b"", text) if b"\ndtstamp" in text.lower() else text
    end = text.find(b"\n", at + 1)
    rest = text[end:] if end >= 0 else b""
    if text[at + 8 : at + 9] not in {b":", b";"} or b"\nDTSTAMP" in rest:
        return _STAMP.sub(b"", text)
    return text[:at] + rest


def content_sha256(text: bytes, timezones: Sequence[bytes] = ()) -> bytes:
    """What a change of the event changes: its lines, the VTIMEZONEs that its times rest on, and the parser.

    `timezones` are the hashes that `definitions_used` found.
    """
    digest = hashlib.sha256(without_stamp(text))
    digest.update(b"\nparser %d" % PARSER_VERSION)
    for sha256 in timezones:
        digest.update(sha256)
    return digest.digest()


def definitions_used(text: bytes, calendar: int, deciding: Mapping[bytes, Mapping[int, Definition]]) -> list[bytes]:
    """The hashes of the VTIMEZONEs that decide about the times of a component, in a fixed order."""
    found = []
    for tzid in sorted(deciding):
        if tzid in text:
            by_calendar = deciding[tzid]
            chosen = by_calendar.get(calendar) or by_calendar[min(by_calendar)]
            found.append(chosen.sha256)
    return found
