"""A client over a scripted Zoho, and retries without waiting."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina

from tests.unit.zoho.mock_zoho import Rig


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path / "state")
    yield made
    made.close()
