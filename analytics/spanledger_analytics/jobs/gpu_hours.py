"""The job that spreads days of GPUs over their calls once they are over, and again where calls came late."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from spanledger.pricebook import Kind
from spanledger_store.control import Control, prices
from spanledger_store.control.exclusive import exclusively
from spanledger_store.engine import Engine
from spanledger_store.pricing import gpu_hours

LOOK_BACK = timedelta(days=7)
"""How late calls may come and still be counted by the job; `spanledger reprice` knows no such end."""


def run(engine: Engine, control: Control, progress: Callable[[str, int, int], None]) -> int:
    """Spread the days of the last week that have to be; how many calls changed."""
    book = prices.book(control)
    entries = [each for each in book.entries if each.kind is Kind.GPU]
    now = datetime.now(UTC)
    changed = 0
    for number, entry in enumerate(entries):
        progress("spreading hours of GPUs", number, len(entries))
        with exclusively(control):
            changed += gpu_hours.spread(engine, control, book, entry, (now - LOOK_BACK, now), "job")
    return changed
