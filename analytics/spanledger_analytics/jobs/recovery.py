"""The recovery job: what a deletion or repricing changed before its process died is put right in the ledger."""

from __future__ import annotations

from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.lifecycle import recovery


def run(engine: Engine, control: Control) -> int:
    """Mark the hours of work that was cut short; how many there were."""
    return recovery.recover(engine, control)
