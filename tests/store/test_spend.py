"""Spend as it is asked for: converted, allocated and split, its lines add up to the calls."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanledger_analytics.jobs import ledger as job
from spanledger_store.allocation import UNALLOCATED, Rule
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, centers, currencies
from spanledger_store.control.centers import SHARED, Kept
from spanledger_store.control.currencies import Rate
from spanledger_store.control.errors import CenterInvalid, RateUnknown
from spanledger_store.engine import Engine
from spanledger_store.finance import center_changes
from spanledger_store.finance.spend import Answer, spend
from spanledger_store.finance.spend_request import SpendInvalid, SpendRequest, request
from spanledger_store.lifecycle import deletion
from spanledger_store.lifecycle.deletion import Subject
from spanledger_store.pricing import repricing
from spanledger_store.pricing.repricing import Period
from spanledger_store.writer import write
from tests.conftest import TABLES
from tests.store.rows import span_row
from tests.store.test_books import BEGIN, HOURS, calls_of

END = BEGIN + timedelta(hours=HOURS)
FIRST = BEGIN.date()
UNIT = Decimal("0.000000000001")
LABELS = {
    "hour": "%Y-%m-%dT%H:00", "day": "%Y-%m-%d", "month": "%Y-%m", "year": "%Y",
}  # fmt: skip


def asking(by: str, currency: str = "USD", zone: str = "UTC", **more: Any) -> SpendRequest:
    words = {"project": "default", "start": BEGIN.isoformat(), "end": END.isoformat(), "filters": {}, **more}
    return request(by=by, currency=currency, zone=zone, **words)


def costs(answer: Answer) -> dict[tuple[str, ...], tuple[int, Fraction | None]]:
    """Labels -> calls and cost."""
    width = len(answer.columns) - 6
    return {tuple(row[:width]): (row[width], None if row[-1] is None else Fraction(row[-1])) for row in answer.rows}


def expected(calls: list[dict[str, Any]], by: list[str], zone: str, rates: Any) -> dict[tuple[str, ...], Any]:
    """The same from the calls, the slow way."""
    known: defaultdict[tuple[str, ...], Fraction] = defaultdict(Fraction)
    counts: defaultdict[tuple[str, ...], int] = defaultdict(int)
    unpriced: defaultdict[tuple[str, ...], int] = defaultdict(int)
    for each in calls:
        at = datetime.fromtimestamp(each["start_time"] // 10**9, UTC)
        labels = [
            at.astimezone(ZoneInfo(zone)).strftime(LABELS[name]) if name in LABELS else each[name] or "(unattributed)"
            for name in by
        ]
        key = tuple(labels)
        counts[key] += each["call_count"]
        unpriced[key] += each["call_count"] if each["cost_usd"] is None else 0
        known[key] += Fraction(each["cost_usd"] or 0) * Fraction(rates(at.date()))
    return {key: (counts[key], None if unpriced[key] and not known[key] else known[key]) for key in counts}


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    by=st.lists(st.sampled_from(["customer", "model", "day", "month", "hour", "year"]), min_size=1, unique=True),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
    moves=st.none() | st.dictionaries(st.integers(0, 9), st.integers(1, 10**15), max_size=4),
    seed=st.integers(0, 3),
)
def test_lines_are_those_of_the_calls_in_any_currency(
    engine: Engine, control: Control, by: list[str], zone: str, moves: dict[int, int] | None, seed: int
) -> None:
    """`moves` are days from which another rate holds; converted lines are not rounded."""
    for table in TABLES:
        engine.command(f"TRUNCATE TABLE {table}")
    made = calls_of(seed, 60)
    write(engine, control, SpanBatch(f"spend-{seed}", [span_row(**each) for each in made]))
    job.run(engine, control)
    currency = "USD" if moves is None else "EUR"
    rates = {FIRST + timedelta(days=n): units * UNIT for n, units in {0: 10**12, **(moves or {})}.items()}
    if currencies.listing(control):
        currencies.remove(control, "EUR")
    currencies.put(control, [Rate("EUR", day, rate) for day, rate in rates.items()])

    def rate(day: date) -> Decimal:
        return Decimal(1) if moves is None else rates[max(each for each in rates if each <= day)]

    answer = spend(engine, control, asking(",".join(by), currency, zone))
    assert costs(answer) == expected(made, by, zone, rate)
    assert answer.columns[-1][0] == f"cost_{currency.lower()}"
    assert Fraction(answer.total[-1]) == sum((Fraction(row[-1] or 0) for row in answer.rows), Fraction())


slices = st.fixed_dictionaries(
    {},
    optional={
        "customer": st.sampled_from(["", "acme"]),
        "feature": st.sampled_from(["chat", "search"]),
        "model": st.sampled_from(["gpt-4o", "claude"]),
    },
)
kept_rules = st.lists(
    st.tuples(
        st.sampled_from("rst"),
        st.integers(-3, 9),
        slices,
        st.sampled_from([{"A": 1}, {"B": 1}, {"A": 1, "B": 2, "C": 3}, {}]),
        st.integers(1, 3),
    ),
    max_size=5,
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=kept_rules, extra=st.sampled_from(["", "customer", "day", "month"]), seed=st.integers(0, 3))
def test_cost_centres_are_all_spend_however_rules_change(
    engine: Engine, control: Control, said: list[Any], extra: str, seed: int
) -> None:
    for table in TABLES:
        engine.command(f"TRUNCATE TABLE {table}")
    made = calls_of(seed, 60)
    write(engine, control, SpanBatch(f"spend-{seed}", [span_row(**each) for each in made]))
    job.run(engine, control)
    for each in centers.listing(control, "default"):
        centers.remove(control, "default", each.rule.name, each.rule.start)
    for name, day, match, to, priority in said:
        shares = {center: Decimal(share) for center, share in to.items()}
        rule = Rule(name, FIRST + timedelta(days=day), None, match, shares, not shares, priority)
        centers.put(control, Kept("default", rule))
    whole = spend(engine, control, asking(extra or "provider"))
    by = f"{extra},center" if extra else "center"
    parts = spend(engine, control, asking(by))
    sums: defaultdict[tuple[str, ...], list[Any]] = defaultdict(lambda: [0, Fraction()])
    for key, (calls, cost) in costs(parts).items():
        found = sums[key[:-1]]
        found[0] += calls
        found[1] += cost or 0
    if extra:
        wanted = {key: [calls, cost or 0] for key, (calls, cost) in costs(whole).items()}
        assert wanted == sums
    assert parts.total[-1] == whole.total[-1]
    assert parts.total[1 + bool(extra)] == whole.total[1]
    assert not {row[-7] for row in parts.rows} - {"A", "B", "C", UNALLOCATED, SHARED}


def test_spend_stays_the_sum_through_everything(engine: Engine, control: Control) -> None:
    """Late and changed calls, new prices, a mapping and a currency, and a customer that is deleted."""
    control_rules = [
        Kept(
            "default", Rule("chat", FIRST + timedelta(days=3), match={"feature": "chat"}, shares={"Chat": Decimal(1)})
        ),
        Kept("default", Rule("rest", FIRST, is_proportional=True, priority=200)),
    ]
    for each in control_rules:
        centers.put(control, each)
    currencies.put(
        control, [Rate("EUR", FIRST, Decimal("0.9")), Rate("EUR", FIRST + timedelta(days=5), Decimal("1.1"))]
    )
    made = {each["span_id"]: each for each in calls_of(7, 60)}

    def agree() -> None:
        job.run(engine, control)
        # What is stored now, as the spans have it.
        held = engine.rows("SELECT toUnixTimestamp64Nano(start_time), customer, cost_usd, call_count FROM spans")
        now = [
            {"start_time": at, "customer": customer, "cost_usd": cost, "call_count": n}
            for at, customer, cost, n in held
        ]  # fmt: skip
        for currency in ("USD", "EUR"):
            rates = currencies.rates(control, currency)
            wanted = expected(now, ["customer"], "UTC", rates.on)
            answer = spend(engine, control, asking("customer", currency))
            assert costs(answer) == wanted
            for by in ("center", "day,center", "customer,model"):
                assert spend(engine, control, asking(by, currency)).total[-1] == answer.total[-1]

    write(engine, control, SpanBatch("a", [span_row(**each) for each in list(made.values())[:40]]))
    agree()
    write(engine, control, SpanBatch("late", [span_row(**each) for each in made.values()]))
    agree()
    changed = [span_row(**{**each, "customer": "globex", "ingested_at": 2}) for each in list(made.values())[:9]]
    write(engine, control, SpanBatch("changed", changed))
    agree()
    repricing.reprice(engine, control, Period(BEGIN, END), interface="test")
    agree()
    centers.put(control, Kept("default", Rule("chat", FIRST + timedelta(days=6), shares={"Other": Decimal(1)})))
    agree()
    deletion.delete(engine, control, Subject("customer", "globex"), interface="test")
    agree()


def test_a_missing_rate_names_day_and_currency(engine: Engine, control: Control) -> None:
    write(engine, control, SpanBatch("a", [span_row(**each) for each in calls_of(5, 30)]))
    job.run(engine, control)
    later = FIRST + timedelta(days=4)
    currencies.put(control, [Rate("EUR", later, Decimal("0.9"))])
    with pytest.raises(RateUnknown, match=f"no rate of EUR for {FIRST}"):
        spend(engine, control, asking("customer", "EUR"))
    start = datetime(later.year, later.month, later.day, tzinfo=UTC)
    assert spend(engine, control, asking("customer", "EUR", start=start.isoformat())).rows


def test_a_preview_sets_nothing_and_shows_both(engine: Engine, control: Control) -> None:
    write(engine, control, SpanBatch("a", [span_row(**each) for each in calls_of(5, 30)]))
    job.run(engine, control)
    rule = Kept("default", Rule("all", FIRST, shares={"A": Decimal(1), "B": Decimal(1)}))
    found = {each.center: each for each in center_changes.preview(engine, control, rule, FIRST, END.date())}
    total = Decimal(spend(engine, control, asking("model")).total[-1])
    assert found[UNALLOCATED].now_usd == total
    assert found[UNALLOCATED].then_usd == 0
    assert found["A"].then_usd + found["B"].then_usd == total == found["A"].shared_usd + found["B"].shared_usd
    assert centers.listing(control, "default") == []
    with pytest.raises(CenterInvalid, match="are none"):
        center_changes.preview(engine, control, rule, FIRST, FIRST)


def test_shared_calls_stand_beside_what_they_cost(engine: Engine, control: Control) -> None:
    rows = [
        span_row(span_id="1" * 16, feature="chat", cost_usd=Decimal(3), start_time=int(BEGIN.timestamp()) * 10**9),
        span_row(span_id="2" * 16, feature="platform", cost_usd=Decimal(1), start_time=int(BEGIN.timestamp()) * 10**9),
    ]
    write(engine, control, SpanBatch("a", rows))
    job.run(engine, control)
    centers.put(control, Kept("default", Rule("c", FIRST, match={"feature": "chat"}, shares={"Chat": Decimal(1)})))
    centers.put(control, Kept("default", Rule("p", FIRST, match={"feature": "platform"}, is_proportional=True)))
    assert [[row[0], row[1], row[-1]] for row in spend(engine, control, asking("center")).rows] == [
        ["Chat", 1, "4"], [SHARED, 1, "0"]
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"by": "colour"}, "names 'colour'"),
        ({"by": "hour,center"}, "kept by the day"),
        ({"by": "model", "zone": "Mars/Olympus"}, "no time zone"),
        ({"by": "model", "start": "2026-03-01T00:30"}, "whole UTC hours"),
        ({"by": "model", "filters": {"user": ["x"]}}, "cannot be narrowed by 'user'"),
    ],
)
def test_what_cannot_be_asked_says_why(words: dict[str, Any], says: str) -> None:
    with pytest.raises(SpendInvalid, match=says):
        asking(**words)
