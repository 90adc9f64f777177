"""Classes of service: how a call says that it was a batch, and what providers charge for that.

genai-prices knows most classes of most models, dated. Where it does not know one, the table below holds what a provider
has announced for all its models; a class that is in neither has the standard price, and `price_source` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from spanledger._internal.pricing.rates import Rate, Rates, compiled

CLASSES: Final = ("standard", "batch", "flex", "priority", "fast")
"""The classes a price can be about."""

_CONTEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"service_tier": "fast", "speed": "fast"},
}
# Words of providers and gateways that mean one of ours; every other word (default, auto, scale, ...) is the standard.
_WORDS: Final[Mapping[str, str]] = {
    **{name: name for name in _CONTEXTS},
    "on_demand_flex": "flex",
    "batches": "batch",
}
_HALF: Final = Decimal("0.5")
_FULL: Final = Decimal(1)


@dataclass(frozen=True, slots=True)
class Announced:
    """What a provider charges for a class of all its models, of the standard price: tokens, and cached ones."""

    provider: str
    service: str
    since: date
    tokens: Decimal
    cached: Decimal
    told_at: str


ANNOUNCED: Final = (
    Announced("openai", "batch", date(2024, 4, 15), _HALF, _HALF, "https://platform.openai.com/docs/guides/batch"),
    # "Tokens are priced at Batch API rates."
    Announced(
        "openai", "flex", date(2025, 4, 17), _HALF, _HALF, "https://platform.openai.com/docs/guides/flex-processing"
    ),
    Announced(
        "anthropic", "batch", date(2024, 10, 8), _HALF, _HALF,
        "https://platform.claude.com/docs/en/build-with-claude/batch-processing#pricing",
    ),
    # What is read from a cache keeps its price.
    Announced("google", "batch", date(2025, 7, 7), _HALF, _FULL, "https://ai.google.dev/gemini-api/docs/pricing"),
    Announced("mistral", "batch", date(2024, 11, 7), _HALF, _HALF, "https://mistral.ai/news/batch-api"),
)  # fmt: skip


def service_class(stated: str | None) -> str:
    """The class that a span's word for it means: batch, flex, priority or fast; '' for the standard one."""
    return _WORDS.get(stated.strip().lower(), "") if stated else ""


def context_of(service: str) -> Mapping[str, str]:
    """What genai-prices calls the class."""
    return _CONTEXTS[service]


def announced(rates: Rates, owner: str, service: str, at: datetime) -> Rates:
    """The standard rates as the provider's announcement changes them for this class; the same ones where it has none.

    Only tokens become cheaper: a search or a request costs what it costs.
    """
    found = _announced(owner, service, at)
    if found is None:
        return compiled(rates.units, f"{rates.source}, {service} at the standard price", rates.seconds_minimum)
    units = {unit: _reduced(unit, rate, found) for unit, rate in rates.units.items()}
    percent = f"{100 - found.tokens * 100:f}".rstrip("0").rstrip(".")
    return compiled(units, f"{rates.source}, {service} {percent} % off", rates.seconds_minimum)


def is_announced(owner: str, service: str, at: datetime) -> bool:
    """Whether the provider charged another price for this class at that moment, by the table."""
    return _announced(owner, service, at) is not None


def _announced(owner: str, service: str, at: datetime) -> Announced | None:
    return next(
        (each for each in ANNOUNCED if each.provider == owner and each.service == service and at.date() >= each.since),
        None,
    )


def _reduced(unit: str, rate: Rate, each: Announced) -> Rate:
    if not unit.endswith("_tokens"):
        return rate
    return rate.times(each.cached if unit.startswith("cache_") else each.tokens)
