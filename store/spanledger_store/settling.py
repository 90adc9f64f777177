"""The ledger of given hours, brought up to date at once by whoever has changed their spans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Context, Decimal

from spanledger_store import ledger
from spanledger_store.control import Control, dirty
from spanledger_store.engine import Engine

Hours = Sequence[tuple[str, datetime]]

# The sums of one statement are exact; their sum must be as well, whatever the caller's context rounds to.
_EXACT = Context(prec=60)


@dataclass(frozen=True, slots=True)
class Sums:
    """Billable calls and their cost in some hours, as the ledger and as the spans have it."""

    ledger_calls: int = 0
    ledger_cost: Decimal = Decimal(0)
    span_calls: int = 0
    span_cost: Decimal = Decimal(0)

    @property
    def equal(self) -> bool:
        """True where the books agree with the calls, to the last digit."""
        return (self.ledger_calls, self.ledger_cost) == (self.span_calls, self.span_cost)

    def as_json(self) -> dict[str, int | str]:
        """The sums with every amount as a string of all its digits."""
        return {
            "ledger_calls": self.ledger_calls,
            "ledger_cost": f"{self.ledger_cost:f}",
            "span_calls": self.span_calls,
            "span_cost": f"{self.span_cost:f}",
        }


def settle(engine: Engine, control: Control, hours: Hours) -> None:
    """Mark the hours and recompute them now.

    The marks stay: a scheduler may be recomputing one of these hours from spans it read before, and only another
    round afterwards is sure to have the last word.
    """
    dirty.mark(control, hours)
    ledger.recompute(engine, hours)


def sums(engine: Engine, project: str, hours: Sequence[datetime]) -> Sums:
    """What ledger and spans, those frozen included, say of a project's hours."""
    found = Sums()
    ordered = sorted(set(hours))
    for at in range(0, len(ordered), ledger.HOURS_PER_STATEMENT):
        chunk = ordered[at : at + ledger.HOURS_PER_STATEMENT]
        values = {"project": project, "hours": chunk, "first": chunk[0], "end": chunk[-1] + timedelta(hours=1)}
        books_calls, books_cost, calls, cost = engine.rows(ledger.over_hours("hours_sums"), values)[0]
        found = Sums(
            found.ledger_calls + books_calls,
            _EXACT.add(found.ledger_cost, books_cost),
            found.span_calls + calls,
            _EXACT.add(found.span_cost, cost),
        )
    return found
