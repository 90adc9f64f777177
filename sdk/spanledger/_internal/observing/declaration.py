"""What `@observe` decided about one function, once, at decoration."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from opentelemetry.trace import SpanKind

from spanledger import semconv
from spanledger._internal.budgets.ceiling import Ceiling
from spanledger._internal.content.capturing import CaptureChoice
from spanledger.semconv import SpanKindName


@dataclass(frozen=True, slots=True, eq=False)
class Declaration:
    """One decorated function: its span's name, kind and first attributes, and what may be captured.

    `kind` None means chain, and llm for a call whose result carries token usage.
    """

    name: str
    kind: SpanKindName | None
    capture: CaptureChoice | None
    attributes: Mapping[str, Any]
    otel_kind: SpanKind
    signature: inspect.Signature | None
    skip_first: bool  # a method's self or cls is no input
    defaults: Mapping[str, Any]  # of parameters a call need not name, such as `model="gpt-4o"`
    ceiling: Ceiling | None = None
    sample: float | None = None  # the share of its calls that is sent; None for what `init` says

    @property
    def reads_request(self) -> bool:
        """True if arguments may name the model and its parameters, which are no content."""
        return self.kind in (None, "llm", "embedding")

    @property
    def takes_input(self) -> bool:
        """True if arguments are needed at all: as content or as the text to embed."""
        return self.capture not in ("off", "output")

    @property
    def takes_output(self) -> bool:
        """True if the result may be recorded as content."""
        return self.capture not in ("off", "input", "embedding")


def check_options(kind: SpanKindName | None, capture: CaptureChoice | bool | None) -> CaptureChoice | None:
    """Return `capture` as a word; ValueError names the option that is not one and what it may be."""
    if kind is not None and kind not in semconv.KINDS:
        raise ValueError(f"observe(kind={kind!r}): kind is one of {', '.join(semconv.KINDS)}")
    if isinstance(capture, bool):
        capture = "on" if capture else "off"
    if capture not in (None, "on", "off", "embedding", "input", "output"):
        raise ValueError(f"observe(capture={capture!r}): capture is on, off, embedding, input or output")
    return capture


def check_sample(sample: float | None) -> float | None:
    """Return `sample`; ValueError where it is no share from 0 to 1."""
    if sample is None:
        return None
    if isinstance(sample, bool) or not 0 <= sample <= 1:
        raise ValueError(f"observe(sample={sample!r}): sample is the share of calls that is sent, from 0 to 1")
    return float(sample)


def declare(
    fn: Callable[..., Any],
    name: str | None,
    kind: SpanKindName | None,
    capture: CaptureChoice | None,
    attributes: Mapping[str, Any],
    sample: float | None = None,
    ceiling: Ceiling | None = None,
) -> Declaration:
    """Return the declaration for `fn` from options that were checked."""
    global _is_sampling_declared
    _is_sampling_declared = _is_sampling_declared or sample is not None
    span_name = name or getattr(fn, "__qualname__", None) or type(fn).__name__
    span_name = span_name.rpartition("<locals>.")[2]
    fixed: dict[str, Any] = dict(attributes)
    operation = semconv.KIND_OPERATIONS.get(kind) if kind is not None else None
    if operation is not None:
        fixed[semconv.OPERATION_NAME] = operation
    fixed[semconv.KIND] = kind or "chain"
    if kind == "agent":
        fixed[semconv.AGENT_NAME] = span_name
    elif kind == "tool":
        fixed[semconv.TOOL_NAME] = span_name
    elif kind == "guardrail":
        fixed[semconv.GUARDRAIL_NAME] = span_name
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError):  # some callables written in C have none
        signature = None
    first = next(iter(signature.parameters), None) if signature else None
    client = kind in ("llm", "embedding")
    return Declaration(
        name=span_name,
        kind=kind,
        capture=None if capture == "on" else capture,  # which forbids nothing
        attributes=fixed,
        otel_kind=SpanKind.CLIENT if client else SpanKind.INTERNAL,
        signature=signature,
        skip_first=first in ("self", "cls"),
        defaults={
            name: parameter.default
            for name, parameter in (signature.parameters.items() if signature else ())
            if parameter.default is not inspect.Parameter.empty
        },
        ceiling=ceiling,
        sample=sample,
    )


_is_sampling_declared = False


def is_sampling_declared() -> bool:
    """True once any function has a rate of its own: from then on traces are held until they have ended."""
    return _is_sampling_declared
