"""What a response said, as gen_ai attributes."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from spanledger import semconv
from spanledger.responses import Extracted


def fact_attributes(facts: Extracted) -> dict[str, Any]:
    """Return the gen_ai attributes of what a response said; input includes cache, output reasoning."""
    usage = facts.usage
    found: dict[str, Any] = {
        semconv.PROVIDER_NAME: facts.provider,
        semconv.RESPONSE_MODEL: facts.model,
        semconv.REQUEST_MODEL: facts.model,
        semconv.RESPONSE_ID: facts.response_id,
        semconv.RESPONSE_FINISH_REASONS: facts.finish_reasons or None,
        f"{semconv.METADATA_PREFIX}service_tier": facts.service_tier,
        semconv.USAGE_INPUT_TOKENS: usage.total_input,
        semconv.USAGE_OUTPUT_TOKENS: usage.total_output,
        semconv.USAGE_CACHE_READ_TOKENS: usage.cache_read_tokens,
        semconv.USAGE_CACHE_WRITE_TOKENS: usage.cache_write_tokens,
        semconv.USAGE_REASONING_TOKENS: usage.reasoning_tokens,
    }
    for unit, count in usage.other.items():
        found[_OTHER_NAMES.get(unit, semconv.USAGE_OTHER_PREFIX + unit)] = count
    return {name: value for name, value in found.items() if value is not None}


_OTHER_NAMES: Final[Mapping[str, str]] = {
    "input_audio_tokens": semconv.USAGE_AUDIO_INPUT_TOKENS,
    "output_audio_tokens": semconv.USAGE_AUDIO_OUTPUT_TOKENS,
    "input_image_tokens": semconv.USAGE_IMAGE_INPUT_TOKENS,
    "output_image_tokens": semconv.USAGE_IMAGE_OUTPUT_TOKENS,
}


def money(amount: Decimal) -> str:
    """Return an amount as a plain decimal string, without an exponent or trailing zeros."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
