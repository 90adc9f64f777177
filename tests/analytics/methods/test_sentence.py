"""Sentences that a person would write, for what can happen to spend."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from spanledger_analytics.methods.changes.culprits import culprits
from spanledger_analytics.methods.changes.decomposition import decompose
from spanledger_analytics.methods.changes.rates import rates
from spanledger_analytics.methods.changes.sentence import dollars, label, percent, period, sentence, subject
from tests.analytics.methods.ledger_lines import DIMENSIONS, frame, line

DAY = (datetime(2026, 10, 12, tzinfo=UTC), datetime(2026, 10, 13, tzinfo=UTC))
VERSIONED = (*DIMENSIONS, "prompt_version", "release")
SIZE = 1000


def usual(
    customer: str, feature: str = "chat", factor: float = 1.0, longer: float = 1.0, **more: Any
) -> dict[str, Any]:
    """$33 of a thousand calls, or so many times as many, each so many times as long."""
    counts = {"input_tokens": 1_000_000, "cache_read_tokens": 10_000_000, "output_tokens": 1_800_000}
    kept = {name: round(count * factor * longer) for name, count in counts.items()}
    return line(
        customer, feature, **{"calls": round(SIZE * factor), "prompt_version": "v6", "release": "r1"} | kept | more
    )


def company(**changed: dict[str, Any]) -> list[dict[str, Any]]:
    """Six customers with two features, of which one's chat may be another line."""
    lines: list[dict[str, Any]] = []
    for customer in ("Acme", "Bolt", "Crow", "Dune", "Elm", "Fir"):
        chat = changed.get(customer, usual(customer))
        lines += [each for each in (chat, usual(customer, "search")) if each]
    return lines


def said(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> str:
    sides = frame(before, VERSIONED), frame(after, VERSIONED)
    found = culprits(*sides, DIMENSIONS, ("prompt_version", "release"))
    return sentence(decompose(*sides), (rates(sides[0]), rates(sides[1])), found, *DAY)


def test_longer_prompts_since_a_prompt_version() -> None:
    after = company(Acme=usual("Acme", longer=3.1, prompt_version="v7"))
    assert said(company(), after) == (
        "Spend rose by $69.30 (+18 %) on 2026-10-12: Acme's chat used 3.1 times the tokens per call since prompt v7 "
        "(+$69.30); without it spend would have been flat."
    )


def test_a_cache_that_stops_hitting() -> None:
    cold = usual("Acme", input_tokens=11_000_000, cache_read_tokens=0)
    assert said(company(), company(Acme=cold)) == (
        "Spend rose by $27.00 (+6.8 %) on 2026-10-12: Acme's chat had 0 % of its prompts in the provider's cache, "
        "after 91 % (+$27.00); without it spend would have been flat."
    )


def test_fewer_calls() -> None:
    assert said(company(), company(Bolt=usual("Bolt", factor=0.4))) == (
        "Spend fell by $19.80 (-5.0 %) on 2026-10-12: Bolt's chat made 60 % fewer calls (-$19.80); without it spend "
        "would have been flat."
    )


def test_customers_that_come_and_go() -> None:
    come = [*company(), usual("New"), usual("New", "search")]
    assert said(company(), come) == (
        "Spend rose by $66.00 (+17 %) on 2026-10-12: New is new (+$66.00); without it spend would have been flat."
    )
    assert said(come, company()).startswith("Spend fell by $66.00 (-14 %) on 2026-10-12: New is gone (-$66.00); ")


def test_what_would_have_been_without_it() -> None:
    after = company(Acme=usual("Acme", longer=3.1), Bolt=usual("Bolt", factor=0.6))
    assert said(company(), after) == (
        "Spend rose by $56.10 (+14 %) on 2026-10-12: Acme's chat used 3.1 times the tokens per call (+$69.30); without "
        "it spend would have fallen by $13.20."
    )


def test_what_held_the_change_back_is_told_too() -> None:
    after = company(Acme=usual("Acme", factor=4), Bolt=usual("Bolt", longer=3.1), Crow={})
    assert said(company(Crow=usual("Crow", factor=3)), after) == (
        "Spend rose by $69.30 (+15 %) on 2026-10-12: Acme's chat made 4.0 times the calls (+$99.00), while Crow's chat "
        "is gone (-$99.00); without them spend would have risen by $69.30."
    )


def test_changes_that_offset_each_other_are_told_though_the_total_is_flat() -> None:
    after = company(Acme=usual("Acme", factor=1.9), Bolt=usual("Bolt", factor=0.1))
    assert said(company(), after) == (
        "Spend hardly changed on 2026-10-12, but changes offset each other: Acme's chat made 1.9 times the calls "
        "(+$29.70) and Bolt's chat made 90 % fewer calls (-$29.70)."
    )


def test_nothing_changed() -> None:
    assert said(company(), company()) == "Spend hardly changed on 2026-10-12."


def test_everybody_did_more() -> None:
    more = [usual(customer, feature, 1.25) for customer in "abcdef" for feature in ("chat", "search")]
    less = [usual(customer, feature) for customer in "abcdef" for feature in ("chat", "search")]
    assert said(less, more) == (
        "Spend rose by $99.00 (+25 %) on 2026-10-12: no slice stands out, together they made 25 % more calls."
    )


def test_a_price_for_everybody() -> None:
    dearer = [usual(customer, prices=("6", "0.6", "7.5", "30", "2")) for customer in "abcdef"]
    assert said([usual(customer) for customer in "abcdef"], dearer) == (
        "Spend rose by $198 (+100 %) on 2026-10-12: no slice stands out, together they paid 100 % more per token."
    )


def test_spend_that_begins_ends_or_never_was() -> None:
    one = [usual("Acme")]
    assert said([], one) == "Spend of $33.00 on 2026-10-12, and none in the period before it."
    assert said(one, []) == "Nothing was spent on 2026-10-12, after $33.00 in the period before it."
    assert said([], []) == "Nothing was spent on 2026-10-12 or in the period before it."


def test_calls_without_a_price_are_never_passed_over() -> None:
    free = usual("own", unpriced_calls=SIZE, prices=("0",) * 5)
    assert said(company(), [*company(), free]) == (
        "Spend hardly changed on 2026-10-12. 1,000 calls have no price and are in none of these sums."
    )


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({"customer": "Acme"}, "Acme"),
        ({"customer": "Acme", "feature": "chat"}, "Acme's chat"),
        ({"customer": "Acme", "model": "gpt-5"}, "Acme's calls on gpt-5"),
        ({"customer": "Acme", "feature": "chat", "model": "gpt-5"}, "Acme's chat on gpt-5"),
        ({"feature": "chat"}, "chat"),
        ({"feature": "chat", "model": "gpt-5"}, "chat on gpt-5"),
        ({"model": "gpt-5"}, "gpt-5"),
        ({"customer": ""}, "calls without a customer"),
        ({"customer": "", "feature": "chat"}, "chat without a customer"),
        ({"feature": ""}, "calls without a feature"),
        ({"team": "core"}, "team core"),
        ({"customer": "Acme", "environment": "staging"}, "Acme (environment staging)"),
    ],
)
def test_slices_are_called_what_one_calls_them(named: dict[str, str], words: str) -> None:
    assert subject(named) == words


def test_money_shares_and_periods_are_rounded_as_one_speaks() -> None:
    assert [dollars(Decimal(each)) for each in ("1234567.8", "412.4", "4.123", "0.00412", "0.00001", "0")] == [
        "$1,234,568", "$412", "$4.12", "$0.0041", "less than $0.0001", "$0",
    ]  # fmt: skip
    assert [percent(Decimal(each), Decimal(100)) for each in ("31.4", "-5", "1200")] == ["+31 %", "-5.0 %", "+1,200 %"]
    assert period(DAY[0], datetime(2026, 10, 19, tzinfo=UTC)) == "from 2026-10-12 to 2026-10-18"
    assert period(datetime(2026, 10, 12, 9, tzinfo=UTC), DAY[1]) == "from 2026-10-12 09:00 to 2026-10-13 00:00 UTC"
    assert [label(key) for key in ("volume", "mix_prompt_version")] == ["Number of calls", "Prompt version mix"]
