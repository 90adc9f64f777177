"""Changing budgets, each change noted in the table `audit`: which budget and what limits, without anybody's name."""

from __future__ import annotations

from spanledger_store import audit
from spanledger_store.control import Control, budgets
from spanledger_store.control.budgets import Budget, plain
from spanledger_store.engine import Engine


def choose(engine: Engine, control: Control, budget: Budget, *, interface: str) -> Budget:
    """Set a budget, in place of the project's one of the same name; as it is kept. Raises ProjectUnknown."""
    earlier = budgets.find(control, budget.project, budget.name)
    kept = budgets.put(control, budget)
    _note(engine, "budget set", kept, interface, {"was": plain(earlier.amount)} if earlier is not None else {})
    return kept


def drop(engine: Engine, control: Control, project: str, name: str, *, interface: str) -> Budget:
    """Take a budget away; as it was. Raises BudgetUnknown."""
    gone = budgets.remove(control, project, name)
    _note(engine, "budget removed", gone, interface, {})
    return gone


def _note(engine: Engine, what: str, budget: Budget, interface: str, more: dict[str, str]) -> None:
    action = audit.Action(what, budget.project, f"budget:{budget.id}", interface)
    details = {
        "amount": plain(budget.amount),
        "period": budget.period.value,
        "zone": budget.zone,
        "about": ",".join(sorted(budget.slice)) or "everything",
        "per": budget.per,
        "carry_over": str(budget.carry_over).lower(),
        "enforcement": budget.enforcement.value,
    }
    audit.finish(engine, action, {}, details | more)
