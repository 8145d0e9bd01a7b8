"""The examples in the docstrings of the core are true."""

import doctest
import importlib
import pkgutil

import pytest

import syncd.core


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(syncd.core.__path__)])
def test_examples(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"syncd.core.{name}"))
    assert result.failed == 0
