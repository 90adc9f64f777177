"""The ledger job: recompute the hours whose spans have changed."""

from __future__ import annotations

from spanledger_store import joining, ledger
from spanledger_store.control import Control, dirty, joins
from spanledger_store.engine import Engine

HOURS_A_ROUND = 500


def run(engine: Engine, control: Control) -> int:
    """Bring every marked hour up to date; how many there were.

    An hour marked again while it is being recomputed stays marked. Spans in it that log records tell something about
    are handed on to the join.
    """
    total = 0
    while hours := dirty.pending(control, HOURS_A_ROUND):
        marked = [(each.project_id, each.hour) for each in hours]
        ledger.recompute(engine, marked)
        joins.mark(control, joining.candidates(engine, marked))
        dirty.clear(control, hours)
        total += len(hours)
        if len(hours) < HOURS_A_ROUND:
            break
    return total
