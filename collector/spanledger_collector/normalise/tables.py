"""The dialects, written so that they can be held against the conventions they come from.

Sources: OpenTelemetry GenAI conventions (development) and their older names; OpenInference semantic conventions.
Every dialect falls back to OpenTelemetry's names, and every span may carry ours.
"""

from __future__ import annotations

from collections.abc import Mapping

from spanledger import semconv as s
from spanledger_collector.normalise import values as v
from spanledger_collector.normalise.dialect import Dialect, Source

READERS: Mapping[str, v.Reader] = {
    "kind": v.label,
    "operation": v.label,
    "provider": v.label,
    "request_model": v.label,
    "response_model": v.label,
    "response_id": v.label,
    "finish_reason": v.first_word,
    "input_tokens": v.count,
    "output_tokens": v.count,
    "cache_read_tokens": v.count,
    "cache_write_tokens": v.count,
    "reasoning_tokens": v.count,
    "input_audio_tokens": v.count,
    "output_audio_tokens": v.count,
    "input_image_tokens": v.count,
    "output_image_tokens": v.count,
    "ttft_ns": v.seconds,
    "client_cost": v.dollars,
    "cache_hit": v.flag,
    "customer": v.label,
    "user": v.label,
    "session": v.label,
    "feature": v.label,
    "team": v.label,
    "environment": v.label,
    "release": v.label,
    "prompt_name": v.label,
    "prompt_version": v.label,
    "tags": v.words,
    "metadata": v.mapping,
    "input": v.label,
    "output": v.label,
    "system": v.label,
    "tools": v.label,
    "input_length": v.count,
    "output_length": v.count,
    "error_type": v.label,
    "vector": v.label,
    "vector_model": v.label,
    "vector_dtype": v.label,
}

TOKEN_FIELDS = (
    "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens",
    "input_audio_tokens", "output_audio_tokens", "input_image_tokens", "output_image_tokens",
)  # fmt: skip

OURS: Mapping[str, tuple[Source, ...]] = {
    "kind": (s.KIND,),
    "customer": (s.CUSTOMER_ID,),
    "feature": (s.FEATURE,),
    "team": (s.TEAM,),
    "release": (s.RELEASE,),
    "tags": (s.TAGS,),
    "client_cost": (s.COST_USD,),
    "cache_hit": (s.CACHE_HIT,),
    "vector": (s.EMBEDDING,),
    "vector_model": (s.EMBEDDING_MODEL,),
    "vector_dtype": (s.EMBEDDING_DTYPE,),
    "input_length": (s.INPUT_LENGTH,),
    "output_length": (s.OUTPUT_LENGTH,),
}

OTEL = Dialect(
    name="otel",
    scopes=("opentelemetry.instrumentation.", "spanledger"),
    keys=("gen_ai.",),
    fields={
        "operation": (s.OPERATION_NAME,),
        "provider": (s.PROVIDER_NAME, s.SYSTEM),
        "request_model": (s.REQUEST_MODEL,),
        "response_model": (s.RESPONSE_MODEL,),
        "response_id": (s.RESPONSE_ID,),
        "finish_reason": (s.RESPONSE_FINISH_REASONS,),
        "input_tokens": (s.USAGE_INPUT_TOKENS, *s.OLD_USAGE_INPUT_TOKENS),
        "output_tokens": (s.USAGE_OUTPUT_TOKENS, *s.OLD_USAGE_OUTPUT_TOKENS),
        "cache_read_tokens": (s.USAGE_CACHE_READ_TOKENS, *s.OLD_USAGE_CACHE_READ_TOKENS),
        "cache_write_tokens": (s.USAGE_CACHE_WRITE_TOKENS, *s.OLD_USAGE_CACHE_WRITE_TOKENS),
        "reasoning_tokens": (s.USAGE_REASONING_TOKENS, *s.OLD_USAGE_REASONING_TOKENS),
        "input_audio_tokens": (s.USAGE_AUDIO_INPUT_TOKENS,),
        "output_audio_tokens": (s.USAGE_AUDIO_OUTPUT_TOKENS,),
        "input_image_tokens": (s.USAGE_IMAGE_INPUT_TOKENS,),
        "output_image_tokens": (s.USAGE_IMAGE_OUTPUT_TOKENS,),
        "ttft_ns": (s.RESPONSE_TIME_TO_FIRST_CHUNK,),
        "user": (s.USER_ID, s.OLD_USER_ID),
        "session": (s.CONVERSATION_ID, s.OLD_SESSION_ID),
        "environment": (s.ENVIRONMENT, s.OLD_ENVIRONMENT),
        "prompt_name": (s.PROMPT_NAME,),
        "prompt_version": (s.PROMPT_VERSION,),
        "input": (s.INPUT_MESSAGES, "gen_ai.prompt", s.TOOL_CALL_ARGUMENTS),
        "output": (s.OUTPUT_MESSAGES, "gen_ai.completion", s.TOOL_CALL_RESULT),
        "system": (s.SYSTEM_INSTRUCTIONS,),
        "tools": (s.TOOL_DEFINITIONS,),
        "error_type": (s.ERROR_TYPE,),
    },
    kinds=s.OPERATION_KINDS,
)

OPENINFERENCE = Dialect(
    name="openinference",
    scopes=("openinference.instrumentation.",),
    keys=("openinference.span.kind",),
    fields={
        "kind": ("openinference.span.kind",),
        "provider": ("llm.provider", "llm.system"),
        "request_model": ("llm.request.model_name", "llm.model_name", "embedding.model_name"),
        "response_model": ("llm.response.model_name",),
        "input_tokens": ("llm.token_count.prompt",),
        "output_tokens": ("llm.token_count.completion",),
        "cache_read_tokens": ("llm.token_count.prompt_details.cache_read",),
        "cache_write_tokens": ("llm.token_count.prompt_details.cache_write",),
        "reasoning_tokens": ("llm.token_count.completion_details.reasoning",),
        "input_audio_tokens": ("llm.token_count.prompt_details.audio",),
        "output_audio_tokens": ("llm.token_count.completion_details.audio",),
        "client_cost": ("llm.cost.total",),
        "user": ("user.id",),
        "session": ("session.id",),
        "tags": ("tag.tags",),
        "metadata": ("metadata",),
        "prompt_name": ("prompt.id",),
        "prompt_version": ("llm.prompt_template.version",),
        "input": ("input.value",),
        "output": ("output.value",),
        "tools": ("llm.tools",),
        "finish_reason": ("llm.finish_reason",),
    },
    kinds={
        "LLM": "llm",
        "EMBEDDING": "embedding",
        "CHAIN": "chain",
        "RETRIEVER": "retrieval",
        "RERANKER": "reranker",
        "TOOL": "tool",
        "AGENT": "agent",
        "GUARDRAIL": "guardrail",
        "EVALUATOR": "evaluator",
        "PROMPT": "chain",
        "UNKNOWN": "span",
    },
    metadata={"customer_id": "customer", "customer": "customer", "feature": "feature", "team": "team"},
)

DIALECTS: tuple[Dialect, ...] = (OPENINFERENCE, OTEL)
"""Every dialect we know, most particular first; the last one also takes what nobody recognises."""

# Prefixes of attributes that belong together and are assembled in messages.py.
INDEXED = (
    "llm.input_messages.",
    "llm.output_messages.",
    s.PROMPT_VARIABLE_PREFIX,
    "gen_ai.prompt.",
    "gen_ai.completion.",
    "embedding.embeddings.",
    s.METADATA_PREFIX,
    s.USAGE_OTHER_PREFIX,
)

RESOURCE: Mapping[str, tuple[str, ...]] = {
    "environment": (s.ENVIRONMENT, s.OLD_ENVIRONMENT),
    "release": ("service.version",),
    "service": ("service.name",),
}
"""Fields that a resource supplies where its spans do not."""
