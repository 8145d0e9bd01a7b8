"""Contacts as a bulk read would export them: 45 columns, seeded, the same bytes on every machine.

Owns: the data of the benchmarks and its field map. Must not know how anything is loaded.
"""

import csv
import io
import random
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from syncd.core.fields import BIGINT, BOOLEAN, DATE, DOUBLE, NUMERIC, TEXT, TIMESTAMP
from syncd.core.model import Column, Table

TABLE = Table(schema="zoho", name="contacts", label="Contacts")
FIRST_ID = 4_876_876_000_000_100_000
EPOCH = datetime(2023, 1, 1, tzinfo=UTC)
_INDIA = timezone(timedelta(hours=5, minutes=30))

_LOOKUPS = ("Owner", "Account_Name", "Created_By", "Modified_By", "Vendor_Name", "Reporting_To")
_SHORT = (
    *(
        "First_Name",
        "Last_Name",
        "Full_Name",
        "Email",
        "Secondary_Email",
        "Phone",
        "Mobile",
        "Home_Phone",
        "Other_Phone",
    ),
    *("Fax", "Title", "Department", "Salutation", "Lead_Source", "Assistant", "Asst_Phone", "Skype_ID", "Twitter"),
    *(
        "Mailing_Street",
        "Mailing_City",
        "Mailing_State",
        "Mailing_Zip",
        "Mailing_Country",
        "Time_Zone",
        "Record_Id_Text",
    ),
)
_TYPES: dict[str, str] = {
    **dict.fromkeys(("Created_Time", "Modified_Time", "Last_Activity_Time", "Unsubscribed_Time"), TIMESTAMP),
    **dict.fromkeys(_LOOKUPS, BIGINT),
    **dict.fromkeys(_SHORT, TEXT),
    "Date_of_Birth": DATE,
    "Email_Opt_Out": BOOLEAN,
    "Converted": BOOLEAN,
    "Annual_Revenue": NUMERIC,
    "Visits": BIGINT,
    "Score": DOUBLE,
    "Interests": TEXT,
    "Languages": TEXT,
    "Description": TEXT,
}
HEADER = ("Id", *_TYPES)
COLUMNS = tuple(Column(field=field, name=field.lower(), type=kind, label=field) for field, kind in _TYPES.items())

_FIRST = ("Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Tony", "Frances", "Radia", "Margaret", "Jürgen")
_LAST = (
    "Lovelace",
    "Hopper",
    "Turing",
    "Dijkstra",
    "Liskov",
    "Knuth",
    "Hoare",
    "Allen",
    "Perlman",
    "Hamilton",
    "Müller",
)
_WORDS = (
    *("the", "customer", "asked", "for", "a", "quote", "and", "we", "called", "back", "about", "delivery", "terms"),
    *("next", "week", "renewal", "invoice", "address"),
)
_AWKWARD = (
    'said "yes", then left\r\nsecond line',
    "客户要求报价，下周回电",
    'a "quoted" word, a comma',
    "line one\r\nline two\r\n",
)
_INTERESTS = ("Sailing;Chess", "Music;Cooking;Travel", "Football", "Chess;Reading")


def page(number: int, rows: int, *, changed: float = 0.0, at: datetime = EPOCH) -> Iterator[tuple[str, ...]]:
    """Rows of one exported page without the header, ordered by id.

    `changed` is the share of rows that were edited after the first export; they alone differ from it, in their
    Modified_Time and two more fields. `at` is the day their edits begin.
    """
    chance = random.Random(number)
    edits = random.Random(number + 7919)
    for index in range(rows):
        row = _row(chance, number * rows + index)
        if edits.random() < changed:
            row["Modified_Time"] = _stamp(at + timedelta(days=900, seconds=index))
            row["Title"] = "Chief of change"
            row["Visits"] = str(int(row["Visits"]) + 1)
        yield tuple(row[name] for name in HEADER)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(_INDIA).isoformat(timespec="seconds")


def _row(chance: random.Random, number: int) -> dict[str, str]:
    first, last = chance.choice(_FIRST), chance.choice(_LAST)
    created = EPOCH + timedelta(seconds=number * 61)
    phone = f"+49 {chance.randrange(10**9):09d}"
    row = dict.fromkeys(HEADER, "")
    row.update(zip(_LOOKUPS, (str(FIRST_ID - chance.randrange(1, 90_000)) for _ in _LOOKUPS), strict=True))
    row.update(
        Id=str(FIRST_ID + number),
        Created_Time=_stamp(created),
        Modified_Time=_stamp(created + timedelta(minutes=chance.randrange(50_000))),
        Last_Activity_Time=_stamp(created + timedelta(minutes=chance.randrange(90_000))),
        First_Name=first,
        Last_Name=last,
        Full_Name=f"{first} {last}",
        Email=f"{first}.{last}.{number}@example.com".lower(),
        Phone=phone,
        Mobile=phone[::-1],
        Title=chance.choice(("Engineer", "Head of Purchasing", "CEO", "Assistant to the Board")),
        Department=chance.choice(("Sales", "Research & Development", "Finance")),
        Salutation=chance.choice(("Mr.", "Ms.", "Dr.")),
        Lead_Source=chance.choice(("Web Download", "Trade Show", "Cold Call", "Employee Referral")),
        Mailing_Street=f"{chance.randrange(1, 300)} Analytical Engine Road",
        Mailing_City=chance.choice(("Berlin", "München", "Pune", "Chennai", "Austin")),
        Mailing_Zip=f"{chance.randrange(100_000):05d}",
        Mailing_Country=chance.choice(("Germany", "India", "United States")),
        Time_Zone="Asia/Kolkata",
        Record_Id_Text=f"zcrm_{FIRST_ID + number}",
        Date_of_Birth=f"{chance.randrange(1940, 2005)}-{chance.randrange(1, 13):02d}-{chance.randrange(1, 29):02d}",
        Email_Opt_Out=chance.choice(("true", "false")),
        Converted="false",
        Annual_Revenue=f"{chance.randrange(10**9) / 100:.2f}",
        Visits=str(chance.randrange(500)),
        Score=repr(round(chance.random() * 100, 4)),
        Interests=chance.choice(_INTERESTS),
        Languages="English;Deutsch",
    )
    if chance.random() < 0.3:
        row["Unsubscribed_Time"] = _stamp(created + timedelta(days=30))
    if chance.random() < 0.35:
        row["Description"] = " ".join(chance.choices(_WORDS, k=min(220, 5 + int(chance.expovariate(1 / 30)))))
    if chance.random() < 0.2:
        row["Description"] += " " + chance.choice(_AWKWARD)
    return row


def write_csv(target: Path, rows: Iterator[tuple[str, ...]]) -> None:
    """Write a page as plain CSV with a header, CRLF between records, as csv's default dialect does."""
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(rows)


def write_zip(source: Path, target: Path) -> None:
    """Pack a CSV as Zoho does: one member, deflated."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(source, source.name)


def csv_bytes(rows: Iterator[tuple[str, ...]]) -> bytes:
    """A page as bytes in memory, for small ones."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(HEADER)
    writer.writerows(rows)
    return text.getvalue().encode()
