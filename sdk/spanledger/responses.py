"""What a provider's response says about itself: tokens, model, provider, id, finish reasons.

Reads OpenAI's chat, responses and embeddings, Anthropic's messages, Google GenAI's, Bedrock Converse's and
Cohere's shapes, as the client packages' objects or as decoded JSON, by their fields and not by their types, so
that no client package is imported and gateways that imitate a provider are read too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, cast

from spanledger._internal.content.fields import count_of, get, has, text_of
from spanledger._internal.pricing.classes import service_class
from spanledger.usage import Usage


class Extracted(NamedTuple):
    """What `extract_usage` found; anything the response does not say is None."""

    usage: Usage
    model: str | None
    provider: str | None
    response_id: str | None = None
    finish_reasons: tuple[str, ...] = ()
    service_tier: str | None = None  # where it is not the standard one


def extract_usage(response: object) -> Extracted | None:
    """Return the facts in one response, or None if it carries no usage of a shape known here."""
    response = _unwrapped(response)
    found = _usage_of(response)
    if found is None:
        return None
    usage, provider = found
    model = _model_of(response)
    return Extracted(
        usage,
        model,
        provider or _provider_of_model(model),
        text_of(get(response, "id", "response_id", "responseId")),
        _finish_reasons(response),
        _service_tier(response),
    )


def extract_stream(items: Iterable[object]) -> Extracted | None:
    """Return the facts in the chunks of one streamed response, or None if no chunk carries usage.

    Providers repeat cumulative counts, so a later count replaces an earlier one of its bucket; what only an
    early chunk said (Anthropic's input tokens, in `message_start`) is kept.
    """
    usage: Usage | None = None
    model = provider = response_id = tier = None
    reasons: tuple[str, ...] = ()
    for item in items:
        chunk = _unwrapped(item)
        model = _model_of(chunk) or model
        response_id = text_of(get(chunk, "id", "response_id", "responseId")) or response_id
        reasons = _finish_reasons(chunk) or reasons
        tier = _service_tier(chunk) or tier
        found = _usage_of(chunk)
        if found is not None:
            usage = found[0] if usage is None else _later(usage, found[0])
            provider = found[1] or provider
    if usage is None:
        return None
    return Extracted(usage, model, provider or _provider_of_model(model), response_id, reasons, tier)


def _service_tier(response: object) -> str | None:
    """The class of service that the call had: OpenAI says it of the answer, Anthropic of its usage."""
    stated = text_of(get(response, "service_tier", "serviceTier")) or text_of(
        get(get(response, "usage"), "service_tier")
    )
    return stated if service_class(stated) else None


def _later(before: Usage, after: Usage) -> Usage:
    def pick(old: int | None, new: int | None) -> int | None:
        return old if new is None else new

    return Usage(
        pick(before.input_tokens, after.input_tokens),
        pick(before.cache_read_tokens, after.cache_read_tokens),
        pick(before.cache_write_tokens, after.cache_write_tokens),
        pick(before.output_tokens, after.output_tokens),
        pick(before.reasoning_tokens, after.reasoning_tokens),
        {**before.other, **after.other},
    )


def _unwrapped(response: object) -> object:
    """The object that carries usage: streamed events wrap it (`message`, `response`)."""
    if get(response, "usage", "usage_metadata", "usageMetadata") is None:
        for name in ("response", "message"):
            inner = get(response, name)
            if inner is not None and get(inner, "usage", "usage_metadata") is not None:
                return inner
    return response


def _usage_of(response: object) -> tuple[Usage, str | None] | None:
    google = get(response, "usage_metadata", "usageMetadata")
    if google is not None:
        usage = _google(google)
        return None if usage.is_empty else (usage, "gcp.gemini")
    body = get(response, "usage")
    if body is None:
        body = get(response, "meta")
    if body is None or isinstance(body, (str, bytes, int, float)):
        return None
    provider: str | None = None
    if count_of(body, "prompt_tokens", "completion_tokens") is not None:
        usage = _openai_chat(body)
    elif count_of(body, "inputTokens", "outputTokens") is not None:
        usage, provider = _bedrock(body), "aws.bedrock"
    elif get(body, "billed_units", "tokens") is not None:
        usage, provider = _cohere(body), "cohere"
    elif _is_anthropic(response, body):
        usage, provider = _anthropic(body), "anthropic"
    elif count_of(body, "input_tokens", "output_tokens", "total_tokens") is not None:
        usage = _openai_responses(body)
    else:
        return None
    return None if usage.is_empty else (usage, provider)


def _openai_chat(body: object) -> Usage:
    given = get(body, "prompt_tokens_details", "input_tokens_details")
    made = get(body, "completion_tokens_details", "output_tokens_details")
    cached = count_of(given, "cached_tokens")
    if cached is None:  # DeepSeek, Moonshot; Mistral's num_cached_tokens is no billing figure
        cached = count_of(body, "prompt_cache_hit_tokens", "cached_tokens")
    return Usage.from_inclusive(
        input_tokens=count_of(body, "prompt_tokens"),
        output_tokens=count_of(body, "completion_tokens"),
        cache_read_tokens=cached,
        cache_write_tokens=count_of(given, "cache_write_tokens", "cache_creation_tokens"),
        reasoning_tokens=count_of(made, "reasoning_tokens"),
        other=_positive(
            input_audio_tokens=count_of(given, "audio_tokens"),
            input_image_tokens=count_of(given, "image_tokens"),
            input_video_tokens=count_of(given, "video_tokens"),
            output_audio_tokens=count_of(made, "audio_tokens"),
            output_image_tokens=count_of(made, "image_tokens"),
        ),
    )


def _openai_responses(body: object) -> Usage:
    given = get(body, "input_tokens_details", "input_token_details")
    made = get(body, "output_tokens_details", "output_token_details")
    return Usage.from_inclusive(
        input_tokens=count_of(body, "input_tokens"),
        output_tokens=count_of(body, "output_tokens"),
        cache_read_tokens=count_of(given, "cached_tokens"),
        cache_write_tokens=count_of(given, "cache_write_tokens"),
        reasoning_tokens=count_of(made, "reasoning_tokens"),
        other=_positive(
            input_audio_tokens=count_of(given, "audio_tokens"),
            input_image_tokens=count_of(given, "image_tokens"),
            output_audio_tokens=count_of(made, "audio_tokens"),
            output_image_tokens=count_of(made, "image_tokens"),
        ),
    )


def _is_anthropic(response: object, body: object) -> bool:
    if get(response, "type") in ("message", "message_delta", "message_start"):
        return True
    names = ("cache_creation_input_tokens", "cache_read_input_tokens", "cache_creation", "server_tool_use")
    return any(has(body, name) for name in names)


def _anthropic(body: object) -> Usage:
    # input_tokens EXCLUDES both kinds of cache; output_tokens includes thinking.
    written = count_of(body, "cache_creation_input_tokens")
    an_hour = count_of(get(body, "cache_creation"), "ephemeral_1h_input_tokens") or 0
    if written is not None:
        an_hour = min(an_hour, written)
        written -= an_hour
    thinking = count_of(get(body, "output_tokens_details"), "thinking_tokens", "reasoning_tokens")
    output = Usage.from_inclusive(output_tokens=count_of(body, "output_tokens"), reasoning_tokens=thinking)
    return Usage(
        input_tokens=count_of(body, "input_tokens"),
        cache_read_tokens=count_of(body, "cache_read_input_tokens"),
        cache_write_tokens=written,
        output_tokens=output.output_tokens,
        reasoning_tokens=output.reasoning_tokens,
        other=_positive(
            cache_write_1h_tokens=an_hour,
            web_searches=count_of(get(body, "server_tool_use"), "web_search_requests"),
        ),
    )


def _google(body: object) -> Usage:
    prompt = count_of(body, "prompt_token_count", "promptTokenCount")
    tool = count_of(body, "tool_use_prompt_token_count", "toolUsePromptTokenCount")
    given = _modalities(
        get(body, "prompt_tokens_details", "promptTokensDetails", "prompt_token_details", "promptTokenDetails")
    )
    cached = _modalities(get(body, "cache_tokens_details", "cacheTokensDetails"))
    made = _modalities(get(body, "candidates_tokens_details", "candidatesTokensDetails"))
    cache_read = count_of(body, "cached_content_token_count", "cachedContentTokenCount")
    other: dict[str, int] = {}
    for modality in ("audio", "image", "video"):
        from_cache = cached.get(modality, 0)
        if from_cache and cache_read is not None:
            from_cache = min(from_cache, cache_read)
            cache_read -= from_cache
            other[f"cache_{modality}_read_tokens"] = from_cache
        fresh = given.get(modality, 0) - from_cache
        if fresh > 0:
            other[f"input_{modality}_tokens"] = fresh
        if made.get(modality):
            other[f"output_{modality}_tokens"] = made[modality]
    usage = Usage.from_inclusive(
        input_tokens=prompt,
        output_tokens=count_of(body, "candidates_token_count", "candidatesTokenCount", "responseTokenCount"),
        cache_read_tokens=cache_read,
        other=other,
    )
    # Tool results fed back are input beside the prompt; thoughts are output beside the candidates.
    return Usage(
        usage.input_tokens if not tool else (usage.input_tokens or 0) + tool,
        usage.cache_read_tokens,
        None,
        usage.output_tokens,
        count_of(body, "thoughts_token_count", "thoughtsTokenCount"),
        usage.other,
    )


def _bedrock(body: object) -> Usage:
    # Converse counts cache beside inputTokens, not in it.
    return Usage(
        count_of(body, "inputTokens"),
        count_of(body, "cacheReadInputTokens", "cacheReadInputTokenCount"),
        count_of(body, "cacheWriteInputTokens", "cacheWriteInputTokenCount"),
        count_of(body, "outputTokens"),
    )


def _cohere(body: object) -> Usage:
    # Cohere charges for billed units, which leave its own preamble out.
    billed = get(body, "billed_units") or get(body, "tokens")
    return Usage.from_inclusive(
        input_tokens=count_of(billed, "input_tokens"),
        output_tokens=count_of(billed, "output_tokens"),
        other=_positive(rerank_searches=count_of(billed, "search_units")),
    )


def _modalities(details: object) -> dict[str, int]:
    counts: dict[str, int] = {}
    if isinstance(details, Sequence) and not isinstance(details, (str, bytes)):
        for item in cast("Sequence[object]", details):
            modality = get(item, "modality")
            name = getattr(modality, "value", modality)
            count = count_of(item, "token_count", "tokenCount")
            if isinstance(name, str) and count:
                # Documents are charged as images.
                name = "image" if name == "DOCUMENT" else name.lower()
                counts[name] = counts.get(name, 0) + count
    return counts


def _model_of(response: object) -> str | None:
    return text_of(get(response, "model", "model_version", "modelVersion"))


# Whose models these are where the response does not say; proxies that need another answer set it themselves.
_MODEL_PREFIXES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("gpt-4", "gpt-5", "gpt-3.5", "chatgpt-", "o1", "o3", "o4", "text-embedding-"), "openai"),
    (("claude-",), "anthropic"),
    (("gemini-",), "gcp.gemini"),
    (("deepseek-",), "deepseek"),
    (("grok-",), "x_ai"),
    (("mistral-", "ministral-", "codestral-", "magistral-"), "mistral_ai"),
    (("command-",), "cohere"),
)


def _provider_of_model(model: str | None) -> str | None:
    if model is not None:
        for prefixes, provider in _MODEL_PREFIXES:
            if model.startswith(prefixes):
                return provider
    return None


def _finish_reasons(response: object) -> tuple[str, ...]:
    choices = get(response, "choices", "candidates")
    if isinstance(choices, Sequence) and not isinstance(choices, (str, bytes)):
        reasons = (get(choice, "finish_reason", "finishReason") for choice in cast("Sequence[object]", choices))
    else:
        stop = get(response, "stop_reason", "stopReason", "finish_reason")
        reasons = iter((get(get(response, "delta"), "stop_reason") if stop is None else stop,))
    texts = (text_of(getattr(reason, "value", reason)) for reason in reasons)
    return tuple(text for text in texts if text is not None)


def _positive(**counts: int | None) -> dict[str, int]:
    return {unit: count for unit, count in counts.items() if count}
