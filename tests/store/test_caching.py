"""What caching saved: the same tokens at the uncached price of the same call, less what was paid."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanledger.pricing import price
from spanledger.usage import Usage
from spanledger_store.columns import SPAN_COLUMNS, columnar
from spanledger_store.engine import Engine
from spanledger_store.reports.caching import Caching, caching
from spanledger_store.scope import Dimension, Scope
from tests.store.rows import span_row

AT = datetime(2026, 3, 2, tzinfo=UTC)
SCOPE = Scope("default", AT, AT + timedelta(days=1))
NS = int(AT.timestamp()) * 10**9
MODELS = (("openai", "gpt-4o"), ("anthropic", "claude-sonnet-4-5"), ("google", "gemini-2.5-pro"))


def priced(usage: Usage, model: tuple[str, str], service: str = "") -> dict[str, Any]:
    """A call of this usage at the list's prices."""
    cost = price(usage, provider=model[0], model=model[1], at=AT, service=service)
    assert cost is not None
    return {
        "provider": model[0], "model": model[1], "price_source": cost.source, "cost_usd": cost.total,
        "input_tokens": usage.input_tokens, "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens, "output_tokens": usage.output_tokens,
        "input_cost_usd": cost.input, "cache_read_cost_usd": cost.cache_read,
        "cache_write_cost_usd": cost.cache_write, "output_cost_usd": cost.output,
    }  # fmt: skip


def insert(engine: Engine, calls: list[dict[str, Any]]) -> None:
    rows = [span_row(**{"span_id": f"{n:016x}", "start_time": NS + n * 10**9, **each}) for n, each in enumerate(calls)]
    engine.insert("span_rows", columnar(SPAN_COLUMNS, rows), f"caching-{Random(repr(rows)).random()}")


usages = st.tuples(
    st.sampled_from(MODELS),
    st.builds(Usage, st.integers(0, 300_000), st.integers(0, 300_000), st.integers(0, 300_000), st.integers(1, 10**4)),
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=st.lists(usages, min_size=1, max_size=12))
def test_savings_are_those_of_the_calls_one_by_one(engine: Engine, made: list[tuple[tuple[str, str], Usage]]) -> None:
    """With prices that change with the size of a call, and whether or not anything was left uncached."""
    engine.command("TRUNCATE TABLE span_rows")
    insert(engine, [priced(usage, model) for model, usage in made])
    saved = premium = Decimal(0)
    for model, usage in made:
        as_it_was = price(usage, provider=model[0], model=model[1], at=AT)
        whole = usage.total_input or 0
        uncached = price(Usage(whole, 0, 0, usage.output_tokens), provider=model[0], model=model[1], at=AT)
        assert as_it_was is not None
        assert uncached is not None
        per_token = uncached.input / whole if whole else Decimal(0)
        saved += per_token * (usage.cache_read_tokens or 0) - as_it_was.cache_read
        premium += as_it_was.cache_write - per_token * (usage.cache_write_tokens or 0)
    found = caching(engine, SCOPE)
    if not any(usage.cache_read_tokens or usage.cache_write_tokens for _, usage in made):
        assert found == []
        return
    (line,) = found
    # Per-call amounts are rounded at the twelfth place, the sum is not.
    near = Decimal("1e-11") * len(made)
    assert abs(line.saved_usd - saved) <= near
    assert abs(line.premium_usd - premium) <= near
    assert line.net_usd == line.saved_usd - line.premium_usd
    assert (line.estimated_tokens, line.unknown_tokens) == (0, 0)
    assert 0 <= line.lost_usd <= max(line.premium_usd, Decimal(0))


def test_a_price_of_ones_own_is_taken_from_calls_beside_it(engine: Engine) -> None:
    own = {"price_source": "own gpu-1 v3", "model": "mine", "cost_usd": Decimal(1)}
    insert(
        engine,
        [
            {**own, "input_tokens": 100, "input_cost_usd": Decimal("0.2"), "cache_read_tokens": 50,
             "cache_read_cost_usd": Decimal("0.01")},
            {**own, "price_source": "own gpu-1 v4", "input_tokens": 0, "cache_read_tokens": 7},
            {**own, "input_tokens": 10, "input_cost_usd": Decimal(9), "feature": "other"},
        ],
    )  # fmt: skip
    (found,) = caching(engine, SCOPE, [Dimension.FEATURE])
    assert found == Caching(("chat",), 57, 0, Decimal("0.09"), Decimal(0), Decimal(0), 50, 7)


def test_ones_own_price_of_a_listed_model_is_not_the_lists(engine: Engine) -> None:
    own = {"provider": "openai", "model": "gpt-4o", "price_source": "own gpt-4o v1", "cost_usd": Decimal(1)}
    insert(
        engine,
        [{**own, "input_tokens": 100, "input_cost_usd": Decimal("0.2"), "cache_read_tokens": 50,
          "cache_read_cost_usd": Decimal("0.01")}],
    )  # fmt: skip
    (found,) = caching(engine, SCOPE)
    assert found == Caching((), 50, 0, Decimal("0.09"), Decimal(0), Decimal(0), 50, 0)


def test_a_call_of_the_batch_class_is_compared_with_that_class(engine: Engine) -> None:
    usage = Usage(1000, 4000, 0, 1)
    insert(engine, [priced(usage, MODELS[0], "batch")])
    uncached = price(Usage(5000, 0, 0, 1), provider="openai", model="gpt-4o", at=AT, service="batch")
    paid = price(usage, provider="openai", model="gpt-4o", at=AT, service="batch")
    assert uncached is not None
    assert paid is not None
    (found,) = caching(engine, SCOPE)
    assert found.saved_usd == uncached.input - paid.input - paid.cache_read > 0
    assert found.estimated_tokens == 0


def test_writes_beyond_all_reads_are_lost(engine: Engine) -> None:
    model = MODELS[1]
    insert(
        engine,
        [
            {**priced(Usage(0, 0, 4000, 1), model), "feature": "unread"},
            {**priced(Usage(0, 1000, 4000, 1), model), "feature": "rarely"},
            {**priced(Usage(0, 9000, 4000, 1), model), "feature": "often"},
        ],
    )
    found = {each.values[0]: each for each in caching(engine, SCOPE, [Dimension.FEATURE])}
    assert found["unread"].lost_usd == found["unread"].premium_usd > 0
    assert found["rarely"].lost_usd == found["rarely"].premium_usd * 3 / 4
    assert found["often"].lost_usd == 0
    assert found["often"].saved_usd > found["rarely"].saved_usd > found["unread"].saved_usd == 0


def test_an_applications_own_cache_is_another_matter(engine: Engine) -> None:
    insert(engine, [{"cache_hit": True, "cache_read_tokens": 10}, {"cost_usd": None, "cache_read_tokens": 10}])
    assert caching(engine, SCOPE) == []
    with pytest.raises(ValueError, match="several tags"):
        caching(engine, SCOPE, [Dimension.TAG])
