"""What if: exact on token buckets, in a fixed order, and clear about what cannot be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger import pricing
from spanledger.usage import Usage
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.outlook import forecasts
from spanledger_store.outlook.scenario import Line, Scenario, ScenarioInvalid, applied
from spanledger_store.reports import outlooks
from tests.store.spending import spend
from tests.store.test_forecasts import TODAY, made, stored

MILLION = 1_000_000


def line(
    model: str = "gpt-4o", customer: str = "acme", provider: str = "openai", calls: int = 100, **usage: int
) -> Line:
    """Calls as they would have been booked."""
    buckets = Usage(**(usage or {"input_tokens": MILLION, "output_tokens": 100_000}))
    cost = pricing.price(buckets, provider=provider, model=model, calls=calls)
    assert cost is not None
    named = {"customer": customer, "feature": "chat", "team": "core", "provider": provider, "model": model,
             "environment": "production"}  # fmt: skip
    return Line(named, calls, buckets, cost.total)


def test_a_swap_is_what_the_other_model_charges_for_the_same_tokens() -> None:
    lines = [line(), line("gpt-4o-mini", "globex")]
    found = applied(lines, Scenario.read("swap:gpt-4o=gpt-4o-mini"))
    assert found.costs("customer", "acme") == (Decimal("3.5"), lines[1].cost)
    assert found.factor("customer", "globex") == 1
    assert found.factor() == ((lines[1].cost * 2) / (lines[0].cost + lines[1].cost)).quantize(Decimal("1e-12"))


def test_patterns_and_another_provider() -> None:
    found = applied([line("gpt-4o-2024-08-06")], Scenario.read("swap:gpt-4o*=claude-haiku-4-5"))
    price = pricing.price(Usage(MILLION, None, None, 100_000), model="claude-haiku-4-5", calls=100)
    assert price is not None
    assert found.costs()[1] == price.total


def test_more_calls_of_everybody() -> None:
    lines = [line(), line("gpt-4o-mini", "globex")]
    assert applied(lines, Scenario.read("volume:*=1.5")).factor() == Decimal("1.5")
    assert applied(lines, Scenario.read("volume:*=2,volume:acme=3")).factor("customer", "acme") == 6


def test_a_cache_rate_moves_tokens_between_buckets() -> None:
    """A million tokens of prompt, of which 20 % came from the cache; at 80 % the rest is a fifth."""
    before = line(input_tokens=800_000, cache_read_tokens=200_000, output_tokens=0)
    after = pricing.price(Usage(200_000, 800_000, 0, 0), provider="openai", model="gpt-4o", calls=100)
    assert after is not None
    assert applied([before], Scenario.read("cache:gpt-4o=0.8")).costs() == (before.cost, after.total)
    same = applied([before], Scenario.read("cache:gpt-4o=0.2"))
    assert same.factor() == 1


def test_what_is_written_to_the_cache_stays_in_proportion() -> None:
    usage = {"input_tokens": 100_000, "cache_read_tokens": 0, "cache_write_tokens": 300_000, "output_tokens": 0}
    before = line("claude-sonnet-4-5", provider="anthropic", **usage)
    after = pricing.price(
        Usage(50_000, 200_000, 150_000, 0), provider="anthropic", model="claude-sonnet-4-5", calls=100
    )
    assert after is not None
    assert applied([before], Scenario.read("cache:claude*=0.5")).costs()[1] == after.total


def test_changes_come_one_after_another() -> None:
    found = applied([line(), line(customer="globex")], Scenario.read(
        "swap:gpt-4o=gpt-4o-mini, price:gpt-4o-mini=0.5, volume:acme=3, volume:feature/chat=2"
    ))  # fmt: skip
    mini = line("gpt-4o-mini").cost
    assert found.costs("customer", "acme")[1] == mini * 3
    assert found.costs("customer", "globex")[1] == mini
    assert found.costs()[1] == mini * 4


def test_what_is_charged_beside_tokens_stays() -> None:
    one = line()
    with_searches = Line(one.slice, one.calls, one.usage, one.cost + 2, Decimal(2))
    assert applied([with_searches], Scenario.read("swap:gpt-4o=gpt-4o-mini")).costs()[1] == line("gpt-4o-mini").cost + 2


def test_a_slice_of_which_nothing_is_known_is_left_as_it_is() -> None:
    assert applied([line()], Scenario.read("price:gpt-4o=0.5")).factor("customer", "new") == 1


@given(st.lists(st.tuples(st.sampled_from(["gpt-4o", "gpt-4o-mini"]), st.sampled_from(["a", "b", "c"]),
                          st.integers(0, 10**7), st.integers(1, 10**6)), min_size=1, max_size=8),
       st.decimals(0, 10, places=3), st.decimals(0, 10, places=3))  # fmt: skip
def test_values_of_every_dimension_add_up_to_everything(
    rows: list[tuple[str, str, int, int]], price: Decimal, volume: Decimal
) -> None:
    lines = [line(model, customer, input_tokens=read, output_tokens=written) for model, customer, read, written in rows]
    model, customer = rows[0][:2]
    found = applied(lines, Scenario({model: price}, {("customer", customer): volume}))
    for dimension in ("customer", "model", "team"):
        for at in (0, 1):
            assert sum(found.costs(dimension, value)[at] for value in found.values(dimension)) == found.costs()[at]
    nothing = applied(lines, Scenario())
    assert nothing.costs()[0] == nothing.costs()[1] == found.costs()[0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("swap:gpt-4o", "is no change"),
        ("tokens:gpt-4o=2", "is no change"),
        ("price:gpt-4o=cheap", "'cheap' is no number"),
        ("price:gpt-4o=-1", "not from 0"),
        ("cache:gpt-4o=80", "not from 0 to 1"),
        ("swap:gpt-9=gpt-4o", "no recent call has the model 'gpt-9'; there are: gpt-4o"),
        ("price:gpt-9=2", "no recent call has the model"),
        ("volume:nobody=2", "no recent call has the customer 'nobody'; there are: acme"),
        ("swap:gpt-4o=gpt-99", "'gpt-99' has no price"),
    ],
)
def test_what_cannot_be_says_why(text: str, says: str) -> None:
    with pytest.raises(ScenarioInvalid, match=says):
        applied([line()], Scenario.read(text))


def test_the_forecast_follows_and_what_is_spent_stays(engine: Engine, control: Control) -> None:
    """Acme's calls at twice the volume; the whole is known to be 3 a day, of which 2 are acme's."""
    hour = timedelta(hours=1)
    spend(
        engine, control, [(TODAY - 30 * hour, "20", {"customer": "acme"}), (TODAY - 31 * hour, "10", {"customer": "b"})]
    )
    forecasts.save(engine, "default", "day", TODAY, TODAY, [
        made("", "", stored(["3"] * 90, begins=TODAY)), made("customer", "acme", stored(["2"] * 90, begins=TODAY)),
        made("customer", "b", stored(["1"] * 90, begins=TODAY)),
    ])  # fmt: skip
    found = outlooks.scenario(engine, "default", datetime.now(UTC), ZoneInfo("UTC"), Scenario.read("volume:acme=2"),
                              by="customer", days=30)  # fmt: skip
    assert found["recent"] == {"days": 30, "cost": "30", "scenario": "50", "unpriced_calls": 0}
    whole, *rest = found["lines"]
    by_value = {each["value"]: each for each in rest}
    assert Decimal(whole["ahead_scenario"]) == Decimal(150)
    assert Decimal(by_value["acme"]["ahead_scenario"]) == Decimal(120)
    assert Decimal(by_value["b"]["ahead_scenario"]) == Decimal(30)
    for each in rest:
        assert Decimal(each["month_scenario"]) >= Decimal(each["spent"])
    summed = sum(Decimal(each["month_scenario"]) for each in rest)
    assert abs(summed - Decimal(whole["month_scenario"])) <= Decimal("0.02")
