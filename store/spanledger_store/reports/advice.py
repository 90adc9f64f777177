"""Advice on the calls of the last days, read and put together; the same for API, pages and command line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from string import Template
from typing import Any, Final

import numpy as np
import polars as pl

from spanledger.usage import Usage
from spanledger_store.control.budgets import plain
from spanledger_store.engine import Engine
from spanledger_store.outlook.advice import (
    EXAMPLES,
    Advice,
    Calls,
    Kind,
    Quality,
    Sample,
    order,
    saved_by_caching,
    total,
)
from spanledger_store.outlook.advice_models import Scores, batched, cheaper
from spanledger_store.outlook.nearness import answered_before
from spanledger_store.scope import Dimension, Scope
from spanledger_store.sql import load

LONGEST: Final = 90
# How long a provider keeps a prefix that nobody reads, in seconds: what Anthropic and OpenAI promise at least.
_LIVES: Final = 300
# Vectors that are compared at most; of one customer and feature, so many.
_MOST_VECTORS: Final = 20_000
_MOST_TOGETHER: Final = 4_000
NEAR: Final = "whether the same answer would have done is not known"
_ZERO: Final = Decimal(0)


class AdviceInvalid(ValueError):
    """Something was asked that no advice can be given on; the message says why and what to ask."""


@dataclass(frozen=True, slots=True)
class AdviceRequest:
    """What advice is asked for: the calls of the last `days` days, up to the full hour.

    | field | |
    |---|---|
    | kinds | only these; all where it is empty |
    | candidates | models to consider beside those in use; they must be in the price list |
    | can_wait | features whose calls may all be batched |
    | within | for how many seconds a kept answer may be given |
    | similar | the cosine from which on two questions count as the same |

    Raises AdviceInvalid.
    """

    project: str
    now: datetime
    days: int = 30
    filters: Mapping[Dimension, tuple[str, ...]] = field(default_factory=dict[Dimension, tuple[str, ...]])
    kinds: Collection[Kind] = ()
    candidates: Collection[str] = ()
    can_wait: Collection[str] = ()
    within: int = 86_400
    similar: float = 0.95

    def __post_init__(self) -> None:
        if not 1 <= self.days <= LONGEST:
            raise AdviceInvalid(f"{self.days} days are not from 1 to {LONGEST}; 30 is usual.")
        if not 60 <= self.within <= 30 * 86_400:
            raise AdviceInvalid(f"an answer cannot be kept for {self.within} seconds; say 60 to {30 * 86_400}.")
        if not 0.5 <= self.similar <= 1:
            raise AdviceInvalid(f"a similarity of {self.similar} is not from 0.5 to 1; 0.95 is usual.")
        if Dimension.TAG in self.filters:
            raise AdviceInvalid("a call may have several tags, so that what it saves would count several times.")
        unknown = [name for name in self.candidates if not _is_listed(name)]
        if unknown:
            raise AdviceInvalid(f"{unknown[0]!r} has no price in the list; name a model that has one.")

    @property
    def scope(self) -> Scope:
        """The calls it is about."""
        end = self.now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        return Scope(self.project, end - timedelta(days=self.days), end, self.filters)

    def wants(self, kind: Kind) -> bool:
        """Whether that kind is asked for."""
        return not self.kinds or kind in self.kinds


@dataclass(frozen=True, slots=True)
class Advised:
    """All lines, what saves most first, and what is missing for others; `calls` and `cost` are of all there are."""

    scope: Scope
    lines: Sequence[Advice]
    missing: Sequence[tuple[Kind, str]]
    calls: int
    cost: Decimal

    def as_json(self) -> dict[str, Any]:
        """Everything as JSON takes it. Savings of several lines are about the same calls, and have no sum."""
        return {
            "project": self.scope.project,
            "from": self.scope.start.isoformat(),
            "to": self.scope.end.isoformat(),
            "calls": self.calls,
            "cost_usd": plain(self.cost),
            "lines": [each.as_json() for each in self.lines],
            "missing": [{"kind": kind.value, "what": what} for kind, what in self.missing],
        }


def advice(engine: Engine, asked: AdviceRequest) -> Advised:
    """What would have saved money on the calls of the last days, feature by feature. Raises StoreError.

    Read from spans and contents, for as long as a project keeps them.
    """
    scope = asked.scope
    rows = _calls(engine, scope)
    scores = _scores(engine, scope)
    lines: list[Advice] = []
    missing: list[tuple[Kind, str]] = []
    if asked.wants(Kind.MODEL):
        lines += cheaper(rows, scores, asked.candidates)
        _tell(missing, Kind.MODEL, sum(row.calls for row in rows if not row.fit),
              "calls are left out: they failed, have no price, or have other tokens than text")  # fmt: skip
    if asked.wants(Kind.BATCH):
        lines += batched(rows, asked.can_wait)
        waiting = sum(row.calls for row in rows if row.fit and row.waits and row.feature not in asked.can_wait)
        _tell(missing, Kind.BATCH, waiting, "calls are of sessions or streamed their answers: somebody waited. Name "
              "the features whose calls can wait all the same")  # fmt: skip
    if asked.wants(Kind.PROMPT_CACHE):
        lines += _prompt_caching(engine, scope, missing)
    if asked.wants(Kind.SEMANTIC_CACHE):
        lines += _semantic_caching(engine, asked, scores, missing)
    return Advised(scope, order(lines), missing, sum(row.calls for row in rows), total(row.cost for row in rows))


def _calls(engine: Engine, scope: Scope) -> list[Calls]:
    return [
        Calls(
            row["feature"], row["provider_name"], row["model_name"], row["operation_name"], row["origin"],
            bool(row["waits"]), bool(row["fit"]), row["day"], row["size"], row["calls"],
            Usage(row["input_tokens"], row["cache_read_tokens"], row["cache_write_tokens"], row["output_tokens"],
                  row["reasoning_tokens"]),
            row["cost_usd"], row["example"], row["dearest"],
        )
        for row in _asked(engine, "advice_calls", scope).iter_rows(named=True)
    ]  # fmt: skip


def _scores(engine: Engine, scope: Scope) -> Scores:
    found: defaultdict[tuple[str, str], dict[str, Sample]] = defaultdict(dict)
    for row in _asked(engine, "advice_scores", scope).iter_rows(named=True):
        variance = row["variance"]
        known = None if variance is None or variance != variance else float(variance)
        found[row["feature"], row["model_name"]][row["name"]] = Sample(row["units"], float(row["mean"]), known)
    return dict(found)


def _prompt_caching(engine: Engine, scope: Scope, missing: list[tuple[Kind, str]]) -> list[Advice]:
    frame = _asked(engine, "advice_prefixes", scope, lives=_LIVES)
    grouped: defaultdict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    untold = 0
    for row in frame.iter_rows(named=True):
        grouped[row["feature"], row["provider_name"], row["model_name"]].append(row)
        untold += row["calls"] - row["told_calls"]
    found: list[Advice] = []
    for (feature, provider, model), rows in grouped.items():
        calls = sum(row["missed_calls"] for row in rows)
        if not calls:
            continue
        saved, unknown = saved_by_caching(rows)
        if saved is not None and saved <= 0:
            continue
        tokens, known = (sum(row[name] for row in rows) for name in ("missed_tokens", "exact_tokens"))
        basis = (
            f"{tokens:,} tokens began as a prompt of the five minutes before, and were not read from the cache: "
            f"{known:,} of them counted by the provider, the others by their share of the prompt's text."
        )
        lacks = (f"the list knows no cache price of {model}",) if unknown else ()
        dear = sorted(rows, key=lambda row: -row["most"])
        traces = tuple(dict.fromkeys(row["example"] for row in dear if row["most"]))[:EXAMPLES]
        cost = total(row["cost_usd"] for row in rows)
        found.append(
            Advice(Kind.PROMPT_CACHE, feature, provider, model, "", calls, cost, saved, basis, lacks, (), traces)
        )
    _tell(missing, Kind.PROMPT_CACHE, untold, "calls have no text that is kept, so it is not known what they repeat")
    return found


def _semantic_caching(
    engine: Engine, asked: AdviceRequest, scores: Scores, missing: list[tuple[Kind, str]]
) -> list[Advice]:
    scope = asked.scope
    frame = _asked(engine, "advice_repeats", scope, within=asked.within)
    found: list[Advice] = []
    untold = 0
    for row in frame.iter_rows(named=True):
        untold += row["calls"] - row["told_calls"]
        if not row["repeats"] or not row["saved_usd"]:
            continue
        same = row["same_answers"]
        basis = (
            f"{row['questions']:,} questions came again from the same customer, word for word with all that went "
            f"before, within {_hours(asked.within)}; {same:,} of {row['repeats']:,} answers were the same too."
        )
        found.append(
            Advice(
                Kind.SEMANTIC_CACHE, row["feature"], row["provider_name"], row["model_name"], "", row["repeats"],
                row["saved_usd"], row["saved_usd"], basis, (), _said(scores, row["feature"], row["model_name"]),
                tuple(row["examples"]),
            )
        )  # fmt: skip
    _tell(missing, Kind.SEMANTIC_CACHE, untold, "calls have no text that is kept: only those with vectors are compared")
    return found + _near(engine, asked, scores, missing)


def _near(engine: Engine, asked: AdviceRequest, scores: Scores, missing: list[tuple[Kind, str]]) -> list[Advice]:
    """Near questions, found by their vectors; the answers to them may differ, so they are lines of their own."""
    frame = _asked(engine, "advice_questions", asked.scope, most=_MOST_VECTORS)
    if frame.is_empty():
        missing.append((Kind.SEMANTIC_CACHE, "no vectors of questions are kept, so near ones are not known"))
        return []
    sums: defaultdict[tuple[str, str, str], list[tuple[Decimal, str]]] = defaultdict(list)
    asked_by: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    frame = frame.with_columns(pl.col("vector").list.len().alias("length")).sort("start_time", "trace_id")
    by = ["customer", "feature", "provider_name", "model_name", "vector_model", "length"]
    for _, group in frame.group_by(by, maintain_order=True):
        part = group.tail(_MOST_TOGETHER)
        first = part.row(0, named=True)
        key = (str(first["feature"]), str(first["provider_name"]), str(first["model_name"]))
        vectors = np.asarray(part["vector"].to_list(), np.float32)
        seconds = part["start_time"].dt.epoch("ns").to_numpy() / 1e9
        hits = answered_before(vectors, seconds, asked.similar, asked.within)
        costs, traces = part["cost_usd"].to_list(), part["trace_id"].to_list()
        asked_by[key] += len(costs)
        sums[key] += [(costs[at], traces[at]) for at in np.flatnonzero(hits >= 0)]
    found: list[Advice] = []
    for (feature, provider, model), held in sums.items():
        if not held:
            continue
        basis = (
            f"{len(held):,} of {asked_by[feature, provider, model]:,} questions that began a session were as near as "
            f"{asked.similar:g} to an earlier one of the same customer within {_hours(asked.within)}; equal ones count "
            "here as well."
        )
        held.sort(key=lambda each: (-each[0], each[1]))
        saved = total(cost for cost, _ in held)
        found.append(
            Advice(
                Kind.SEMANTIC_CACHE, feature, provider, model, "", len(held), saved, saved, basis, (NEAR,),
                _said(scores, feature, model), tuple(trace for _, trace in held[:EXAMPLES]), is_best=False,
            )
        )  # fmt: skip
    return found


def _said(scores: Scores, feature: str, model: str) -> tuple[Quality, ...]:
    return tuple(Quality(name, sample) for name, sample in sorted(scores.get((feature, model), {}).items()))


def _asked(engine: Engine, name: str, scope: Scope, **more: Any) -> pl.DataFrame:
    sql = Template(load(name)).substitute(where=" AND ".join(["true", *scope.conditions()]))
    return engine.query(sql, scope.params(**more))


def _tell(missing: list[tuple[Kind, str]], kind: Kind, count: int, what: str) -> None:
    if count:
        missing.append((kind, f"{count:,} {what}"))


def _hours(seconds: int) -> str:
    return f"{seconds / 3600:g} hours"


def _is_listed(model: str) -> bool:
    from_list = Calls("", "", model, "", "list", False, True, 0, 0, 1, Usage(1000, 0, 0, 1000), _ZERO)
    return from_list.priced("", model) is not None
