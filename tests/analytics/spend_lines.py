"""Hourly ledger lines of a small company, with what a test wants to happen to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
FIRST = int(START.timestamp()) // 3600
MODELS = {"chat": "alpha", "search": "beta", "agent": "alpha"}
PRICES = {"alpha": 2e-4, "beta": 8e-5, "gamma": 6e-4}


@dataclass
class Hour:
    """What is about to happen in an hour of a customer's feature; a test changes it."""

    day: int
    hour: int
    customer: str
    feature: str
    model: str
    calls: float
    tokens: float = 4000.0
    cached: float = 0.6


Change = Callable[[Hour], None]


def nothing(_: Hour) -> None:
    """An ordinary month."""


def lines(seed: int, change: Change = nothing, *, customers: int = 8, days: int = 30) -> pl.DataFrame:
    """Lines as `books` gives them: calls in clumps, tokens lognormal, office hours and quiet weekends."""
    dice = np.random.default_rng(seed)
    sizes = {f"customer-{number}": 1.0 / (1 + number / 2) for number in range(customers)}
    rows: list[Mapping[str, object]] = []
    for day in range(days):
        weekend = 0.2 if day % 7 >= 5 else 1.0
        for hour in range(24):
            busy = 0.1 + np.exp(-0.5 * ((hour - 13) / 3.0) ** 2)
            for customer, size in sizes.items():
                for feature, model in MODELS.items():
                    told = Hour(day, hour, customer, feature, model, 12.0 * size * weekend * busy)
                    change(told)
                    sessions = dice.poisson(told.calls / 2 * np.exp(dice.normal(0, 0.1)))
                    calls = int(sessions + dice.poisson(sessions))
                    if calls:
                        rows.append(_line(dice, told, calls))
    return pl.DataFrame(rows)


def _line(dice: np.random.Generator, told: Hour, calls: int) -> Mapping[str, object]:
    tokens = told.tokens * np.exp(dice.normal(0, 0.4, calls))
    hit = dice.random(calls) < told.cached
    read = float((tokens * 0.8 * hit).sum())
    fresh = float(tokens.sum()) - read
    output = float((tokens * 0.05).sum())
    price = PRICES[told.model]
    return {
        "at": START + timedelta(days=told.day, hours=told.hour),
        "customer": told.customer, "feature": told.feature, "provider": "someone", "model": told.model,
        "calls": calls, "errors": 0, "unpriced_calls": 0, "cache_hits": 0,
        "input_tokens": int(fresh), "cache_read_tokens": int(read), "cache_write_tokens": 0,
        "output_tokens": int(output), "reasoning_tokens": 0,
        "cost_usd": price * (fresh + 0.1 * read + 5 * output),
    }  # fmt: skip


def hour(day: int, of_day: int = 0) -> int:
    """Hours since 1970 of a day and hour of these lines."""
    return FIRST + 24 * day + of_day
