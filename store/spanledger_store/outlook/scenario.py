"""What if: prices, volumes, models or cache rates changed; exact arithmetic on the token buckets of recent calls.

wanted = Scenario.read("swap:gpt-4o*=gpt-4o-mini,volume:Acme=1.2,cache:claude*=0.8,price:gpt-5=0.9")
found = applied(lines, wanted)
found.factor("customer", "Acme")      # scenario per actual cost of the recent lines, to apply to a forecast

Each line's calls are priced anew, as they would have been; nothing is guessed about how a model would have answered: a
swapped call keeps its tokens. Changes are made in this order: model, cache, price, volume.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Context, Decimal, InvalidOperation
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, Final

from spanledger import pricing
from spanledger.usage import Usage
from spanledger_store.outlook.forecasts import DIMENSIONS

_EXACT: Final = Context(prec=60)
_QUANTUM: Final = Decimal("1e-12")
_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)
_MOST: Final = Decimal(1000)
VOLUME_OF: Final = ("customer", "feature", "team")
EVERY: Final = "*"
SYNTAX: Final = (
    "use price:MODEL=FACTOR, volume:NAME=FACTOR (a customer; or feature/NAME, team/NAME, * for all), swap:MODEL=MODEL, "
    "cache:MODEL=SHARE, with commas between them"
)


class ScenarioInvalid(ValueError):
    """A scenario that cannot be; the message names the part and says what it may be."""


@dataclass(frozen=True, slots=True)
class Line:
    """Sums of the recent calls of one slice, as the ledger has them; `slice` has every one of DIMENSIONS."""

    slice: Mapping[str, str]
    calls: int
    usage: Usage
    cost: Decimal
    other_cost: Decimal = _ZERO
    unpriced_calls: int = 0


Pricer = Callable[[Usage, str | None, str, int], Decimal | None]
"""Dollars of the sum of some calls by provider (None: the model's name decides) and model; None without a price."""


def listed(usage: Usage, provider: str | None, model: str, calls: int) -> Decimal | None:
    """The price of today's list."""
    found = pricing.price(usage, provider=provider, model=model, calls=calls)
    return None if found is None else found.total


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is changed; models are patterns such as `gpt-4o*`.

    | field | |
    |---|---|
    | prices | model -> factor on what its calls cost |
    | volumes | (dimension, value) -> factor on its calls, `EVERY` value alike; factors of several multiply |
    | swaps | model -> model that answers its calls |
    | caches | model -> share of its input that is read from the provider's cache, 0 to 1 |

    Raises ScenarioInvalid.
    """

    prices: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    volumes: Mapping[tuple[str, str], Decimal] = field(default_factory=dict[tuple[str, str], Decimal])
    swaps: Mapping[str, str] = field(default_factory=dict[str, str])
    caches: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])

    def __post_init__(self) -> None:
        for name, factor in {**self.prices, **{f"{d} {v}": f for (d, v), f in self.volumes.items()}}.items():
            if not (factor.is_finite() and 0 <= factor <= _MOST):
                raise ScenarioInvalid(f"factor {factor} of {name!r} is not from 0 to {_MOST}; 1 leaves it as it is.")
        for name, share in self.caches.items():
            if not (share.is_finite() and 0 <= share <= 1):
                raise ScenarioInvalid(f"cache share {share} of {name!r} is not from 0 to 1; 0.8 is 80 %.")
        for dimension, value in self.volumes:
            if dimension not in VOLUME_OF:
                raise ScenarioInvalid(f"volume of {dimension} {value!r}: use one of {', '.join(VOLUME_OF)}.")
        for old, new in self.swaps.items():
            if not old or not new:
                raise ScenarioInvalid("a swap names two models: swap:MODEL=MODEL.")

    @classmethod
    def read(cls, text: str) -> Scenario:
        """The scenario that a text describes (see SYNTAX). Raises ScenarioInvalid."""
        prices: dict[str, Decimal] = {}
        volumes: dict[tuple[str, str], Decimal] = {}
        swaps: dict[str, str] = {}
        caches: dict[str, Decimal] = {}
        for part in filter(None, (each.strip() for each in text.split(","))):
            kind, colon, rest = part.partition(":")
            name, equals, value = rest.rpartition("=")
            if not (colon and equals and name and value):
                raise ScenarioInvalid(f"{part!r} is no change: {SYNTAX}.")
            if kind == "swap":
                swaps[name] = value
            elif kind == "price":
                prices[name] = _number(part, value)
            elif kind == "cache":
                caches[name] = _number(part, value)
            elif kind == "volume":
                dimension, slash, of = name.partition("/")
                known = slash and dimension in VOLUME_OF
                volumes[(dimension, of) if known else ("customer", name)] = _number(part, value)
            else:
                raise ScenarioInvalid(f"{part!r} is no change: {SYNTAX}.")
        return cls(prices, volumes, swaps, caches)

    @property
    def is_empty(self) -> bool:
        """True where nothing is changed."""
        return not (self.prices or self.volumes or self.swaps or self.caches)


@dataclass(frozen=True, slots=True)
class Changed:
    """One line before and after."""

    line: Line
    cost: Decimal


@dataclass(frozen=True)
class Applied:
    """What the recent lines would have cost; `unpriced` are those calls that have no price, before or after."""

    changes: Sequence[Changed]
    unpriced: int

    @cached_property
    def _sums(self) -> Mapping[tuple[str, str], tuple[Decimal, Decimal]]:
        sums: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
        for each in self.changes:
            for key in (("", ""), *((dimension, each.line.slice.get(dimension, "")) for dimension in DIMENSIONS)):
                before, after = sums.get(key, (_ZERO, _ZERO))
                sums[key] = (_EXACT.add(before, each.line.cost), _EXACT.add(after, each.cost))
        return sums

    def costs(self, dimension: str = "", value: str = "") -> tuple[Decimal, Decimal]:
        """What the slice's recent calls cost, and would have cost; zeros where it has none."""
        return self._sums.get((dimension, value), (_ZERO, _ZERO))

    def factor(self, dimension: str = "", value: str = "") -> Decimal:
        """After per before, to 12 places; 1 for a slice without recent cost, of which nothing is known."""
        before, after = self.costs(dimension, value)
        return _EXACT.divide(after, before).quantize(_QUANTUM) if before else _ONE

    def values(self, dimension: str) -> list[str]:
        """The dimension's values among the lines."""
        return sorted({value for name, value in self._sums if name == dimension})


def applied(lines: Sequence[Line], wanted: Scenario, pricer: Pricer = listed) -> Applied:
    """Every line as it would have been. Raises ScenarioInvalid for names without calls and models without a price."""
    _check(lines, wanted)
    changes: list[Changed] = []
    unpriced = 0
    for line in lines:
        unpriced += line.unpriced_calls
        changes.append(Changed(line, _one(line, wanted, pricer)))
    return Applied(changes, unpriced)


def _one(line: Line, wanted: Scenario, pricer: Pricer) -> Decimal:
    model, provider, cost, usage = (
        line.slice.get("model", ""),
        line.slice.get("provider") or None,
        line.cost,
        line.usage,
    )
    target = _matching(model, wanted.swaps)
    if target is not None and target != model:
        found = pricer(usage, provider, target, line.calls)
        if found is None:
            found = pricer(usage, None, target, line.calls)
            provider = None
        if found is None and not usage.is_empty and _tokens(usage):
            raise ScenarioInvalid(
                f"{target!r} has no price in the list, so its cost is unknown; use a model that has one."
            )
        # What is charged per search or image is charged by the new model as by the old: the ledger has but its sum.
        cost, model = _EXACT.add(found or _ZERO, line.other_cost), target
    share = _matching(line.slice.get("model", ""), wanted.caches)
    if share is not None:
        changed = _cached(usage, share)
        before, after = (pricer(each, provider, model, line.calls) for each in (usage, changed))
        if before is not None and after is not None:
            cost = max(_EXACT.add(cost, _EXACT.subtract(after, before)), _ZERO)
    for pattern, factor in wanted.prices.items():
        if fnmatchcase(model, pattern):
            cost = _EXACT.multiply(cost, factor)
    for (dimension, value), factor in wanted.volumes.items():
        if value in (EVERY, line.slice.get(dimension, "")):
            cost = _EXACT.multiply(cost, factor)
    return cost.quantize(_QUANTUM, context=_EXACT)


def _cached(usage: Usage, share: Decimal) -> Usage:
    """The same prompts, of which that share is read from the cache; the rest is written or not as it was."""
    parts = (usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens)
    prompt = sum(each or 0 for each in parts)
    read = int((prompt * share).to_integral_value())
    rest = prompt - read
    unread = (usage.input_tokens or 0) + (usage.cache_write_tokens or 0)
    written = rest * (usage.cache_write_tokens or 0) // unread if unread else 0
    return replace(usage, input_tokens=rest - written, cache_read_tokens=read, cache_write_tokens=written)


def _tokens(usage: Usage) -> int:
    return (usage.total_input or 0) + (usage.total_output or 0)


def _matching(model: str, changes: Mapping[str, Any]) -> Any:
    """The change of the first pattern that the model has."""
    return next((change for pattern, change in changes.items() if fnmatchcase(model, pattern)), None)


def _check(lines: Sequence[Line], wanted: Scenario) -> None:
    models = sorted({line.slice.get("model", "") for line in lines} - {""})
    after = {*models, *wanted.swaps.values()}
    for pattern in (*wanted.swaps, *wanted.caches):
        if not any(fnmatchcase(model, pattern) for model in models):
            raise ScenarioInvalid(f"no recent call has the model {pattern!r}; there are: {_some(models)}.")
    for pattern in wanted.prices:
        if not any(fnmatchcase(model, pattern) for model in after):
            raise ScenarioInvalid(f"no recent call has the model {pattern!r}; there are: {_some(models)}.")
    for dimension, value in wanted.volumes:
        values = sorted({line.slice.get(dimension, "") for line in lines} - {""})
        if value not in (EVERY, *values):
            raise ScenarioInvalid(f"no recent call has the {dimension} {value!r}; there are: {_some(values)}.")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return (", ".join(names[:12]) or "none") + more


def _number(part: str, text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise ScenarioInvalid(f"{part!r}: {text!r} is no number; use one such as 1.2 or 0.8.") from error
