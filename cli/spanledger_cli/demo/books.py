"""What the store holds of a demo, and whether its books agree with its spans."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from importlib.resources import files
from typing import Any, Final

from spanledger_cli.demo.company import SERVICE
from spanledger_cli.demo.events import Story
from spanledger_cli.demo.volume import utc
from spanledger_store.engine import Engine
from spanledger_store.reports import calls
from spanledger_store.reports.scope import Dimension, Scope

PROJECT: Final = "default"


@dataclass(frozen=True, slots=True)
class CustomerLine:
    """One customer's month; `cost` None where none of its calls has a price."""

    customer: str
    calls: int
    errors: int
    unpriced: int
    tokens: int
    cost: Decimal | None


@dataclass(frozen=True, slots=True)
class Books:
    """Counts of the stored spans and the spend of the ledger, beside the same sums over the spans."""

    spans: int
    traces: int
    sessions: int
    ledger: calls.Totals
    from_spans: calls.Totals
    customers: tuple[CustomerLine, ...]

    @property
    def agree(self) -> bool:
        """True if every sum of the ledger equals that of the spans exactly."""
        one, other = self.ledger, self.from_spans
        return (one.calls, one.errors, one.unpriced_calls, one.tokens, one.priced_cost, one.costs) == (
            other.calls, other.errors, other.unpriced_calls, other.tokens, other.priced_cost, other.costs
        )  # fmt: skip


def rows_stored(engine: Engine, story: Story) -> int:
    """Rows that have arrived so far, cheaply."""
    return int(engine.rows(_sql("rows"), _window(story))[0][0])


def read(engine: Engine, story: Story) -> Books:
    """The demo's books as they are now."""
    spans, traces, sessions = engine.rows(_sql("spans"), _window(story))[0]
    scope = Scope(PROJECT, utc(story.start_ns), utc(story.end_ns))
    lines = [_line(row) for row in calls.groups(engine, scope, Dimension.CUSTOMER, ledger=True).to_dicts()]
    return Books(
        spans=int(spans),
        traces=int(traces),
        sessions=int(sessions),
        ledger=calls.totals(engine, scope, ledger=True),
        from_spans=calls.totals(engine, scope, ledger=False),
        customers=tuple(lines),
    )


def _line(row: dict[str, Any]) -> CustomerLine:
    sums = calls.totals_of(row)
    return CustomerLine(row["label"], sums.calls, sums.errors, sums.unpriced_calls, sums.all_tokens, sums.cost)


def _window(story: Story) -> dict[str, Any]:
    # A span may not start after the window ends, but it may start in its last microsecond.
    end = utc(story.end_ns) + timedelta(microseconds=1)
    return {"project": PROJECT, "service": SERVICE, "start": utc(story.start_ns), "end": end}


def _sql(name: str) -> str:
    return files("spanledger_cli.demo").joinpath("queries", f"{name}.sql").read_text("utf-8")
