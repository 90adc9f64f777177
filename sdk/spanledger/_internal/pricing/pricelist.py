"""genai-prices' offline price list: which model a name means, and how its units cover each other."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from spanledger import semconv
from spanledger._internal import forking
from spanledger._internal.log import warn_once

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, Provider
    from genai_prices.units import UnitDef, UnitRegistry

# Current gen_ai.provider.name -> genai-prices id, where the library would not recognise it or would take
# another provider for it. Names that are neither here nor known to the library have no price.
_LIBRARY_PROVIDERS: Final[Mapping[str, str]] = {
    "aws.bedrock": "aws",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "mistral_ai": "mistral",
    "moonshot_ai": "moonshotai",
    "x_ai": "x-ai",
    "together_ai": "together",
    "fireworks_ai": "fireworks",
}
# The library matches by substring; whoever merely speaks OpenAI's protocol does not charge its prices.
_NOT_A_PROVIDER: Final = ("compatible", "self_hosted", "self-hosted")


@cache
def is_installed() -> bool:
    """Whether this program has the price list: the base install leaves it to the collector, which prices every call."""
    try:
        return find_spec("genai_prices") is not None
    except (ImportError, ValueError):  # ValueError: something put a module without a spec in its place
        return False


def miss(key: str, consequence: str) -> bool:
    """True where there is no price list; what follows from that is said once."""
    if is_installed():
        return False
    warn_once(f"price list: {key}", "%s, which is not installed: pip install 'spanledger[prices]'", consequence)
    return True


def find(provider: str | None, model: str) -> tuple[Provider, ModelInfo] | None:
    """The model of the price list that a (provider, model) pair names, with who charges for it; None if it has none."""
    if not is_installed():
        return None
    providers = _providers()
    from genai_prices.data_snapshot import find_provider_by_id

    reference = model.lower()
    if provider is not None and provider.strip().lower() == "litellm":
        # LiteLLM is a router: the model's prefix names the provider.
        prefix, slash, rest = reference.partition("/")
        provider, reference = (prefix, rest) if slash else (None, reference)
    if provider is not None:
        name = semconv.provider_name(provider)
        if any(mark in name for mark in _NOT_A_PROVIDER):
            return None
        owner = find_provider_by_id(providers, _LIBRARY_PROVIDERS.get(name, name))
    else:
        owner = next((p for p in providers if p.model_match and p.model_match.is_match(reference)), None)
    if owner is None:
        return None
    info = owner.find_model(reference, all_providers=providers)
    return None if info is None else (owner, info)


@lru_cache(maxsize=256)
def covering(unit: str) -> tuple[str, ...]:
    """All units that cover `unit`, itself first, most specific first; empty for a unit nobody prices.

    The price list guarantees that wherever two covering units of one generality are both priced, their join
    is priced as well, so the order among equals never decides.
    """
    by_usage, _ = registry()
    if unit not in by_usage or unit == "requests":
        return ()
    wanted = by_usage[unit].dimensions.items()
    covering = [u for u in by_usage.values() if u.dimensions.items() <= wanted]
    covering.sort(key=lambda u: (-len(u.dimensions), u.usage_key))
    return tuple(u.usage_key for u in covering)


# genai_prices takes a third of a second to import (pydantic and a 30,000-line price list). Its imports sit in
# functions for that weight alone, so that `import spanledger` in somebody's program costs nothing: the
# first price is computed on the export thread.
@cache
def _providers() -> list[Provider]:
    forking.import_undisturbed(*(f"genai_prices.{name}" for name in ("data", "data_snapshot", "data_units", "units")))
    from genai_prices.data import providers

    return providers


@cache
def registry() -> tuple[Mapping[str, UnitDef], Mapping[str, UnitDef]]:
    """Units by usage key and by price key."""
    _providers()
    from genai_prices.data_units import unit_data
    from genai_prices.units import UnitRegistry

    units: UnitRegistry = UnitRegistry(unit_data)
    by_usage = dict(units.units)
    return by_usage, {unit.price_key: unit for unit in by_usage.values()}


@cache
def library_version() -> str:
    """Of genai-prices, since the prices are part of it."""
    from importlib.metadata import version

    return version("genai-prices")
