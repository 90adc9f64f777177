"""From what ended to what is sent: a call's content, tokens, cost and embedding; and nothing that must not leave.

Runs on the export thread only. A failure in one part (a property of a response that raises, an embedder that
is down) costs that part of that span and is said once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import SpanKind
from opentelemetry.trace.status import Status

from spanledger import semconv
from spanledger._internal.content import foreign, foreign_content
from spanledger._internal.content.capturing import Permission, permitted
from spanledger._internal.content.contents import WRITTEN, Contents
from spanledger._internal.delivery.exporter import Ended
from spanledger._internal.embedders.background import Vectors
from spanledger._internal.log import warn_once
from spanledger._internal.masking.masker import Masker
from spanledger._internal.masking.spans import KEPT, SpanMasker
from spanledger._internal.observing.arguments import named, request_attributes
from spanledger._internal.observing.call import Call
from spanledger._internal.pricing import leaves
from spanledger._internal.pricing.facts import fact_attributes
from spanledger._internal.pricing.reading import Readings, cost_attributes
from spanledger._internal.settings import Settings


class Made(NamedTuple):
    """A span that is ready to be sent, its attributes (which may still be added to), and the text to be embedded."""

    span: ReadableSpan
    attributes: dict[str, Any]
    text: str


class Enricher:
    """Turns ended spans and their calls into the spans that are sent."""

    def __init__(self, settings: Settings, vectors: Vectors | None = None) -> None:
        self._settings = settings
        self._vectors = vectors
        self._masker = span_masker(settings)
        self._contents = Contents(settings.max_content_chars, self._masker)
        self._readings = Readings()
        defaults: dict[str, Any] = {}
        if settings.environment:
            defaults[semconv.ENVIRONMENT] = settings.environment
        if settings.release:
            defaults[semconv.RELEASE] = settings.release
        self._defaults = defaults

    def __call__(self, batch: Sequence[Ended]) -> list[ReadableSpan]:
        """Return the spans to send, in order."""
        made = self.made(batch)
        self.embed(made)
        return [each.span for each in made]

    def made(self, batch: Sequence[Ended]) -> list[Made]:
        """Return the spans to send, in order, without their vectors: sampling may yet leave some out."""
        done: list[Made] = []
        for span, call in batch:
            attributes: dict[str, Any] = {**self._defaults, **(span.attributes or {})}
            try:
                allowed = permitted(
                    self._settings.capture, attributes.get(semconv.CAPTURE), call and call.declaration.capture
                )
                made, text = self._made(span, call, attributes, allowed)
            except Exception as error:
                warn_once("send", "a span is sent without its texts: %s", type(error).__name__, error=error)
                made, text = _bare(span, attributes), ""
            self._readings.leaves.note(span, attributes)
            done.append(Made(made, attributes, "" if text.isspace() else text))
        return done

    def _made(
        self, span: ReadableSpan, call: Call | None, attributes: dict[str, Any], allowed: Permission
    ) -> tuple[ReadableSpan, str]:
        """The span to send, and the text whose vector it is to carry."""
        kind, text, events = span.kind, "", span.events
        masker = self._masker
        if call is None:
            self._readings.leaves.claim_reported(span, attributes)
            if self._readings.leaves.repeats(span, attributes):
                leaves.as_chain(attributes)
            text, events = self._others(attributes, events, allowed)
        else:
            before = {key: attributes.get(key) for key in WRITTEN}
            try:
                kind, text = self._describe(span, call, attributes, allowed)
            except Exception as error:
                warn_once("enrich", "a call's content could not be read: %s", error, error=error)
            if masker is not None:
                masker.attributes(attributes, {key for key in WRITTEN if attributes.get(key) is not before[key]})
                events = masker.events(events)
        events = foreign.shown_events(events, _shows(allowed))
        status = span.status
        if status.description and not allowed.errors:
            error_type = attributes.get(semconv.ERROR_TYPE)
            status = Status(status.status_code, error_type.rpartition(".")[2] if isinstance(error_type, str) else None)
        elif masker is not None:
            status = masker.status(status)
        made = ReadableSpan(
            name=span.name if masker is None else masker.name(span.name),
            context=span.context,
            parent=span.parent,
            resource=span.resource if masker is None else masker.resource(span.resource),
            attributes=attributes,
            events=events,
            links=span.links if masker is None else masker.links(span),
            kind=kind,
            status=status,
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=span.instrumentation_scope,
        )
        return made, text

    def _describe(
        self, span: ReadableSpan, call: Call, attributes: dict[str, Any], allowed: Permission
    ) -> tuple[SpanKind, str]:
        """Say what an observed call was; return its span's kind and the text to embed."""
        declaration = call.declaration
        updates = call.updates or {}
        arguments = named(call)
        asked = {**declaration.defaults, **arguments}
        facts = self._readings.facts(span, call, updates, asked)
        kind = self._readings.kind(span, call, updates, facts)
        if kind != attributes.get(semconv.KIND):
            attributes[semconv.KIND] = kind
            attributes.pop(semconv.OPERATION_NAME, None)
            if kind in semconv.KIND_OPERATIONS:
                attributes[semconv.OPERATION_NAME] = semconv.KIND_OPERATIONS[kind]
        if facts is not None:
            attributes.update(fact_attributes(facts))
        if kind in ("llm", "embedding"):
            attributes.update(request_attributes(asked))
            if facts is not None:
                attributes.update(cost_attributes(span, facts, updates))
        if call.first_item_ns is not None and semconv.RESPONSE_TIME_TO_FIRST_CHUNK not in attributes:
            attributes[semconv.RESPONSE_TIME_TO_FIRST_CHUNK] = max(0.0, (call.first_item_ns - call.started_ns) / 1e9)
        attributes.update(updates.get("attributes", {}))
        if not allowed.vector:
            for key in foreign.VECTOR_KEYS:
                attributes.pop(key, None)
        embeds = allowed.vector and kind == "llm" and self._vectors is not None and semconv.EMBEDDING not in attributes
        text = ""
        if allowed.input or embeds:
            text = self._contents.add_input(attributes, arguments, updates, allowed)
        if allowed.output:
            self._contents.add_output(attributes, call, updates)
        return SpanKind.CLIENT if kind in ("llm", "embedding") else SpanKind.INTERNAL, text if embeds else ""

    def _others(
        self, attributes: dict[str, Any], events: Sequence[Event], allowed: Permission
    ) -> tuple[str, Sequence[Event]]:
        """Mask, read, drop and cut the content of another library's span; return the text to embed and its events."""
        embeds = (
            allowed.vector
            and self._vectors is not None
            and semconv.EMBEDDING not in attributes
            and foreign.is_model_call(attributes)
        )
        if not embeds:  # what is not read need not be masked either
            foreign_content.drop(attributes, allowed)
        if self._masker is not None:
            self._masker.attributes(attributes)
            events = self._masker.events(events)
        text = ""
        if embeds:
            text = foreign_content.asked(attributes, events)
            foreign_content.drop(attributes, allowed)
        foreign_content.cut(attributes, self._settings.max_content_chars)
        return text, events

    def embed(self, made: Sequence[Made]) -> None:
        """Add their vectors to those of these spans that are to carry one."""
        wanted = [each for each in made if each.text] if self._vectors is not None else []
        if self._vectors is None or not wanted:
            return
        for each, vector in zip(wanted, self._vectors.of([each.text for each in wanted]), strict=True):
            each.attributes.update({semconv.EMBEDDING_MISSING: vector} if isinstance(vector, str) else vector)


def span_masker(settings: Settings) -> SpanMasker | None:
    """Return the masker that the settings ask for; None where nothing is masked."""
    if not settings.mask:
        return None
    return SpanMasker(Masker(settings.mask.names, settings.mask.hooks, settings.mask_key), settings.mask_ids)


def _shows(allowed: Permission) -> Mapping[str, bool]:
    return {"input": allowed.input, "output": allowed.output, "vector": allowed.vector}


def _bare(span: ReadableSpan, attributes: dict[str, Any]) -> ReadableSpan:
    """The span with its numbers and its identity only."""
    for key in [key for key, value in attributes.items() if isinstance(value, str) and key not in KEPT]:
        del attributes[key]
    return ReadableSpan(
        name="[NOT MASKED]",
        context=span.context,
        parent=span.parent,
        attributes={key: value for key, value in attributes.items() if isinstance(value, (str, int, float))},
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
