"""Rules of cost centres as they are kept: by version, each until the next of its name."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from spanledger_store.allocation import Rule
from spanledger_store.control import Control, centers
from spanledger_store.control.centers import Kept
from spanledger_store.control.errors import CenterInvalid, CenterUnknown, ProjectUnknown

MARCH, APRIL, MAY = date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1)
ONE = {"Search": Decimal(1)}


def kept(name: str = "search", start: date = MARCH, end: date | None = None, **more: Any) -> Kept:
    return Kept("default", Rule(name, start, end, **{"match": {"feature": "search"}, "shares": ONE, **more}))


def test_a_version_ends_where_the_next_begins(control: Control) -> None:
    centers.put(control, kept(start=APRIL, shares={"R&D": Decimal("0.5"), "Ops": Decimal("0.5")}))
    centers.put(control, kept())
    centers.put(control, kept("other", end=MAY, priority=3, is_proportional=True, shares={}, match={}))
    assert centers.listing(control, "default")[1] == kept()
    ordered = centers.rules(control, "default").ordered
    assert [(rule.name, rule.start, rule.end) for rule in ordered] == [
        ("other", MARCH, MAY), ("search", MARCH, APRIL), ("search", APRIL, None)
    ]  # fmt: skip
    assert ordered[2].shares == {"R&D": Decimal("0.5"), "Ops": Decimal("0.5")}
    centers.put(control, kept(end=date(2026, 3, 9)))
    assert centers.rules(control, "default").ordered[1].end == date(2026, 3, 9)
    assert centers.remove(control, "default", "search", APRIL)[0].rule.start == APRIL
    assert len(centers.remove(control, "default", "search")) == 1
    assert [each.rule.name for each in centers.listing(control, "default")] == ["other"]


def test_what_is_not_there_is_named(control: Control) -> None:
    centers.put(control, kept())
    with pytest.raises(CenterUnknown, match="it has: search from 2026-03-01"):
        centers.remove(control, "default", "chat")
    with pytest.raises(ProjectUnknown):
        centers.put(control, Kept("nowhere", kept().rule))


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"name": "a/b"}, "name 'a/b'"),
        ({"match": {"user": "x"}}, "'user' is nothing a rule can be about"),
        ({"shares": {}}, "names no cost centre"),
        ({"shares": {"(unallocated)": Decimal(1)}}, "cannot be a cost centre"),
        ({"shares": {"(shared)": Decimal(1)}}, "cannot be a cost centre"),
        ({"shares": {"A": Decimal(0)}}, "A=0"),
        ({"shares": {"A": Decimal("NaN")}}, "A=NaN"),
        ({"end": MARCH}, "before it begins"),
    ],
)
def test_rules_that_cannot_be(more: dict[str, Any], says: str) -> None:
    with pytest.raises(CenterInvalid, match=says):
        kept(**more)
