"""Exact prices of calls, from genai-prices' dated offline price list.

`price` gives the same total as `genai_prices.calc_price` (a property test holds it for every model), split
into parts that sum to it, in a few microseconds instead of the library's tens: what a (provider, model) pair
resolves to is remembered, and the arithmetic is done here on prices that were compiled once. The user's own prices
above it are in `spanledger.pricebook`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from spanledger._internal.pricing import classes, pricelist
from spanledger._internal.pricing.classes import CLASSES, service_class
from spanledger._internal.pricing.rates import CONTEXT, Cost, Rate, Rates, compiled
from spanledger.usage import Usage

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, TieredPrices
    from genai_prices.units import UnitDef

__all__ = ["CLASSES", "Cost", "price", "service_class"]

# The library bills these for ten seconds at least.
_TEN_SECONDS: Final = frozenset({("groq", "whisper-large-v3"), ("groq", "whisper-large-v3-turbo")})
_Active = Callable[[datetime], bool]
_Mixture = tuple[int, tuple[bool, ...], bool]


def price(
    usage: Usage,
    *,
    provider: str | None = None,
    model: str | None = None,
    at: datetime | None = None,
    calls: int = 1,
    service: str = "",
) -> Cost | None:
    """Return the cost of `usage` at the prices valid `at` that moment (now, if None), or None if unknown.

    Never 0 for want of a price: an unknown model or provider, an empty usage, or a usage of which the model
    prices no part at all give None. A named provider is looked up under that provider only (with the
    library's own fallbacks, such as Azure to OpenAI); without a provider, the model's name decides.
    So is everything where the price list is not installed (`pip install 'spanledger[prices]'`): the collector prices
    calls by itself. A naive `at` is UTC. `usage` may be the sum of several `calls`: their average size then decides
    the tier. `service` is one of `CLASSES`, '' for the standard one; the source says how it was priced.
    """
    if not model or usage.is_empty:
        return None
    service = service_class(service)
    resolved = _resolve(provider or None, model) if not service else _resolve_class(provider or None, model, service)
    if resolved is None:
        return None
    return resolved.at(at).cost(usage, calls)


@dataclass(frozen=True, slots=True)
class _Resolved:
    """What a (provider, model) pair means: rates, each with the moments at which it holds; the first wins."""

    always: Rates
    dated: tuple[tuple[_Active | None, Rates], ...] = ()

    def at(self, moment: datetime | None) -> Rates:
        if not self.dated:
            return self.always
        moment = moment or datetime.now(tz=UTC)
        for is_active, rates in self.dated:
            if is_active is None or is_active(moment):
                return rates
        return self.always


@dataclass(frozen=True, slots=True)
class _Classed:
    """The same for a class of service: the library's variants where it has any at the moment, else what is announced.

    A variant changes some prices of whatever holds at the moment, so that one compiles per mixture of both.
    """

    standard: _Resolved
    owner: str
    service: str
    variants: tuple[tuple[_Active | None, Rates], ...]
    made: dict[tuple[int, tuple[bool, ...], bool], Rates] = field(
        default_factory=dict[tuple[int, tuple[bool, ...], bool], Rates]
    )

    def at(self, moment: datetime | None) -> Rates:
        moment = moment or datetime.now(tz=UTC)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        standard = self.standard.at(moment)
        active = tuple(is_active is None or is_active(moment) for is_active, _ in self.variants)
        key = (id(standard), active, classes.is_announced(self.owner, self.service, moment))
        found = self.made.get(key)
        if found is None:
            found = self.made[key] = self._compiled(standard, active, moment)
        return found

    def _compiled(self, standard: Rates, active: tuple[bool, ...], moment: datetime) -> Rates:
        if not any(active):
            return classes.announced(standard, self.owner, self.service, moment)
        units = dict(standard.units)
        # The first variant that names a price decides it.
        for (_, variant), holds in reversed(list(zip(self.variants, active, strict=True))):
            units |= variant.units if holds else {}
        return compiled(units, f"{standard.source} {self.service}", standard.seconds_minimum)


# Bounded, and misses are remembered too: model names come from outside.
@lru_cache(maxsize=4096)
def _resolve(provider: str | None, model: str) -> _Resolved | None:
    found = pricelist.find(provider, model)
    if found is None:
        return None
    owner, info = found
    source = f"genai-prices {pricelist.library_version()} {owner.id}/{info.id}"
    minimum = 10 if (owner.id, info.id) in _TEN_SECONDS else 0
    if not isinstance(info.prices, list):
        rates = _compile(info.prices, source, minimum)
        return _Resolved(rates) if rates is not None else None
    dated: list[tuple[_Active | None, Rates]] = []
    for conditional in reversed(info.prices):
        rates = _compile(conditional.prices, source, minimum)
        if rates is None:
            return None
        dated.append((conditional.constraint.active if conditional.constraint else None, rates))
    return _Resolved(dated[-1][1], tuple(dated)) if dated else None


@lru_cache(maxsize=4096)
def _resolve_class(provider: str | None, model: str, service: str) -> _Classed | None:
    standard, found = _resolve(provider, model), pricelist.find(provider, model)
    if standard is None or found is None:
        return None
    owner, info = found
    variants: list[tuple[_Active | None, Rates]] = []
    # The library leaves out the variants of a model that another provider's list is asked for.
    for variant in (info.price_variants or ()) if _is_own(info, owner.models) else ():
        context = classes.context_of(service)
        if not all(context.get(key) == value for key, value in variant.when.items()):
            continue
        rates = _compile(variant.prices, "", 0)
        if rates is not None:
            variants.append((variant.constraint.active if variant.constraint else None, rates))
    return _Classed(standard, owner.id, service, tuple(variants))


def _is_own(info: ModelInfo, models: list[ModelInfo]) -> bool:
    return any(info is each for each in models)


def _compile(prices: ModelPrice, source: str, seconds_minimum: int) -> Rates | None:
    registry = pricelist.registry()
    units: dict[str, Rate] = {}
    for key, value in vars(prices).items():
        if value is None or key.startswith("_"):
            continue
        if key not in registry[1]:
            return None  # a unit of a newer price list: a partial price would be a wrong one
        unit = registry[1][key]
        units[unit.usage_key] = _rate(value, unit)
    return compiled(units, source, seconds_minimum) if units else None


def _rate(value: Decimal | TieredPrices, unit: UnitDef) -> Rate:
    per = Decimal(unit.per)
    exact = per.scaleb(-per.adjusted()) == 1
    scale = -per.adjusted() if exact else 0
    divisor = None if exact else per
    if isinstance(value, Decimal):
        return Rate(value.scaleb(scale, CONTEXT), divisor)
    tiers = sorted(((tier.start, tier.price.scaleb(scale, CONTEXT)) for tier in value.tiers), reverse=True)
    return Rate(value.base.scaleb(scale, CONTEXT), divisor, tuple(tiers))
