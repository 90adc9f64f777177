"""What stops a call before it is made.

Exception
├── BudgetExceeded          a budget that blocks is used up
│   └── BudgetUnavailable   whether it is cannot be told, and the program asked not to go on then
└── CallTooExpensive        the call itself is over a ceiling of its function
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal


class BudgetExceeded(Exception):
    """Raised instead of a call whose budget is used up. Nothing was sent to the provider.

    `budget` is its name, `value` that of the dimension of which each value has a budget by itself (a customer, say;
    None without one), `spent` and `limit` are US dollars, `resets_at` is UTC. What is unknown is None.
    """

    def __init__(
        self,
        message: str,
        *,
        budget: str | None = None,
        value: str | None = None,
        spent: Decimal | None = None,
        limit: Decimal | None = None,
        resets_at: datetime | None = None,
    ) -> None:
        super().__init__(message)
        self.budget = budget
        self.value = value
        self.spent = spent
        self.limit = limit
        self.resets_at = resets_at


class BudgetUnavailable(BudgetExceeded):
    """Raised instead of a call in a block that fails closed while the state of budgets is unknown."""


class CallTooExpensive(Exception):
    """Raised instead of a call that is over its function's `max_cost` or `max_tokens` by its arguments alone.

    `estimate` is the least that it would take, `ceiling` what is allowed: Decimals of US dollars, or tokens.
    """

    def __init__(self, message: str, *, estimate: Decimal | int, ceiling: Decimal | int) -> None:
        super().__init__(message)
        self.estimate = estimate
        self.ceiling = ceiling


# They are part of the public package, and tracebacks should say so.
for _error in (BudgetExceeded, BudgetUnavailable, CallTooExpensive):
    _error.__module__ = "spanledger"


def used_up(budget: str, value: str | None, spent: Decimal, limit: Decimal, resets_at: datetime) -> BudgetExceeded:
    """The error of a budget that is used up, in words that a person would use."""
    whose = f"budget {budget!r}" + (f" of {value!r}" if value else "")
    return BudgetExceeded(
        f"the {whose} is used up: ${dollars(spent)} of ${dollars(limit)} spent; it starts anew at "
        f"{resets_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC. The call was not made.",
        budget=budget,
        value=value,
        spent=spent,
        limit=limit,
        resets_at=resets_at,
    )


def dollars(amount: Decimal) -> str:
    """An amount with two decimal places at least, and as many as it has."""
    text = format(amount, "f")
    whole, _, places = text.partition(".")
    return f"{whole}.{places.rstrip('0').ljust(2, '0')}"
