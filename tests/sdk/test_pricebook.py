"""The user's own prices: exact sums, one rule about which price decides, and a source that names it."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger import Usage, pricing
from spanledger.pricebook import ALWAYS, Book, Kind, Price, PriceInvalid, Sealed, Share, Slice, matches, read_price
from spanledger.pricing import service_class

AT = datetime(2026, 6, 15, 12, tzinfo=UTC)
OF = Slice("default", "openai", "gpt-4o", "acme", "chat")
USAGE = Usage(1000, 200, None, 300)
RATES = {"input": Decimal("2.25"), "output": Decimal(9)}

MONEY = st.decimals(0, 1000, places=9, allow_nan=False)
COUNT = st.none() | st.integers(0, 5_000_000)
USAGES = st.builds(
    Usage, COUNT, COUNT, COUNT, COUNT, COUNT,
    st.dictionaries(st.sampled_from(["web_searches", "house_units", "house_tokens"]), st.integers(0, 1000), max_size=3),
)  # fmt: skip


def price(name: str = "house", **values: Any) -> Price:
    made = Price(name, **({"rates": RATES} | values))
    return replace(made, version=values.get("version", 1))


def units(usage: Usage) -> dict[str, int]:
    """What is counted under each rate's name, with the fallbacks of the documentation."""
    return {
        "input": usage.input_tokens or 0,
        "cache_read": usage.cache_read_tokens or 0,
        "cache_write": usage.cache_write_tokens or 0,
        "output": usage.output_tokens or 0,
        "reasoning": usage.reasoning_tokens or 0,
        **usage.other,
    }


FALLBACK = {"cache_read": "input", "cache_write": "input", "reasoning": "output"}


def rounded(amount: Fraction) -> Fraction:
    """To 12 places, half to even, without any Decimal."""
    scaled = amount * 10**12
    return Fraction(round(scaled), 10**12)


@given(
    usage=USAGES,
    rates=st.dictionaries(
        st.sampled_from(["input", "cache_read", "cache_write", "output", "reasoning", "request", "web_searches",
                         "house_units", "house_tokens"]),
        MONEY, min_size=1,
    ),
    tier=st.none() | st.tuples(st.integers(0, 3_000_000), MONEY),
    percent=st.none() | st.decimals("0.001", 100, places=3),
    calls=st.integers(1, 7),
)  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_a_call_costs_exactly_what_its_entry_says(
    usage: Usage, rates: dict[str, Decimal], tier: tuple[int, Decimal] | None, percent: Decimal | None, calls: int
) -> None:
    if tier is not None and "input" in rates:
        rates = {**rates, f"input>{tier[0]}": tier[1]}
    entries = [price(rates=rates)]
    if percent is not None:
        entries.append(price("less", kind=Kind.DISCOUNT, rates={}, percent=percent))
    with localcontext(prec=3):  # the user's own rounding is not ours
        cost = Book(entries).price(usage, OF, AT, calls)
    size = -(-sum(n for name, n in units(usage).items() if name in ("input", "cache_read", "cache_write")) // calls)
    wanted: dict[str, Fraction] = {}
    positive = priced = False
    for name, count in units(usage).items():
        known = name if name in rates else FALLBACK.get(name, "")
        positive = positive or count > 0
        if not count or known not in rates:
            continue
        priced = True
        rate = rates[known]
        if tier is not None and known == "input" and size > tier[0]:
            rate = rates[f"input>{tier[0]}"]
        per = 1 if name in ("web_searches", "house_units") else 10**6
        wanted[name] = rounded(Fraction(rate) * count / per)
    if "request" in rates:
        priced = True
        wanted["request"] = rounded(Fraction(rates["request"]) * calls)
    if usage.is_empty or (positive and not priced):
        assert cost is None
        return
    assert cost is not None
    parts = {
        "input": wanted.get("input", 0),
        "cache_read": wanted.get("cache_read", 0),
        "cache_write": wanted.get("cache_write", 0),
        "output": wanted.get("output", 0) + wanted.get("reasoning", 0),
        "other": sum(amount for name, amount in wanted.items() if name not in {"input", "output", *FALLBACK}),
    }
    if percent is not None:
        parts = {name: rounded(Fraction(amount) * (100 - Fraction(percent)) / 100) for name, amount in parts.items()}
    assert {name: Fraction(getattr(cost, name)) for name in parts} == parts
    assert Fraction(cost.total) == sum(parts.values())
    assert cost.source == "own house v1" + (", discount less v1" if percent is not None else "")


@given(
    entries=st.lists(
        st.builds(
            price,
            st.text("abcdef", min_size=1, max_size=4),
            provider=st.sampled_from(["", "openai", "open*", "anthropic"]),
            model=st.sampled_from(["*", "gpt-4o", "gpt-*", "gpt-4o*", "claude*"]),
            customer=st.sampled_from(["", "acme", "globex"]),
            feature=st.sampled_from(["", "chat", "search"]),
            service=st.sampled_from(["", "standard", "batch"]),
            project=st.sampled_from(["default", "other", "*"]),
            start=st.sampled_from([ALWAYS, AT - timedelta(days=30), AT, AT + timedelta(days=30)]),
            end=st.none() | st.just(AT + timedelta(days=60)),
            version=st.integers(1, 9),
        ),
        max_size=12,
        unique_by=lambda each: (each.name, each.version),
    ),
    of=st.builds(
        Slice, st.sampled_from(["default", "other"]), st.sampled_from(["openai", "anthropic", ""]),
        st.sampled_from(["gpt-4o", "gpt-4.1", "claude-haiku-4-5", "nobody-knows-it"]),
        st.sampled_from(["", "acme", "initech"]), st.sampled_from(["", "chat"]), st.sampled_from(["", "batch"]),
    ),
    days=st.sampled_from([-31, -1, 0, 45, 70]),
)  # fmt: skip
@settings(max_examples=400, deadline=None)
def test_the_most_specific_price_decides_and_then_the_newest(entries: list[Price], of: Slice, days: int) -> None:
    at = AT + timedelta(days=days)

    def falls_under(each: Price) -> bool:
        return (
            each.project in (of.project, "*")
            and each.customer in ("", of.customer) and each.feature in ("", of.feature)
            and each.service in ("", of.service or "standard")
            and (not each.provider or matches(each.provider, of.provider)) and matches(each.model, of.model)
            and each.start <= at and (each.end is None or at < each.end)
        )  # fmt: skip

    def rank(each: Price) -> tuple[Any, ...]:
        exact = "*" not in each.model
        provider = bool(each.provider) and "*" not in each.provider
        return (
            each.customer != "", each.feature != "", exact, len(each.model), provider, len(each.provider),
            each.service != "", each.project != "*", each.start, each.version, each.name,
        )  # fmt: skip

    book = Book(entries)
    best = max((each for each in entries if falls_under(each)), key=rank, default=None)
    assert book.terms(of, at).base == best
    cost = book.price(USAGE, of, at)
    listed = pricing.price(USAGE, provider=of.provider, model=of.model, at=at, service=of.service)
    assert cost == listed if best is None else cost is not None and cost.source == best.source
    # Whatever was asked before.
    for each in entries:
        book.price(USAGE, replace(of, customer=each.customer, model="gpt-4o"), at)
    assert book.price(USAGE, of, at) == cost


def test_a_discount_comes_off_the_list_and_off_an_own_price() -> None:
    less = price("less", kind=Kind.DISCOUNT, rates={}, percent=Decimal("12.5"), customer="acme")
    listed = pricing.price(USAGE, provider="openai", model="gpt-4o", at=AT)
    assert listed is not None
    off = Book([less]).price(USAGE, OF, AT)
    assert off is not None
    assert off.total == listed.total * Decimal("0.875")
    assert off.source == f"{listed.source}, discount less v1"
    assert Book([less]).price(USAGE, replace(OF, customer="globex"), AT) == listed
    both = Book([less, price()]).price(USAGE, OF, AT)
    assert both is not None
    assert both.total == (Decimal("0.00225") + Decimal("0.00045") + Decimal("0.0027")) * Decimal("0.875")
    assert both.source == "own house v1, discount less v1"
    # Nothing can be taken off what is not known.
    assert Book([less]).price(USAGE, replace(OF, model="nobody-knows-it"), AT) is None


def test_hours_of_gpus_are_an_estimate_until_they_are_spread() -> None:
    entry = price("rack", kind=Kind.GPU, model="llama*", amount=Decimal(2), gpus=8, rates=RATES)
    less = price("less", kind=Kind.DISCOUNT, rates={}, percent=Decimal(50))
    of = replace(OF, provider="", model="llama-4")
    cost = Book([entry, less]).price(USAGE, of, AT)
    assert cost is not None
    assert (cost.source, cost.total) == ("own rack v1 estimate", Decimal("0.0054"))
    assert Book([replace(entry, rates={})]).price(USAGE, of, AT) is None


def test_a_book_without_entries_that_decide_is_no_book() -> None:
    assert not Book()
    assert not Book([price("agreed", kind=Kind.COMMITMENT, rates={}, amount=Decimal(500))])
    assert not Book([replace(price(), withdrawn_at=AT)])
    assert Book([price()])


def test_a_book_comes_out_of_another_process_as_it_went_in() -> None:
    book = Book([price(), price("less", kind=Kind.DISCOUNT, rates={}, percent=Decimal(5))], 7)
    sealed = pickle.loads(pickle.dumps(Sealed.of(book)))
    opened = sealed.open()
    assert (opened.revision, opened.entries) == (7, book.entries)
    assert pickle.loads(pickle.dumps(sealed)).open() is opened
    assert Sealed.of(Book([price(model="other")], 7)).open() is not opened


@given(
    values=st.fixed_dictionaries(
        {"name": st.text("abc d", min_size=1, max_size=9).filter(lambda text: text == text.strip())},
        optional={
            "provider": st.sampled_from(["openai", "aws.bedrock"]),
            "customer": st.text(min_size=1, max_size=20),
            "service": st.sampled_from(["batch", "standard"]),
            "start": st.datetimes(datetime(2001, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
            "end": st.datetimes(datetime(2051, 1, 1), datetime(2080, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
            "note": st.text(max_size=20),
        },
    ),
    rates=st.dictionaries(st.sampled_from(["input", "output", "web_searches"]), MONEY, min_size=1),
)
def test_a_price_is_the_same_after_json(values: dict[str, Any], rates: dict[str, Decimal]) -> None:
    made = Price(**values, rates=rates)
    assert read_price(made.as_json()) == made


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": "a/b"}, "name 'a/b'"),
        ({"rates": {}}, "no rate"),
        ({"rates": {"input": Decimal(-1)}}, "input=-1"),
        ({"rates": {"input": Decimal("NaN")}}, "input=NaN"),
        ({"rates": {"Input!": Decimal(1)}}, "'Input!'"),
        ({"rates": {"output": Decimal(1), "input>5": Decimal(1)}}, "input>5 has no input"),
        ({"service": "slow"}, "'slow'"),
        ({"model": ""}, "model is empty"),
        ({"start": datetime(2026, 1, 1)}, "no time zone"),  # noqa: DTZ001
        ({"start": datetime(1999, 1, 1, tzinfo=UTC)}, "before 2000"),
        ({"start": AT, "end": AT}, "Swap them"),
        ({"kind": Kind.DISCOUNT, "rates": {}}, "nothing for percent"),
        ({"kind": Kind.DISCOUNT, "rates": {}, "percent": Decimal(101)}, "101 for percent"),
        ({"kind": Kind.DISCOUNT, "percent": Decimal(10)}, "has rates"),
        ({"kind": Kind.GPU, "amount": Decimal(2)}, "number of GPUs"),
        ({"kind": Kind.GPU, "amount": Decimal(2), "gpus": 1, "customer": "acme"}, "spread over all calls"),
        ({"kind": Kind.GPU, "amount": Decimal(2), "gpus": 1, "project": "*"}, "every project"),
        ({"kind": Kind.GPU, "amount": Decimal(2), "gpus": 1, "start": AT}, "midnight UTC"),
        ({"kind": Kind.GPU, "amount": Decimal(10**5), "gpus": 9}, "a day"),
        ({"kind": Kind.COMMITMENT, "rates": {}}, "amount of a month"),
        ({"kind": Kind.COMMITMENT, "amount": Decimal(5)}, "has rates"),
        ({"kind": Kind.COMMITMENT, "rates": {}, "amount": Decimal(5), "start": AT}, "first of a month"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_value(values: dict[str, Any], said: str) -> None:
    with pytest.raises(PriceInvalid, match=said.replace("*", r"\*").replace("(", r"\(")):
        Price(**({"name": "house", "rates": RATES} | values))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"rates": {"input": "1"}}, "no name"),
        ({"name": "a", "colour": "red"}, "'colour'"),
        ({"name": "a", "rates": {"input": 0.1}}, "0.1 is no exact number"),
        ({"name": "a", "rates": {"input": "cheap"}}, "'cheap'"),
        ({"name": "a", "rates": "2.50"}, "names no units"),
        ({"name": "a", "kind": "gift"}, "'gift'"),
        ({"name": "a", "start": "tomorrow"}, "'tomorrow'"),
        ({"name": "a", "gpus": "1.5"}, "no whole number"),
        ({"name": 5}, "5 is no text"),
        ({"name": "a", "share": "luck"}, "'luck'"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_value(values: dict[str, Any], said: str) -> None:
    with pytest.raises(PriceInvalid, match=said):
        read_price(values)


def test_a_missing_zone_is_utc_and_a_missing_beginning_always() -> None:
    made = read_price({"name": "a", "rates": {"input": "1"}, "start": None, "end": "2026-02-01", "share": "duration"})
    assert (made.start, made.end, made.share) == (ALWAYS, datetime(2026, 2, 1, tzinfo=UTC), Share.DURATION)


@pytest.mark.parametrize(
    ("word", "service"),
    [("batch", "batch"), ("Flex", "flex"), ("priority", "priority"), ("default", ""), ("auto", ""), ("", ""),
     (None, ""), ("scale", ""), ("standard", ""), (" batch ", "batch")],
)  # fmt: skip
def test_the_words_for_a_class_of_service(word: str | None, service: str) -> None:
    assert service_class(word) == service
