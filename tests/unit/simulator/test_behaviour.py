"""Switches: only known names and fitting values."""

import pytest

from syncd.simulator import Behaviour


def test_changes_are_applied_and_the_rest_stays() -> None:
    changed = Behaviour().changed({"between": "open", "page_limit": 50, "bulk_jobs_at_once": 3, "deleted_feed_lag": 2})
    assert (changed.between, changed.page_limit, changed.bulk_jobs_at_once) == ("open", 50, 3)
    assert changed.row_order == Behaviour().row_order


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("betwen", "open"),
        ("between", "ajar"),
        ("bom", 1),
        ("page_limit", "500"),
        ("page_limit", True),
        ("result_missing_status", 410),
    ],
)
def test_wrong_switches_are_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        Behaviour().changed({name: value})


def test_every_switch_is_documented() -> None:
    documented = Behaviour.__doc__ or ""
    missing = [name for name in Behaviour.__dataclass_fields__ if name not in documented]
    assert missing == []
