"""Giving stored calls the prices that the current price list and the user's own book have for the moment they began."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from decimal import Context, Decimal
from typing import Any, Final

from spanledger.pricebook import Book, Kind
from spanledger.pricing import Cost, price, service_class
from spanledger_store import audit
from spanledger_store.control import Control, dirty, prices
from spanledger_store.control.exclusive import exclusively
from spanledger_store.engine import Engine
from spanledger_store.pricing import gpu_hours
from spanledger_store.pricing.price_writing import LARGEST, New, Rewriting, differs
from spanledger_store.sql import load
from spanledger_store.stored_calls import Period, blocks, expired_calls, moment_of, slice_of, usage_of

__all__ = [
    "Change",
    "Period",
    "Verdict",
    "as_json",
    "change_as_json",
    "change_of",
    "expired_calls",
    "judged",
    "reprice",
]

_EXACT: Final = Context(prec=60)
_ZERO: Final = Decimal(0)
# How the sources of the user's own prices begin.
_OWN: Final = "own "


@dataclass(frozen=True, slots=True)
class Change:
    """Calls of one slice: their cost before and after, how many rows differ, and how many had no price before."""

    calls: int = 0
    changed: int = 0
    newly_priced: int = 0
    unpriced: int = 0
    old_cost: Decimal = _ZERO
    new_cost: Decimal = _ZERO

    def plus(self, other: Change) -> Change:
        """Both together, exactly."""
        return Change(
            self.calls + other.calls,
            self.changed + other.changed,
            self.newly_priced + other.newly_priced,
            self.unpriced + other.unpriced,
            _EXACT.add(self.old_cost, other.old_cost),
            _EXACT.add(self.new_cost, other.new_cost),
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a stored call costs by a book; `stands` where its row says so already, or nobody can say better."""

    cost: Cost | None
    stands: bool


@dataclass(slots=True)
class _Run:
    """What one repricing has gathered so far."""

    models: dict[tuple[str, str], Change] = field(default_factory=dict[tuple[str, str], Change])

    def count(self, row: Mapping[str, Any], verdict: Verdict) -> None:
        name = (row["provider"], row["model"])
        self.models[name] = self.models.get(name, Change()).plus(change_of(row, verdict))


def reprice(
    engine: Engine,
    control: Control,
    period: Period,
    *,
    interface: str,
    dry_run: bool = False,
) -> dict[tuple[str, str], Change]:
    """(provider, model) -> what the current prices change; with `dry_run` only what they would.

    A call that neither book nor list knows keeps the cost it has, unless that was from an own price that has been
    withdrawn: then it is unpriced again. `client_cost_usd` is never touched, nor are calls whose spans have expired:
    see `expired_calls`. Days of GPUs that the period touches are spread anew where they have to be. Running it again
    changes nothing. The ledger equals the spans again when this returns.
    """
    book = prices.book(control)
    if dry_run:
        run = _Run()
        for block in blocks(engine, period):
            for row in block:
                run.count(row, judged(row, period.project, book))
        return run.models
    # Prices must not be written to a span while retention closes its books.
    with exclusively(control):
        found = _repriced(engine, control, period, book, interface)
        for entry in book.entries:
            if entry.kind is Kind.GPU and entry.project == period.project:
                gpu_hours.spread(engine, control, book, entry, (period.start, period.end), interface)
        return found


def judged(row: Mapping[str, Any], project: str, book: Book) -> Verdict:
    """What a row that `calls` answered costs by the book and the price list."""
    usage, at = usage_of(row), moment_of(row)
    if book:
        of = slice_of(row, project)
        base = book.terms(of, at).base
        if base is not None and base.kind is Kind.GPU and row["price_source"] == gpu_hours.measured(base):
            return Verdict(None, stands=True)
        cost = book.price(usage, of, at, row["call_count"])
    else:
        cost = price(
            usage, provider=row["provider"] or None, model=row["model"] or None, at=at, calls=row["call_count"],
            service=service_class(row["service_tier"]),
        )  # fmt: skip
    if cost is not None and cost.total > LARGEST:
        cost = None
    if cost is None:
        return Verdict(None, stands=not row["price_source"].startswith(_OWN))
    return Verdict(cost, stands=not differs(row, cost))


def change_of(row: Mapping[str, Any], verdict: Verdict) -> Change:
    """One row's part in what changes."""
    old: Decimal | None = row["cost_usd"]
    new = old if verdict.cost is None and verdict.stands else verdict.cost.total if verdict.cost else None
    n = row["call_count"]
    return Change(
        n,
        n * (not verdict.stands),
        n * (old is None and new is not None),
        n * (new is None),
        old or _ZERO,
        new or _ZERO,
    )


def as_json(models: Mapping[tuple[str, str], Change]) -> list[dict[str, Any]]:
    """One object per model, by name, with every amount as a string of all its digits."""
    return [
        {"provider": provider, "model": model, **change_as_json(each)}
        for (provider, model), each in sorted(models.items())
    ]


def change_as_json(change: Change) -> dict[str, Any]:
    """A change's counts, and its amounts as strings of all their digits."""
    return {
        "calls": change.calls,
        "changed": change.changed,
        "newly_priced": change.newly_priced,
        "unpriced": change.unpriced,
        "old_cost": f"{change.old_cost:f}",
        "new_cost": f"{change.new_cost:f}",
    }


def _repriced(
    engine: Engine, control: Control, period: Period, book: Book, interface: str
) -> dict[tuple[str, str], Change]:
    action = audit.Action("reprice", period.project, "", interface)
    run = _Run()
    # A run that was cut short may have written prices without recomputing their hours.
    leftover = engine.rows(load("repricing_hours"))
    dirty.mark(control, [(project, hour.replace(tzinfo=UTC)) for project, hour in leftover])
    with Rewriting(engine, control, action) as rewriting:
        for block in blocks(engine, period):
            news: list[New] = []
            for row in block:
                verdict = judged(row, period.project, book)
                run.count(row, verdict)
                if not verdict.stands:
                    news.append((row, verdict.cost))
            rewriting.write(news)
    if rewriting.has_written:
        audit.finish(engine, action, *_summary(period, run, book))
    return run.models


def _summary(period: Period, run: _Run, book: Book) -> tuple[dict[str, int], dict[str, str]]:
    total = Change()
    for each in run.models.values():
        total = total.plus(each)
    counts = {"calls": total.calls, "changed": total.changed, "newly_priced": total.newly_priced}
    details = {
        "from": period.start.astimezone(UTC).isoformat(),
        "to": period.end.astimezone(UTC).isoformat(),
        "model": period.model,
        "book": str(book.revision),
        "cost_before": f"{total.old_cost:f}",
        "cost_after": f"{total.new_cost:f}",
    }
    for (provider, model), each in sorted(run.models.items()):
        if each.changed:
            details[f"{provider}/{model}"] = f"{each.old_cost:f} -> {each.new_cost:f}"
    return counts, details
