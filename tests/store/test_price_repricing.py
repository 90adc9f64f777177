"""The user's own prices on stored calls: exact, the same a second time, seen before they are applied, and undone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from spanledger import Usage, pricing
from spanledger.pricebook import Book, Kind, Price, Share, Slice
from spanledger.pricing import service_class
from spanledger_analytics.jobs import ledger as job
from spanledger_store import ledger, pricebook
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, dirty, models, prices, projects
from spanledger_store.engine import Engine
from spanledger_store.pricing import gpu_hours, price_lines, repricing
from spanledger_store.pricing.price_preview import preview
from spanledger_store.reports.books import books
from spanledger_store.reports.price_sources import price_sources
from spanledger_store.scope import Dimension, Scope
from spanledger_store.stored_calls import Period
from spanledger_store.writer import write
from tests.conftest import TABLES
from tests.store.rows import span_row

DAY = datetime(2026, 6, 15, tzinfo=UTC)
NEXT = DAY + timedelta(days=1)
ALL = Period(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
NO_COST: dict[str, Any] = dict.fromkeys(
    ("cost_usd", "input_cost_usd", "cache_read_cost_usd", "cache_write_cost_usd", "output_cost_usd", "other_cost_usd")
)


@pytest.fixture
def engine(engine: Engine) -> Engine:
    """The shared engine, with what repricing notes down emptied too."""
    for table in ("audit_rows", "repricing_rows"):
        engine.command(f"TRUNCATE TABLE {table}")
    return engine


def at(hours: float, day: datetime = DAY) -> int:
    return int((day + timedelta(hours=hours)).timestamp()) * 10**9


def call(number: int, hours: float = 1, **values: Any) -> tuple[Any, ...]:
    """An unpriced call of that day."""
    values = {**NO_COST, "price_source": "", "start_time": at(hours), **values}
    return span_row(span_id=f"{number:016x}", trace_id=f"{number:032x}", **values)


def store(engine: Engine, control: Control, *rows: tuple[Any, ...]) -> None:
    write(engine, control, SpanBatch(f"batch-{hash(str(rows))}", list(rows)))


def emptied(engine: Engine, control: Control) -> None:
    """As at the beginning of a test, for each of Hypothesis's examples."""
    for name in TABLES:
        engine.command(f"TRUNCATE TABLE {name}")
    with control.write() as connection:
        connection.execute(prices.table.delete())
        connection.execute(models.dirty_hours.delete())


def run(engine: Engine, control: Control, period: Period = ALL) -> int:
    """How many calls a repricing changes."""
    found = repricing.reprice(engine, control, period, interface="test")
    return sum(each.changed for each in found.values())


def own(name: str = "house", **values: Any) -> Price:
    return Price(**{"name": name, "rates": {"input": Decimal("2.25"), "output": Decimal(9)}, **values})


ENTRIES = st.builds(
    own,
    st.sampled_from(["a", "b", "c", "d"]),
    model=st.sampled_from(["*", "gpt-4o", "gpt-*", "nobody*"]),
    customer=st.sampled_from(["", "acme"]),
    service=st.sampled_from(["", "batch"]),
    rates=st.dictionaries(
        st.sampled_from(["input", "output", "cache_read", "request"]), st.decimals(0, 50, places=6), min_size=1
    ),
    start=st.sampled_from([DAY - timedelta(days=2), DAY + timedelta(hours=2)]),
) | st.builds(
    own,
    st.sampled_from(["e", "f"]),
    kind=st.just(Kind.DISCOUNT),
    rates=st.just({}),
    percent=st.decimals(1, 100, places=2),
    customer=st.sampled_from(["", "acme", "globex"]),
)
CALLS = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["gpt-4o", "gpt-4.1", "nobody-knows-it"]),
        "customer": st.sampled_from(["", "acme", "globex"]),
        "hours": st.sampled_from([0.5, 1.9, 2.1, 23.5]),
        "tier": st.sampled_from(["", "batch", "default"]),
        "input_tokens": st.none() | st.integers(0, 10**7),
        "cache_read_tokens": st.none() | st.integers(0, 10**6),
        "output_tokens": st.none() | st.integers(0, 10**6),
        "call_count": st.integers(1, 3),
    }
)


@settings(max_examples=6, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(
    calls=st.lists(CALLS, min_size=1, max_size=12),
    books_=st.lists(st.lists(ENTRIES, max_size=4), min_size=1, max_size=2),
)
def test_any_book_gives_every_call_its_price_and_the_ledger_their_sum(
    engine: Engine, control: Control, calls: list[dict[str, Any]], books_: list[list[Price]]
) -> None:
    emptied(engine, control)
    rows = [
        call(number, **{**each, "hours": each["hours"], "metadata": {"service_tier": each["tier"]}})
        for number, each in enumerate(calls)
    ]
    write(engine, control, SpanBatch(f"any-{hash(str(rows))}", rows))
    kept: dict[int, tuple[Decimal | None, str]] = {}
    for entries in books_:
        prices.put_all(control, entries)
        book = prices.book(control)
        run(engine, control)
        assert run(engine, control) == 0
        found = engine.rows("SELECT span_id, cost_usd, price_source FROM spans ORDER BY span_id")
        for number, (each, (_, cost, source)) in enumerate(zip(calls, found, strict=True)):
            usage = Usage(each["input_tokens"], each["cache_read_tokens"], None, each["output_tokens"])
            of = Slice("default", "openai", each["model"], each["customer"], "chat", service_class(each["tier"]))
            moment = DAY + timedelta(hours=each["hours"])
            wanted = book.price(usage, of, moment, each["call_count"])
            if wanted is None or wanted.total > 999_999:
                before = kept.get(number, (None, ""))
                assert (cost, source) == ((None, "") if before[1].startswith("own ") else before)
            else:
                assert (cost, source) == (wanted.total, wanted.source)
            kept[number] = (cost, source)
    job.run(engine, control)
    assert engine.rows(ledger.differences()) == []
    assert dirty.pending(control) == []
    assert sum(Decimal(each["cost_usd"]) for each in price_sources(engine, ALL)) == sum(
        cost or 0 for cost, _ in kept.values()
    )


def test_every_line_of_the_ledger_says_which_prices_made_it(engine: Engine, control: Control) -> None:
    prices.put_all(control, [own(model="gpt-4o", end=DAY + timedelta(hours=2)), own("acme", customer="acme")])
    store(
        engine, control,
        *(call(n, hours, customer=who) for n, (hours, who) in enumerate([(1, "globex"), (3, "globex"), (3, "acme")])),
    )  # fmt: skip
    run(engine, control)
    job.run(engine, control)
    assert {(row["price_source"], row["calls"]) for row in price_sources(engine, ALL)} == {
        ("own house v1", 1), ("own acme v1", 1), (pricing_source(), 1),
    }  # fmt: skip
    lines = books(engine, Scope("default", DAY, NEXT), [Dimension.CUSTOMER])
    for row in lines.iter_rows(named=True):
        made = price_sources(engine, replace(ALL, customer=row["customer"]))
        assert sum(each["calls"] for each in made) == row["calls"]
        assert sum(Decimal(each["cost_usd"]) for each in made) == row["cost_usd"]
        assert all(each["price_source"] for each in made)


def pricing_source() -> str:
    cost = pricing.price(Usage(1), provider="openai", model="gpt-4o", at=DAY)
    assert cost is not None
    return cost.source


def test_a_removed_price_leaves_what_the_list_says_or_nothing(engine: Engine, control: Control) -> None:
    prices.put(control, own())
    store(engine, control, call(1), call(2, model="nobody-knows-it"))
    assert run(engine, control) == 2
    assert engine.rows("SELECT DISTINCT price_source FROM spans") == [("own house v1",)]
    prices.remove(control, "default", "house", None)
    assert run(engine, control) == 2
    job.run(engine, control)
    found = engine.rows("SELECT cost_usd, input_cost_usd, price_source FROM spans ORDER BY span_id")
    assert found[0][2] == pricing_source()
    assert found[1] == (None, None, "")
    assert engine.rows("SELECT sum(unpriced_calls) FROM ledger") == [(1,)]
    assert run(engine, control) == 0


def test_a_preview_tells_what_applying_it_does_and_changes_nothing(engine: Engine, control: Control) -> None:
    prices.put(control, own("old", model="gpt-4.1"))
    rows = [call(n, customer=who, model=model) for n, (who, model) in enumerate(
        [("acme", "gpt-4o"), ("acme", "gpt-4o"), ("globex", "gpt-4o"), ("acme", "gpt-4.1"), ("", "nobody-knows-it")]
    )]  # fmt: skip
    store(engine, control, *rows)
    run(engine, control)
    before = engine.rows("SELECT * FROM spans ORDER BY ALL")
    wanted = own("new", model="gpt-4o", customer="acme")
    entries = prices.every_version(control)
    made = pricebook.candidate(entries, [wanted], [], datetime.now(UTC))
    told = preview(engine, ALL, Book(entries), Book(made)).as_json()
    assert engine.rows("SELECT * FROM spans ORDER BY ALL") == before
    (line,) = told["slices"]
    assert (line["customer"], line["model"], line["calls"], line["changed"]) == ("acme", "gpt-4o", 2, 2)
    assert Decimal(line["new_cost"]) == 2 * (Decimal("2.25") * 100 + 9 * 50) / 10**6
    assert line["examples"] == [f"{n:032x}" for n in (0, 1)]
    prices.put(control, wanted)
    applied = repricing.reprice(engine, control, ALL, interface="test")
    assert sum(each.changed for each in applied.values()) == told["total"]["changed"]
    held = engine.rows("SELECT sum(cost_usd), count() FROM spans WHERE price_source = 'own new v1'")
    assert held == [(Decimal(line["new_cost"]), 2)]


def test_a_batch_has_the_price_of_batches(engine: Engine, control: Control) -> None:
    store(engine, control, call(1, metadata={"service_tier": "batch"}), call(2, metadata={"service_tier": "default"}))
    run(engine, control)
    (batch, source), (full, plain) = engine.rows("SELECT cost_usd, price_source FROM spans ORDER BY span_id")
    assert batch * 2 == full
    assert source == f"{plain}, batch 50 % off"


RACK = own("rack", kind=Kind.GPU, model="llama*", amount=Decimal("2.1"), gpus=3)


@settings(max_examples=2, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(
    sizes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 10**10)), min_size=1, max_size=9),
    share=st.sampled_from(list(Share)),
    late=st.integers(1, 10**6),
)
def test_a_day_of_gpus_is_on_its_calls_to_the_last_digit(
    engine: Engine,
    control: Control,
    sizes: list[tuple[int, int]],
    share: Share,
    late: int,
) -> None:
    emptied(engine, control)
    entry = replace(RACK, share=share)
    prices.put(control, entry)
    rows = [
        call(n, 2 * n, model="llama-4", provider="", input_tokens=tokens, output_tokens=None, duration_ns=took)
        for n, (tokens, took) in enumerate(sizes)
    ]
    rows.append(call(100, model="gpt-4o"))
    rows.append(call(101, 24.5, model="llama-4", provider="", customer="the day after"))
    write(engine, control, SpanBatch(f"gpu-{hash(str(rows))}", rows))
    weights = [tokens if share is Share.TOKENS else took for tokens, took in sizes]
    run(engine, control, replace(ALL, end=NEXT))
    assert run(engine, control, replace(ALL, end=NEXT)) == 0
    cost = Decimal("151.2")
    found = engine.rows(
        "SELECT cost_usd, price_source FROM spans WHERE model = 'llama-4' AND customer = 'acme' ORDER BY start_time"
    )
    if sum(weights):
        carried = [amount for (amount, source), w in zip(found, weights, strict=True) if w]
        assert sum(carried) == cost
        for (amount, source), weight in zip(found, weights, strict=True):
            if weight:
                assert source == "own rack v1 measured"
                assert abs(amount - cost * weight / sum(weights)) <= Decimal("1e-12")
    # A call that comes late has the day spread once more, among all of them.
    more = call(102, 23, model="llama-4", provider="", input_tokens=late, duration_ns=late)
    write(engine, control, SpanBatch(f"late-{hash(str(more))}-{hash(str(rows))}", [more]))
    run(engine, control, replace(ALL, end=NEXT))
    total = engine.rows("SELECT sum(cost_usd) FROM spans WHERE price_source = 'own rack v1 measured'")
    assert total == [(cost,)]
    job.run(engine, control)
    assert engine.rows(ledger.differences()) == []


def test_a_day_that_is_not_over_is_an_estimate(engine: Engine, control: Control) -> None:
    prices.put(control, RACK)
    store(engine, control, call(1, model="llama-4", provider=""))
    entry, book = prices.listing(control, "default")[0], prices.book(control)
    within = (DAY, NEXT)
    assert gpu_hours.spread(engine, control, book, entry, within, "test", NEXT + timedelta(minutes=9)) == 0
    assert gpu_hours.look(engine, book, entry, DAY).idle == Decimal("151.2")
    assert gpu_hours.spread(engine, control, book, entry, within, "test", NEXT + timedelta(minutes=11)) == 1
    assert gpu_hours.spread(engine, control, book, entry, within, "test", NEXT + timedelta(minutes=11)) == 0
    assert gpu_hours.look(engine, book, entry, DAY).idle == 0
    # What a repricing keeps, and what a changed entry starts anew.
    assert run(engine, control) == 0
    prices.put(control, replace(RACK, amount=Decimal(1)))
    run(engine, control)
    assert engine.rows("SELECT cost_usd, price_source FROM spans") == [(Decimal(72), "own rack v2 measured")]


def test_commitments_are_drawn_down_by_what_the_ledger_says(engine: Engine, control: Control) -> None:
    first, second = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
    agreed = {"kind": Kind.COMMITMENT, "rates": {}, "start": first}
    projects.ensure(control, "other")
    prices.put_all(
        control,
        [
            own("any", **agreed, amount=Decimal(10)),
            own("acme", **agreed, amount=Decimal(1), customer="acme"),
            own("all", **agreed, amount=Decimal(100), project="*", model="claude*"),
        ],
    )
    paid = [("acme", "gpt-4o", "2.5", "default"), ("globex", "gpt-4o", "3.25", "default"),
            ("globex", "claude-x", "40", "default"), ("globex", "claude-x", "80", "other")]  # fmt: skip
    rows = [
        call(n, cost_usd=Decimal(cost), price_source="t", customer=who, model=model, project_id=project)
        for n, (who, model, cost, project) in enumerate(paid)
    ]
    store(engine, control, *rows)
    job.run(engine, control)
    found = price_lines.lines(engine, control, "default", first, second, datetime(2026, 8, 1, tzinfo=UTC))
    told = {each.entry: (each.agreed, each.used, each.unused, each.beyond, each.open) for each in found}
    assert told == {
        "own acme v1": (1, 1, 0, 0, False),
        "own any v1": (10, Decimal("4.75"), Decimal("5.25"), 0, False),
        "own all v1": (100, 100, 0, 20, False),
    }
    assert sum(each.used + (each.beyond or 0) for each in found) == sum(Decimal(cost) for _, _, cost, _ in paid)
    (open_,) = [
        each
        for each in price_lines.lines(engine, control, "default", first, second, datetime(2026, 6, 20, tzinfo=UTC))
        if each.entry == "own any v1"
    ]
    assert open_.open
