"""What `spanledger.context(budget=...)` asks for around a call; it lies in OpenTelemetry's context."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple

from opentelemetry import context as otel_context

from spanledger._internal import runtime
from spanledger._internal.budgets.errors import BudgetExceeded
from spanledger._internal.log import warn_once

BudgetMode = Literal["off", "on", "fail-closed"]
OnBudget = Callable[[BudgetExceeded, dict[str, Any]], Mapping[str, Any] | None]
"""Takes the error and the call's keyword arguments; returns other ones to go on with, or None to have it raised."""

POLICY_KEY: Final = otel_context.create_key("spanledger-budget")
_WORDS: Final[Mapping[object, BudgetMode]] = {
    True: "on",
    False: "off",
    "on": "on",
    "off": "off",
    "fail-closed": "fail-closed",
    "fail-open": "on",
}


class Policy(NamedTuple):
    """Whether calls are checked, and who is asked before one is refused; None leaves it to what is outside."""

    mode: BudgetMode | None = None
    on_budget: OnBudget | None = None

    def within(self, outer: Policy) -> Policy:
        """This, and where it says nothing what the outer one says."""
        return Policy(self.mode or outer.mode, self.on_budget or outer.on_budget)


def mode_of(given: object) -> BudgetMode | None:
    """The mode that a word or flag means; None for one that means none. ValueError where it is no mode."""
    if given is None:
        return None
    found = _WORDS.get(given.strip().lower() if isinstance(given, str) else given)
    if found is None:
        raise ValueError(f"budget={given!r}: it is True, False or 'fail-closed'")
    return found


def policy_of(budget: object, on_budget: OnBudget | None) -> Policy | None:
    """The policy that arguments of `context` ask for; None for none. A mode that is none is said once, and is "on"."""
    if budget is None and on_budget is None:
        return None
    try:
        return Policy(mode_of(budget), on_budget)
    except ValueError as error:
        warn_once("context-budget", "spanledger.context: %s; budgets are checked, and calls go on where unknown", error)
        return Policy("on", on_budget)


def entered(policy: Policy, context: otel_context.Context) -> otel_context.Context:
    """The context inside a block with this policy; how budgets stand is asked from now on. Never raises."""
    try:
        runtime.start_budgets()
    except Exception as error:  # the user's program is not ours to break
        warn_once("budgets-start", "budgets cannot be checked: %s", error, error=error)
    around = context.get(POLICY_KEY)
    return otel_context.set_value(POLICY_KEY, policy.within(around) if isinstance(around, Policy) else policy, context)


def budgets_of(given: object, stated: str, problems: list[str]) -> BudgetMode:
    """What `init` says of budgets, else what the environment states; a problem is added for what says nothing."""
    name, value = ("SPANLEDGER_BUDGETS", stated) if given is None else ("budgets", given)
    if value == "":
        return "off"
    words: dict[object, object] = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    try:
        word = value.strip().lower() if isinstance(value, str) else value
        return mode_of(words.get(word, word)) or "off"
    except (ValueError, TypeError):
        problems.append(
            f"{name}={value!r} is not on, off or fail-closed; budgets are checked, and calls go on where unknown"
        )
        return "on"
