"""Calls that sampling leaves out, added up: one span a minute for calls that the books do not tell apart.

A call is added to a sum only where the price of the sum is the sum of the prices, in every part, to the last digit.
Where it is not (calls of different tiers, a minimum charge, a price that changes within the minute) it begins a sum of
its own. So what the collector books for the sums is what it would have booked for the calls.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Hashable
from decimal import Context, Decimal
from typing import Any, Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from spanledger import semconv
from spanledger._internal.pricing.billing import MINUTE_NS, Bill, price_of
from spanledger._internal.pricing.facts import fact_attributes, money
from spanledger.pricing import Cost
from spanledger.responses import Extracted
from spanledger.usage import Usage

NAME: Final = "calls left out by sampling"
_SCOPE: Final = InstrumentationScope("spanledger")
_LARGEST: Final = Decimal(900_000)
_ADD: Final = Context(prec=60).add
_TRIED: Final = 4  # sums of one key that a call is tried with


class Sum:
    """Calls of one minute and one kind, customer, model, ... added up."""

    def __init__(self, bill: Bill, resource: Resource) -> None:
        self._bill = bill
        self._resource = resource
        self._attributes = dict(bill.shared)
        self.usage = bill.usage
        self.calls = bill.calls
        self.cost = bill.cost
        self.told_cost = bill.told_cost
        self.opened = time.monotonic()

    def add(self, bill: Bill) -> bool:
        """Add a call; False, and nothing added, where the sum would not be booked as what its calls are."""
        usage, calls = _together(self.usage, bill.usage), self.calls + bill.calls
        told = None if self.told_cost is None or bill.told_cost is None else _ADD(self.told_cost, bill.told_cost)
        if told is not None and told > _LARGEST:
            return False
        cost: Cost | None = None
        if not self._attributes.get(semconv.CACHE_HIT):
            cost = price_of(self._attributes, usage, calls, self._bill.start)
            if not _is_sum(cost, self.cost, bill.cost):
                return False
        self.usage, self.calls, self.cost, self.told_cost = usage, calls, cost, told
        return True

    def span(self) -> ReadableSpan:
        """Return the span that is sent: no content, no end, and as many calls as were added."""
        attributes: dict[str, Any] = {
            semconv.KIND: self._bill.kind,
            semconv.OPERATION_NAME: "embeddings" if self._bill.kind == "embedding" else "chat",
            **fact_attributes(Extracted(self.usage, None, None)),
            **self._attributes,
            semconv.CALL_COUNT: self.calls,
        }
        if self.told_cost is not None:
            attributes[semconv.COST_USD] = money(self.told_cost)
        return ReadableSpan(
            name=NAME,
            context=SpanContext(_random_id(128), _random_id(64), is_remote=False, trace_flags=TraceFlags(1)),
            resource=self._resource,
            attributes=attributes,
            kind=SpanKind.CLIENT,
            instrumentation_scope=_SCOPE,
            start_time=self._bill.start,
            end_time=None,
        )


class Sums:
    """The sums that are still open."""

    def __init__(self) -> None:
        self._open: dict[Hashable, list[Sum]] = {}

    def add(self, bill: Bill, resource: Resource) -> bool:
        """Add a call; True if that opened another sum."""
        key = _key(bill, resource)
        found = self._open.setdefault(key, [])
        if any(each.add(bill) for each in found[-_TRIED:]):
            return False
        found.append(Sum(bill, resource))
        return True

    @property
    def oldest(self) -> float | None:
        """When the oldest of them was opened (of the monotonic clock)."""
        return min((found[0].opened for found in self._open.values()), default=None)

    def take(self, opened_before: float) -> list[ReadableSpan]:
        """Close and return all that were opened until then."""
        taken: list[ReadableSpan] = []
        for key, found in list(self._open.items()):
            due = [each for each in found if each.opened <= opened_before]
            taken += [each.span() for each in due]
            if len(due) == len(found):
                del self._open[key]
            else:
                self._open[key] = found[len(due) :]
        return taken


def _key(bill: Bill, resource: Resource) -> Hashable:
    usage = bill.usage
    known = (
        usage.input_tokens is None,
        usage.cache_read_tokens is None,
        usage.cache_write_tokens is None,
        usage.output_tokens is None,
        usage.reasoning_tokens is None,
        bill.told_cost is None,
    )
    # Not the values themselves: True, 1 and 1.0 are equal and not the same.
    shared = tuple((name, repr(value)) for name, value in bill.shared)
    return bill.start // MINUTE_NS, bill.kind, shared, known, id(resource)


def _together(a: Usage, b: Usage) -> Usage:
    return Usage(
        _plus(a.input_tokens, b.input_tokens),
        _plus(a.cache_read_tokens, b.cache_read_tokens),
        _plus(a.cache_write_tokens, b.cache_write_tokens),
        _plus(a.output_tokens, b.output_tokens),
        _plus(a.reasoning_tokens, b.reasoning_tokens),
        {unit: a.other.get(unit, 0) + b.other.get(unit, 0) for unit in {**a.other, **b.other}},
    )


def _plus(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b


def _is_sum(whole: Cost | None, a: Cost | None, b: Cost | None) -> bool:
    if whole is None or a is None or b is None:
        return whole is a is b
    return whole.source == a.source == b.source and all(
        total == _ADD(x, y) for total, x, y in zip(_parts(whole), _parts(a), _parts(b), strict=True)
    )


def _parts(cost: Cost) -> tuple[Decimal, ...]:
    return cost.total, cost.input, cost.cache_read, cost.cache_write, cost.output, cost.other


def _random_id(bits: int) -> int:
    # Not from `random`: programs seed it, and processes that share a seed would share ids.
    return secrets.randbits(bits) | 1
