"""Vercel's AI SDK, versions 4 to 6.

The outer span of a call (`ai.generateText`) repeats the sum of its steps (`ai.generateText.doGenerate`): only the
steps are calls.
"""

from __future__ import annotations

from spanledger_collector.normalise import values as v
from spanledger_collector.normalise.dialect import Dialect

_METADATA = "ai.telemetry.metadata."
_DETAILS = "ai.usage.inputTokenDetails."
_CALLS = ("generateText", "streamText", "generateObject", "streamObject")

VERCEL = Dialect(
    name="vercel",
    scopes=("ai",),
    keys=("ai.operationId", "ai.model.id", "ai.usage."),
    fields={
        "kind": ("ai.operationId",),
        "provider": (("ai.model.provider", v.vercel_provider), ("gen_ai.system", v.vercel_provider)),
        "request_model": ("gen_ai.request.model", "ai.model.id"),
        "response_model": ("ai.response.model",),
        "response_id": ("ai.response.id",),
        "finish_reason": ("ai.response.finishReason",),
        "input_tokens": ("ai.usage.inputTokens", "ai.usage.promptTokens", "ai.usage.tokens"),
        "output_tokens": ("ai.usage.outputTokens", "ai.usage.completionTokens"),
        "cache_read_tokens": (f"{_DETAILS}cacheReadTokens", "ai.usage.cachedInputTokens"),
        "cache_write_tokens": (f"{_DETAILS}cacheWriteTokens",),
        "reasoning_tokens": ("ai.usage.outputTokenDetails.reasoningTokens", "ai.usage.reasoningTokens"),
        "provider_details": ("ai.response.providerMetadata",),
        "ttft_ns": (
            ("ai.response.msToFirstChunk", v.milliseconds),
            ("ai.stream.msToFirstChunk", v.milliseconds),
        ),
        "user": (f"{_METADATA}userId",),
        "session": (f"{_METADATA}sessionId",),
        "feature": ("ai.telemetry.functionId",),
        "input": (
            "ai.prompt.messages", "ai.prompt", "ai.toolCall.args", ("ai.values", v.json_texts),
            ("ai.value", v.json_label),
        ),
        "output": ("ai.response.text", "ai.response.object", ("ai.toolCall.result", v.json_label)),
        "tool_calls": ("ai.response.toolCalls",),
        "tools": (("ai.prompt.tools", v.json_items),),
        "vectors": ("ai.embeddings", "ai.embedding"),
    },
    kinds={
        **{f"ai.{call}": "chain" for call in (*_CALLS, "embed", "embedMany", "rerank")},
        **{f"ai.{call}.doGenerate": "llm" for call in _CALLS},
        **{f"ai.{call}.doStream": "llm" for call in _CALLS},
        "ai.embed.doEmbed": "embedding",
        "ai.embedMany.doEmbed": "embedding",
        "ai.rerank.doRerank": "reranker",
        "ai.toolCall": "tool",
        "ai.agent": "agent",
    },
    inside={
        "provider_details": {
            "cache_read_tokens": (
                "openai.cachedPromptTokens", "azure.cachedPromptTokens", "anthropic.cacheReadInputTokens",
                "bedrock.usage.cacheReadInputTokens",
            ),
            "cache_write_tokens": ("anthropic.cacheCreationInputTokens", "bedrock.usage.cacheWriteInputTokens"),
            "reasoning_tokens": ("openai.reasoningTokens", "azure.reasoningTokens"),
        },
    },
    # Up to version 5 it passes on what these providers call input, and they leave cached tokens out of it.
    exclusive={
        "ai.usage.cachedInputTokens": ("anthropic", "aws.bedrock"),
        "ai.response.providerMetadata.anthropic.cacheReadInputTokens": ("",),
        "ai.response.providerMetadata.bedrock.usage.cacheReadInputTokens": ("",),
    },
    metadata=(_METADATA,),
)  # fmt: skip
