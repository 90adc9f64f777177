"""`spanledger.update` and `spanledger.current`: facts about a call that its result does not tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypedDict, Unpack

from opentelemetry import context as otel_context
from opentelemetry import trace

from spanledger import semconv
from spanledger._internal.content.vectors import vector_attributes
from spanledger._internal.context.stamps import metadata_attributes, tag_values
from spanledger._internal.log import warn_once
from spanledger._internal.observing.call import CALL_KEY, Call
from spanledger._internal.pricing.facts import fact_attributes
from spanledger.responses import Extracted, extract_usage
from spanledger.usage import Usage


class Facts(TypedDict, total=False):
    """What `update` takes.

    | argument | |
    |---|---|
    | response | a provider's response to read, where the function returns something else |
    | model, provider | as the provider names them |
    | input_tokens, output_tokens, ... | as most providers count: input includes cache, output reasoning |
    | usage | a `spanledger.Usage` of disjoint buckets instead |
    | cost | US dollars of the whole call; else it is computed from usage and model |
    | embedding | the input's vector, made by `embedding_model` |
    | cache_hit | the answer came from the application's own cache, and cost nothing |
    | input, output | text or messages to record instead of arguments and result |
    | time_to_first_chunk | seconds |
    | tags, metadata | added to those of the context |
    """

    model: str | None
    provider: str | None
    usage: Usage | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    cost: Decimal | str | int | float | None
    cost_source: str | None
    embedding: Iterable[float] | None
    embedding_model: str | None
    cache_hit: bool | None
    input: str | list[dict[str, Any]] | None
    output: Any
    response: Any
    time_to_first_chunk: float | None
    tags: Iterable[str] | None
    metadata: Mapping[str, object] | None


_NAMES: Final = frozenset(Facts.__annotations__)
_READ: Final = ("model", "provider", "usage", "input", "output", "response")
_NO_COUNTS: Final = (None,) * 5


class Handle:
    """The span of one observed call, to be told what cannot be read from the call's result.

    Valid until the call returns; afterwards `update` does nothing. May be handed to other threads.
    """

    __slots__ = ("_call", "_span")

    def __init__(self, call: Call | None, span: trace.Span) -> None:
        self._call = call
        self._span = span

    @property
    def trace_id(self) -> str:
        """32 hex digits; all zero where nothing is recorded."""
        return format(self._span.get_span_context().trace_id, "032x")

    @property
    def span_id(self) -> str:
        """16 hex digits; all zero where nothing is recorded."""
        return format(self._span.get_span_context().span_id, "016x")

    def update(self, **facts: Unpack[Facts]) -> None:
        """Set facts of the call; what is None stays as it is, and a later update wins. Never raises."""
        try:
            if unknown := facts.keys() - _NAMES:
                warn_once("update-names", "spanledger.update knows no %s", ", ".join(sorted(unknown)))
            updates: dict[str, Any] = {}
            for name in _READ:
                if (value := facts.get(name)) is not None:
                    updates[name] = value
            if "usage" not in updates and (counted := _counted(facts)) is not None:
                updates["usage"] = counted
            self._apply(updates, _attributes(facts), tag_values(facts.get("tags")))
        except Exception as error:
            warn_once("update", "spanledger.update: a value cannot be used: %s", error, error=error)

    def _apply(self, updates: dict[str, Any], attributes: dict[str, Any], tags: tuple[str, ...]) -> None:
        call = self._call
        if not self._span.is_recording():
            return
        if tags:
            before = getattr(self._span, "attributes", None) or {}
            earlier = before.get(semconv.TAGS) or ()
            self._span.set_attribute(semconv.TAGS, list(dict.fromkeys((*earlier, *tags))))
        if call is None:
            # Another library's span: there is no export-time reading, so what is plain is set at once.
            said = extract_usage(updates["response"]) if "response" in updates else None
            found = said or Extracted(Usage(), None, None)
            given = {name: updates[name] for name in ("usage", "model", "provider") if name in updates}
            self._span.set_attributes({**fact_attributes(found._replace(**given)), **attributes})
            return
        merged = {**(call.updates or {}), **updates}
        if attributes:
            merged["attributes"] = {**merged.get("attributes", {}), **attributes}
        call.updates = merged


def current() -> Handle:
    """Return the handle of the innermost observed call, or of the current OpenTelemetry span around us."""
    call = otel_context.get_value(CALL_KEY)
    if isinstance(call, Call):
        return Handle(call, call.span)
    return Handle(None, trace.get_current_span())


def update(**facts: Unpack[Facts]) -> None:
    """Set facts of the innermost observed call, as `current().update` does. Never raises."""
    current().update(**facts)


def _counted(facts: Facts) -> Usage | None:
    get = facts.get
    counts = (
        get("input_tokens"),
        get("output_tokens"),
        get("cache_read_tokens"),
        get("cache_write_tokens"),
        get("reasoning_tokens"),
    )
    return None if counts == _NO_COUNTS else Usage.from_inclusive(*counts)


def _attributes(facts: Facts) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    if (cost := facts.get("cost")) is not None:
        attributes[semconv.COST_USD] = _dollars(cost)
        attributes[semconv.COST_SOURCE] = facts.get("cost_source") or "set by the application"
    if (vector := facts.get("embedding")) is not None:
        attributes.update(vector_attributes(vector, facts.get("embedding_model")))
    if (cache_hit := facts.get("cache_hit")) is not None:
        attributes[semconv.CACHE_HIT] = cache_hit
    if (first := facts.get("time_to_first_chunk")) is not None:
        attributes[semconv.RESPONSE_TIME_TO_FIRST_CHUNK] = float(first)
    if metadata := facts.get("metadata"):
        attributes.update(metadata_attributes(metadata))
    return attributes


def _dollars(cost: Decimal | str | int | float) -> str:
    try:
        amount = Decimal(repr(cost)) if isinstance(cost, float) else Decimal(cost)
    except InvalidOperation:
        raise ValueError(f"cost={cost!r} is not a number of US dollars") from None
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"cost={cost!r} is not a finite amount of zero or more US dollars")
    return format(amount, "f")
