"""The arithmetic of a price: rates per unit, compiled once, and what a usage costs by them, exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

from spanledger._internal.pricing import pricelist
from spanledger.usage import Usage

_QUANTUM: Final = Decimal("1e-12")
_ZERO: Final = Decimal("0.000000000000")
# A context of our own: the user's may round to six digits or trap Inexact.
CONTEXT: Final = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[])
_multiply: Final = CONTEXT.multiply
_quantize: Final = CONTEXT.quantize

BUCKET_UNITS: Final[Mapping[str, str]] = {
    "input_tokens": "input_tokens",
    "cache_read_tokens": "cache_read_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "output_tokens": "output_tokens",
    "reasoning_tokens": "output_reasoning_tokens",
}
"""A usage's buckets, and the units of the price list that they are."""
REQUESTS: Final = "requests"


@dataclass(frozen=True, slots=True)
class Cost:
    """US dollars of one call, as disjoint parts of 12 decimal places that sum to `total` exactly.

    `output` includes reasoning; `other` is what is charged per audio or image token, search or request.
    """

    total: Decimal
    input: Decimal
    cache_read: Decimal
    cache_write: Decimal
    output: Decimal
    other: Decimal
    source: str

    def share(self, factor: Decimal, source: str) -> Cost:
        """This cost times `factor`, each part rounded to its 12 places, half to even."""
        given, read, written, made, other = (
            _quantize(_multiply(each, factor), _QUANTUM)
            for each in (self.input, self.cache_read, self.cache_write, self.output, self.other)
        )
        add = CONTEXT.add
        total = add(add(given, made), add(add(read, written), other))
        return Cost(total, given, read, written, made, other, source)


@dataclass(frozen=True, slots=True)
class Rate:
    """Dollars per unit, exact: the price list's number and what it is per."""

    base: Decimal
    per: Decimal | None  # None where the division was exact and is done: any power of ten
    tiers: tuple[tuple[int, Decimal], ...] = ()  # highest start first

    def charge(self, count: int, total_input: int) -> Decimal:
        """What so many units cost in a call of so many input tokens."""
        rate = self.base
        if self.tiers:
            for start, tier_rate in self.tiers:
                if total_input > start:
                    rate = tier_rate
                    break
        amount = _multiply(rate, count)
        return _quantize(amount if self.per is None else CONTEXT.divide(amount, self.per), _QUANTUM)

    def times(self, factor: Decimal) -> Rate:
        """The rate times a factor, in all its tiers."""
        tiers = tuple((start, _multiply(rate, factor)) for start, rate in self.tiers)
        return Rate(_multiply(self.base, factor), self.per, tiers)


@dataclass(frozen=True, slots=True)
class Rates:
    """What a model charges: which rate each bucket falls under."""

    input: Rate | None
    cache_read: Rate | None
    cache_write: Rate | None
    output: Rate | None
    reasoning: Rate | None
    request: Rate | None
    units: Mapping[str, Rate]  # the model's own priced units
    seconds_minimum: int
    source: str

    def cost(self, usage: Usage, calls: int) -> Cost | None:
        """What `calls` calls cost that used this together; None where no part of it has a rate."""
        total_input = -(-(usage.total_input or 0) // calls)
        priced = False
        positive = False
        cost_input = cost_cache_read = cost_cache_write = cost_output = cost_other = _ZERO
        if usage.input_tokens:
            positive = True
            if (rate := self.input) is not None:
                cost_input, priced = rate.charge(usage.input_tokens, total_input), True
        if usage.cache_read_tokens:
            positive = True
            if (rate := self.cache_read) is not None:
                cost_cache_read, priced = rate.charge(usage.cache_read_tokens, total_input), True
        if usage.cache_write_tokens:
            positive = True
            if (rate := self.cache_write) is not None:
                cost_cache_write, priced = rate.charge(usage.cache_write_tokens, total_input), True
        if usage.output_tokens:
            positive = True
            if (rate := self.output) is not None:
                cost_output, priced = rate.charge(usage.output_tokens, total_input), True
        if usage.reasoning_tokens:
            positive = True
            if (rate := self.reasoning) is not None:
                reasoning = rate.charge(usage.reasoning_tokens, total_input)
                cost_output = CONTEXT.add(cost_output, reasoning)
                priced = True
        for unit, count in usage.other.items():
            if not count:
                continue
            positive = True
            if (rate := _rate_of(unit, self.units)) is not None:
                if unit.endswith("_seconds"):
                    count = max(count, self.seconds_minimum * calls)
                cost_other = CONTEXT.add(cost_other, rate.charge(count, total_input))
                priced = True
        if self.request is not None:
            cost_other = CONTEXT.add(cost_other, self.request.charge(calls, total_input))
            priced = True
        if positive and not priced:
            return None
        add = CONTEXT.add
        total = add(add(cost_input, cost_output), add(cost_cache_read, cost_cache_write))
        return Cost(
            add(total, cost_other) if cost_other else total,
            cost_input,
            cost_cache_read,
            cost_cache_write,
            cost_output,
            cost_other,
            self.source,
        )


def compiled(units: Mapping[str, Rate], source: str, seconds_minimum: int = 0) -> Rates:
    """Rates by unit, with what each bucket of a usage falls under."""
    five = {bucket: _rate_of(unit, units) for bucket, unit in BUCKET_UNITS.items()}
    return Rates(
        input=five["input_tokens"],
        cache_read=five["cache_read_tokens"],
        cache_write=five["cache_write_tokens"],
        output=five["output_tokens"],
        reasoning=five["reasoning_tokens"],
        request=units.get(REQUESTS),
        units=units,
        seconds_minimum=seconds_minimum,
        source=source,
    )


def _rate_of(unit: str, priced: Mapping[str, Rate]) -> Rate | None:
    """The rate of the most specific priced unit that covers `unit` (cached audio falls under cached, ...)."""
    covering = pricelist.covering(unit)
    for candidate in covering:
        if (rate := priced.get(candidate)) is not None:
            return rate
    # A unit that the price list has never heard of may have a price of the user's own.
    return priced.get(unit) if not covering and unit != REQUESTS else None
