"""The join job: what log records told is put beside the spans that they told it of."""

from __future__ import annotations

from spanledger_store import joining
from spanledger_store.control import Control, joins
from spanledger_store.engine import Engine

SUBJECTS_A_ROUND = 2000


def run(engine: Engine, control: Control) -> int:
    """Join every marked trace and response; how many there were.

    A subject marked again meanwhile stays marked. One whose span has not arrived is let go: the span's hour will be
    marked when it comes, and the ledger job puts the subject back on this list.
    """
    total = 0
    while marks := joins.pending(control, SUBJECTS_A_ROUND):
        joining.join(engine, control, [each.waiting for each in marks])
        joins.clear(control, marks)
        total += len(marks)
        if len(marks) < SUBJECTS_A_ROUND:
            break
    return total
