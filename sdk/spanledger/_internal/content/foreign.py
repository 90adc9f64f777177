"""The content of other libraries' spans: which attributes and events hold it, so that it can be dropped, cut or read.

The names are those of every dialect the collector reads (`tests/sdk/test_capture_foreign.py` holds the two together).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentelemetry.sdk.trace import Event

from spanledger import semconv

_INPUT: Final = frozenset(
    {
        semconv.INPUT_MESSAGES, semconv.SYSTEM_INSTRUCTIONS, semconv.TOOL_CALL_ARGUMENTS, semconv.TOOL_DEFINITIONS,
        "gen_ai.prompt", "gen_ai.retrieval.query", "gen_ai.retrieval.query.text", "input", "input.value",
        "reranker.query", "llm.tools", "llm.invocation_parameters", "llm.prompt_template.template",
        "llm.prompt_template.variables", "traceloop.entity.input", "traceloop.prompt.template",
        "langfuse.observation.input", "langfuse.trace.input", "ai.prompt", "ai.prompt.messages", "ai.prompt.tools",
        "ai.prompt.toolChoice", "ai.toolCall.args", "ai.value", "ai.values", "mlflow.spanInputs", "mlflow.traceInputs",
        "mlflow.chat.tools", "mlflow.chat.messages", "pydantic_ai.all_messages", "tool_arguments", "request_data",
        "events", "all_messages_events", "haystack.component.input", "haystack.pipeline.input_data", "logfire.msg",
        "system_prompt", "gen_ai.request.instructions",
    }
)  # fmt: skip
_OUTPUT: Final = frozenset(
    {
        semconv.OUTPUT_MESSAGES, semconv.TOOL_CALL_RESULT, "gen_ai.completion", "gen_ai.retrieval.documents", "output",
        "output.value", "llm.function_call", "traceloop.entity.output", "langfuse.observation.output",
        "langfuse.trace.output", "ai.response.text", "ai.response.object", "ai.response.toolCalls",
        "ai.response.reasoning", "ai.response.files", "ai.toolCall.result", "mlflow.spanOutputs", "mlflow.traceOutputs",
        "final_result", "tool_response", "response_data", "haystack.component.output", "haystack.pipeline.output_data",
        "exception.message", "exception.stacktrace",
    }
)  # fmt: skip
_INPUT_PREFIXES: Final = (
    "gen_ai.prompt.", "llm.input_messages.", "llm.prompts.", "llm.tools.", "llm.request.functions.",
    "embedding.embeddings.", "reranker.input_documents.", "traceloop.prompt.template_variables", "crewai.", "input.",
    "langfuse.observation.input.",
)  # fmt: skip
_OUTPUT_PREFIXES: Final = (
    "gen_ai.completion.", "llm.output_messages.", "llm.choices.", "retrieval.documents.", "reranker.output_documents.",
    "output.", "langfuse.observation.output.",
)  # fmt: skip
_NO_CONTENT: Final = frozenset({semconv.PROMPT_NAME, semconv.PROMPT_VERSION, "input.mime_type", "output.mime_type"})
_VECTOR: Final = re.compile(r"embedding\.embeddings\.\d+\.embedding\.vector|ai\.embeddings?")

VECTOR_KEYS: Final = (
    semconv.EMBEDDING, semconv.EMBEDDING_MODEL, semconv.EMBEDDING_DTYPE, semconv.EMBEDDING_DIMENSIONS,
)  # fmt: skip

_CONTENT_EVENTS: Final = (
    "gen_ai.system.message", "gen_ai.user.message", "gen_ai.assistant.message", "gen_ai.tool.message", "gen_ai.choice",
    "gen_ai.content.", "gen_ai.client.inference.operation.details", "llm.content.", "db.query.", "db.search.",
    "mlflow.chunk.",
)  # fmt: skip
# What such an event may say besides content.
_ABOUT_EVENTS: Final = frozenset(
    {semconv.SYSTEM, semconv.PROVIDER_NAME, semconv.OPERATION_NAME, semconv.REQUEST_MODEL, semconv.RESPONSE_MODEL,
     semconv.RESPONSE_ID, "event.name", "role", "index", "finish_reason"}
)  # fmt: skip
# On any event.
_EVENT_TEXTS: Final = frozenset({"message", "content", "body", "prompt", "completion", "token", "chunk", "text"})


def side_of(key: str) -> str | None:
    """Return "input" or "output" for an attribute that holds content, "vector" for one of numbers; None otherwise."""
    if key in _INPUT:
        return "input"
    if key in _OUTPUT:
        return "output"
    if key in _NO_CONTENT:
        return None
    if key.startswith(_INPUT_PREFIXES):
        return "vector" if _VECTOR.fullmatch(key) else "input"
    if key.startswith(_OUTPUT_PREFIXES):
        return "output"
    return "vector" if key in VECTOR_KEYS or _VECTOR.fullmatch(key) else None


def family_of(key: str) -> str:
    """Return what the numbered attributes of one list of messages have in common: their prefix."""
    for prefix in (*_INPUT_PREFIXES, *_OUTPUT_PREFIXES):
        if key.startswith(prefix):
            return prefix
    return key


def shown_events(events: Sequence[Event], shows: Mapping[str, bool]) -> Sequence[Event]:
    """Return the events without the content that may not be shown; names, times and error types stay."""
    if not events or (shows["input"] and shows["output"]):
        return events
    return [_shown(event, shows) for event in events]


def _shown(event: Event, shows: Mapping[str, bool]) -> Event:
    held: dict[str, Any] = dict(event.attributes or {})
    if event.name.startswith(_CONTENT_EVENTS):
        kept = {key: value for key, value in held.items() if key in _ABOUT_EVENTS}
    else:
        kept = {
            key: value for key, value in held.items() if key not in _EVENT_TEXTS and shows.get(side_of(key) or "", True)
        }
    return event if len(kept) == len(held) else Event(event.name, kept, event.timestamp)


def is_model_call(attributes: Mapping[str, Any]) -> bool:
    """True for a span that is a call of a language model, by any dialect's word for it."""
    kind = attributes.get(semconv.KIND) or attributes.get("openinference.span.kind")
    if isinstance(kind, str):
        return kind.lower() == "llm"
    operation = attributes.get(semconv.OPERATION_NAME)
    if isinstance(operation, str):
        return semconv.OPERATION_KINDS.get(operation) == "llm" and operation != "fetch_response"
    if isinstance(stated := attributes.get("llm.request.type"), str):
        return stated in ("chat", "completion")
    return semconv.USAGE_OUTPUT_TOKENS in attributes
