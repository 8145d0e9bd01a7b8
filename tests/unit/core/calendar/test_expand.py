"""What a rule comes to: the examples of the standard, a second opinion, and a bound on the work."""

import time
from datetime import datetime, timedelta

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given
from hypothesis import strategies as st

from syncd.core.calendar.expand import Walls, walls
from syncd.core.calendar.rules import MOST_OCCURRENCES, RuleRefused, parse_rule

FAR = datetime(9999, 12, 31, 23, 59, 59)  # noqa: DTZ001


def expanded(text: str, start: datetime, *, last: datetime = FAR, first: datetime | None = None) -> Walls:
    rule = parse_rule(text, start)
    return walls(rule, start, last=last, first=first, until=rule.last_wall(lambda at: at))


def days(text: str, start: str) -> str:
    """The occurrences of a rule as yymmdd, with the hour where it is not nine."""
    found = expanded(text, datetime.fromisoformat(start)).starts
    return " ".join(f"{one:%y%m%d}" + (f"T{one:%H%M}" if one.hour != 9 or one.minute else "") for one in found)


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        ("FREQ=YEARLY;BYMONTH=6,7;COUNT=4", "1997-06-10T09:00", "970610 970710 980610 980710"),
        ("FREQ=YEARLY;INTERVAL=3;COUNT=4;BYYEARDAY=1,100,200", "1997-01-01T09:00", "970101 970410 970719 000101"),
        ("FREQ=YEARLY;BYDAY=20MO;COUNT=3", "1997-05-19T09:00", "970519 980518 990517"),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;COUNT=3", "1997-05-12T09:00", "970512 980511 990517"),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;WKST=SU;COUNT=3", "1997-05-12T09:00", "970512 980518 990517"),
        ("FREQ=YEARLY;BYWEEKNO=1,-1;COUNT=4", "2013-01-01T09:00", "130101 131224 131231 141223"),
        ("FREQ=YEARLY;BYWEEKNO=53;INTERVAL=6;COUNT=3;BYDAY=TU,SA", "2010-01-02T09:00", "100102 151229 160102"),
        ("FREQ=YEARLY;BYMONTHDAY=29;COUNT=3", "2024-02-29T09:00", "240229 280229 320229"),
        ("FREQ=YEARLY;BYDAY=-1FR;BYMONTH=10;COUNT=3", "2010-10-29T09:00", "101029 111028 121026"),
        (
            "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8;COUNT=3",
            "1996-11-05T09:00",
            "961105 001107 041102",
        ),
        ("FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "1997-09-04T09:00", "970904 971007 971106"),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2;COUNT=4", "1997-09-29T09:00", "970929 971030 971127 971230"),
        ("FREQ=MONTHLY;BYMONTHDAY=-3;COUNT=3", "1997-09-28T09:00", "970928 971029 971128"),
        ("FREQ=MONTHLY;COUNT=4", "2007-01-31T09:00", "070131 070331 070531 070731"),
        ("FREQ=MONTHLY;BYDAY=MO,2TU;COUNT=4", "2025-01-06T09:00", "250106 250113 250114 250120"),
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=3", "1998-02-13T09:00", "980213 980313 981113"),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "1997-08-05T09:00", "970805 970810 970819 970824"),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "1997-08-05T09:00", "970805 970817 970819 970831"),
        ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1,2;COUNT=3", "2026-01-06T09:00", "260106 260112 260113"),
        ("FREQ=DAILY;BYMONTH=4,5;BYMONTHDAY=1;COUNT=3", "2024-04-01T09:00", "240401 240501 250401"),
        ("FREQ=DAILY;BYHOUR=9,10;BYMINUTE=0,20;COUNT=3", "1997-09-02T09:00", "970902 970902T0920 970902T1000"),
        ("FREQ=HOURLY;INTERVAL=3;COUNT=3", "1997-09-02T09:00", "970902 970902T1200 970902T1500"),
        (
            "FREQ=HOURLY;BYMINUTE=0,10,20,30;BYSETPOS=-2;INTERVAL=2;COUNT=3",
            "2024-10-23T15:20",
            "241023T1520 241023T1720 241023T1920",
        ),
        ("FREQ=MINUTELY;BYMINUTE=5,25;INTERVAL=61;COUNT=3", "2025-01-01T05:05", "250101T0505 250102T0125 250103T1805"),
        ("FREQ=MINUTELY;INTERVAL=90;COUNT=3", "1997-09-02T09:00", "970902 970902T1030 970902T1200"),
        ("RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD;COUNT=3", "2025-01-31T09:00", "250131 250228 250331"),
        ("RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=FORWARD;COUNT=3", "2025-01-31T09:00", "250131 250301 250331"),
        (
            "RSCALE=GREGORIAN;FREQ=YEARLY;BYYEARDAY=366;SKIP=BACKWARD;COUNT=3",
            "2012-12-31T09:00",
            "121231 131231 141231",
        ),
        ("RSCALE=GREGORIAN;FREQ=YEARLY;BYYEARDAY=366;SKIP=FORWARD;COUNT=3", "2012-12-31T09:00", "121231 140101 150101"),
        ("FREQ=DAILY;UNTIL=19970904", "1997-09-02T09:00", "970902 970903 970904"),
        ("FREQ=YEARLY;COUNT=3", "9998-01-01T09:00", "980101 990101"),
    ],
)
def test_an_example(text: str, start: str, expected: str) -> None:
    assert days(text, start) == expected


def test_a_start_that_the_rule_does_not_match_is_the_first_and_counts() -> None:
    start = datetime(1997, 9, 2, 9)  # noqa: DTZ001
    result = expanded("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=2", start)
    assert result.starts == [start, datetime(1998, 2, 13, 9)]  # noqa: DTZ001
    assert not result.on_rule
    assert result.ended


def test_a_start_behind_the_end_of_its_rule_happens_once() -> None:
    start = datetime(2025, 3, 1, 9)  # noqa: DTZ001
    result = expanded("FREQ=DAILY;UNTIL=20250101", start)
    assert (result.starts, result.ended) == ([start], True)


PARTS = st.fixed_dictionaries(
    {},
    optional={
        "INTERVAL": st.integers(1, 4).map(str),
        "BYMONTH": st.lists(st.integers(1, 12), min_size=1, max_size=3, unique=True).map(
            lambda x: ",".join(map(str, x))
        ),
        "BYHOUR": st.sampled_from(["9", "8,17"]),
        "WKST": st.sampled_from(["MO", "SU", "TH"]),
    },
)
STARTS = st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)).map(  # noqa: DTZ001
    lambda moment: moment.replace(hour=9, minute=0, second=0, microsecond=0)
)


@given(
    st.sampled_from(
        [
            "FREQ=DAILY",
            "FREQ=WEEKLY;BYDAY=MO,WE,SU",
            "FREQ=WEEKLY",
            "FREQ=MONTHLY;BYMONTHDAY=1,15,-1",
            "FREQ=MONTHLY;BYDAY=2TU,-1FR",
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1,-1",
            "FREQ=YEARLY;BYYEARDAY=1,60,-1",
            "FREQ=YEARLY;BYDAY=1MO,-1SU",
            "FREQ=DAILY;BYDAY=SA,SU",
        ]
    ),
    PARTS,
    STARTS,
    st.one_of(st.none(), st.integers(1, 30)),
)
def test_dateutil_says_the_same(base: str, parts: dict[str, str], start: datetime, count: int | None) -> None:
    assume("BYYEARDAY" not in base or "BYMONTH" not in parts)  # dateutil takes BYMONTH for an expansion there
    text = ";".join([base, *(f"{name}={value}" for name, value in parts.items())])
    text += f";COUNT={count}" if count else ""
    last = start + timedelta(days=1500)
    # dateutil leaves a start out that the rule does not match; then the counts differ by one.
    other = list(rrulestr(text.replace(f";COUNT={count}", ""), dtstart=start).between(start, last, inc=True))
    expected = sorted({start, *other})[:count]
    assert expanded(text, start, last=last).starts == expected


@given(
    st.sampled_from(
        ["FREQ=DAILY;INTERVAL=3", "FREQ=WEEKLY;BYDAY=MO,FR;INTERVAL=2", "FREQ=MONTHLY", "FREQ=YEARLY;BYDAY=1MO"]
    ),
    STARTS,
    st.integers(0, 4000),
    st.one_of(st.none(), st.integers(1, 3000)),
)
def test_a_window_is_a_part_of_the_whole(text: str, start: datetime, offset: int, count: int | None) -> None:
    """Leaping ahead finds what walking finds, also where occurrences are counted."""
    text += f";COUNT={count}" if count else ""
    first, last = start + timedelta(days=offset), start + timedelta(days=offset + 400)
    whole = expanded(text, start, last=last).starts
    assert len(whole) < MOST_OCCURRENCES
    assert expanded(text, start, first=first, last=last).starts == [one for one in whole if one >= first]


def test_the_earliest_are_kept_when_there_are_too_many() -> None:
    start = datetime(2024, 1, 1)  # noqa: DTZ001
    result = expanded("FREQ=DAILY", start)
    assert len(result.starts) == MOST_OCCURRENCES
    assert result.starts[-1] == start + timedelta(days=MOST_OCCURRENCES - 1)
    assert result.cut
    assert not result.ended


EVERY = ",".join(map(str, range(60)))


@pytest.mark.parametrize("start", [datetime(1, 1, 1, 9), datetime(2024, 1, 1, 9), datetime(9999, 12, 31, 9)])  # noqa: DTZ001
@pytest.mark.parametrize(
    "text",
    [
        "FREQ=SECONDLY",
        "FREQ=HOURLY;INTERVAL=100000",
        "FREQ=DAILY;COUNT=5000000",
        "FREQ=DAILY;BYMONTHDAY=31;COUNT=5000000",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=31",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;INTERVAL=10000000",
        "FREQ=WEEKLY;INTERVAL=2000000000",
        f"FREQ=SECONDLY;BYHOUR=1;BYMINUTE=1;BYSECOND={EVERY}",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30;BYHOUR=1;BYMINUTE=1;BYSECOND=1",
        f"FREQ=YEARLY;BYMINUTE={EVERY};BYSECOND={EVERY};COUNT=3",
        f"FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYMINUTE={EVERY};BYSETPOS=-1",
        "FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO;BYMONTH=6",
    ],
)
def test_no_rule_costs_more_than_its_share(text: str, start: datetime) -> None:
    began = time.process_time()
    try:
        result = expanded(text, start, first=datetime(1, 1, 1))  # noqa: DTZ001
    except RuleRefused:
        return
    assert time.process_time() - began < 3
    assert len(result.starts) <= MOST_OCCURRENCES
    assert result.starts[0] == start
