"""What a feature's sessions come to on average: spans, calls and money, worked out rather than sampled."""

from __future__ import annotations

import math
from functools import cache

from spanledger.pricing import price
from spanledger.usage import Usage
from spanledger_cli.demo.company import CUSTOMERS, FEATURES, MODELS, Customer, Feature
from spanledger_cli.demo.shapes import MAX_EXTRA_STEPS, MAX_TURNS
from spanledger_cli.demo.volume import expected_rate

_PEAK_CALLS = 10.0


def turns(feature: Feature) -> float:
    """Mean traces of a session, the cap included."""
    again = 1 - 1 / feature.turns
    return sum(again**turn for turn in range(MAX_TURNS))


def _loop_rounds(feature: Feature) -> float:
    return 1 + sum(math.exp(-rounds / feature.extra_steps) for rounds in range(1, MAX_EXTRA_STEPS + 1))


def calls_per_session(feature: Feature) -> float:
    """Mean LLM calls of a session, retries aside."""
    per_trace = 1.0
    if feature.shape in ("rag", "document"):
        per_trace += feature.extra_steps
    elif feature.shape == "loop":
        per_trace += _loop_rounds(feature)
    elif feature.shape == "minutes":
        return turns(feature) + 1
    return turns(feature) * per_trace


def spans_per_session(feature: Feature) -> float:
    """Mean spans of a session, retries aside."""
    beside = {
        "rag": 3 + feature.extra_steps,
        "document": 3 + feature.extra_steps,
        "search": 3.0,
        "minutes": 1.0,
        "chat": 1.18,
        "single": 1.35,
        "loop": 1 + (_loop_rounds(feature) if feature.shape == "loop" else 0.0),
    }[feature.shape]
    return turns(feature) * beside + calls_per_session(feature)


def call_cost(feature: Feature, cache_hit: float) -> float:
    """Dollars of a median call of the feature's first model when that share of calls hits the cache.

    A float: it chooses slices and describes sizes; it is never booked.
    """
    model = MODELS[feature.models[0][0]]
    cached = int(feature.input_tokens * feature.cached_share)
    total = 0.0
    for hit, share in ((True, cache_hit), (False, 1 - cache_hit)):
        usage = Usage(
            input_tokens=feature.input_tokens - cached,
            cache_read_tokens=cached if hit else 0,
            cache_write_tokens=0 if hit else cached,
            output_tokens=feature.output_tokens,
            reasoning_tokens=feature.reasoning_tokens,
        )
        cost = price(usage, provider=model.provider, model=model.name)
        total += share * float(cost.total if cost else 0)
    return total


def sessions_scale(start_ns: int, hours: int, spans: int, newcomer: Customer) -> float:
    """What turns `volume.expected_rate` into sessions per hour, so that the window has about `spans` spans."""
    total = 0.0
    for customer in (*CUSTOMERS, newcomer):
        part = 0.5 if customer is newcomer else 1.0  # a newcomer is there for about half of the month
        for feature in FEATURES:
            sessions = float(expected_rate(customer, feature, start_ns, hours).sum())
            total += part * sessions * spans_per_session(feature)
    return spans / total


@cache
def telling_slices(start_ns: int, hours: int) -> tuple[tuple[Customer, Feature], ...]:
    """Customers' uses of features so lively, and so dear, that a change of theirs shows within two hours."""
    scored: list[tuple[float, float, Customer, Feature]] = []
    all_spans = all_money = 0.0
    for customer in CUSTOMERS:
        for feature in FEATURES:
            rate = expected_rate(customer, feature, start_ns, hours)
            sessions = float(rate.sum())
            money = sessions * calls_per_session(feature) * call_cost(feature, feature.cache_hit)
            all_spans += sessions * spans_per_session(feature)
            all_money += money
            scored.append((float(rate.max()) * calls_per_session(feature), money, customer, feature))
    busiest = sorted(scored, key=lambda entry: -entry[0])
    telling = [
        (customer, feature)
        for peak_calls, money, customer, feature in busiest
        # Ten calls in the busiest hour of a month of 110,000 spans.
        if peak_calls / all_spans >= _PEAK_CALLS / 110_000 and money / all_money >= 0.025
    ]
    return tuple(telling or [entry[2:] for entry in busiest[:4]])
