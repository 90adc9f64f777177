import itertools
import pickle
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext

import genai_prices
import pytest
from genai_prices.data import providers
from genai_prices.types import Usage as LibraryUsage
from genai_prices.units import UnitRegistry
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger import Usage, pricing
from spanledger._internal.pricing.rates import BUCKET_UNITS
from spanledger.pricing import price

# Some models of the list do not match their own id; for those the library raises and we return None.
MODELS = [(owner.id, info.id) for owner in providers for info in owner.models if owner.find_model(info.id)]
REGISTRY = UnitRegistry(__import__("genai_prices.data_units", fromlist=["unit_data"]).unit_data)
OTHERS = sorted(set(REGISTRY.units) - {"requests", "input_tokens", "output_tokens", "cache_read_tokens"})
COUNT = st.none() | st.integers(0, 2_000_000)
USAGES = st.builds(
    Usage,
    COUNT,
    COUNT,
    COUNT,
    COUNT,
    COUNT,
    st.dictionaries(st.sampled_from(OTHERS), st.integers(0, 10**6), max_size=3),
)


def inclusive(usage: Usage) -> LibraryUsage:
    """The same counts in the library's way, where every unit contains its more specific ones."""
    buckets = dict(usage.other)
    for name, unit in BUCKET_UNITS.items():
        count = getattr(usage, name)
        if count is not None:
            buckets[unit] = buckets.get(unit, 0) + count
    totals = {
        key: sum(c for b, c in buckets.items() if unit.dimensions.items() <= REGISTRY.units[b].dimensions.items())
        for key, unit in REGISTRY.units.items()
        if key != "requests"
    }
    return LibraryUsage(**totals)


def agrees(provider: str, model: str, usage: Usage, at: datetime) -> None:
    ours = price(usage, provider=provider, model=model, at=at)
    theirs = genai_prices.calc_price(inclusive(usage), model, provider_id=provider, genai_request_timestamp=at)
    if ours is None:
        # The library answers 0 for what it has no price for, and the fee of a request of which nothing is known; we
        # say that we do not know.
        assert theirs.total_price == 0 or usage.is_empty
        return
    assert ours.total == ours.input + ours.cache_read + ours.cache_write + ours.output + ours.other
    parts = 6 + len(usage.other)
    assert abs(ours.total - theirs.total_price) <= parts * Decimal("0.5e-12")
    if theirs.total_price == round(theirs.total_price, 12) and "seconds" not in str(usage.other):
        assert ours.total == theirs.total_price
    assert ours.total.as_tuple().exponent == -12


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_totals_equal_the_library_for_any_usage(data: st.DataObject) -> None:
    provider, model = data.draw(st.sampled_from(MODELS))
    at = datetime(2023, 1, 1, tzinfo=UTC) + data.draw(st.timedeltas(timedelta(0), timedelta(1500)))
    agrees(provider, model, data.draw(USAGES), at)


def test_totals_equal_the_library_for_every_model() -> None:
    moments = itertools.cycle([datetime(2024, 6, 1, 3, tzinfo=UTC), datetime(2026, 11, 1, 17, 30, tzinfo=UTC)])
    sizes = itertools.cycle([1, 50, 150_000, 600_000])
    for (provider, model), at, size in zip(MODELS, moments, sizes, strict=False):
        agrees(provider, model, Usage(size, size // 3, size // 7, size // 2, size // 11), at)


@pytest.mark.parametrize(
    ("provider", "model", "owner"),
    [
        ("openai", "gpt-4o", "openai/"),
        ("azure.ai.openai", "gpt-4o", "azure/"),
        ("az.ai.inference", "gpt-4o", "azure/"),
        ("aws.bedrock", "anthropic.claude-sonnet-4-20250514-v1:0", "aws/"),
        ("gcp.gemini", "gemini-2.5-flash", "google/"),
        ("gcp.gen_ai", "gemini-2.5-flash", "google/"),
        ("gcp.vertex_ai", "claude-sonnet-4-5", "google/"),
        ("mistral_ai", "mistral-large-latest", "mistral/"),
        ("x_ai", "grok-3", "x-ai/"),
        ("moonshot_ai", "kimi-k2-0905-preview", "moonshotai/"),
        ("litellm", "anthropic/claude-sonnet-4-5", "anthropic/"),
        (None, "gpt-4o-2024-08-06", "openai/"),
        ("", "claude-sonnet-4-5", "anthropic/"),
    ],
)
def test_names_of_opentelemetry_find_their_price(provider: str | None, model: str, owner: str) -> None:
    cost = price(Usage(1000, output_tokens=10), provider=provider, model=model)
    assert cost is not None
    assert cost.source.startswith(f"genai-prices {genai_prices.__version__} {owner}")
    assert cost.total > 0


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("ollama", "gpt-4o"),
        ("vllm", "llama-3"),
        ("openai-compatible", "gpt-4o"),
        ("openai", "claude-sonnet-4-5"),
        ("openai", "my-own-model"),
        (None, "my-own-model"),
        ("openai", None),
        ("openai", ""),
    ],
)
def test_unknown_is_none_and_never_zero(provider: str | None, model: str | None) -> None:
    assert price(Usage(1000, output_tokens=10), provider=provider, model=model) is None


def test_an_empty_usage_has_no_price_and_a_zero_usage_costs_nothing() -> None:
    assert price(Usage(), provider="openai", model="gpt-4o") is None
    cost = price(Usage(input_tokens=0), provider="openai", model="gpt-4o")
    assert cost is not None
    assert cost.total == 0


def test_a_model_priced_by_other_units_does_not_price_tokens_as_nothing() -> None:
    assert price(Usage(1000, output_tokens=5), provider="groq", model="whisper-large-v3") is None
    cost = price(Usage(other={"audio_seconds": 4}), provider="groq", model="whisper-large-v3")
    assert cost is not None
    assert cost.total == price(Usage(other={"audio_seconds": 10}), provider="groq", model="whisper-large-v3").total  # type: ignore[union-attr]


def test_prices_are_those_of_the_day_and_hour() -> None:
    usage = Usage(1_000_000, output_tokens=1_000_000)

    def total(provider: str, model: str, at: datetime) -> Decimal:
        cost = price(usage, provider=provider, model=model, at=at)
        assert cost is not None
        return cost.total

    before, after = datetime(2025, 6, 1, tzinfo=UTC), datetime(2025, 6, 11, tzinfo=UTC)
    assert total("openai", "o3", before) > total("openai", "o3", after)
    noon, night = datetime(2025, 6, 1, 12, tzinfo=UTC), datetime(2025, 6, 1, 20, tzinfo=UTC)
    assert total("deepseek", "deepseek-chat", noon) > total("deepseek", "deepseek-chat", night)
    naive = datetime(2025, 6, 1, 20)  # noqa: DTZ001 - a naive moment is UTC
    assert total("deepseek", "deepseek-chat", naive) == total("deepseek", "deepseek-chat", night)


def test_the_users_decimal_context_changes_nothing() -> None:
    usage = Usage(123_457, 7, 11, 13, 17)
    expected = price(usage, provider="openai", model="gpt-4o")
    with localcontext() as context:
        context.prec = 3
        assert price(usage, provider="openai", model="gpt-4o") == expected


def test_memory_is_bounded_for_invented_model_names() -> None:
    for number in range(5000):
        price(Usage(1), provider="openai", model=f"invented-{number}")
    assert pricing._resolve.cache_info().currsize <= 4096


def test_a_cost_can_be_sent_between_processes() -> None:
    cost = price(Usage(10, other={"web_searches": 1}), provider="anthropic", model="claude-sonnet-4-5")
    assert pickle.loads(pickle.dumps(cost)) == cost
    assert pickle.loads(pickle.dumps(Usage(1, other={"web_searches": 1}))) == Usage(1, other={"web_searches": 1})


def test_a_sum_of_calls_is_priced_by_their_average_size() -> None:
    # Dearer above 200,000 tokens of input: a hundred short calls must not be taken for a long one.
    short = price(Usage(input_tokens=3_000), provider="google", model="gemini-2.5-pro")
    long = price(Usage(input_tokens=300_000), provider="google", model="gemini-2.5-pro")
    together = price(Usage(input_tokens=300_000), provider="google", model="gemini-2.5-pro", calls=100)
    assert short is not None
    assert long is not None
    assert together is not None
    assert together.total == 100 * short.total
    assert long.total == 2 * together.total
