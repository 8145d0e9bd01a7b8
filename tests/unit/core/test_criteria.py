"""Criteria: a window can lose no row at its ends, and nothing is sent that Zoho refuses by shape."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.criteria import all_of, between, export_criterion, leaves, stamp
from syncd.core.model import Comparison, Criterion, Cursor, Group, Window
from syncd.core.windows import SECOND

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WINDOW = Window(Cursor.MODIFIED, NOON, NOON + 59 * SECOND)
leaf = st.builds(Comparison, st.sampled_from(["Stage", "Amount"]), st.just("equal"), st.integers(0, 9))
criteria: st.SearchStrategy[Criterion] = st.recursive(
    leaf,
    lambda inner: st.builds(Group, st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3).map(tuple)),
    max_leaves=12,
)


def test_a_window_is_asked_for_a_second_wider_so_that_open_ends_lose_nothing() -> None:
    assert between(WINDOW).value == ("2026-03-01T11:59:59+00:00", "2026-03-01T12:01:00+00:00")


@given(st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_stamps_have_whole_seconds_and_a_numeric_offset(moment: datetime) -> None:
    text = stamp(moment.replace(microsecond=0))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", text)
    assert datetime.fromisoformat(text) == moment.replace(microsecond=0)


@pytest.mark.parametrize(
    "moment",
    [NOON.replace(microsecond=1), NOON.replace(tzinfo=None), NOON.astimezone(tz=None).replace(tzinfo=None)],
)
def test_a_stamp_of_anything_else_is_refused(moment: datetime) -> None:
    with pytest.raises(ValueError, match="whole second in UTC"):
        stamp(moment)


def groups(criterion: Criterion | None) -> list[Group]:
    if not isinstance(criterion, Group):
        return []
    return [criterion, *(group for member in criterion.members for group in groups(member))]


@given(st.none() | criteria)
def test_no_group_of_one_is_ever_sent_and_no_leaf_is_lost(user: Criterion | None) -> None:
    sent = export_criterion(WINDOW, user)
    assert leaves(sent) == leaves(user) + 1
    assert all(len(group.members) >= 2 for group in groups(sent))
    assert export_criterion(None, user) == all_of(user)


def test_more_leaves_than_zoho_takes_are_an_error_here_not_there() -> None:
    user = Group("or", tuple(Comparison("Amount", "equal", number) for number in range(25)))
    assert leaves(export_criterion(None, user)) == 25
    with pytest.raises(ValueError, match="26 criteria"):
        export_criterion(WINDOW, user)


def test_a_window_in_another_offset_is_a_bug() -> None:
    from datetime import timezone

    shifted = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    with pytest.raises(ValueError, match="whole second in UTC"):
        stamp(shifted)
