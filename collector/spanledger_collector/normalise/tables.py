"""What the fields of a row are called and how each is read, and what every span may carry in any dialect.

The dialects themselves are in `dialects/`. Every one falls back to OpenTelemetry's names, and every span may carry
ours.
"""

from __future__ import annotations

from collections.abc import Mapping

from spanledger import semconv as s
from spanledger_collector.normalise import values as v
from spanledger_collector.normalise.dialect import Fields
from spanledger_collector.normalise.dialects import DIALECTS, OTEL

__all__ = ["DIALECTS", "FRAMEWORKS", "METADATA", "OTEL", "OURS", "READERS", "RESOURCE", "TOKEN_FIELDS"]

_LABELS = (
    "kind", "operation", "provider", "request_model", "response_model", "response_id", "customer", "user", "session",
    "feature", "team", "environment", "release", "prompt_name", "prompt_version", "input", "output", "system", "tools",
    "error_type", "vector", "vector_model", "vector_dtype",
)  # fmt: skip

TOKEN_FIELDS = (
    "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "total_tokens",
    "input_audio_tokens", "output_audio_tokens", "input_image_tokens", "output_image_tokens",
)  # fmt: skip

READERS: Mapping[str, v.Reader] = {
    **dict.fromkeys(_LABELS, v.label),
    **dict.fromkeys(TOKEN_FIELDS, v.count),
    "finish_reason": v.first_word,
    "ttft_ns": v.seconds,
    "first_chunk_at": v.moment,
    "client_cost": v.dollars,
    "cache_hit": v.flag,
    "tags": v.words,
    "metadata": v.mapping,
    "call_count": v.count,
    "input_length": v.count,
    "output_length": v.count,
    # Objects that hold several fields; a dialect's `inside` says which.
    "usage": v.structure,
    "costs": v.structure,
    "answer": v.structure,
    "provider_details": v.structure,
    "linked_prompts": v.structure,
    # Content that is more than one text.
    "tool_calls": v.structure,
    "message_events": v.structure,
    "vectors": v.structure,
}

OURS: Fields = {
    "kind": (s.KIND,),
    "customer": (s.CUSTOMER_ID,),
    "feature": (s.FEATURE,),
    "team": (s.TEAM,),
    "release": (s.RELEASE,),
    "tags": (s.TAGS,),
    "client_cost": (s.COST_USD,),
    "cache_hit": (s.CACHE_HIT,),
    "call_count": (s.CALL_COUNT,),
    "vector": (s.EMBEDDING,),
    "vector_model": (s.EMBEDDING_MODEL,),
    "vector_dtype": (s.EMBEDDING_DTYPE,),
    "input_length": (s.INPUT_LENGTH,),
    "output_length": (s.OUTPUT_LENGTH,),
}

METADATA: Mapping[str, str] = {
    "customer_id": "customer",
    "customerId": "customer",
    "customer": "customer",
    "feature": "feature",
    "team": "team",
    "user_id": "user",
    "userId": "user",
    "session_id": "session",
    "sessionId": "session",
}
"""Keys of the user's own metadata that mean one of our fields, where nothing better names it."""

FRAMEWORKS = s.FRAMEWORKS

RESOURCE: Mapping[str, tuple[str, ...]] = {
    "environment": (s.ENVIRONMENT, s.OLD_ENVIRONMENT, "langfuse.environment"),
    "release": ("service.version",),
    "service": ("service.name",),
}
"""Fields that a resource supplies where its spans do not."""
