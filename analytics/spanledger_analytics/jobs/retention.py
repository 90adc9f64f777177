"""The retention job: once a UTC day, what projects no longer keep is removed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from spanledger_store.control import Control, keeping
from spanledger_store.engine import Engine
from spanledger_store.lifecycle import retention


def run(engine: Engine, control: Control, progress: Callable[[str, int, int], None] = lambda *_: None) -> int:
    """Do today's retention where it has not been done; how many rows went.

    A day counts as done only when it is: one that was cut short comes round again.
    """
    today = datetime.now(UTC)
    if not keeping.days(control) or keeping.last_run(control) == today.date():
        return 0
    gone = retention.run(
        engine, control, now=today, interface="daily job", progress=lambda kind: progress(f"expiring {kind}", 0, 0)
    )
    keeping.note_run(control, today.date())
    return sum(each.rows for each in gone)
