"""Budgets as they are kept: exact, unique by name in their project, and refused with a reason."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from spanledger_store.control import Control, budgets, projects
from spanledger_store.control.budgets import Budget, Enforcement
from spanledger_store.control.dump import lines, load, revision
from spanledger_store.control.errors import BudgetInvalid, BudgetUnknown, ProjectUnknown
from spanledger_store.periods import Period

ACME = Budget(
    "default", "Acme, monthly", Decimal("123456789012345.123456789012"), Period.MONTH, zone="Asia/Kolkata",
    slice={"customer": "acme 🚀", "model": "gpt-4o"}, per="team", owner="Jo", carry_over=True,
    enforcement=Enforcement.BLOCK,
)  # fmt: skip


def test_what_is_kept_is_what_was_set(control: Control) -> None:
    kept = budgets.put(control, ACME)
    assert replace(kept, id="", created_at=None, changed_at=None) == ACME
    assert budgets.listing(control) == [kept] == budgets.listing(control, "default")
    assert budgets.listing(control, "elsewhere") == []


def test_a_name_is_one_budget_of_its_project(control: Control) -> None:
    projects.ensure(control, "other")
    first = budgets.put(control, ACME)
    other = budgets.put(control, replace(ACME, project="other"))
    again = budgets.put(control, replace(ACME, amount=Decimal(5), per=""))
    assert (again.id, again.created_at, again.amount, again.per) == (first.id, first.created_at, 5, "")
    assert first.changed_at is not None
    assert again.changed_at is not None
    assert again.changed_at > first.changed_at
    assert budgets.get(control, "other", ACME.name) == other
    assert other.id != first.id


def test_what_is_removed_is_gone_and_said_once(control: Control) -> None:
    kept = budgets.put(control, ACME)
    assert budgets.remove(control, "default", ACME.name) == kept
    with pytest.raises(BudgetUnknown, match="has no budget 'Acme, monthly'; it has: none yet"):
        budgets.remove(control, "default", ACME.name)


def test_a_project_must_be_there(control: Control) -> None:
    with pytest.raises(ProjectUnknown, match="there is no project 'nowhere'"):
        budgets.put(control, replace(ACME, project="nowhere"))


def test_budgets_are_in_a_backup(control: Control) -> None:
    kept = budgets.put(control, ACME)
    dumped, at = list(lines(control)), revision(control)
    budgets.remove(control, "default", ACME.name)
    load(control, at, dumped)
    assert budgets.listing(control) == [kept]


def test_budgets_of_an_older_release_alert_at_the_usual_thresholds(control: Control) -> None:
    kept = budgets.put(control, replace(ACME, thresholds=(10,)))
    older: list[str] = []
    for line in lines(control):
        held = json.loads(line)
        if held["table"] in ("projects", "budgets"):
            held["row"] = {name: value for name, value in held["row"].items() if name not in ("notify", "thresholds")}
            older.append(json.dumps(held))
    load(control, "0009", older)
    assert budgets.listing(control) == [replace(kept, thresholds=(50, 80, 100))]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"name": ""}, "name '' cannot be a budget's"),
        ({"name": "a/b"}, "without '/'"),
        ({"name": "x" * 101}, "1 to 100 characters"),
        ({"amount": Decimal(0)}, "amount 0 is no sum of US dollars"),
        ({"amount": Decimal("NaN")}, "amount NaN is no sum"),
        ({"amount": Decimal("1e15")}, "is no sum"),
        ({"amount": Decimal("1e-13")}, "more than 12 decimal places"),
        ({"zone": "../../etc/passwd"}, "no time zone"),
        ({"slice": {"user": "jo"}}, "'user' is nothing a budget can be about"),
        ({"per": "tag"}, "'tag' is nothing"),
        ({"per": "model"}, "one value already"),
        ({"slice": {"customer": ""}}, "value of customer is empty"),
        ({"owner": "x" * 201}, "owner has 201 characters"),
        ({"thresholds": (80, 50)}, "thresholds 80, 50 cannot be.*lowest first"),
        ({"thresholds": (0, 50)}, "from 1 to 1000"),
        ({"thresholds": tuple(range(1, 12))}, "up to 10 different"),
    ],
)
def test_a_budget_that_cannot_be_names_what_and_what_it_may_be(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(BudgetInvalid, match=says):
        replace(ACME, **changed)
