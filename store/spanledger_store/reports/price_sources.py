"""Which price made what of a stretch's cost."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from spanledger_store.engine import Engine
from spanledger_store.sql import load
from spanledger_store.stored_calls import Period


def price_sources(engine: Engine, period: Period) -> list[dict[str, Any]]:
    """Every price that made a cost: provider, model, price_source, calls, cost_usd (exact, a string of all its digits).

    Costs add up to the ledger's for whole hours, as long as the spans are kept. A price_source '' is calls without a
    price.
    """
    parameters = {
        "project": period.project,
        "start": period.start,
        "end": period.end,
        "customer": period.customer,
        "model": period.model,
    }
    rows = engine.query(load("price_sources"), parameters).to_dicts()
    return [{**row, "cost_usd": f"{row['cost_usd']:f}"} for row in rows]


@dataclass(frozen=True, slots=True)
class Made:
    """What one price made of one model's calls; `cost` is exact, and 0 where the calls have none."""

    model: str
    source: str
    calls: int
    cost: Decimal


def sources_by_day(engine: Engine, period: Period) -> dict[date, list[Made]]:
    """The same for each UTC day that has calls; the period's customer and model are not looked at."""
    found: defaultdict[date, list[Made]] = defaultdict(list)
    parameters = {"project": period.project, "start": period.start, "end": period.end}
    for row in engine.query(load("price_days"), parameters).to_dicts():
        found[row["day"]].append(Made(row["model"], row["price_source"], row["calls"], row["cost_usd"]))
    return dict(found)
