"""After a crash in the middle of a deletion or repricing: the ledger hears of what was changed by then."""

from __future__ import annotations

from datetime import UTC, datetime

from spanledger_store.control import Control, dirty
from spanledger_store.control.exclusive import Occupied, exclusively
from spanledger_store.engine import Engine
from spanledger_store.sql import load

_WAIT = {"mutations_sync": 2}


def recover(engine: Engine, control: Control) -> int:
    """Mark the hours whose spans were changed by work that was cut short; how many there were.

    Such work marks its hours itself when it ends. While any is under way this does nothing, and nothing twice. What
    is left undone of a deletion stays undone until it is asked for again.
    """
    try:
        # Whoever works on stored data holds this; rows that are staged without it belong to a process that is gone.
        with exclusively(control, patience=0):
            return _recover(engine, control)
    except Occupied:
        return 0


def _recover(engine: Engine, control: Control) -> int:
    deletions = [run for (run,) in engine.rows(load("deletion_cut_short"))]
    hours = _hours(engine, "repricing_hours", {})
    repriced = bool(hours)
    for run in deletions:
        hours |= _hours(engine, "deletion_hours", {"run": run})
    dirty.mark(control, hours)
    # Only now: a crash before this marks the same hours once more.
    if repriced:
        engine.command(load("repricing_clear"), {"run": ""}, _WAIT)
    for run in deletions:
        engine.command(load("deletion_clear"), {"run": run}, _WAIT)
    return len(hours)


def _hours(engine: Engine, name: str, parameters: dict[str, str]) -> set[tuple[str, datetime]]:
    return {(project, hour.replace(tzinfo=UTC)) for project, hour in engine.rows(load(name), parameters)}
