"""How budgets stand in this process: the collector's last word, and what has been spent here since."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opentelemetry import context as otel_context

from spanledger._internal import runtime
from spanledger._internal.budgets.errors import BudgetExceeded, BudgetUnavailable, used_up
from spanledger._internal.budgets.limits import Limit, Limits, Slice, add, slice_of
from spanledger._internal.budgets.own_spend import OwnSpend
from spanledger._internal.budgets.policy import Policy
from spanledger._internal.budgets.renewal import Renewal
from spanledger._internal.context.stamps import stamps_of
from spanledger._internal.log import warn_once
from spanledger._internal.observing.declaration import is_sampling_declared

if TYPE_CHECKING:
    from spanledger._internal.runtime import Runtime

# A block that fails closed does not go on with less recent news than this.
MAX_AGE: Final = 30.0
# The longest that a call in such a block waits for the first answer.
FIRST_WAIT: Final = 1.0
# Sums of sampled calls are sent every thirty seconds.
SUMS_LATER: Final = 35.0
_REMEMBERED: Final = 1000
_ZERO: Final = Decimal(0)


class Spent(NamedTuple):
    """What one ended call of a model says of money: its span's name, its slice, US dollars (None: unknown)."""

    name: str
    slice: Slice
    cost: Decimal | None


@dataclass(frozen=True, slots=True)
class BudgetState:
    """How a budget stands, as far as this process knows: the collector's last word and its own spend since.

    Everything is None where it is unknown: no such budget, no answer yet, or no call with a price. Amounts are US
    dollars; `share` is spent per limit; `resets_at` is UTC.
    """

    name: str
    value: str | None = None
    limit: Decimal | None = None
    spent: Decimal | None = None
    resets_at: datetime | None = None
    is_enforced: bool | None = None

    @property
    def remaining(self) -> Decimal | None:
        """What may still be spent, never less than 0."""
        return None if self.limit is None or self.spent is None else max(_ZERO, add(self.limit, -self.spent))

    @property
    def share(self) -> float | None:
        """Spent per limit; 1.0 and more is used up."""
        return None if self.limit is None or self.spent is None else float(self.spent / self.limit)

    @property
    def is_used_up(self) -> bool | None:
        """True once nothing is left."""
        return None if self.limit is None or self.spent is None else self.spent >= self.limit


class Budgets:
    """The state of budgets for one running SDK, told from memory; only a thread of its own talks to the collector."""

    def __init__(
        self, running: Runtime, default: Policy, environment: str, read: Callable[[Any, Any], Spent | None]
    ) -> None:
        self.default = default
        self.environment = environment
        self._running = running
        self._read = read
        settings = running.settings
        self._renewal = Renewal(settings.endpoint, settings.headers, self._before_asking, self._told)
        self._means: OrderedDict[tuple[str, str], tuple[Decimal, int]] = OrderedDict()
        self.limits: Limits | None = None
        self._is_warm = False
        self._begin()

    def _begin(self) -> None:
        self._own = OwnSpend()
        self._lock = threading.Lock()
        self._known_llm: set[str] = set()
        self._waiting: deque[tuple[Any, Any]] = deque(maxlen=10_000)

    def after_fork(self) -> None:
        """Begin anew in a forked child; what its parent has spent is its parent's to tell."""
        self._begin()
        self._renewal.after_fork()

    def start(self) -> None:
        """Begin to ask the collector."""
        self._renewal.ensure_started()

    def close(self) -> None:
        """Ask no more."""
        self._renewal.close()

    # --- before a call -------------------------------------------------------------------------------

    def refusal(self, call: Slice, *, is_closed: bool) -> tuple[BudgetExceeded, Limit | None] | None:
        """Why the call is not to be made, and because of which budget; None where it may be."""
        self.start()
        limits = self._limits(call, FIRST_WAIT if is_closed else 0.0)
        if is_closed and (limits is None or not limits.knows(call) or time.monotonic() - limits.complete_to > MAX_AGE):
            return BudgetUnavailable(
                "the state of budgets is not known, as the collector did not tell it within the last "
                f"{MAX_AGE:.0f} seconds; this block fails closed, so the call was not made."
            ), None
        if limits is None:
            return None
        self._count_waiting()
        while True:
            refusal = self._refusal(limits, call)
            # News may have come in between, and with them some of the own spend may have been forgotten.
            newest = self.limits
            if newest is None or newest is limits:
                return refusal
            limits = newest

    def _refusal(self, limits: Limits, call: Slice) -> tuple[BudgetExceeded, Limit] | None:
        for limit in limits.of(call):
            if limit.blocks:
                spent, amount = self._standing(limit, call)
                if spent is not None and spent >= amount:
                    return used_up(limit.name, limit.value_of(call), spent, amount, limit.resets_at), limit
        return None

    def _limits(self, call: Slice, patience: float) -> Limits | None:
        limits = self.limits
        if limits is not None and limits.knows(call):
            return limits
        if limits is not None:
            self._renewal.ask_about(call)
        deadline = time.monotonic() + patience
        with self._renewal.answered:
            while not self._renewal.is_failing and (left := deadline - time.monotonic()) > 0:
                limits = self.limits
                if limits is not None and limits.knows(call):
                    break
                self._renewal.answered.wait(left)
        return self.limits

    def _standing(self, limit: Limit, call: Slice) -> tuple[Decimal | None, Decimal]:
        value = limit.value_of(call)
        amount, told = limit.amounts(value)
        own = self._own.towards(limit, value, add(amount, -(told or _ZERO)))
        if told is None and not own:
            return None, amount
        return add(told or _ZERO, own), amount

    def state(self, name: str, value: str | None, call: Slice, wait: float) -> BudgetState:
        """The state of the budget of this name, of `value` where each value has its own."""
        self.start()
        limits = self._limits(call, wait)
        limit = next((each for each in (limits.going_on() if limits else ()) if each.name == name), None)
        if limit is None:
            return BudgetState(name, value)
        self._count_waiting()
        if limit.per:
            value = value or getattr(call, limit.per) or None
            if value is None:
                return BudgetState(name, resets_at=limit.resets_at, is_enforced=limit.blocks)
            call = call._replace(**{limit.per: value})
        spent, amount = self._standing(limit, call._replace(**limit.slice))
        return BudgetState(name, value if limit.per else None, amount, spent, limit.resets_at, limit.blocks)

    # --- after a call --------------------------------------------------------------------------------

    def ended(self, span: Any, call: Any) -> None:
        """Count a span that has just ended, in the thread that ended it. Raises nothing."""
        try:
            if not self._is_warm:
                # The price list takes a third of a second to load: the thread does that, if no other call is first.
                self._waiting.append((span, call))
                return
            self._count(span, call)
        except Exception as error:
            warn_once("budget-spend", "what a call cost could not be told: %s", error, error=error)

    def _count_waiting(self) -> None:
        while self._waiting:
            try:
                waiting = self._waiting.popleft()
            except IndexError:  # another thread was quicker
                return
            self._count(*waiting)

    def _count(self, span: Any, call: Any) -> None:
        with self._lock:
            spent = self._read(span, call)
            if spent is None:
                return
            self._known_llm.add(spent.name)
            if spent.cost is None:
                return
            key = (spent.name, spent.slice.model)
            total, count = self._means.get(key, (_ZERO, 0))
            self._means[key] = (add(total, spent.cost), count + 1)
            if len(self._means) > _REMEMBERED:
                self._means.popitem(last=False)
        self._own.add(spent.slice, spent.cost)

    def is_llm(self, name: str) -> bool:
        """True where calls whose spans have this name have been seen to carry usage."""
        return name in self._known_llm

    def mean(self, name: str) -> Decimal | None:
        """What a call of this function has cost in this process, on average; None where none has a known cost."""
        with self._lock:
            found = [each for (of, _), each in self._means.items() if of == name]
        count = sum(each[1] for each in found)
        return sum((each[0] for each in found), _ZERO) / count if count else None

    # --- the thread ----------------------------------------------------------------------------------

    def _before_asking(self) -> None:
        if not self._is_warm:
            warm_up()
            self._is_warm = True
        self._count_waiting()
        self._own.close_round(self._counts)

    def _counts(self) -> tuple[int, int]:
        stats = self._running.queue.stats()
        return stats.ended, stats.acknowledged + stats.sampled_out + stats.lost

    def _told(self, limits: Limits) -> None:
        # First the new sums, then without the old: between the two a call is counted twice rather than not at all.
        self.limits = limits
        sampling = self._running.settings.sampling
        is_sampled = sampling.rate < 1 or is_sampling_declared()
        # What sampling leaves out is told in sums, which come later than the spans after it.
        self._own.forget(limits.complete_to - (sampling.hold_seconds + SUMS_LATER if is_sampled else 0.0))


def warm_up() -> None:
    """Load the price list."""
    from spanledger import pricing
    from spanledger.usage import Usage

    pricing.price(Usage(input_tokens=1), provider="openai", model="gpt-4o")


def slice_now(environment: str, model: str = "", provider: str = "") -> Slice:
    """What is known of a call that is about to be made here."""
    found = slice_of(stamps_of(otel_context.get_current()) or {}, environment)
    return found._replace(model=model, provider=provider)


def budget(name: str, value: str | None = None, *, wait: float = 0.0) -> BudgetState:
    """Return how the budget of this name stands, from memory. Never raises, never waits for the network by itself.

    Of a budget that each customer has by itself, `value` names the customer; without it the one of the context
    around is meant. The first use begins to ask the collector and so knows nothing yet: `wait` is how many seconds it
    may take to have an answer. Unknown is None, before `init` too.
    """
    try:
        held = runtime.start_budgets()
        if held is None:
            return BudgetState(name, value)
        return held.state(name, value, slice_now(held.environment), wait)
    except Exception as error:
        warn_once("budget", "spanledger.budget: %s", error, error=error)
        return BudgetState(name, value)
