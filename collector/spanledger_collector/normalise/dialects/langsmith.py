"""LangSmith's client, exporting over OTLP."""

from __future__ import annotations

from spanledger_collector.normalise import values as v
from spanledger_collector.normalise.dialect import Dialect

_METADATA = "langsmith.metadata."

LANGSMITH = Dialect(
    name="langsmith",
    scopes=("langsmith",),
    keys=("langsmith.",),
    fields={
        # Its operation names call a retriever `embeddings` and a prompt `chat`; the run's type is what it was.
        "kind": ("langsmith.span.kind",),
        # `gen_ai.system` is its guess from the model's name.
        "provider": (f"{_METADATA}ls_provider", "gen_ai.system"),
        "request_model": ("gen_ai.request.model", f"{_METADATA}ls_model_name"),
        "usage": (f"{_METADATA}usage_metadata",),
        "user": (f"{_METADATA}user_id",),
        "session": (f"{_METADATA}session_id", f"{_METADATA}thread_id", f"{_METADATA}conversation_id"),
        "tags": (("langsmith.span.tags", v.comma_words),),
        "metadata": ("langsmith.metadata",),
    },
    kinds={
        "llm": "llm",
        "embedding": "embedding",
        "chain": "chain",
        "tool": "tool",
        "retriever": "retrieval",
        "prompt": "chain",
        "parser": "span",
    },
    inside={
        "usage": {
            "input_tokens": ("input_tokens",),
            "output_tokens": ("output_tokens",),
            "total_tokens": ("total_tokens",),
            "cache_read_tokens": ("input_token_details.cache_read",),
            "cache_write_tokens": ("input_token_details.cache_creation",),
            "reasoning_tokens": ("output_token_details.reasoning",),
            "input_audio_tokens": ("input_token_details.audio",),
            "output_audio_tokens": ("output_token_details.audio",),
            "client_cost": ("total_cost",),
        },
    },
    metadata=(_METADATA,),
)
