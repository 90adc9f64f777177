"""What the collector will count of a span that is ready to be sent: nothing, one call exactly, or we cannot tell.

Sampling leaves a span out only where this is certain. A span is read from its attributes, as the collector reads it,
whoever made it; a dialect other than OpenTelemetry's own is the collector's to understand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from spanledger import pricing, semconv
from spanledger._internal.pricing import pricelist
from spanledger.pricing import Cost
from spanledger.usage import Usage

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

MINUTE_NS: Final = 60_000_000_000
_PLACES: Final = Decimal("1e-12")
_LARGEST: Final = Decimal(900_000)  # below what the collector's column holds
_FALLBACKS: Final = (
    "customer_id", "customerId", "customer", "feature", "team", "user_id", "userId",
)  # fmt: skip
# The class of service, the best first, as the collector looks for it.
_TIERS: Final = (
    f"{semconv.METADATA_PREFIX}service_tier", semconv.RESPONSE_SERVICE_TIER, semconv.OLD_RESPONSE_SERVICE_TIER,
    semconv.REQUEST_SERVICE_TIER, semconv.OLD_REQUEST_SERVICE_TIER,
)  # fmt: skip
CARRIED: Final = (
    semconv.CUSTOMER_ID, semconv.FEATURE, semconv.TEAM, semconv.RELEASE, semconv.ENVIRONMENT, semconv.OLD_ENVIRONMENT,
    semconv.USER_ID, semconv.OLD_USER_ID, semconv.PROMPT_NAME, semconv.PROMPT_VERSION, semconv.PROVIDER_NAME,
    semconv.SYSTEM, semconv.REQUEST_MODEL, semconv.RESPONSE_MODEL, semconv.CACHE_HIT, semconv.COST_SOURCE,
    *_TIERS,
    *(semconv.METADATA_PREFIX + name for name in _FALLBACKS),
)  # fmt: skip
"""Attributes by which calls are told apart in the books; metadata of these names may stand for a field."""

_INPUT: Final = (semconv.USAGE_INPUT_TOKENS, *semconv.OLD_USAGE_INPUT_TOKENS)
_OUTPUT: Final = (semconv.USAGE_OUTPUT_TOKENS, *semconv.OLD_USAGE_OUTPUT_TOKENS)
_CACHE_READ: Final = (semconv.USAGE_CACHE_READ_TOKENS, *semconv.OLD_USAGE_CACHE_READ_TOKENS)
_CACHE_WRITE: Final = (semconv.USAGE_CACHE_WRITE_TOKENS, *semconv.OLD_USAGE_CACHE_WRITE_TOKENS)
_REASONING: Final = (semconv.USAGE_REASONING_TOKENS, *semconv.OLD_USAGE_REASONING_TOKENS)
_MODES: Final[Mapping[str, str]] = {
    semconv.USAGE_AUDIO_INPUT_TOKENS: "input_audio_tokens",
    semconv.USAGE_AUDIO_OUTPUT_TOKENS: "output_audio_tokens",
    semconv.USAGE_IMAGE_INPUT_TOKENS: "input_image_tokens",
    semconv.USAGE_IMAGE_OUTPUT_TOKENS: "output_image_tokens",
}
_COUNTS: Final = frozenset({*_INPUT, *_OUTPUT, *_CACHE_READ, *_CACHE_WRITE, *_REASONING, *_MODES})
# Signs of another dialect, by prefix of an attribute, and by name of a scope or of what it lies in.
_FOREIGN_KEYS: Final = (
    "openinference.", "llm.", "traceloop.", "openlit.", "langfuse.", "ai.", "pydantic_ai.", "logfire.", "mlflow.",
    "opik.", "langsmith.", "agent_framework.", "embedding.", "gen_ai.cost.", "gen_ai.aggregated_usage.",
    "operation.cost",
)  # fmt: skip
_OPENINFERENCE: Final = ("openinference.instrumentation.", "@arizeai/openinference-instrumentation-")
_OPENLLMETRY: Final = ("traceloop", "@traceloop/", "opentelemetry.instrumentation.")
_FOREIGN_SCOPES: Final = (
    *_OPENINFERENCE, "traceloop", "@traceloop/", "openlit", "langfuse-sdk", "langfuse", "@langfuse/", "ai",
    "pydantic-ai", "pydantic_ai", "logfire", "mlflow", "opik", "langsmith", "agent_framework", "Microsoft.",
    "Experimental.Microsoft.",
)  # fmt: skip
# Of the many instrumentations of this name, those that speak the conventions themselves.
_INSTRUMENTATION: Final = "opentelemetry.instrumentation."
_STANDARD_SCOPES: Final = tuple(
    _INSTRUMENTATION + name for name in ("openai_v2", "openai_agents_v2", "google_genai", "genai", "botocore")
)
_BILLED_KINDS: Final = frozenset({"llm", "embedding"})
# Kinds in other dialects' words of which the collector is certain that they are no call of a model.
_NO_CALLS: Final = (
    (
        "openinference.span.kind",
        _OPENINFERENCE,
        frozenset({"CHAIN", "TOOL", "AGENT", "RETRIEVER", "RERANKER", "GUARDRAIL", "EVALUATOR"}),
    ),
    ("traceloop.span.kind", _OPENLLMETRY, frozenset({"workflow", "task", "agent", "tool"})),
)


class Unclear(Exception):
    """The collector may count this span, and how is not for us to say: it has to be sent."""


@dataclass(frozen=True, slots=True)
class Bill:
    """One call as the collector will count it.

    | field | |
    |---|---|
    | start | UTC nanoseconds |
    | kind | llm or embedding |
    | shared | attributes that tell it apart in the books |
    | usage, calls | what it used, and how many calls that is |
    | cost | by the price list; None where unknown |
    | told_cost | the cost that its span carries, to 12 places; None where it carries none |
    """

    start: int
    kind: str
    shared: tuple[tuple[str, Any], ...]
    usage: Usage
    calls: int
    cost: Cost | None
    told_cost: Decimal | None


def bill_of(span: ReadableSpan) -> Bill | None:
    """Return what the collector will count of this span, None for nothing; `Unclear` where only it can tell."""
    attributes: Mapping[str, Any] = span.attributes or {}
    scope = span.instrumentation_scope.name if span.instrumentation_scope else ""
    if scope != "spanledger" and _is_foreign(scope, attributes):
        if any(_is_in(scope, scopes) and attributes.get(key) in kinds for key, scopes, kinds in _NO_CALLS):
            return None
        raise Unclear(f"it may be another dialect's: {scope}")
    kind = _kind(attributes)
    if kind not in _BILLED_KINDS or attributes.get(semconv.OPERATION_NAME) == "fetch_response":
        return None
    if not pricelist.is_installed():
        raise Unclear("there is no price list here")
    usage = _usage(attributes)
    calls = _count(attributes, semconv.CALL_COUNT) or 1
    start = span.start_time or 0
    cost = None if attributes.get(semconv.CACHE_HIT) else price_of(attributes, usage, calls, start)
    return Bill(
        start=start,
        kind=kind,
        shared=tuple((key, attributes[key]) for key in CARRIED if key in attributes),
        usage=usage,
        calls=calls,
        cost=cost,
        told_cost=_told(attributes),
    )


def price_of(attributes: Mapping[str, Any], usage: Usage, calls: int, start: int) -> Cost | None:
    """Return the cost of so many calls that used this together, as the collector computes it; None if unknown."""
    provider = semconv.provider_name(str(attributes.get(semconv.PROVIDER_NAME) or attributes.get(semconv.SYSTEM) or ""))
    model = str(attributes.get(semconv.RESPONSE_MODEL) or attributes.get(semconv.REQUEST_MODEL) or "")
    named = provider if provider and provider not in semconv.FRAMEWORKS else None
    at = datetime.fromtimestamp(start // 1_000_000_000, UTC)
    stated = (str(attributes.get(key) or "") for key in _TIERS)
    service = pricing.service_class(next((tier for tier in stated if tier and tier != "auto"), ""))
    cost = pricing.price(usage, provider=named, model=model or None, at=at, calls=calls, service=service)
    return None if cost is None or cost.total > _LARGEST else cost


def _is_foreign(scope: str, attributes: Mapping[str, Any]) -> bool:
    if _is_in(scope, _FOREIGN_SCOPES) or any(key.startswith(_FOREIGN_KEYS) for key in attributes):
        return True
    is_another = scope.startswith(_INSTRUMENTATION) and not _is_in(scope, _STANDARD_SCOPES)
    return is_another and any(key.startswith("gen_ai.") for key in attributes)


def _is_in(scope: str, names: tuple[str, ...]) -> bool:
    return any(scope == name or scope.startswith(name if name[-1] in ".-/" else f"{name}.") for name in names)


def _kind(attributes: Mapping[str, Any]) -> str | None:
    if stated := attributes.get(semconv.KIND):
        return str(stated)
    if operation := attributes.get(semconv.OPERATION_NAME):
        return semconv.OPERATION_KINDS.get(str(operation))
    return "llm" if any(key in attributes for key in (*_INPUT, *_OUTPUT)) else None


def _usage(attributes: Mapping[str, Any]) -> Usage:
    other: dict[str, int] = {}
    for key, value in attributes.items():
        if key.startswith("gen_ai.usage.") and key not in _COUNTS:
            raise Unclear(f"{key} is not one of OpenTelemetry's counts")
        if key.startswith(semconv.USAGE_OTHER_PREFIX) and type(value) is int and value > 0:
            other[key[len(semconv.USAGE_OTHER_PREFIX) :]] = value
    for key, unit in _MODES.items():
        if count := _count(attributes, key):
            other[unit] = count
    usage = Usage.from_inclusive(
        _count(attributes, *_INPUT),
        _count(attributes, *_OUTPUT),
        _count(attributes, *_CACHE_READ),
        _count(attributes, *_CACHE_WRITE),
        _count(attributes, *_REASONING),
        other,
    )
    if usage.is_empty and str(attributes.get("gen_ai.completion") or "").startswith("{"):
        raise Unclear("its answer may hold the usage")
    return usage


def _count(attributes: Mapping[str, Any], *names: str) -> int | None:
    for name in names:
        value = attributes.get(name)
        if value is None:
            continue
        if type(value) is not int or not 0 <= value < 2**53:
            raise Unclear(f"{name}={value!r} is no count")
        return value
    return None


def _told(attributes: Mapping[str, Any]) -> Decimal | None:
    value = attributes.get(semconv.COST_USD)
    if value is None:
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise Unclear(f"{semconv.COST_USD}={value!r} is no amount") from None
    if not amount.is_finite() or not 0 <= amount <= _LARGEST:
        raise Unclear(f"{semconv.COST_USD}={value!r} is no amount that can be added")
    return amount.quantize(_PLACES)
