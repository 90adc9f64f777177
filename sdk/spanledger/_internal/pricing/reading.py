"""What a call's response said of itself: tokens, model, finish reasons, and what they cost; each response once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

from spanledger import pricing, semconv
from spanledger._internal.observing.call import Call
from spanledger._internal.pricing.facts import money
from spanledger._internal.pricing.leaves import Leaves
from spanledger.responses import Extracted, extract_stream, extract_usage
from spanledger.usage import Usage


class Readings:
    """Reads responses, and remembers whose usage a span has reported already.

    An outer function that hands the same response on, or one around another library's instrumentation, must not
    count it again.
    """

    def __init__(self) -> None:
        self.leaves = Leaves()

    def facts(
        self, span: ReadableSpan, call: Call, updates: Mapping[str, Any], arguments: Mapping[str, Any]
    ) -> Extracted | None:
        """Return what is known of a call's usage and model; None if nothing is, or another span has it."""
        facts: Extracted | None = None
        kind = call.declaration.kind
        # An agent's or a tool's result may repeat the usage of the calls inside: only leaves count tokens.
        if kind in (None, "llm", "embedding") and "usage_elsewhere" not in updates:
            if "response" in updates:
                facts = extract_usage(updates["response"])
            elif call.items is not None:
                facts = extract_stream([*call.items, *(call.last_items or ())])
            elif call.result is not None and not isinstance(call.result, str):
                facts = extract_usage(call.result)
            if facts is not None and not self._is_first(span, facts, kind):
                facts = None
        usage: Usage | None = updates.get("usage")
        model: str | None = updates.get("model")
        provider: str | None = updates.get("provider")
        if facts is None and (usage is None and model is None and provider is None):
            return None
        named = arguments.get("model")
        base = facts or Extracted(Usage(), None, None)
        return base._replace(
            usage=usage if usage is not None else base.usage,
            model=model or base.model or (named if isinstance(named, str) else None),
            provider=semconv.provider_name(provider) if provider else base.provider,
        )

    def kind(
        self, span: ReadableSpan, call: Call, updates: Mapping[str, Any], facts: Extracted | None
    ) -> semconv.SpanKindName:
        """Return what a call was: what is declared, or what its usage says; a chain around what was counted inside."""
        says_nothing = facts is None or facts.usage.is_empty
        kind = call.declaration.kind or ("chain" if says_nothing else "llm")
        if kind not in ("llm", "embedding") or not says_nothing:
            return kind
        given = updates.get("attributes", {})
        if semconv.COST_USD in given or given.get(semconv.CACHE_HIT):
            return kind
        return "chain" if "usage_elsewhere" in updates or self.leaves.lie_in(span, kind) else kind

    def _is_first(self, span: ReadableSpan, facts: Extracted, kind: str | None) -> bool:
        if facts.response_id:
            return self.leaves.claim(span, facts.response_id)
        kinds = ("llm", "embedding") if kind is None else (kind,)
        return not any(self.leaves.count_in(span, each, facts.usage.total_input) for each in kinds)


def cost_attributes(span: ReadableSpan, facts: Extracted, updates: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cost as computed or as the application's own cache makes it; nothing where it is given or unknown."""
    given = updates.get("attributes", {})
    if semconv.COST_USD in given:
        return {}
    if given.get(semconv.CACHE_HIT):
        return {semconv.COST_USD: "0", semconv.COST_SOURCE: "application cache hit"}
    at = datetime.fromtimestamp((span.start_time or 0) / 1e9, tz=UTC)
    service = pricing.service_class(facts.service_tier)
    cost = pricing.price(facts.usage, provider=facts.provider, model=facts.model, at=at, service=service)
    if cost is None:
        return {}
    return {semconv.COST_USD: money(cost.total), semconv.COST_SOURCE: cost.source}
