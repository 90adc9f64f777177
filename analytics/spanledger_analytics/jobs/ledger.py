"""The ledger job: recompute the hours whose spans have changed."""

from __future__ import annotations

from spanledger_store import ledger
from spanledger_store.control import Control, dirty
from spanledger_store.engine import Engine

HOURS_A_ROUND = 500


def run(engine: Engine, control: Control) -> int:
    """Bring every marked hour up to date; how many there were.

    An hour marked again while it is being recomputed stays marked.
    """
    total = 0
    while hours := dirty.pending(control, HOURS_A_ROUND):
        ledger.recompute(engine, [(each.project_id, each.hour) for each in hours])
        dirty.clear(control, hours)
        total += len(hours)
        if len(hours) < HOURS_A_ROUND:
            break
    return total
