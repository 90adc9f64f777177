"""What a change makes of a price's versions, and that they are kept so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger import Usage
from spanledger.pricebook import ALWAYS, Book, Kind, Price, PriceInvalid, Slice
from spanledger_store import pricebook
from spanledger_store.control import Control, ProjectUnknown, forgetting, prices
from spanledger_store.control.errors import PriceUnknown
from spanledger_store.engine import Engine
from spanledger_store.pricebook import removing, setting
from spanledger_store.pricing import price_changes

NOW = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)
DAYS = st.integers(0, 12)


def day(number: int) -> datetime:
    return ALWAYS + number * DAY


def price(rate: int = 1, start: datetime = ALWAYS, end: datetime | None = None, **values: Any) -> Price:
    return Price(**{"name": "house", "rates": {"input": Decimal(rate)}, "start": start, "end": end, **values})


def holding(entries: list[Price], at: datetime) -> Decimal | None:
    """What the name's rate is at a moment; it must not have two."""
    found = [each for each in entries if each.withdrawn_at is None and each.holds(at)]
    assert len(found) <= 1
    return found[0].rates["input"] if found else None


@given(
    st.lists(
        st.tuples(st.just("set"), DAYS, st.none() | st.integers(1, 5), st.integers(1, 4))
        | st.tuples(st.just("remove"), st.none() | DAYS, st.none(), st.just(0)),
        max_size=8,
    )
)
@settings(max_examples=300, deadline=None)
def test_any_changes_leave_at_each_moment_the_last_that_was_said_of_it(
    changes: list[tuple[str, int | None, int | None, int]],
) -> None:
    """Against a list of days, each of which holds what was last said of it; and nothing is ever rewritten."""
    entries: list[Price] = []
    days: list[Decimal | None] = [None] * 20
    for what, first, length, rate in changes:
        if what == "set":
            assert first is not None
            last = 20 if length is None else first + length
            wanted = price(rate, day(first), None if length is None else day(last))
            edit = setting(entries, wanted, NOW)
            days[first:last] = [Decimal(rate)] * (min(last, 20) - first)
            assert setting(edit.applied(entries), wanted, NOW) == pricebook.Edit()
        else:
            edit = removing(entries, "default", "house", None if first is None else day(first), NOW)
            assert not edit.opened
            days[first or 0 :] = [None] * (20 - (first or 0))
        before = {each.version: each for each in entries}
        entries = edit.applied(entries)
        assert len({each.version for each in entries}) == len(entries)
        for each in entries:
            held = before.get(each.version)
            if held is not None:
                assert replace(each, end=held.end, withdrawn_at=held.withdrawn_at) == held
    assert [holding(entries, day(number)) for number in range(20)] == days


def test_what_held_beyond_the_end_holds_again_from_there(control: Control) -> None:
    prices.put(control, price(1))
    edit = prices.put(control, price(2, day(5), day(7)))
    assert [(each.version, each.start, each.end) for each in edit.opened] == [(2, day(5), day(7)), (3, day(7), None)]
    assert [(each.version, each.end, each.withdrawn_at) for each in edit.closed] == [(1, day(5), None)]
    found = {each.version: each for each in prices.history(control, "default", "house")}
    assert [found[n].rates["input"] for n in (1, 2, 3)] == [1, 2, 1]
    assert prices.book(control).terms(Slice("default", "openai", "gpt-4o"), day(6)).base == found[2]
    assert prices.book(control).terms(Slice("default", "openai", "gpt-4o"), day(9)).base == found[3]


def test_the_same_again_changes_nothing(control: Control) -> None:
    first = prices.put(control, price(3, note="a contract"))
    assert [each.version for each in first.opened] == [1]
    again = prices.put(control, price(3, note="a contract"))
    assert (again.opened, again.closed) == ((), ())
    assert len(prices.history(control, "default", "house")) == 1


def test_every_field_is_kept(control: Control) -> None:
    wanted = [
        price(
            provider="openai", model="gpt-4o*", customer="acmé", feature="chat", service="batch", note="x",
            start=day(3), end=day(4),
            rates={"input": Decimal("0.000000001"), "input>200000": Decimal(5), "web_searches": Decimal(0)},
        ),
        price(name="less", kind=Kind.DISCOUNT, rates={}, percent=Decimal("12.5"), project="*"),
        price(name="rack", kind=Kind.GPU, amount=Decimal("2.1"), gpus=8),
        price(name="agreed", kind=Kind.COMMITMENT, rates={}, amount=Decimal(5000)),
    ]  # fmt: skip
    prices.put_all(control, wanted)
    kept = {each.name: each for each in prices.listing(control, "default")}
    for each in wanted:
        found = kept[each.name]
        assert found.version == 1
        assert found.created_at is not None
        assert replace(found, version=0, created_at=None) == each
    assert {each.name for each in prices.listing(control, "other")} == {"less"}


def test_a_change_is_seen_by_its_number(control: Control) -> None:
    before = prices.revision(control)
    prices.put(control, price())
    after = prices.revision(control)
    assert after > before
    assert prices.book(control).revision == after
    prices.remove(control, "default", "house", None)
    assert prices.revision(control) > after
    assert not prices.book(control)
    assert len(prices.history(control, "default", "house")) == 1


def test_what_is_unknown_or_taken_is_said(control: Control) -> None:
    with pytest.raises(ProjectUnknown, match="nowhere"):
        prices.put(control, price(project="nowhere"))
    with pytest.raises(PriceUnknown, match="none yet"):
        prices.remove(control, "default", "house", None)
    prices.put(control, price())
    with pytest.raises(PriceUnknown, match="it has: house"):
        prices.history(control, "default", "hose")
    other = price(kind=Kind.DISCOUNT, rates={}, percent=Decimal(5))
    with pytest.raises(PriceInvalid, match="house is a price's name"):
        prices.put(control, other)
    # All or none.
    with pytest.raises(PriceInvalid):
        prices.put_all(control, [price(name="second"), other])
    assert [each.name for each in prices.listing(control, "default")] == ["house"]


def test_a_candidate_is_the_book_after_a_change_that_is_not_made(control: Control) -> None:
    prices.put_all(control, [price(1), price(5, name="gone")])
    entries = prices.every_version(control)
    made = Book(pricebook.candidate(entries, [price(2, day(5))], [("default", "gone")], NOW))
    of, usage = Slice("default", "", "gpt-4o"), Usage(1_000_000)
    assert [getattr(made.price(usage, of, day(n)), "total", None) for n in (1, 6)] == [1, 2]
    assert prices.every_version(control) == entries


def test_changes_are_noted_without_names(engine: Engine, control: Control) -> None:
    engine.command("TRUNCATE TABLE audit_rows")
    secret = price(name="acme deal", customer="acme")
    price_changes.choose_all(engine, control, [secret], interface="test")
    price_changes.choose_all(engine, control, [secret], interface="test")  # nothing changed, nothing to note
    price_changes.choose_all(engine, control, [price(name="a"), price(name="b")], interface="test")
    price_changes.drop(engine, control, "default", "acme deal", None, interface="test")
    noted = engine.rows("SELECT action, state, subject, counts, details FROM audit ORDER BY at")
    assert [row[0] for row in noted] == ["price set", "prices imported", "price removed"]
    assert {row[1] for row in noted} == {"done"}
    assert "acme" not in str(noted)
    assert noted[0][4]["rates"] == "input=1"
    assert noted[0][4]["about"] == "customer"
    assert noted[0][2] == noted[2][2]
    assert noted[1][3] == {"entries": 2, "opened": 2, "closed": 0}


def test_a_customer_that_is_forgotten_is_in_no_version(control: Control) -> None:
    prices.put_all(control, [price(1, customer="acme"), price(2, day(3), customer="acme"), price(name="rest")])
    before = prices.revision(control)
    assert forgetting.customer(control, "default", "acme")["prices"] == 2
    assert [each.name for each in prices.every_version(control)] == ["rest"]
    assert prices.revision(control) > before
