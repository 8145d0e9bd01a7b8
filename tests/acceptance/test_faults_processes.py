"""A siege in small: real processes, killed and cut off in the middle of everything, end in the truth."""

from pathlib import Path

import pytest

from tests.campaign.processes import siege

pytestmark = pytest.mark.process


def test_after_a_short_siege_the_copy_is_the_truth(tmp_path: Path) -> None:
    with siege(tmp_path, 3) as besieged:
        besieged.blow("storm")
        besieged.pause(2)
        for blow in ("kill", "forge", "power-cut", "kill", "revoke", "cut", "kill", "lock", "second"):
            besieged.blow(blow)
            besieged.pause(1)
        besieged.peace()
        assert besieged.blows["kill"] == 3
        assert besieged.slowest_stop < 10
        assert besieged.zoho.struck or besieged.database.struck
