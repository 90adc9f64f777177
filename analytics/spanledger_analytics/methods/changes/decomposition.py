"""Why a cost has changed, as terms that add up to the change exactly."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from enum import StrEnum
from typing import Final

import numpy as np
import polars as pl

from spanledger_analytics.methods.changes.factors import COLUMNS, REPORTED, of_lines
from spanledger_analytics.methods.changes.shapley import Floats, of_products


class Driver(StrEnum):
    """What terms are about; terms of one driver differ in the dimension or the class of tokens."""

    CUSTOMERS = "customers"
    VOLUME = "volume"
    MIX = "mix"
    ERRORS = "errors"
    OWN_CACHE = "own_cache"
    PRICED = "priced"
    TOKENS = "tokens"
    CACHE_RATE = "cache_rate"
    PRICE = "price"


@dataclass(frozen=True, slots=True)
class Term:
    """One reason and the US dollars it is worth; positive where it made spend rise."""

    key: str
    driver: Driver
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Decomposition:
    """`change` = `after` - `before` = the sum of the terms' amounts, to the last digit.

    `lines` has the mix dimensions and a column of every term, in floating point: what each line contributed.
    `rounding` is what floating point had left over and the largest term took, so that the sum is exact.
    """

    before: Decimal
    after: Decimal
    terms: tuple[Term, ...]
    lines: pl.DataFrame
    rounding: Decimal

    @property
    def change(self) -> Decimal:
        """US dollars that were spent more."""
        return EXACT.subtract(self.after, self.before)

    def of(self, driver: Driver) -> Decimal:
        """The amounts of one driver's terms, added."""
        return total(term.amount for term in self.terms if term.driver is driver)

    @property
    def leading(self) -> Driver:
        """The driver that moved most in the direction of the change; in either where nothing changed."""
        sign = -1 if self.change < 0 else 1
        sums = {driver: self.of(driver) for driver in Driver}
        return max(Driver, key=lambda driver: sums[driver] * sign if self.change else abs(sums[driver]))


# Decimals add up exactly as long as the context does not round: more digits than any sum of Decimal(38, 12) has.
EXACT: Final = Context(prec=80)
_QUANTUM: Final = Decimal("0.000000000001")
# The terms after those of volume and mix.
_KEYS: Final = ("errors", "own_cache", "priced", "tokens_input", "tokens_cached", "tokens_output", "tokens_other",
                "cache_rate", "price_input", "price_cached", "price_output", "price_other")  # fmt: skip


def decompose(
    before: pl.DataFrame, after: pl.DataFrame, mix: Sequence[str] = ("customer", "feature", "model")
) -> Decomposition:
    """The terms of the change from `before` to `after`: frames of ledger lines with `mix` and `COLUMNS`.

    A line's cost is, for each class of tokens, the product

        calls x share of the 1st dimension x share of the 2nd within it x ... x answered share
              x share not answered from the application's own cache x priced share
              x tokens per answered call x share of the class in them (of prompts: the cache rate) x price per token

    and each factor is given its Shapley value, with all lines' factors of a kind as one player. Unlike LMDI-I, which
    needs logarithms, that is defined for lines, classes and prices that are 0 in one of the periods, without a
    substitute for 0. With the order of the periods all terms change sign (new and gone customers their names), and none
    depends on what values are called. The mix is nested: the order of `mix` says which share is within which.

    A ratio that a period does not have (the price of a model nobody called) is that of the other: it has not changed.
    Calls are counted as attempts, so a failed call that is tried again is volume, taken back by the term `errors`.
    Customers without calls in one of the periods are `new_customers` and `gone_customers` with all they cost, and take
    no part in the rest. Sums of money are exact decimals; the Shapley values are floating point, and what that leaves
    over (`rounding`, some 1e-15 of what the lines
    contribute) goes to the largest term.

    Raises ValueError for a column that is missing.

    Shapley, A value for n-person games, 1953; for accounting: Shorrocks, J. Econ. Inequality 11, 2013.
    """
    for frame in (before, after):
        missing = [name for name in (*mix, *COLUMNS) if name not in frame.columns]
        if missing:
            raise ValueError(f"the lines lack the columns {', '.join(missing)}: read them with books(by=mix)")
    paired = pair(before, after, mix)
    amounts: dict[str, Decimal] = {"new_customers": Decimal(0), "gone_customers": Decimal(0)}
    columns: dict[str, Floats] = {name: np.zeros(paired.height) for name in amounts}
    lasting = np.ones(paired.height, bool)
    if "customer" in mix:
        calls = [paired.select(pl.col(f"calls_{t}").sum().over("customer")).to_series().to_numpy() for t in (0, 1)]
        for name, absent in (("new_customers", calls[0] == 0), ("gone_customers", calls[1] == 0)):
            lasting &= ~absent
            alone = paired.filter(absent)
            amounts[name] = EXACT.subtract(_cost(alone, 1), _cost(alone, 0))
            columns[name][absent] = _change(paired)[absent]
    found = _shapley(paired.filter(lasting), mix)
    for name, values in found.items():
        columns[name] = np.zeros(paired.height)
        columns[name][lasting] = values
        amounts[name] = Decimal(math.fsum(values)).quantize(_QUANTUM, context=EXACT)
    start, end = _cost(paired, 0), _cost(paired, 1)
    rounding = EXACT.subtract(EXACT.subtract(end, start), total(amounts.values()))
    computed = {name: abs(amount) for name, amount in amounts.items() if name in found}
    largest = max(computed, key=lambda name: computed[name])
    amounts[largest] = EXACT.add(amounts[largest], rounding)
    terms = tuple(Term(name, driver_of(name), amount) for name, amount in amounts.items())
    return Decomposition(start, end, terms, paired.select(mix).with_columns(**columns), rounding)


def driver_of(key: str) -> Driver:
    """What a term of this key is about."""
    if key in ("new_customers", "gone_customers"):
        return Driver.CUSTOMERS
    known = {driver.value: driver for driver in Driver}
    return known[key] if key in known else known[key.split("_")[0]]


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    result = Decimal(0)
    for amount in amounts:
        result = EXACT.add(result, amount)
    return result


def pair(before: pl.DataFrame, after: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """A line per value of `by` in either frame, sorted: a sum is `NAME_0` before and `NAME_1` after, 0 without any."""
    numbers = [name for name in before.columns if name not in by and before.schema[name].is_numeric()]
    sides = [
        frame.group_by(by).agg(pl.col(name).sum().alias(f"{name}_{t}") for name in numbers)
        for t, frame in enumerate((before, after))
    ]
    joined = sides[0].join(sides[1], on=list(by), how="full", coalesce=True)
    return joined.with_columns(pl.exclude(by).fill_null(0)).sort(by)


def _shapley(paired: pl.DataFrame, mix: Sequence[str]) -> dict[str, Floats]:
    """Term -> what each line contributed; every term, also where there are no lines."""
    names = ("volume", *(f"mix_{name}" for name in mix), *_KEYS)
    found = {name: np.zeros(paired.height) for name in names}
    for each, factors in of_lines(paired, mix).items():
        values = of_products(*(np.stack([factor[t] for factor in factors.values()]) for t in (0, 1)))
        reported = REPORTED.get(each, "other")
        for name, contributions in zip(factors, values, strict=True):
            found[f"{name}_{reported}" if name in ("tokens", "price") else name] += contributions
    return found


def _cost(paired: pl.DataFrame, t: int) -> Decimal:
    return Decimal(paired[f"cost_usd_{t}"].sum())


def _change(paired: pl.DataFrame) -> Floats:
    before, after = (paired[f"cost_usd_{t}"].cast(pl.Float64).to_numpy() for t in (0, 1))
    return after - before
