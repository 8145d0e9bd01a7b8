"""The kinds of values that say when, how much and which: durations, schedules, names, ids, criteria.

What is accepted, what it becomes, and what is said when it is none. Where a value stands is not known here.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic_core import PydanticCustomError

from syncd.core.cron import parse_cron
from syncd.core.model import Criterion
from syncd.core.naming import MAX_BYTES, table_name
from syncd.core.pacing import PollPace
from syncd.core.windows import LEAST_OVERLAP
from syncd.settings.criteria import is_field_name, read_criteria, write_criteria
from syncd.settings.durations import format_duration, parse_duration, parse_range
from syncd.settings.findings import Finding, did_you_mean, shown
from syncd.settings.kinds import kind, text_of, wrong


@dataclass(frozen=True, slots=True)
class CreditLimit:
    """How many API credits syncd may use in a day: a number, or a share (above 0, up to 1) of the org's allowance.

    Exactly one of the two is above zero.
    """

    credits: int = 0
    share: float = 0.0

    def __str__(self) -> str:
        return str(self.credits) if self.credits else f"{self.share * 100:g}%"


# ---------------------------------------------------------------------------------------------------------- durations


def _duration(least: timedelta) -> Callable[[object], timedelta]:
    def read(value: object) -> timedelta:
        if not isinstance(value, str):
            what = f"{shown(value)} has no unit" if isinstance(value, int | float) else f"{shown(value)} is no duration"
            raise wrong(what, f'write "{value}s", or 15m, 2h, 1d' if type(value) in {int, float} else _DURATION_FIX)
        try:
            length = parse_duration(value)
        except ValueError as error:
            raise wrong(f"{shown(value)} {error}", _DURATION_FIX) from None
        if length < least:
            raise wrong(f"{shown(value)} is too short", f'write at least "{format_duration(least)}"')
        return length

    return read


_DURATION_FIX = "write 90s, 15m, 2h or 1d"
DURATION_SCHEMA = {
    "type": "string",
    "pattern": r"^[0-9]+(\.[0-9]+)?\s*[smhd]$",
    "examples": ["90s", "15m", "2h", "1d"],
}

Interval = Annotated[timedelta, *kind(_duration(timedelta(milliseconds=10)), format_duration, **DURATION_SCHEMA)]
Settle = Annotated[timedelta, *kind(_duration(timedelta(0)), format_duration, **DURATION_SCHEMA)]
Overlap = Annotated[timedelta, *kind(_duration(LEAST_OVERLAP), format_duration, **DURATION_SCHEMA)]


def _poll(value: object) -> PollPace:
    fix = 'write SHORTEST..LONGEST, as "2s..30s"'
    text = text_of(value, fix)
    try:
        shortest, longest = parse_range(text)
    except ValueError as error:
        raise wrong(f"{shown(value)} {error}", fix) from None
    return PollPace(shortest.total_seconds(), longest.total_seconds())


def format_poll(pace: PollPace) -> str:
    """`SHORTEST..LONGEST`."""
    return f"{format_duration(timedelta(seconds=pace.first))}..{format_duration(timedelta(seconds=pace.longest))}"


Poll = Annotated[PollPace, *kind(_poll, format_poll, type="string", examples=["2s..30s"])]


def _cron(value: object) -> str:
    fix = 'write MINUTE HOUR DAY MONTH WEEKDAY, as "*/15 7-19 * * 1-5"; 0 and 7 are Sunday; "" means none'
    text = text_of(value, fix)
    try:
        if text.strip():
            parse_cron(text)
    except ValueError as error:
        raise wrong(f"{shown(value)}: {error}", fix) from None
    return text.strip()


CronLine = Annotated[str, *kind(_cron, str, type="string", examples=["*/15 7-19 * * 1-5"])]


def _timezone(value: object) -> str:
    fix = 'write a name of the IANA list, as "UTC" or "Europe/Berlin"'
    text = text_of(value, fix)
    try:
        ZoneInfo(text)
    except (ValueError, OSError, LookupError):
        raise wrong(f"{shown(value)} is not a time zone", did_you_mean(text, available_timezones()) or fix) from None
    return text


TimeZone = Annotated[str, *kind(_timezone, str, type="string", examples=["Europe/Berlin"])]

# -------------------------------------------------------------------------------------------------------------- names

_MODULE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
_ORG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_VIEWS = "_live"


def module_name(value: object) -> str:
    """A module's API name; only its shape is checked here."""
    if not isinstance(value, str) or _MODULE.fullmatch(value) is None:
        raise wrong(
            f"{shown(value)} is not a module's API name", "write it as `syncd modules` lists it: Leads, Audit_Trail__c"
        )
    return value


ModuleName = Annotated[str, *kind(module_name, str, type="string", pattern=f"^{_MODULE.pattern}$")]


def _org(value: object) -> str:
    if not isinstance(value, str) or _ORG.fullmatch(value) is None:
        raise wrong(f"{shown(value)} is not a name for an org", "use letters, digits, - and _, at most 63")
    return value


OrgName = Annotated[str, *kind(_org, str, type="string", pattern=f"^{_ORG.pattern}$")]


def _table(value: object) -> str:
    fix = "use lower case letters, digits and _, at most 63, beginning with a letter"
    text = text_of(value, fix)
    if re.fullmatch(r"[a-z][a-z0-9_]*", text) is None or table_name(text) != text:
        fitting = table_name(text)
        raise wrong(f"{shown(value)} cannot be a name here", f'write "{fitting}"' if fitting[0].isalpha() else fix)
    return text


TableName = Annotated[str, *kind(_table, str, type="string", pattern=r"^[a-z0-9][a-z0-9_]{0,62}$")]


def _schema(value: object) -> str:
    text = _table(value)
    if text in {"syncd", "information_schema"} or text.startswith("pg_"):
        raise wrong(f"{shown(value)} is not free for tables of modules", 'write another name, as "zoho"')
    if len(text) > MAX_BYTES - len(_VIEWS):
        raise wrong(
            f"{shown(value)} is too long: the views' schema is {text}{_VIEWS}", f"use at most {MAX_BYTES - len(_VIEWS)}"
        )
    return text


SchemaName = Annotated[str, *kind(_schema, str, type="string", pattern=r"^[a-z0-9][a-z0-9_]{0,57}$")]


def _field_names(value: object) -> tuple[str, ...]:
    fix = 'write ["Last_Name", "Account_Name.Phone"]; leave the key out for no restriction'
    if not isinstance(value, list) or not value:
        raise wrong("is not a list of field names" if value != [] else "names no field", fix)
    findings = []
    for number, name in enumerate(value):
        if not isinstance(name, str) or not is_field_name(name):
            what = f"{shown(name)} is not a field's API name"
            findings.append(Finding((number,), what, "write it as Zoho's setup page for API names lists it"))
        elif name in value[:number]:
            findings.append(Finding((number,), f"{shown(name)} is listed twice", "remove one of them"))
    if findings:
        raise wrong("is not a list of field names", fix, tuple(findings))
    return tuple(value)


FieldNames = Annotated[
    tuple[str, ...], *kind(_field_names, list, type="array", items={"type": "string"}, minItems=1, uniqueItems=True)
]


def _record_id(value: object) -> str:
    """Ids are text to us; a bare number means the same and is taken."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or re.fullmatch(r"[0-9]{1,25}", text) is None:
        raise wrong(f"{shown(value)} is not an id", 'write its digits, as "4150868000000087501"')
    return text


RecordId = Annotated[str, *kind(_record_id, str, type=["string", "integer"])]


def _org_id(value: object) -> str:
    """The organisation's number; Zoho's `soid` has it behind `ZohoCRM.`, and both are taken."""
    try:
        return _record_id(value.removeprefix("ZohoCRM.") if isinstance(value, str) else value)
    except PydanticCustomError:
        raise wrong(
            f"{shown(value)} is not an organisation's id", 'write its digits, as "60012345678" (Zoho: Company Details)'
        ) from None


OrgId = Annotated[str, *kind(_org_id, str, type=["string", "integer"], examples=["60012345678"])]

# -------------------------------------------------------------------------------------------------- the rest of Zoho


def _client_id(value: object) -> str:
    text = text_of(value, 'write client_id = "1000.ABCDEFGH"')
    if not text.strip() or any(sign.isspace() for sign in text):
        raise wrong("is empty or has spaces in it", "copy it from the API console of your data center")
    if text.count(".") > 1:
        raise wrong("looks like a token or a grant code, not like a client id", "copy the Client ID; it has one dot")
    return text


ClientId = Annotated[str, *kind(_client_id, str, type="string", examples=["1000.ABCDEFGH"])]


def _percent(value: object) -> float | None:
    """A share from 0 to 1 written as a percentage; None when it is none."""
    found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)\s*%", value.strip()) if isinstance(value, str) else None
    share = float(found[1]) / 100 if found else -1.0
    return share if 0 <= share <= 1 else None


def _credit_limit(value: object) -> CreditLimit:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return CreditLimit(credits=value)
    share = _percent(value)
    if not share:
        raise wrong(f"{shown(value)} is not a number of credits or a share", 'write 20000 or "50%"')
    return CreditLimit(share=share)


def _write_credit_limit(limit: CreditLimit) -> int | str:
    return limit.credits or str(limit)


Credits = Annotated[
    CreditLimit,
    *kind(_credit_limit, _write_credit_limit, type=["integer", "string"], pattern=r"^[0-9.]+\s*%$", minimum=1),
]


def _share(value: object) -> float:
    share = _percent(value)
    if share is None:
        raise wrong(f"{shown(value)} is not a share", 'write "10%", or another one from "0%" to "100%"')
    return share


def format_share(share: float) -> str:
    """A share as a percentage.

    >>> format_share(0.1)
    '10%'
    """
    return f"{share * 100:g}%"


Share = Annotated[float, *kind(_share, format_share, type="string", pattern=r"^[0-9.]+\s*%$", examples=["10%"])]


def _criteria(value: object) -> Criterion:
    criterion, findings = read_criteria(value)
    if criterion is None:
        raise wrong("cannot be used", "see the sample", findings)
    return criterion


Criteria = Annotated[Criterion, *kind(_criteria, write_criteria, type=["object", "array"])]


def _words(value: object) -> tuple[str, ...]:
    words = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(words, list) or not words or not all(isinstance(word, str) and word for word in words):
        raise wrong(f"{shown(value)} is not a list of scopes", 'write scope = "ZohoCRM.bulk.READ,ZohoCRM.modules.ALL"')
    return tuple(words)


Scopes = Annotated[tuple[str, ...], *kind(_words, ",".join, type=["string", "array"])]
