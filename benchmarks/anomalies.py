"""The anomaly detector on the demo's month: what it finds, in which slice first, after how long, and what it finds
beside.

python benchmarks/anomalies.py --seeds 30                    # the table
python benchmarks/anomalies.py --seeds 30 --null 30 --json F # and months without events: false alarms

Months are told by the demo's own story and traffic, priced by the price list and summed up by hour and slice, without
sending anything. --cache keeps the sums of a month in a directory.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from benchmarks.documents import DOCS, renew

from spanledger.pricing import price
from spanledger_analytics.methods.anomalies.cells import Cells
from spanledger_analytics.methods.anomalies.detection import Walk, detect
from spanledger_analytics.methods.anomalies.events import Event, Past, Planned, Settings
from spanledger_analytics.methods.anomalies.scan import DAY, Channel
from spanledger_cli.demo.events import Event as Told
from spanledger_cli.demo.events import EventType, Story
from spanledger_cli.demo.story import story
from spanledger_cli.demo.traffic import traffic
from spanledger_cli.demo.volume import utc

END = datetime(2026, 11, 1, tzinfo=UTC)
HOUR_NS = 3_600_000_000_000
QUARTER_NS = HOUR_NS // 4
LATEST = 4 * 24
COST: tuple[EventType, ...] = ("token_increase", "cache_failure")
EVERYTHING: tuple[EventType, ...] = (
    "token_increase", "cache_failure", "latency_regression", "error_burst", "new_topic", "planned_launch",
    "new_customer", "weekend_dip",
)  # fmt: skip
TOKENS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
SUMS = ("calls", "errors", "unpriced_calls", "cache_hits", *TOKENS, "cost_usd")


@dataclass(frozen=True)
class Month:
    """One month's outcome."""

    seed: int
    truths: list[dict[str, Any]]
    false: list[str]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument(
        "--first", type=int, default=1000, help="the first seed; those below 1000 served to choose settings"
    )
    parser.add_argument("--null", type=int, default=0, help="months without events")
    parser.add_argument("--unplanned", action="store_true", help="do not tell of planned launches")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--docs", action="store_true", help="renew the table of docs/methods.md")
    chosen = parser.parse_args()
    seeds = range(chosen.first, chosen.first + chosen.seeds)
    with ProcessPoolExecutor(chosen.processes) as pool:
        work = partial(month, cache=chosen.cache, plans=not chosen.unplanned)
        months = list(pool.map(work, seeds))
        nulls = list(pool.map(partial(null, cache=chosen.cache), range(chosen.first, chosen.first + chosen.null)))
    result = summary(months, nulls)
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(table(result))
    for each in months:
        for truth in each.truths:
            if not truth["found"] or not truth["culprit"]:
                print(each.seed, truth)
        for name in each.false:
            print(each.seed, "false:", name)
    for seed, names in nulls:
        for name in names:
            print(seed, "null:", name)
    if chosen.docs:
        renew(DOCS / "methods.md", "anomalies", table(result))


def lines(told: Story, name: str, cache: Path | None = None) -> pl.DataFrame:
    """The story's ledger lines by quarter of an hour, customer, feature, provider and model."""
    path = cache / f"{name}.parquet" if cache else None
    if path and path.exists():
        return pl.read_parquet(path)
    rows: list[tuple[Any, ...]] = []
    for plan in traffic(told):
        for span in plan.root.walk():
            if span.kind not in ("llm", "embedding"):
                continue
            usage, failed = span.usage, span.error is not None
            cost = None
            if usage is not None and not failed and not span.cache_hit:
                cost = price(usage, provider=span.provider, model=span.model, at=utc(plan.start_ns))
            tokens = [getattr(usage, each, None) or 0 for each in TOKENS]
            unpriced = not failed and not span.cache_hit and cost is None
            rows.append(
                (plan.start_ns // QUARTER_NS, plan.customer or "", plan.feature or "", span.provider or "", span.model
                or "",  1, int(failed), int(unpriced), int(span.cache_hit), *tokens, float(cost.total) if cost else 0.0)
            )  # fmt: skip
    keys = ["quarter", "customer", "feature", "provider", "model"]
    frame = pl.DataFrame(rows, orient="row", schema=[*keys, *SUMS]).group_by(keys).agg(pl.col(SUMS).sum()).sort(keys)
    frame = frame.with_columns(at=pl.from_epoch(pl.col("quarter") * 900).dt.replace_time_zone("UTC")).drop("quarter")
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(path)
    return frame


def month(seed: int, cache: Path | None = None, *, plans: bool = True) -> Month:
    """What is found in one month, against what is true of it."""
    told = story(seed, END)
    planned = [
        Planned(dict(each.where), each.start_ns // HOUR_NS, -(-each.end_ns // HOUR_NS))
        for each in told.of_type("planned_launch")
        if plans
    ]
    frame = lines(told, f"month-{seed}", cache)
    events = found(frame, told, planned)
    truths: list[dict[str, Any]] = []
    explained: set[int] = set()
    for truth in (each for each in told.events if each.type in COST):
        mine = [each for each in events if _touches(each, truth)]
        explained |= {id(each) for each in mine}
        first, quarter, then = _first(frame, truth, planned)
        truths.append(
            {
                "type": truth.type,
                "found": first is not None,
                "culprit_when_told": first is not None and _same(truth, first.first_where),
                "culprit": then is not None and _same(truth, then.where),
                "slice": None if first is None else dict(first.first_where),
                "truth": dict(truth.where),
                "hours": None if first is None else round((quarter * QUARTER_NS - truth.start_ns) / HOUR_NS, 2),
                "findings": len(mine),
            }
        )
    false = [_named(each, told) for each in events if id(each) not in explained]
    return Month(seed, truths, false)


def null(seed: int, cache: Path | None = None) -> tuple[int, list[str]]:
    """What is found in a month in which nothing happens."""
    told = story(seed, END).without(*EVERYTHING)
    return seed, [_named(each, told) for each in found(lines(told, f"null-{seed}", cache), told, [])]


def found(frame: pl.DataFrame, told: Story, planned: Sequence[Planned]) -> list[Event]:
    """The detector's events of a whole month."""
    return detect(_past(frame), told.start_ns // HOUR_NS, told.end_ns // HOUR_NS, Settings(), planned)


def _first(frame: pl.DataFrame, truth: Told, planned: Sequence[Planned]) -> tuple[Event | None, int, Event | None]:
    """The first event told of a truth, the quarter of an hour at whose end, and the event as it stands after two hours.

    Looked for every quarter of an hour, as the job does. The last is as first told, where that was later.
    """
    past = _past(frame)
    quarters = [Cells.of(frame, 900), Cells.of(frame, 900, ("customer", "feature"))]
    first = truth.start_ns // QUARTER_NS
    walk = Walk(past, Settings(), planned, (), ())
    day = int(past.cells.step.min()) // DAY * DAY
    told: Event | None = None
    at = 0
    for quarter in range(first + 1, first + LATEST):
        today = (quarter - 1) // 4 // DAY * DAY
        while day < today:
            walk.day(day, day + DAY, 1.0)
            day += DAY
        then = Past(
            *(_until(full, part, quarter) for full, part in zip((past.cells, past.work), quarters, strict=True))
        )
        trial = walk.copy(then)
        trial.day(today, -(-quarter // 4), (quarter % 4 or 4) / 4)
        mine = [each for each in trial.found if _touches(each, truth)]
        if mine and told is None:
            told, at = min(mine, key=lambda each: (each.seen, -abs(each.score))), quarter
        if told is not None and (quarter + 1) * QUARTER_NS > truth.start_ns + 2 * HOUR_NS:
            # Ranked as a list shows them, by what they have cost.
            return told, at, max(mine, key=lambda each: abs(each.impact), default=told)
    return told, at, told


def _past(frame: pl.DataFrame) -> Past:
    return Past(Cells.of(frame), Cells.of(frame, dimensions=("customer", "feature")))


def _until(full: Cells, parts: Cells, quarter: int) -> Cells:
    """The hourly lines as they were known at the beginning of a quarter of an hour."""
    known = parts.step < quarter
    place = (parts.cell * 10_000_000 + parts.step // 4)[known]
    places, inverse = np.unique(place, return_inverse=True)
    sums = {name: np.bincount(inverse, getattr(parts, name)[known]) for name in ("calls", "tokens", "cost", "done")}
    return replace(full, cell=places // 10_000_000, step=places % 10_000_000, **sums)


def _touches(event: Event, truth: Told) -> bool:
    """True if an event is about that truth: of its kind, in its time, in slices of which one contains the other."""
    kinds = {"token_increase": Channel.TOKENS, "cache_failure": Channel.PRICE}
    about = {name: value for name, value in truth.where.items() if name in ("customer", "feature", "provider")}
    nested = all(event.where.get(name, value) == value for name, value in about.items())
    timely = event.start * HOUR_NS < truth.end_ns and (event.end is None or event.end * HOUR_NS > truth.start_ns)
    return event.channel is kinds[truth.type] and event.sign > 0 and nested and timely


def _same(truth: Told, where: Any) -> bool:
    """True if the slice is the truth's: the same customer and feature, or none of them; providers and models aside."""
    return all(where.get(name) == truth.where.get(name) for name in ("customer", "feature"))


def _named(event: Event, told: Story) -> str:
    during = [
        each.type
        for each in told.events
        if each.start_ns // HOUR_NS <= event.start < -(-each.end_ns // HOUR_NS)
        and each.type not in ("new_customer", "new_topic")
    ]
    return (
        f"{event.channel.value} {event.sign:+d} {dict(event.where)} {utc(event.start * HOUR_NS):%m-%d %H}h "
        f"x{event.factor:.2f} {event.impact:+.2f} USD score {event.score:.1f} p {event.p_value:.1e} "
        f"during {', '.join(during) or 'nothing'}"
    )


def summary(months: Sequence[Month], nulls: Sequence[tuple[int, Sequence[str]]]) -> dict[str, Any]:
    """Counts over all months."""
    rows: list[dict[str, Any]] = []
    for kind in COST:
        truths = [truth for each in months for truth in each.truths if truth["type"] == kind]
        hours = sorted(truth["hours"] for truth in truths if truth["hours"] is not None)
        rows.append(
            {
                "event": kind,
                "events": len(truths),
                "found": sum(truth["found"] for truth in truths),
                "culprit": sum(truth["culprit"] for truth in truths),
                "culprit_when_told": sum(truth["culprit_when_told"] for truth in truths),
                "within_2_hours": sum(each <= 2.0 for each in hours),
                "within_3_hours": sum(each <= 3.0 for each in hours),
                "median_hours": hours[len(hours) // 2] if hours else None,
                "worst_hours": hours[-1] if hours else None,
                "findings": sum(truth["findings"] for truth in truths),
            }
        )
    true = sum(row["findings"] for row in rows)
    false = sum(len(each.false) for each in months)
    return {
        "months": len(months),
        "first_seed": months[0].seed if months else None,
        "events": rows,
        "false": false,
        "precision": round(true / (true + false), 3) if true + false else None,
        "recall": round(sum(row["found"] for row in rows) / max(sum(row["events"] for row in rows), 1), 3),
        "null_months": len(nulls),
        "null_findings": sum(len(names) for _, names in nulls),
    }


def table(result: dict[str, Any]) -> str:
    """The result as a table of the docs."""
    head = [
        "event",
        "events",
        "found",
        "right culprit",
        "already when told",
        "within 2 h",
        "within 3 h",
        "median h",
        "worst h",
    ]
    names = [
        "event",
        "events",
        "found",
        "culprit",
        "culprit_when_told",
        "within_2_hours",
        "within_3_hours",
        "median_hours",
        "worst_hours",
    ]
    rows = [[str(row[name]) for name in names] for row in result["events"]]
    text = "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])
    return (
        f"{text}\n\n{result['months']} months: precision {result['precision']}, recall {result['recall']}, "
        f"{result['false']} findings of nothing. {result['null_months']} months in which nothing happens: "
        f"{result['null_findings']} findings."
    )


if __name__ == "__main__":
    main()
