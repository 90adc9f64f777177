"""The examples in docstrings are true."""

from __future__ import annotations

import doctest

import pytest

from spanledger_analytics.methods.drift import embeddings, monitoring


@pytest.mark.parametrize("module", [embeddings, monitoring], ids=lambda each: each.__name__.rpartition(".")[2])
def test_examples_of_docstrings_hold(module) -> None:
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0
