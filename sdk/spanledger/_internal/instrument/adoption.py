"""Parents for calls made inside frameworks whose instrumentation starts spans and does not make them current.

LangChain's callbacks and LlamaIndex' streams cannot attach a context. So their open spans are remembered here, in the
task or thread that started them, and a client's call takes the innermost one for its parent.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Final, NamedTuple

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import Span, set_span_in_context

SCOPES: Final = frozenset({"openinference.instrumentation.langchain", "openinference.instrumentation.llama_index"})


class _Open(NamedTuple):
    span: Span
    before: _Open | None


_open: ContextVar[_Open | None] = ContextVar("spanledger-open-runs", default=None)


def note(span: Span) -> None:
    """Remember a span that one of `SCOPES` has started here."""
    _open.set(_Open(span, _still_open()))


def context_for_call() -> otel_context.Context | None:
    """Return the current context with the innermost open span as its current one; None where it is right as it is."""
    found = _still_open()
    if found is None:
        return None
    current = trace.get_current_span().get_span_context()
    adopted = found.span.get_span_context()
    # Of another trace, the current span is not what surrounds the framework's.
    if current.span_id == adopted.span_id or (current.is_valid and current.trace_id != adopted.trace_id):
        return None
    return set_span_in_context(found.span)


def _still_open() -> _Open | None:
    found: Any = _open.get()
    while found is not None and not found.span.is_recording():
        found = found.before
    return found
