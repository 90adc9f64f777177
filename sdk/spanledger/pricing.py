"""Exact prices of calls, from genai-prices' dated offline price list.

`price` gives the same total as `genai_prices.calc_price` (a property test holds it for every model), split
into parts that sum to it, in a few microseconds instead of the library's tens: what a (provider, model) pair
resolves to is remembered, and the arithmetic is done here on prices that were compiled once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from spanledger._internal.pricing import pricelist
from spanledger.usage import Usage

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice, TieredPrices
    from genai_prices.units import UnitDef

_QUANTUM: Final = Decimal("1e-12")
_ZERO: Final = Decimal("0.000000000000")
# A context of our own: the user's may round to six digits or trap Inexact.
_CONTEXT: Final = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[])
_multiply: Final = _CONTEXT.multiply
_quantize: Final = _CONTEXT.quantize

_BUCKET_UNITS: Final[Mapping[str, str]] = {
    "input_tokens": "input_tokens",
    "cache_read_tokens": "cache_read_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "output_tokens": "output_tokens",
    "reasoning_tokens": "output_reasoning_tokens",
}


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


def price(
    usage: Usage,
    *,
    provider: str | None = None,
    model: str | None = None,
    at: datetime | None = None,
    calls: int = 1,
) -> Cost | None:
    """Return the cost of `usage` at the prices valid `at` that moment (now, if None), or None if unknown.

    Never 0 for want of a price: an unknown model or provider, an empty usage, or a usage of which the model
    prices no part at all give None. A named provider is looked up under that provider only (with the
    library's own fallbacks, such as Azure to OpenAI); without a provider, the model's name decides.
    So is everything where the price list is not installed (`pip install 'spanledger[prices]'`): the collector prices
    calls by itself. A naive `at` is UTC. `usage` may be the sum of several `calls`: their average size then decides
    the tier.
    """
    if not model or usage.is_empty:
        return None
    resolved = _resolve(provider or None, model)
    if resolved is None:
        return None
    return resolved.at(at).cost(usage, calls)


@dataclass(frozen=True, slots=True)
class _Rate:
    """Dollars per unit, exact: the price list's number and what it is per."""

    base: Decimal
    per: Decimal | None  # None where the division was exact and is done: any power of ten
    tiers: tuple[tuple[int, Decimal], ...] = ()  # highest start first

    def charge(self, count: int, total_input: int) -> Decimal:
        rate = self.base
        if self.tiers:
            for start, tier_rate in self.tiers:
                if total_input > start:
                    rate = tier_rate
                    break
        amount = _multiply(rate, count)
        return _quantize(amount if self.per is None else _CONTEXT.divide(amount, self.per), _QUANTUM)


@dataclass(frozen=True, slots=True)
class _Rates:
    """One ModelPrice compiled: which rate each bucket falls under."""

    input: _Rate | None
    cache_read: _Rate | None
    cache_write: _Rate | None
    output: _Rate | None
    reasoning: _Rate | None
    request: _Rate | None
    units: Mapping[str, _Rate]  # the model's own priced units
    seconds_minimum: int
    source: str

    def cost(self, usage: Usage, calls: int) -> Cost | None:
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
                cost_output = _CONTEXT.add(cost_output, reasoning)
                priced = True
        for unit, count in usage.other.items():
            if not count:
                continue
            positive = True
            if (rate := _rate_of(unit, self.units)) is not None:
                if unit.endswith("_seconds"):
                    count = max(count, self.seconds_minimum * calls)
                cost_other = _CONTEXT.add(cost_other, rate.charge(count, total_input))
                priced = True
        if self.request is not None:
            cost_other = _CONTEXT.add(cost_other, self.request.charge(calls, total_input))
            priced = True
        if positive and not priced:
            return None
        add = _CONTEXT.add
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


@dataclass(frozen=True, slots=True)
class _Resolved:
    """What a (provider, model) pair means: rates, each with the moments at which it holds; the first wins."""

    always: _Rates
    dated: tuple[tuple[Callable[[datetime], bool] | None, _Rates], ...] = ()

    def at(self, moment: datetime | None) -> _Rates:
        if not self.dated:
            return self.always
        moment = moment or datetime.now(tz=UTC)
        for is_active, rates in self.dated:
            if is_active is None or is_active(moment):
                return rates
        return self.always


# Bounded, and misses are remembered too: model names come from outside.
@lru_cache(maxsize=4096)
def _resolve(provider: str | None, model: str) -> _Resolved | None:
    found = pricelist.find(provider, model)
    if found is None:
        return None
    owner, info = found
    source = f"genai-prices {pricelist.library_version()} {owner.id}/{info.id}"
    # The library bills Groq's Whisper models for ten seconds at least.
    minimum = 10 if owner.id == "groq" and info.id in ("whisper-large-v3", "whisper-large-v3-turbo") else 0
    if not isinstance(info.prices, list):
        rates = _compile(info.prices, source, minimum)
        return _Resolved(rates) if rates is not None else None
    dated: list[tuple[Callable[[datetime], bool] | None, _Rates]] = []
    for conditional in reversed(info.prices):
        rates = _compile(conditional.prices, source, minimum)
        if rates is None:
            return None
        dated.append((conditional.constraint.active if conditional.constraint else None, rates))
    return _Resolved(dated[-1][1], tuple(dated)) if dated else None


def _compile(prices: ModelPrice, source: str, seconds_minimum: int) -> _Rates | None:
    registry = pricelist.registry()
    units: dict[str, _Rate] = {}
    for key, value in vars(prices).items():
        if value is None or key.startswith("_"):
            continue
        if key not in registry[1]:
            return None  # a unit of a newer price list: a partial price would be a wrong one
        unit = registry[1][key]
        units[unit.usage_key] = _rate(value, unit)
    if not units:
        return None
    five = {bucket: _rate_of(unit, units) for bucket, unit in _BUCKET_UNITS.items()}
    return _Rates(
        input=five["input_tokens"],
        cache_read=five["cache_read_tokens"],
        cache_write=five["cache_write_tokens"],
        output=five["output_tokens"],
        reasoning=five["reasoning_tokens"],
        request=units.get("requests"),
        units=units,
        seconds_minimum=seconds_minimum,
        source=source,
    )


def _rate(value: Decimal | TieredPrices, unit: UnitDef) -> _Rate:
    per = Decimal(unit.per)
    exact = per.scaleb(-per.adjusted()) == 1
    scale = -per.adjusted() if exact else 0
    divisor = None if exact else per
    if isinstance(value, Decimal):
        return _Rate(value.scaleb(scale, _CONTEXT), divisor)
    tiers = sorted(((tier.start, tier.price.scaleb(scale, _CONTEXT)) for tier in value.tiers), reverse=True)
    return _Rate(value.base.scaleb(scale, _CONTEXT), divisor, tuple(tiers))


def _rate_of(unit: str, priced: Mapping[str, _Rate]) -> _Rate | None:
    """The rate of the most specific priced unit that covers `unit` (cached audio falls under cached, ...)."""
    for candidate in pricelist.covering(unit):
        if (rate := priced.get(candidate)) is not None:
            return rate
    return None
