"""Books with a history, for tests of what is made of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from spanledger_analytics.jobs import ledger
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.writer import write
from tests.store.rows import span_row


def spend(engine: Engine, control: Control, calls: Iterable[tuple[datetime, str, dict[str, Any]]]) -> None:
    """One call per moment, dollars and columns; the books are up to date afterwards."""
    rows = [
        span_row(
            start_time=int(at.timestamp()) * 1_000_000_000, cost_usd=Decimal(dollars), trace_id=f"{number:032x}",
            span_id=f"{number:016x}", **more,
        )
        for number, (at, dollars, more) in enumerate(calls, 1)
    ]  # fmt: skip
    write(engine, control, SpanBatch(f"spending-{len(rows)}-{rows[0]}", rows))
    ledger.run(engine, control)
