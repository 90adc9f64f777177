"""Masks all text of a span: attributes, name, status, events and links, and its resource.

What identifies and counts is left as it is: models, response and tool-call ids, prices, vectors, and the ledger's own
dimensions. Customer, user and session ids are keys of the ledger too, and are masked only where that is asked for.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link
from opentelemetry.trace.status import Status

from spanledger import semconv
from spanledger._internal.content.messages import Message
from spanledger._internal.content.text import texts
from spanledger._internal.log import warn_once
from spanledger._internal.masking.masker import Masker

_DROPPED: Final = "[NOT MASKED]"
_RESOURCES: Final = 16
IDS: Final = frozenset(
    {
        semconv.CUSTOMER_ID, semconv.USER_ID, semconv.OLD_USER_ID, semconv.CONVERSATION_ID, semconv.OLD_SESSION_ID,
        "langfuse.user.id", "langfuse.session.id", "gen_ai.user", "gen_ai.user.id", "gen_ai.request.user", "llm.user",
        "gen_ai.session.id", "traceloop.association.properties.user_id", "traceloop.association.properties.customer_id",
        "traceloop.association.properties.session_id", "traceloop.association.properties.thread_id",
        "ai.telemetry.metadata.userId", "ai.telemetry.metadata.sessionId", "mlflow.trace.user", "mlflow.trace.session",
        "langsmith.metadata.user_id", "langsmith.metadata.session_id", "langsmith.metadata.thread_id", "thread_id",
    }
)  # fmt: skip
"""Attributes that name a customer, a user or a session, in all dialects the collector reads."""

KEPT: Final = frozenset(
    {
        semconv.OPERATION_NAME, semconv.PROVIDER_NAME, semconv.SYSTEM, semconv.REQUEST_MODEL, semconv.RESPONSE_MODEL,
        semconv.RESPONSE_ID, semconv.RESPONSE_FINISH_REASONS, semconv.TOOL_CALL_ID, semconv.ERROR_TYPE, semconv.KIND,
        semconv.FEATURE, semconv.TEAM, semconv.RELEASE, semconv.ENVIRONMENT, semconv.OLD_ENVIRONMENT,
        semconv.PROMPT_NAME, semconv.PROMPT_VERSION, semconv.COST_USD, semconv.COST_SOURCE, semconv.EMBEDDING,
        semconv.EMBEDDING_MODEL, semconv.EMBEDDING_DTYPE, semconv.CAPTURE, "exception.type", "service.name",
        "service.version", "service.namespace", "service.instance.id", "telemetry.sdk.name", "telemetry.sdk.version",
        "telemetry.sdk.language", "llm.model_name", "llm.request.model_name", "llm.response.model_name",
        "embedding.model_name", "openinference.span.kind", "llm.provider", "llm.system", "traceloop.span.kind",
        "langfuse.observation.model.name", "langfuse.release", "langfuse.environment", "mlflow.llm.model",
    }
)  # fmt: skip
"""Attributes that are never masked."""


class SpanMasker:
    """Masks spans; used by the export thread alone. Raises nothing: what cannot be masked is not sent."""

    def __init__(self, masker: Masker, mask_ids: bool = False) -> None:
        self._masker = masker
        self._kept = KEPT if mask_ids else KEPT | IDS
        self._resources: OrderedDict[int, tuple[Resource, Resource]] = OrderedDict()

    def text(self, text: str) -> str | None:
        """Return the text masked; None if that failed, which is said once."""
        try:
            return self._masker(text)
        except Exception as error:
            # The error itself may quote the text.
            warn_once("mask", "a text could not be masked and is not sent: %s", type(error).__name__)
            return None

    def messages(self, given: Sequence[Message]) -> bool:
        """Mask all texts of messages in place; False if one could not be masked."""
        for part, name in texts(given):
            masked = self.text(part[name])
            if masked is None:
                return False
            part[name] = masked
        return True

    def attributes(self, attributes: dict[str, Any], done: frozenset[str] | set[str] = frozenset()) -> None:
        """Mask all texts in place, but for those in `done`; one that cannot be masked is taken out and counted."""
        failed = 0
        for key, value in list(attributes.items()):
            if isinstance(value, (int, float)) or key in self._kept or key in done:
                continue
            masked = self._value(value)
            if masked is None:
                del attributes[key]
                failed += 1
            elif masked is not value:
                attributes[key] = masked
        if failed:
            attributes[semconv.MASK_DROPPED] = attributes.get(semconv.MASK_DROPPED, 0) + failed

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, (list, tuple)):
            items = [self._value(item) for item in cast("Sequence[Any]", value)]
            if any(masked is None and item is not None for masked, item in zip(items, value, strict=True)):
                return None
            same = all(masked is item for masked, item in zip(items, value, strict=True))
            return value if same else items
        if isinstance(value, Mapping):
            held = dict(cast("Mapping[str, Any]", value))
            self.attributes(held)
            return held
        return value

    def name(self, text: str) -> str:
        """Return a name masked: there is always one."""
        masked = self.text(text)
        return _DROPPED if masked is None else masked

    def status(self, status: Status) -> Status:
        """Return the status with its description masked."""
        if not status.description:
            return status
        masked = self.name(status.description)
        return status if masked == status.description else Status(status.status_code, masked)

    def events(self, events: Sequence[Event]) -> Sequence[Event]:
        """Return the events masked."""
        return [Event(self.name(one.name), self._copied(one.attributes), one.timestamp) for one in events]

    def links(self, span: ReadableSpan) -> Sequence[Link]:
        """Return the span's links masked."""
        return [Link(one.context, self._copied(one.attributes)) for one in span.links]

    def resource(self, resource: Resource) -> Resource:
        """Return the resource masked; there are few, and they are masked once."""
        known = self._resources.get(id(resource))
        if known is None:
            masked = self._copied(resource.attributes)
            same = masked == dict(resource.attributes)
            known = resource, resource if same else Resource(masked, resource.schema_url)
            self._resources[id(resource)] = known
            if len(self._resources) > _RESOURCES:
                self._resources.popitem(last=False)
        return known[1]

    def _copied(self, attributes: Mapping[str, Any] | None) -> dict[str, Any]:
        held = dict(attributes or {})
        if held:
            self.attributes(held)
        return held
