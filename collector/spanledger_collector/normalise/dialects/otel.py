"""OpenTelemetry's GenAI conventions, with their older names; every other dialect falls back to these."""

from __future__ import annotations

from spanledger import semconv as s
from spanledger_collector.normalise.dialect import Dialect

OTEL = Dialect(
    name="otel",
    scopes=(
        "spanledger",
        "opentelemetry.instrumentation.openai_v2",
        "opentelemetry.instrumentation.openai_agents_v2",
        "opentelemetry.instrumentation.google_genai",
        "opentelemetry.instrumentation.genai",
        "opentelemetry.instrumentation.botocore",
        "opentelemetry.util.genai",
        "gcp.vertex.agent",
    ),
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
        "total_tokens": ("gen_ai.usage.total_tokens",),
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
    kinds={**s.OPERATION_KINDS, "rerank": "reranker"},
    # Plain spans of other libraries are the context of LLM calls, and never carry money.
    hints={
        "gen_ai.tool.name": "tool",
        "http.request.method": "http",
        "http.method": "http",
        "db.system.name": "db",
        "db.system": "db",
        "rpc.system.name": "rpc",
        "rpc.system": "rpc",
        "messaging.system": "messaging",
    },
    indexed=("gen_ai.prompt.", "gen_ai.completion.", s.PROMPT_VARIABLE_PREFIX, s.USAGE_OTHER_PREFIX),
    metadata=(s.METADATA_PREFIX,),
)
