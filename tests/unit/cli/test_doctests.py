"""The examples in the docstrings of the command line are true."""

import doctest
import importlib

import pytest


@pytest.mark.parametrize("name", ["wording", "tables", "init_steps"])
def test_examples(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"syncd.cli.{name}"))
    assert result.failed == 0
    assert result.attempted > 0
