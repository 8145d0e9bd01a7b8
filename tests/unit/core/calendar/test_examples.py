"""The examples in the docstrings of the calendar are true."""

import doctest
import importlib
import pkgutil

import pytest

import syncd.core.calendar


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(syncd.core.calendar.__path__)])
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"syncd.core.calendar.{name}")).failed == 0
