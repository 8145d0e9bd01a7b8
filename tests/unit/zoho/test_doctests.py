"""The examples in docstrings are true."""

import doctest

import pytest

from syncd.zoho import callbacks, redaction, regions


@pytest.mark.parametrize("module", [callbacks, redaction, regions])
def test_examples(module: object) -> None:
    results = doctest.testmod(module)  # type: ignore[arg-type]  # a module object
    assert results.attempted > 0
    assert results.failed == 0
