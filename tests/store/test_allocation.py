"""Every line of spend goes to cost centres as a whole, whatever the rules say and whenever they change."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger_store.allocation import UNALLOCATED, Line, Rule, Rules, allocate, split

START = date(2026, 3, 30)
COLUMNS = {"customer": ["", "acme", "globex"], "feature": ["chat", "search"]}
UNIT = Decimal("0.000000000001")

money = st.integers(0, 10**20).map(lambda units: units * UNIT)
shares = st.dictionaries(st.sampled_from("abcde"), st.decimals(0, 100, places=3), min_size=1).filter(
    lambda found: any(found.values())
)
days = st.integers(0, 6).map(lambda n: START + timedelta(days=n))


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """A rule about any slice of any days that maps, splits by shares, or splits by direct spend."""
    start = draw(days)
    end = draw(st.none() | st.integers(1, 5).map(lambda n: start + timedelta(days=n)))
    match = {name: draw(st.sampled_from(values)) for name, values in COLUMNS.items() if draw(st.booleans())}
    kind = draw(st.sampled_from(["one", "several", "among", "all"]))
    given_ = draw(shares.map(lambda found: {name: share or Decimal(1) for name, share in found.items()}))
    one = {draw(st.sampled_from("abcde")): Decimal(1)}
    to = {"one": one, "several": given_, "among": given_, "all": {}}[kind]
    name = draw(st.text("rstu", min_size=1, max_size=3))
    return Rule(name, start, end, match, to, kind in ("among", "all"), draw(st.integers(1, 3)))


@st.composite
def lines(draw: st.DrawFn) -> Line:
    """Spend of one slice and day."""
    values = {name: draw(st.sampled_from(found)) for name, found in COLUMNS.items()}
    return Line(draw(days), values, (), draw(money))


@given(st.lists(lines(), max_size=30), st.lists(rules(), max_size=6))
def test_the_parts_of_every_line_are_the_line(spent: list[Line], said: list[Rule]) -> None:
    parts = allocate(spent, Rules(said))
    sums: defaultdict[int, Fraction] = defaultdict(Fraction)
    for part in parts:
        sums[part.line] += Fraction(part.amount)
        exponent = part.amount.as_tuple().exponent
        assert isinstance(exponent, int)
        assert exponent >= -12
        assert part.amount >= 0
    assert [sums[n] for n in range(len(spent))] == [Fraction(line.amount) for line in spent]


@given(st.lists(lines(), max_size=20), st.lists(rules(), max_size=5))
def test_days_are_allocated_alike_alone_and_together(spent: list[Line], said: list[Rule]) -> None:
    """So a month is the sum of its days, however rules change within it."""
    together = allocate(spent, Rules(said))
    alone: list[tuple[str, Decimal]] = []
    for day in sorted({line.day for line in spent}):
        mine = [(n, line) for n, line in enumerate(spent) if line.day == day]
        parts = allocate([line for _, line in mine], Rules(said))
        alone += [(part.center, part.amount) for part in parts]
    assert sorted(alone) == sorted((part.center, part.amount) for part in together)


@given(st.lists(lines(), min_size=1, max_size=20), st.lists(rules(), max_size=5))
def test_the_order_of_lines_and_rules_does_not_matter(spent: list[Line], said: list[Rule]) -> None:
    unique = list({(rule.priority, len(rule.match), rule.name): rule for rule in said}.values())
    backwards = allocate(spent[::-1], Rules(unique[::-1]))
    forwards = allocate(spent, Rules(unique))
    last = len(spent) - 1
    assert sorted((part.line, part.center, part.amount) for part in forwards) == sorted(
        (last - part.line, part.center, part.amount) for part in backwards
    )


@given(money, shares)
def test_a_split_is_exact_and_fair_to_one_unit(amount: Decimal, given_: dict[str, Decimal]) -> None:
    parts = split(amount, given_)
    total = sum((Fraction(share) for share in given_.values()), Fraction())
    assert sum((Fraction(part) for part in parts.values()), Fraction()) == Fraction(amount)
    for name, share in given_.items():
        fair = Fraction(amount) * Fraction(share) / total
        assert abs(Fraction(parts[name]) - fair) < Fraction(UNIT)
    assert split(-amount, given_) == {name: -part for name, part in parts.items()}


def test_what_is_left_goes_to_those_that_lost_most_then_by_name() -> None:
    assert split(5 * UNIT, {"b": Decimal(1), "a": Decimal(1), "c": Decimal(2)}) == {
        "a": UNIT, "b": UNIT, "c": 3 * UNIT
    }  # fmt: skip
    assert split(UNIT, {"b": Decimal(1), "a": Decimal(1)}) == {"a": UNIT, "b": 0 * UNIT}


@pytest.mark.parametrize("given_", [{}, {"a": Decimal(0)}, {"a": Decimal(-1), "b": Decimal(2)}])
def test_shares_that_cannot_be_are_refused(given_: dict[str, Decimal]) -> None:
    with pytest.raises(ValueError, match="cannot be shares"):
        split(Decimal(1), given_)


def test_an_amount_finer_than_the_books_is_refused() -> None:
    with pytest.raises(ValueError, match="12 decimal places"):
        split(UNIT / 10, {"a": Decimal(1)})


def test_the_first_by_priority_then_the_more_precise_decides() -> None:
    whole = {"x": Decimal(1)}
    general = Rule("all", START, shares={"general": Decimal(1)})
    precise = Rule("acme", START, match={"customer": "acme"}, shares=whole)
    urgent = Rule("first", START + timedelta(days=2), priority=1, shares={"urgent": Decimal(1)})
    said = Rules([general, precise, urgent])
    line = Line(START, {"customer": "acme"}, (), Decimal(1))
    assert said.about(START, line.values) is precise
    assert said.about(START, {"customer": "globex"}) is general
    assert said.about(START + timedelta(days=2), line.values) is urgent
    assert said.about(START - timedelta(days=1), line.values) is None
    assert said.cuts(START, START + timedelta(days=9)) == [START + timedelta(days=2)]
    assert not said.need_days


def test_shared_spend_follows_the_direct_spend_of_its_day() -> None:
    a = Rule("a", START, match={"feature": "chat"}, shares={"A": Decimal(1)})
    b = Rule("b", START, match={"feature": "search"}, shares={"B": Decimal(1)})
    platform = Rule("p", START, match={"feature": ""}, is_proportional=True)
    later = START + timedelta(days=1)
    spent = [
        Line(START, {"feature": "chat"}, (), Decimal(3)),
        Line(START, {"feature": "search"}, (), Decimal(1)),
        Line(START, {"feature": ""}, (), Decimal(8)),
        Line(later, {"feature": ""}, (), Decimal(5)),
    ]
    parts = [(part.line, part.center, part.amount, part.is_shared) for part in allocate(spent, Rules([a, b, platform]))]
    assert parts[2:] == [(2, "A", Decimal(6), True), (2, "B", Decimal(2), True), (3, UNALLOCATED, Decimal(5), True)]
    assert Rules([platform]).need_days
