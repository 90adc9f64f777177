"""What an anomaly rests on, read from the store: whose it is beyond its slice, its dearest traces, the series around
it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import polars as pl

from spanledger_analytics.methods.anomalies.events import Event
from spanledger_analytics.methods.anomalies.scan import Channel
from spanledger_analytics.methods.anomalies.telling import Clue, sentence
from spanledger_store import findings
from spanledger_store.engine import Engine
from spanledger_store.reports.books import books
from spanledger_store.reports.buckets import Bucketing
from spanledger_store.scope import Dimension, Scope

BEYOND: Final = (
    Dimension.PROMPT_VERSION, Dimension.RELEASE, Dimension.MODEL, Dimension.PROVIDER, Dimension.CUSTOMER,
    Dimension.FEATURE, Dimension.TEAM, Dimension.ENVIRONMENT,
)  # fmt: skip
_HOLDS: Final = 0.8
_SHOWN: Final = 5
_WEEK: Final = timedelta(days=7)
_EXAMPLES_OF: Final = timedelta(hours=24)
_AROUND: Final = timedelta(hours=48)
_POINTS: Final = 240


def gather(engine: Engine, project: str, events: Sequence[Event], until: datetime) -> dict[str, Any]:
    """The evidence of one finding, ready for JSON; `events` are its kinds of change, the largest first."""
    first = events[0]
    start = datetime.fromtimestamp(min(each.start for each in events) * 3600, UTC)
    end = until if first.end is None else datetime.fromtimestamp(first.end * 3600, UTC)
    filters = {Dimension(name): (value,) for name, value in first.where.items()}
    now = Scope(project, start, end, filters)
    # The same hours of the week before; an event of more than a week is compared with the week before it.
    before = Scope(project, start - _WEEK, min(end - _WEEK, start), filters)
    totals = [_totals(books(engine, each)) for each in (now, before)]
    culprits, clues = _culprits(engine, now, before, first)
    cached = (_cached(totals[1]), _cached(totals[0])) if totals[0] and totals[1] else None
    return {
        "sentence": sentence(events, clues, cached),
        "channel": first.channel.value,
        "sign": first.sign,
        "factor": _digits(first.factor),
        "changes": [
            {"channel": each.channel.value, "factor": _digits(each.factor), "impact_usd": _digits(each.impact)}
            for each in events
        ],
        "now": _unit(totals[0]),
        "week_before": _unit(totals[1]),
        "culprits": culprits,
        "example_traces": findings.examples(engine, Scope(project, start, min(end, start + _EXAMPLES_OF), filters)),
        "series": _series(engine, now, first),
    }


def _culprits(engine: Engine, now: Scope, before: Scope, event: Event) -> tuple[list[dict[str, Any]], list[Clue]]:
    """For each dimension that the slice leaves open, who holds which share of the change; and who holds most of it."""
    listed: list[dict[str, Any]] = []
    clues: list[Clue] = []
    for dimension in BEYOND:
        if dimension in now.filters:
            continue
        shares = _shares(books(engine, now, (dimension,)), books(engine, before, (dimension,)), dimension.value, event)
        listed += [
            {"dimension": dimension.value, "value": v, "share": _digits(s), "new": n} for v, s, n in shares[:_SHOWN]
        ]
        value, share, new = shares[0] if shares else ("", 0.0, False)
        if (
            len(shares) > 1 and value and share >= _HOLDS and dimension in (Dimension.PROMPT_VERSION, Dimension.RELEASE)
        ) or (new and value and share >= _HOLDS):
            clues.append(Clue(dimension.value, value, share, new))
    return listed, clues


def _shares(now: pl.DataFrame, before: pl.DataFrame, name: str, event: Event) -> list[tuple[str, float, bool]]:
    """Values by their share of what is above (or below) the usual; what is new had no calls a week before."""
    wanted = [name, "calls", "cost_usd"]
    both = now.select(wanted).join(before.select(wanted), on=name, how="full", coalesce=True, suffix="_before")
    both = both.with_columns(pl.exclude(name).cast(pl.Float64).fill_null(0.0))
    cost = float(both["cost_usd_before"].sum())
    calls = float(both["calls_before"].sum())
    if event.channel is Channel.VOLUME:
        excess = both["cost_usd"] - both["cost_usd_before"]
    else:
        usual = both["calls"] * (cost / calls if calls else 0.0)
        own = both["calls"] * both["cost_usd_before"] / both["calls_before"]
        excess = both["cost_usd"] - pl.select(pl.when(both["calls_before"] > 0).then(own).otherwise(usual)).to_series()
    whole = float(excess.sum())
    if whole * event.sign <= 0:
        return []
    rows = zip(both[name].to_list(), (excess / whole).to_list(), (both["calls_before"] == 0).to_list(), strict=True)
    return sorted(
        ((value, share, new) for value, share, new in rows if share > 0.01), key=lambda row: (-row[1], row[0])
    )


def _series(engine: Engine, scope: Scope, event: Event) -> list[list[Any]]:
    """[hour, actual US dollars, expected ones or None] from two days before on."""
    start = scope.start - _AROUND
    end = min(scope.end, start + timedelta(hours=_POINTS))
    hours = Bucketing(ZoneInfo("UTC"), step=3600)
    frame = books(engine, Scope(scope.project, start, end, scope.filters), (), hours)
    spent = dict(zip(frame["bucket"].to_list(), frame["cost_usd"].cast(pl.Float64).to_list(), strict=True))
    points: list[list[Any]] = []
    at = start
    while at < end:
        expected = event.hours.get(int(at.timestamp()) // 3600)
        points.append([at.isoformat(), _digits(spent.get(at, 0.0)), None if expected is None else _digits(expected[1])])
        at += timedelta(hours=1)
    return points


def _totals(frame: pl.DataFrame) -> dict[str, float]:
    return {} if frame.is_empty() else {name: float(frame[name][0] or 0) for name in frame.columns}


def _unit(totals: dict[str, float]) -> dict[str, float | None]:
    if not totals or not totals["calls"]:
        return {"calls": 0, "cost_usd": None, "tokens_per_call": None, "cached_share": None}
    tokens = sum(totals[name] for name in totals if name.endswith("_tokens"))
    return {
        "calls": totals["calls"],
        "cost_usd": _digits(totals["cost_usd"]),
        "tokens_per_call": _digits(tokens / totals["calls"]),
        "cached_share": _digits(_cached(totals)),
    }


def _cached(totals: dict[str, float]) -> float:
    whole = totals["input_tokens"] + totals["cache_read_tokens"] + totals["cache_write_tokens"]
    return totals["cache_read_tokens"] / whole if whole else 0.0


def _digits(value: float) -> float:
    """Six significant digits: more would be noise in what is estimated, and would differ from machine to machine."""
    return float(f"{value:.6g}")
