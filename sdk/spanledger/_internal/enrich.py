"""From facts to attributes: what a call was given and returned, its tokens, its cost, its embedding.

Runs on the export thread only. A failure in one part (a property of a response that raises, an embedder that
is down) costs that part of that span and is said once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from spanledger import pricing, semconv
from spanledger._internal import content, messages
from spanledger._internal.call import Call
from spanledger._internal.exporter import Ended
from spanledger._internal.facts import fact_attributes, money
from spanledger._internal.log import warn_once
from spanledger._internal.settings import Settings
from spanledger._internal.vectors import Embedder, name_of, vector_attributes
from spanledger.responses import Extracted, extract_stream, extract_usage
from spanledger.usage import Usage

_REMEMBERED: Final = 4096
_PARAMETERS: Final[Mapping[str, str]] = {
    "temperature": semconv.REQUEST_TEMPERATURE,
    "top_p": semconv.REQUEST_TOP_P,
    "top_k": semconv.REQUEST_TOP_K,
    "max_tokens": semconv.REQUEST_MAX_TOKENS,
    "max_completion_tokens": semconv.REQUEST_MAX_TOKENS,
    "max_output_tokens": semconv.REQUEST_MAX_TOKENS,
    "seed": semconv.REQUEST_SEED,
    "stream": semconv.REQUEST_STREAM,
}


class Enricher:
    """Turns ended spans and their calls into the spans that are sent."""

    def __init__(self, settings: Settings, embedder: Embedder | None, embedding_model: str | None) -> None:
        self._settings = settings
        self._embedder = embedder
        self._embedding_model = embedding_model or (name_of(embedder) if embedder else None)
        defaults: dict[str, Any] = {}
        if settings.environment:
            defaults[semconv.ENVIRONMENT] = settings.environment
        if settings.release:
            defaults[semconv.RELEASE] = settings.release
        self._defaults = defaults
        # Responses whose usage a span has reported already: an outer function that hands the same response
        # on, or one around another library's instrumentation, must not count it again.
        self._claimed: OrderedDict[tuple[int, str], None] = OrderedDict()

    def __call__(self, batch: Sequence[Ended]) -> list[ReadableSpan]:
        """Return the spans to send, in order."""
        done: list[ReadableSpan] = []
        to_embed: list[tuple[dict[str, Any], str]] = []
        for span, call in batch:
            attributes: dict[str, Any] = {**self._defaults, **(span.attributes or {})}
            kind = span.kind
            if call is None:
                self._remember(span, attributes)
            else:
                try:
                    kind = self._describe(span, call, attributes, to_embed)
                except Exception as error:
                    warn_once("enrich", "a call's content could not be read: %s", error, error=error)
            done.append(_with(span, attributes, kind))
        if to_embed:
            self._embed(to_embed)
        return done

    def _describe(
        self,
        span: ReadableSpan,
        call: Call,
        attributes: dict[str, Any],
        to_embed: list[tuple[dict[str, Any], str]],
    ) -> SpanKind:
        declaration = call.declaration
        updates = call.updates or {}
        arguments = _named(call)
        asked = {**declaration.defaults, **arguments}
        facts = self._facts(span, call, updates, asked)
        kind = declaration.kind or ("llm" if facts is not None and not facts.usage.is_empty else "chain")
        if kind != attributes.get(semconv.KIND):
            attributes[semconv.KIND] = kind
            attributes[semconv.OPERATION_NAME] = semconv.KIND_OPERATIONS[kind]
        if facts is not None:
            attributes.update(fact_attributes(facts))
        if kind in ("llm", "embedding"):
            _add_request(attributes, asked)
            if facts is not None:
                self._add_cost(attributes, span, facts, updates)
        if call.first_item_ns is not None and semconv.RESPONSE_TIME_TO_FIRST_CHUNK not in attributes:
            attributes[semconv.RESPONSE_TIME_TO_FIRST_CHUNK] = max(0.0, (call.first_item_ns - call.started_ns) / 1e9)
        attributes.update(updates.get("attributes", {}))
        self._add_content(call, arguments, updates, attributes, kind, to_embed)
        return SpanKind.CLIENT if kind in ("llm", "embedding") else span.kind

    def _facts(
        self, span: ReadableSpan, call: Call, updates: Mapping[str, Any], arguments: Mapping[str, Any]
    ) -> Extracted | None:
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
            if facts is not None and facts.response_id and not self._claim(span, facts.response_id):
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

    def _claim(self, span: ReadableSpan, response_id: str) -> bool:
        key = (span.context.trace_id if span.context else 0, response_id)
        if key in self._claimed:
            return False
        self._claimed[key] = None
        if len(self._claimed) > _REMEMBERED:
            self._claimed.popitem(last=False)
        return True

    def _remember(self, span: ReadableSpan, attributes: Mapping[str, Any]) -> None:
        response_id = attributes.get(semconv.RESPONSE_ID)
        if isinstance(response_id, str) and semconv.USAGE_INPUT_TOKENS in attributes:
            self._claim(span, response_id)

    def _add_cost(
        self, attributes: dict[str, Any], span: ReadableSpan, facts: Extracted, updates: Mapping[str, Any]
    ) -> None:
        given = updates.get("attributes", {})
        if semconv.COST_USD in given:
            return
        if given.get(semconv.CACHE_HIT):
            attributes[semconv.COST_USD] = "0"
            attributes[semconv.COST_SOURCE] = "application cache hit"
            return
        at = datetime.fromtimestamp((span.start_time or 0) / 1e9, tz=UTC)
        cost = pricing.price(facts.usage, provider=facts.provider, model=facts.model, at=at)
        if cost is not None:
            attributes[semconv.COST_USD] = money(cost.total)
            attributes[semconv.COST_SOURCE] = cost.source

    def _add_content(
        self,
        call: Call,
        arguments: Mapping[str, Any],
        updates: Mapping[str, Any],
        attributes: dict[str, Any],
        kind: str,
        to_embed: list[tuple[dict[str, Any], str]],
    ) -> None:
        declaration = call.declaration
        on = self._settings.capture == "on"
        wants_vector = (
            self._embedder is not None
            and kind == "llm"
            and self._settings.capture != "off"
            and declaration.capture != "off"
            and semconv.EMBEDDING not in attributes
        )
        limit = self._settings.max_content_chars
        show_input = on and declaration.capture in (None, "on", "input")
        if show_input or wants_vector:
            if "input" in updates:
                system, given = [], messages.from_arguments({"prompt": updates["input"]})[1]
            else:
                system, given = messages.from_arguments(arguments)
            if wants_vector and (text := messages.last_user_text(given)):
                to_embed.append((attributes, text))
            if show_input:
                if given:
                    _put(attributes, semconv.INPUT_MESSAGES, semconv.INPUT_LENGTH, content.encode(given, limit))
                if system:
                    parts = [part for message in system for part in message["parts"]]
                    whole = [{"role": "system", "parts": parts}]
                    content.encode(whole, limit)
                    attributes[semconv.SYSTEM_INSTRUCTIONS] = content.clean(messages.as_text(parts))
        if on and declaration.takes_output:
            if "output" in updates:
                made = messages.from_result(updates["output"])
            elif "response" in updates and call.items is None:
                made = messages.from_result(updates["response"])
            elif call.items is not None:
                made = messages.from_items([*call.items, *(call.last_items or ())])
            else:
                made = messages.from_result(call.result)
            if made:
                _put(attributes, semconv.OUTPUT_MESSAGES, semconv.OUTPUT_LENGTH, content.encode(made, limit))

    def _embed(self, wanted: Sequence[tuple[dict[str, Any], str]]) -> None:
        if self._embedder is None:
            return
        try:
            vectors = self._embedder([text for _, text in wanted])
            for (attributes, _), vector in zip(wanted, vectors, strict=True):
                attributes.update(vector_attributes(vector, self._embedding_model))
        except Exception as error:
            warn_once("embed", "%d texts could not be embedded: %s", len(wanted), error, error=error)


def _named(call: Call) -> dict[str, Any]:
    signature = call.declaration.signature
    if not call.args and not call.kwargs:
        return {}
    if signature is not None:
        try:
            if call.declaration.skip_first:
                signature = signature.replace(parameters=list(signature.parameters.values())[1:])
            return _flat(signature.bind_partial(*call.args, **call.kwargs).arguments, signature)
        except TypeError:  # called wrongly: the function itself has said so
            pass
    return {**{f"arg{index}": value for index, value in enumerate(call.args)}, **call.kwargs}


def _flat(arguments: Mapping[str, Any], signature: Any) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for name, value in arguments.items():
        if signature.parameters[name].kind is signature.parameters[name].VAR_KEYWORD:
            named.update(value)
        else:
            named[name] = value
    return named


def _add_request(attributes: dict[str, Any], arguments: Mapping[str, Any]) -> None:
    model = arguments.get("model")
    if isinstance(model, str) and model:
        attributes[semconv.REQUEST_MODEL] = model
    for name, attribute in _PARAMETERS.items():
        value = arguments.get(name)
        if isinstance(value, (int, float)):
            attributes[attribute] = value


def _put(attributes: dict[str, Any], name: str, length_name: str, encoded: tuple[str, int | None]) -> None:
    text, whole = encoded
    attributes[name] = text
    if whole is not None:
        attributes[length_name] = whole


def _with(span: ReadableSpan, attributes: dict[str, Any], kind: SpanKind) -> ReadableSpan:
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=attributes,
        events=span.events,
        links=span.links,
        kind=kind,
        status=span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
