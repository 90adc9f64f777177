"""What a span that has just ended cost, told at once: read and priced as it will be on its way to the books."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from spanledger._internal.budgets.limits import slice_of
from spanledger._internal.budgets.standing import Spent
from spanledger._internal.enrich import Enricher
from spanledger._internal.masking.names import Masking
from spanledger._internal.pricing.billing import Unclear, bill_of

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from spanledger._internal.observing.call import Call
    from spanledger._internal.settings import Settings


class Spending:
    """Reads ended spans one at a time; the caller sees to that."""

    def __init__(self, settings: Settings, environment: str) -> None:
        self._environment = environment
        # Of its own: the export thread reads the same responses again, and each is to be counted once by both.
        self._enrich = Enricher(replace(settings, capture="off", mask=Masking()))

    def of(self, span: ReadableSpan, call: Call | None) -> Spent | None:
        """What the span says of money; None where it is no call of a model, or only the collector can tell.

        A call that the price list does not know has no cost, whatever the program says that it cost: so it is in the
        books.
        """
        if _is_no_model_call(span, call):
            return None
        (made,) = self._enrich([(span, call)])
        try:
            bill = bill_of(made)
        except Unclear:
            return None
        if bill is None:
            return None
        cost = None if bill.cost is None else bill.cost.total
        return Spent(span.name, slice_of(made.attributes or {}, self._environment), cost)


def _is_no_model_call(span: ReadableSpan, call: Call | None) -> bool:
    """True where one look is enough: most spans are steps, tools and requests of other libraries."""
    if call is not None:
        return call.declaration.kind not in (None, "llm", "embedding")
    return not any(name.startswith("gen_ai.") for name in span.attributes or ())
