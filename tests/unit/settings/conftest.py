"""A folder for a configuration, with secrets beside it."""

from pathlib import Path

import pytest

from tests.unit.settings.config_folder import ConfigFolder


@pytest.fixture
def folder(tmp_path: Path) -> ConfigFolder:
    """An empty folder for a configuration, with secrets beside it."""
    return ConfigFolder(tmp_path)
