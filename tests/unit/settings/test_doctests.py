"""The examples in the docstrings of the settings are true."""

import doctest
import importlib
import pkgutil

import pytest

import syncd.settings


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(syncd.settings.__path__)])
def test_examples(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"syncd.settings.{name}"))
    assert result.failed == 0
