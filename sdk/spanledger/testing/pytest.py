"""The fixture `spanledger_spans`. In the top conftest.py: `pytest_plugins = ["spanledger.testing.pytest"]`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from spanledger.testing import Recorder, capture

__all__ = ["spanledger_spans"]


@pytest.fixture
def spanledger_spans() -> Iterator[Recorder]:
    """Record what is observed during the test; a sequence of plain dicts."""
    with capture() as recorder:
        yield recorder
