"""Which calls have been counted already, so that what lies around them is not counted again.

Spans come in the order they ended, so an inner call is known before the function around it. Known are its answer's
id, for what hands that answer on, and the spans it lies in, for what returns something else, such as its text. Kept
for the last few thousand; runs on the export thread only.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan

from spanledger import semconv

_REMEMBERED: Final = 4096
_COUNTS: Final = 64  # of the calls inside one span
_INPUT_COUNTS: Final = (semconv.USAGE_INPUT_TOKENS, *semconv.OLD_USAGE_INPUT_TOKENS, "llm.token_count.prompt")
_KIND_NAMES: Final = (semconv.OPERATION_NAME, "openinference.span.kind", "llm.request.type", "traceloop.span.kind")
_OPENINFERENCE_KINDS: Final = {"LLM": "llm", "EMBEDDING": "embedding"}

Around = tuple[int, int, str]  # trace, span, the inner call's kind


class Leaves:
    """Remembers model calls, and answers whether one was counted or lies inside a span."""

    def __init__(self) -> None:
        self._claimed: OrderedDict[tuple[int, str], None] = OrderedDict()
        # The input counts of the calls inside, None for one that reported none.
        self._around: OrderedDict[Around, frozenset[int | None]] = OrderedDict()

    def claim(self, span: ReadableSpan, response_id: str) -> bool:
        """Return True if this span is the first to report this answer; it is then the one that counts."""
        key = (span.context.trace_id if span.context else 0, response_id)
        if key in self._claimed:
            return False
        self._claimed[key] = None
        if len(self._claimed) > _REMEMBERED:
            self._claimed.popitem(last=False)
        return True

    def claim_reported(self, span: ReadableSpan, attributes: Mapping[str, Any]) -> None:
        """Note the answer that another library's span has reported."""
        response_id = attributes.get(semconv.RESPONSE_ID)
        if isinstance(response_id, str) and _input_of(attributes) is not None:
            self.claim(span, response_id)

    def note(self, span: ReadableSpan, attributes: Mapping[str, Any]) -> None:
        """Note a span that has ended, with the attributes it is sent with."""
        context, parent = span.context, span.parent
        if context is None or parent is None:
            return
        kind = _kind_of(attributes)
        for each in ("llm", "embedding"):
            inside = self._around.pop((context.trace_id, context.span_id, each), frozenset[int | None]())
            if each == kind:
                inside |= {_input_of(attributes)}
            if inside:
                key = (parent.trace_id, parent.span_id, each)
                together = inside | self._around.get(key, frozenset())
                self._around[key] = together if len(together) <= _COUNTS else inside
                if len(self._around) > _REMEMBERED:
                    self._around.popitem(last=False)

    def repeats(self, span: ReadableSpan, attributes: Mapping[str, Any]) -> bool:
        """Return True if another library's span tells of a model call that was counted further in."""
        kind = _kind_of(attributes)
        inside = self._inside(span, kind) if kind in ("llm", "embedding") else frozenset[int | None]()
        mine = _input_of(attributes)
        return bool(inside) and (mine is None or mine in inside)

    def lie_in(self, span: ReadableSpan, kind: str) -> bool:
        """Return True if a call of this kind lies inside the span."""
        return bool(self._inside(span, kind))

    def count_in(self, span: ReadableSpan, kind: str, input_tokens: int | None) -> bool:
        """Return True if a call of this kind that counted so much input lies inside the span."""
        return input_tokens is not None and input_tokens in self._inside(span, kind)

    def _inside(self, span: ReadableSpan, kind: str) -> frozenset[int | None]:
        context = span.context
        found = None if context is None else self._around.get((context.trace_id, context.span_id, kind))
        return frozenset() if found is None else found


def _input_of(attributes: Mapping[str, Any]) -> int | None:
    found = next((attributes[name] for name in _INPUT_COUNTS if name in attributes), None)
    return found if isinstance(found, int) else None


def as_chain(attributes: dict[str, Any]) -> None:
    """Say of a model call's span that it is a chain around that call, whatever it said before."""
    for name in _KIND_NAMES:
        attributes.pop(name, None)
    attributes[semconv.KIND] = "chain"
    attributes[semconv.COUNTED_INSIDE] = True


def _kind_of(attributes: Mapping[str, Any]) -> str | None:
    own = attributes.get(semconv.KIND)
    if isinstance(own, str):
        return own
    theirs = attributes.get("openinference.span.kind")
    if isinstance(theirs, str):
        return _OPENINFERENCE_KINDS.get(theirs)
    operation = attributes.get(semconv.OPERATION_NAME)
    return semconv.OPERATION_KINDS.get(operation) if isinstance(operation, str) else None
