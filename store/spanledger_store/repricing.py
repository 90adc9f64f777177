"""Giving stored calls the prices that the current price list has for the moment they began."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Context, Decimal
from typing import Any, Final

from spanledger.pricing import Cost, price
from spanledger.usage import Usage
from spanledger_store import audit, ledger, settling
from spanledger_store.columns import HOUR_NS, hours_of
from spanledger_store.control import Control, dirty
from spanledger_store.control.exclusive import exclusively
from spanledger_store.engine import Engine
from spanledger_store.sql import load

BLOCK: Final = 20_000
# What the column holds. An amount beyond it is no call's price, and arrives as unpriced as well.
_LARGEST: Final = Decimal(999_999)
_EXACT: Final = Context(prec=60)
_ZERO: Final = Decimal(0)
_PARTS: Final[Mapping[str, str]] = {
    "cost_usd": "total",
    "input_cost_usd": "input",
    "cache_read_cost_usd": "cache_read",
    "cache_write_cost_usd": "cache_write",
    "output_cost_usd": "output",
    "other_cost_usd": "other",
}
_KEY = ("start_time", "trace_id", "span_id", "replaces")
_COLUMNS = ("run", "project_id", *_KEY, *_PARTS, "price_source")


@dataclass(frozen=True, slots=True)
class Period:
    """Which calls: those of a project that began in [start, end), of one customer and one model where given."""

    start: datetime
    end: datetime
    project: str = "default"
    customer: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """Calls of one model: their cost before and after, how many rows differ, and how many had no price before."""

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


@dataclass(slots=True)
class _Run:
    """What one repricing has gathered so far."""

    models: dict[tuple[str, str], Change] = field(default_factory=dict[tuple[str, str], Change])
    starts: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])

    @property
    def changed(self) -> int:
        return sum(each.changed for each in self.models.values())


def reprice(
    engine: Engine, control: Control, period: Period, *, interface: str, dry_run: bool = False
) -> dict[tuple[str, str], Change]:
    """(provider, model) -> what the current prices change; with `dry_run` only what they would.

    A call that the price list does not know keeps the cost it has, `client_cost_usd` is never touched, nor
    are calls whose spans have expired: see `expired_calls`. Running it again changes nothing. The ledger equals the
    spans again when this returns.
    """
    if dry_run:
        return _repriced(engine, control, period, interface, dry_run=True)
    # Prices must not be written to a span while retention closes its books.
    with exclusively(control):
        return _repriced(engine, control, period, interface, dry_run=False)


def expired_calls(engine: Engine, period: Period) -> int:
    """Calls of the hours that begin in the period whose spans have expired: they keep the prices they had."""
    parameters = {
        "project": period.project,
        "customer": period.customer,
        "model": period.model,
        "start": _nanoseconds(period.start),
        "end": _nanoseconds(period.end),
    }
    return int(engine.rows(load("repricing_expired"), parameters)[0][0])


def _repriced(
    engine: Engine, control: Control, period: Period, interface: str, *, dry_run: bool
) -> dict[tuple[str, str], Change]:
    action = audit.Action("reprice", period.project, "", interface)
    run = _Run()
    if not dry_run:
        # A run that was cut short may have written prices without recomputing their hours.
        leftover = engine.rows(load("repricing_hours"))
        dirty.mark(control, [(project, hour.replace(tzinfo=UTC)) for project, hour in leftover])
    # Spans are read in the order of their key, each block after the last row of the one before.
    after = (_nanoseconds(period.start), "", "")
    try:
        while rows := _read(engine, period, after):
            after = (rows[-1]["start_ns"], rows[-1]["trace_id"], rows[-1]["span_id"])
            corrected = _corrected(period.project, rows, run)
            if corrected and not dry_run:
                if not run.starts:
                    audit.begin(engine, action)
                _write(engine, period.project, f"{action.run}-{after[0]}-{after[1]}-{after[2]}", corrected)
                run.starts |= {(period.project, row[2] // HOUR_NS * HOUR_NS) for row in corrected}
    finally:
        # Whatever has been written counts, even where a later block fails.
        if run.starts:
            settling.settle(engine, control, sorted(hours_of(run.starts)))
            engine.command(load("repricing_clear"), {"run": action.run}, {"mutations_sync": 2})
    if run.starts:
        audit.finish(engine, action, *_summary(period, run))
    return run.models


def as_json(models: Mapping[tuple[str, str], Change]) -> list[dict[str, Any]]:
    """One object per model, by name, with every amount as a string of all its digits."""
    return [
        {
            "provider": provider,
            "model": model,
            "calls": each.calls,
            "changed": each.changed,
            "newly_priced": each.newly_priced,
            "unpriced": each.unpriced,
            "old_cost": f"{each.old_cost:f}",
            "new_cost": f"{each.new_cost:f}",
        }
        for (provider, model), each in sorted(models.items())
    ]


def _read(engine: Engine, period: Period, after: tuple[int, str, str]) -> list[dict[str, Any]]:
    parameters = {
        "project": period.project,
        "customer": period.customer,
        "model": period.model,
        "start": after[0],
        "trace": after[1],
        "span": after[2],
        "end": _nanoseconds(period.end),
        "limit": BLOCK,
    }
    sql = ledger.beside_frozen("repricing_read", load("repricing_period"))
    return engine.query(sql, parameters).to_dicts()


def _corrected(project: str, rows: list[dict[str, Any]], run: _Run) -> list[tuple[Any, ...]]:
    """The rows whose price changes, for the staging table; every row is counted in `run`."""
    found: list[tuple[Any, ...]] = []
    for row in rows:
        old: Decimal | None = row["cost_usd"]
        cost = _price(row)
        new = old if cost is None else cost.total
        differs = cost is not None and (
            row["price_source"] != cost.source or any(row[name] != getattr(cost, part) for name, part in _PARTS.items())
        )
        name, n = (row["provider"], row["model"]), row["call_count"]
        change = Change(
            n, differs * n, n * (old is None and new is not None), n * (new is None), old or _ZERO, new or _ZERO
        )
        run.models[name] = run.models.get(name, Change()).plus(change)
        if cost is not None and differs:
            amounts = [getattr(cost, part) for part in _PARTS.values()]
            key = (row["start_ns"], row["trace_id"], row["span_id"], row["version_ns"])
            found.append(("", project, *key, *amounts, cost.source))
    return found


def _price(row: Mapping[str, Any]) -> Cost | None:
    usage = Usage(
        row["input_tokens"],
        row["cache_read_tokens"],
        row["cache_write_tokens"],
        row["output_tokens"],
        row["reasoning_tokens"],
        dict(zip(row["other_names"], row["other_counts"], strict=True)),
    )
    at = datetime.fromtimestamp(row["start_ns"] // 1_000_000_000, UTC)
    provider, model = row["provider"] or None, row["model"] or None
    cost = price(usage, provider=provider, model=model, at=at, calls=row["call_count"])
    return None if cost is None or cost.total > _LARGEST else cost


def _write(engine: Engine, project: str, run: str, rows: list[tuple[Any, ...]]) -> None:
    columns = dict(zip(_COLUMNS, zip(*rows, strict=True), strict=True))
    columns["run"] = (run,) * len(rows)
    engine.insert("repricing_rows", columns, run)
    parameters = {"run": run, "project": project, "start": rows[0][2], "end": rows[-1][2]}
    # Every call may lie in a month of its own, and the same rows may rightly come again after a deletion.
    settings = {"max_partitions_per_insert_block": 0, "insert_deduplicate": 0}
    engine.command(load("repricing_apply"), parameters, settings)


def _nanoseconds(moment: datetime) -> int:
    return int(moment.replace(microsecond=0).timestamp()) * 1_000_000_000 + moment.microsecond * 1000


def _summary(period: Period, run: _Run) -> tuple[dict[str, int], dict[str, str]]:
    total = Change()
    for each in run.models.values():
        total = total.plus(each)
    counts = {"calls": total.calls, "changed": total.changed, "newly_priced": total.newly_priced}
    details = {
        "from": period.start.astimezone(UTC).isoformat(),
        "to": period.end.astimezone(UTC).isoformat(),
        "model": period.model,
        "cost_before": f"{total.old_cost:f}",
        "cost_after": f"{total.new_cost:f}",
    }
    for (provider, model), each in sorted(run.models.items()):
        if each.changed:
            details[f"{provider}/{model}"] = f"{each.old_cost:f} -> {each.new_cost:f}"
    return counts, details
