"""Which traces are sent whole, decided when they have ended; what is left out is counted in sums.

A trace is chosen by its id, in the manner of OpenTelemetry's ratio sampler, so that services of one rate choose the
same ones. One with a failed, slow or dear call is sent whatever its id. Of every other trace nothing is sent but its
calls' tokens and cost, added up with others (`sums`), and the spans of which only the collector can tell what they
count. Runs on the export thread only.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple, Protocol

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace.status import StatusCode

from spanledger import semconv
from spanledger._internal.delivery.exporter import Ended
from spanledger._internal.delivery.queue import SpanQueue
from spanledger._internal.enrich import Made
from spanledger._internal.log import warn_once
from spanledger._internal.observing import declaration
from spanledger._internal.pricing import pricelist
from spanledger._internal.pricing.billing import Bill, Unclear, bill_of
from spanledger._internal.sampling.settings import Sampling
from spanledger._internal.sampling.sums import Sums

_TRACE_IDS: Final = 2**64  # by the lower half of the id, which is random in every generator
_REMEMBERED: Final = 4096
SUM_SECONDS: Final = 30.0
MOST_SPANS: Final = 8192  # that are held
MOST_BYTES: Final = 32 * 1024 * 1024


class Enrich(Protocol):
    """What makes spans ready to be sent (`Enricher`): vectors, which are dear, only of those that are sent."""

    def made(self, batch: Sequence[Ended]) -> list[Made]:
        """Return the spans in order, without their vectors."""
        ...

    def embed(self, made: Sequence[Made]) -> None:
        """Add their vectors."""
        ...


class _Held:
    """The spans of a trace that have ended so far."""

    __slots__ = ("made", "since", "weight")

    def __init__(self) -> None:
        self.since = time.monotonic()
        self.made: list[Made] = []
        self.weight = 0


class _Decision(NamedTuple):
    """How a trace was decided: what comes after its root follows it."""

    rate: float
    is_rescued: bool


class Sampler:
    """Takes batches of ended spans and gives those that are to be sent, in the order of their traces' ends."""

    def __init__(self, settings: Sampling, queue: SpanQueue[Ended], enrich: Enrich) -> None:
        self._settings = settings
        self._queue = queue
        self._enrich = enrich
        self._held: OrderedDict[int, _Held] = OrderedDict()
        self._count = self._weight = 0
        self._decided: OrderedDict[int, _Decision] = OrderedDict()
        self._rates: dict[int, float] = {}  # span id -> the rate its function declares, while it is held
        self._sums = Sums()
        self._is_on = settings.rate < 1 and not _is_unpriced()

    def held_until(self) -> float | None:
        """When something that is held falls due (of the monotonic clock); None where nothing is."""
        dues: list[float] = []
        if self._held:
            dues.append(next(iter(self._held.values())).since + self._settings.hold_seconds)
        if (oldest := self._sums.oldest) is not None:
            dues.append(oldest + SUM_SECONDS)
        return min(dues, default=None)

    def __call__(self, batch: Sequence[Ended]) -> list[ReadableSpan]:
        """Return what is to be sent now: of these spans, of those held, and the sums that are due."""
        made = self._enrich.made(batch)
        if not self._is_on and not self._begins(made):
            self._enrich.embed(made)
            return [each.span for each in made]
        before, ended = self._count, self._collect(batch, made)
        kept: list[Made] = []
        left_out: list[tuple[ReadableSpan, Bill | None]] = []
        for trace_id in (*ended, *self._due(ended)):
            self._decide(trace_id, kept, left_out)
        # Spans of this batch are in flight, those that were held before are not yet: now all are where they belong.
        self._queue.hold(self._count - before)
        for span, bill in left_out:
            if bill is not None and self._sums.add(bill, span.resource):
                self._queue.open_sum()
        self._queue.leave_out(len(left_out))
        now = time.monotonic()
        sums = self._sums.take(now if self._queue.is_awaited else now - SUM_SECONDS)
        self._queue.hold(-len(sums))
        self._enrich.embed(kept)
        return [*(each.span for each in kept), *sums]

    def _begins(self, made: Sequence[Made]) -> bool:
        """True from the moment on that anything may be left out: by a function's own rate, or by a sampler."""
        asked = declaration.is_sampling_declared() or any(not _is_sampled(each.span) for each in made)
        self._is_on = asked and not _is_unpriced()
        return self._is_on

    def _collect(self, batch: Sequence[Ended], made: Sequence[Made]) -> dict[int, None]:
        """Add spans to those of their traces; the traces whose local root is among them, in order."""
        for span, call in batch:
            if call is not None and span.context is not None and (rate := call.declaration.sample) is not None:
                self._rates[span.context.span_id] = rate
        ended: dict[int, None] = {}
        for each in made:
            span = each.span
            trace_id = span.context.trace_id if span.context else 0
            held = self._held.get(trace_id)
            if held is None:
                held = self._held[trace_id] = _Held()
            weight = _weight(each)
            held.made.append(each)
            held.weight += weight
            self._weight += weight
            self._count += 1
            if _is_local_root(span) or trace_id in self._decided:
                ended[trace_id] = None
        return ended

    def _due(self, ended: Mapping[int, None]) -> list[int]:
        """Traces that are decided before they have ended: awaited, held for long, or too much for the memory."""
        rest = [trace_id for trace_id in self._held if trace_id not in ended]
        if self._queue.is_awaited:
            return rest
        latest = time.monotonic() - self._settings.hold_seconds
        count, weight, due = self._count, self._weight, list[int]()
        for trace_id in rest:  # the oldest first
            held = self._held[trace_id]
            is_full = count > MOST_SPANS or weight > MOST_BYTES
            if held.since > latest and not is_full:
                break
            due.append(trace_id)
            count -= len(held.made)
            weight -= held.weight
        return due

    def _decide(self, trace_id: int, kept: list[Made], left_out: list[tuple[ReadableSpan, Bill | None]]) -> None:
        held = self._held.pop(trace_id)
        self._count -= len(held.made)
        self._weight -= held.weight
        earlier = self._decided.get(trace_id)
        spans = [each.span for each in held.made]
        rates = _Rates(spans, self._rates, earlier.rate if earlier else self._settings.rate)
        bills = _bills(spans)
        is_rescued = (earlier is not None and earlier.is_rescued) or self._is_rescued(spans, bills)
        for each in held.made:
            rate, bill = rates.of(each.span), bills[id(each.span)]
            is_chosen = not is_rescued and _is_sampled(each.span) and _is_chosen(trace_id, rate)
            if is_rescued or is_chosen or isinstance(bill, Unclear):
                each.attributes[semconv.SAMPLE_RATE] = rate if is_chosen else 1.0
                kept.append(each)
            else:
                left_out.append((each.span, bill))
        for span in spans:
            self._rates.pop(span.context.span_id if span.context else 0, None)
        self._decided[trace_id] = _Decision(rates.root, is_rescued)
        self._decided.move_to_end(trace_id)
        if len(self._decided) > _REMEMBERED:
            self._decided.popitem(last=False)

    def _is_rescued(self, spans: Sequence[ReadableSpan], bills: Mapping[int, Bill | Unclear | None]) -> bool:
        slow = self._settings.slow_seconds * 1e9
        total = Decimal(0)
        for span in spans:
            if span.status.status_code is StatusCode.ERROR or semconv.ERROR_TYPE in (span.attributes or {}):
                return True
            if span.start_time is not None and span.end_time is not None and span.end_time - span.start_time > slow:
                return True
            bill = bills[id(span)]
            if isinstance(bill, Bill):
                total += (bill.cost.total if bill.cost else bill.told_cost) or 0
        return total > self._settings.cost_usd


class _Rates:
    """The share that is sent of each span of a trace: its function's and never more than what it was called from."""

    def __init__(self, spans: Sequence[ReadableSpan], declared: Mapping[int, float], default: float) -> None:
        self._declared = declared
        self._parents = {span.context.span_id: _parent(span) for span in spans if span.context}
        self.root = default
        for span in spans:
            if _is_local_root(span) and span.context:
                # The first call of a trace decides for all of it, upwards too.
                self.root = declared.get(span.context.span_id, default)
        self._known: dict[int, float] = {}

    def of(self, span: ReadableSpan) -> float:
        """The share of spans like this one that are sent."""
        path: list[int] = []
        at = span.context.span_id if span.context else 0
        while at in self._parents and at not in self._known:
            path.append(at)
            self._known[at] = self.root  # ids from outside may form a circle
            parent = self._parents[at]
            if parent is None:
                break
            at = parent
        rate = self._known.get(at, self.root)
        for each in reversed(path):
            is_root = self._parents[each] is None
            rate = self._known[each] = self.root if is_root else min(rate, self._declared.get(each, 1.0))
        return rate


def _is_unpriced() -> bool:
    """True, and said, where no sum could be exact: everything is sent then."""
    return pricelist.miss("sampling", "everything is sent: sampling keeps the books exact by the price list")


def _bills(spans: Sequence[ReadableSpan]) -> dict[int, Bill | Unclear | None]:
    """Object id of each span -> what the collector will count of it."""
    found: dict[int, Bill | Unclear | None] = {}
    billed: list[ReadableSpan] = []
    for span in spans:
        try:
            bill = found[id(span)] = bill_of(span)
        except Unclear as error:
            found[id(span)] = error
        except Exception as error:
            warn_once("sample", "a span cannot be left out, and is sent: %s", error, error=error)
            found[id(span)] = Unclear(str(error))
        else:
            if bill is None:
                continue
        billed.append(span)
    # One call that two spans tell of is counted once, by the collector: it needs to see both.
    for span in _told_twice(spans, billed) if len(billed) > 1 else ():
        found[id(span)] = Unclear("another span may tell of the same call")
    return found


def _told_twice(spans: Sequence[ReadableSpan], billed: Sequence[ReadableSpan]) -> list[ReadableSpan]:
    parents = {span.context.span_id: _parent(span) for span in spans if span.context}
    by_id = {span.context.span_id: span for span in billed if span.context}
    twice: dict[int, ReadableSpan] = {}
    answers: dict[Any, ReadableSpan] = {}
    for span in billed:
        at, steps = _parent(span), 0
        while at is not None and steps < 100:
            if (outer := by_id.get(at)) is not None:
                twice[id(span)], twice[id(outer)] = span, outer
            at, steps = parents.get(at), steps + 1
        answer = (span.attributes or {}).get(semconv.RESPONSE_ID)
        if answer:
            other = answers.setdefault(answer, span)
            if other is not span:
                twice[id(span)], twice[id(other)] = span, other
    return list(twice.values())


def _is_chosen(trace_id: int, rate: float) -> bool:
    return trace_id % _TRACE_IDS < round(rate * _TRACE_IDS)


def _is_sampled(span: ReadableSpan) -> bool:
    return span.context is None or bool(span.context.trace_flags & 1)


def _is_local_root(span: ReadableSpan) -> bool:
    return span.parent is None or span.parent.is_remote


def _parent(span: ReadableSpan) -> int | None:
    return None if span.parent is None or span.parent.is_remote else span.parent.span_id


def _weight(made: Made) -> int:
    return 1000 + sum(len(value) for value in made.attributes.values() if type(value) is str)
