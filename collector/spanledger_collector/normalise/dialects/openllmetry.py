"""OpenLLMetry, which is Traceloop's: OpenTelemetry's names for calls, names of its own for what surrounds them."""

from __future__ import annotations

from spanledger_collector.normalise import values as v
from spanledger_collector.normalise.dialect import Dialect

# The scope is the package's module, a namespace that plain OpenTelemetry instrumentations share.
_PACKAGES = (
    "agno", "alephalpha", "anthropic", "bedrock", "chromadb", "cohere", "crewai", "google_generativeai", "groq",
    "haystack", "lancedb", "langchain", "litellm", "llamaindex", "marqo", "mcp", "milvus", "mistralai", "ollama",
    "openai", "openai_agents", "pinecone", "qdrant", "replicate", "sagemaker", "together", "transformers", "vertexai",
    "voyageai", "watsonx", "weaviate", "writer",
)  # fmt: skip

_PROPERTIES = "traceloop.association.properties."

OPENLLMETRY = Dialect(
    name="openllmetry",
    scopes=(
        "traceloop",
        "@traceloop/",
        *(f"opentelemetry.instrumentation.{package}" for package in _PACKAGES),
    ),
    keys=("traceloop.", "llm.request.type", "llm.usage.total_tokens"),
    fields={
        "kind": ("traceloop.span.kind", "llm.request.type"),
        "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.usage.prompt_tokens"),
        "output_tokens": (
            "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.usage.completion_tokens",
        ),
        "total_tokens": ("gen_ai.usage.total_tokens", "llm.usage.total_tokens"),
        "reasoning_tokens": ("gen_ai.usage.reasoning_tokens", "llm.usage.reasoning_tokens"),
        "finish_reason": (
            "gen_ai.response.finish_reasons", "gen_ai.response.finish_reason", "gen_ai.response.stop_reason",
            "llm.response.finish_reason", "llm.response.stop_reason",
        ),
        "user": (f"{_PROPERTIES}user_id", "gen_ai.user", "llm.user"),
        "customer": (f"{_PROPERTIES}customer_id",),
        "session": ("gen_ai.conversation.id", f"{_PROPERTIES}session_id", f"{_PROPERTIES}thread_id"),
        "prompt_name": ("traceloop.prompt.key",),
        "prompt_version": ("traceloop.prompt.version", "traceloop.prompt.version_name"),
        "input": ("gen_ai.input.messages", "traceloop.entity.input"),
        "output": ("gen_ai.output.messages", ("traceloop.entity.output", v.json_label)),
    },
    kinds={
        "workflow": "chain",
        "task": "chain",
        "agent": "agent",
        "tool": "tool",
        "chat": "llm",
        "completion": "llm",
        "embedding": "embedding",
        "rerank": "reranker",
        "unknown": "span",
    },
    # What Bedrock calls input leaves cached tokens out, and this total is the sum of the two counts as they stand.
    exclusive={"gen_ai.usage.input_tokens": ("aws.bedrock", "aws")},
    indexed=("gen_ai.prompt.", "gen_ai.completion.", "llm.request.functions."),
    metadata=(_PROPERTIES,),
)  # fmt: skip
