"""Rules: read whole, completed from their start, or refused with a reason."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.calendar.rules import Frequency, RuleRefused, parse_rule

START = datetime(2025, 3, 5, 9, 30)  # noqa: DTZ001 - a Wednesday


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("MP3 3+ FR #17", "not a rule"),
        ("", "FREQ"),
        ("FREQ=FORTNIGHTLY", "FREQ"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=two", "INTERVAL"),
        ("FREQ=DAILY;COUNT=0", "COUNT"),
        ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL"),
        ("FREQ=WEEKLY;BYDAY=XX", "BYDAY"),
        ("FREQ=WEEKLY;WKST=XX", "WKST"),
        ("FREQ=YEARLY;BYMONTH=5L", "BYMONTH"),
        ("FREQ=YEARLY;BYMONTH=13", "no possible value"),
        ("RSCALE=CHINESE;FREQ=YEARLY", "RSCALE"),
        ("RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=SIDEWAYS", "SKIP"),
        ("FREQ=SECONDLY", "times a day"),
        ("FREQ=MINUTELY", "times a day"),
        ("FREQ=SECONDLY;COUNT=1000000", "times a day"),
        ("FREQ=SECONDLY;UNTIL=20260101", "times a day"),
        (f"FREQ=DAILY;BYHOUR={','.join(map(str, range(24)))};BYMINUTE={','.join(map(str, range(60)))}", "times a day"),
        (f"FREQ=YEARLY;BYMINUTE={','.join(map(str, range(60)))};BYSECOND=0,1,2,3,4,5,6,7,8,9;BYSETPOS=1", "BYSETPOS"),
    ],
)
def test_a_refusal_says_why(text: str, reason: str) -> None:
    with pytest.raises(RuleRefused, match=reason):
        parse_rule(text, START)


@pytest.mark.parametrize(
    "text",
    ["FREQ=HOURLY", "FREQ=MINUTELY;INTERVAL=15", "FREQ=SECONDLY;COUNT=60", "FREQ=MINUTELY;UNTIL=20250305T120000"],
)
def test_what_ends_or_is_seldom_enough_is_accepted(text: str) -> None:
    parse_rule(text, START)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("FREQ=YEARLY", {"months": (3,), "month_days": (5,), "days": ()}),
        ("FREQ=YEARLY;BYMONTH=1,2", {"months": (1, 2), "month_days": (5,)}),
        ("FREQ=YEARLY;BYMONTHDAY=1", {"months": (3,), "month_days": (1,)}),
        ("FREQ=YEARLY;BYWEEKNO=20", {"days": ((0, 2),), "months": ()}),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=2MO", {"days": ((0, 0),)}),
        ("FREQ=YEARLY;BYDAY=20MO", {"days": ((20, 0),), "ordinals_in_year": True, "months": ()}),
        ("FREQ=YEARLY;BYDAY=1MO;BYMONTH=3", {"ordinals_in_year": False}),
        ("FREQ=MONTHLY", {"month_days": (5,)}),
        ("FREQ=MONTHLY;BYDAY=MO,2TU,0WE", {"days": ((0, 0), (2, 1)), "month_days": ()}),
        ("FREQ=WEEKLY", {"days": ((0, 2),)}),
        ("FREQ=WEEKLY;BYDAY=1MO", {"days": ((0, 0),)}),
        ("freq=weekly;byday=mo;", {"days": ((0, 0),)}),
        ("FREQ=DAILY", {"hours": (9,), "minutes": (30,), "seconds": (0,)}),
        ("FREQ=HOURLY;INTERVAL=8", {"hours": (), "minutes": (30,)}),
        ("FREQ=DAILY;COUNT=-1", {"count": None}),
        ("FREQ=DAILY;BYSECOND=60", {"seconds": (59,)}),
        ("FREQ=DAILY;INTERVAL=2000000000", {"interval": 2_000_000_000}),
    ],
)
def test_what_a_rule_leaves_open_comes_from_its_start(text: str, filled: dict[str, object]) -> None:
    rule = parse_rule(text, START)
    assert {name: getattr(rule, name) for name in filled} == filled


def test_a_day_has_no_time_of_day() -> None:
    rule = parse_rule("FREQ=DAILY;BYMINUTE=1,2,3;BYHOUR=4", START, all_day=True)
    assert (rule.hours, rule.minutes, rule.seconds) == ((0,), (0,), (0,))
    with pytest.raises(RuleRefused, match="all-day"):
        parse_rule("FREQ=HOURLY", START, all_day=True)


def test_what_is_dropped_is_noted() -> None:
    rule = parse_rule("FREQ=MONTHLY;UNTL=20250101;BYMONTHDAY=1,99;COUNT=3;COUNT=4", START)
    assert rule.notes == ("UNTL is not known", "COUNT is given twice", "BYMONTHDAY 99 is dropped")
    assert rule.count == 3


@pytest.mark.parametrize(
    ("until", "last"),
    [
        ("20250310", "2025-03-10T23:59:59"),
        ("20250310T120000", "2025-03-10T12:00"),
        ("20250310T120000Z", "2025-03-10T13:00"),
        ("20250310T120000+0200", "2025-03-10T11:00"),
    ],
)
def test_the_end_as_a_wall_time(until: str, last: str) -> None:
    rule = parse_rule(f"FREQ=DAILY;UNTIL={until}", START)
    assert rule.last_wall(lambda at: at.replace(hour=at.hour + 1)) == datetime.fromisoformat(last)


@given(st.text(alphabet="FREQ=DAILYWKMONTH;INTERVALBYSETPOSUNTILCOUNT0123456789-+,", max_size=60))
def test_any_text_is_a_rule_or_refused(text: str) -> None:
    try:
        rule = parse_rule(f"FREQ=YEARLY;{text}", START)
    except RuleRefused:
        return
    assert rule.frequency in Frequency
