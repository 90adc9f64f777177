"""Each fault once, as short as it makes sense; `make faults` takes minutes for each and writes the table."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.line.faults import FAULTS, Impossible

# Those two have tests of their own.
ELSEWHERE = ("kill -9", "SIGTERM")


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in FAULTS if name not in ELSEWHERE])
def test_everything_acknowledged_is_stored_or_named(name: str, tmp_path: Path) -> None:
    try:
        outcome = FAULTS[name](tmp_path, 2)
    except Impossible as reason:
        pytest.skip(str(reason))
    outcome.check()
