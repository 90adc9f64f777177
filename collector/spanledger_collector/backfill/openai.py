"""OpenAI's organization usage: buckets of time, grouped by model, project, key and more.

Shapes: https://platform.openai.com/docs/api-reference/usage (`GET /v1/organization/usage/completions`, `/embeddings`,
`/images`, `/audio_speeches`, `/audio_transcriptions`).

A row is the sum of `num_model_requests` calls and becomes one span that stands for them, at the bucket's start.
"""

from __future__ import annotations

from typing import Any, Final

from spanledger import semconv as s
from spanledger_collector.backfill.cells import Cells
from spanledger_collector.backfill.errors import LeftOut, RowRefused
from spanledger_collector.backfill.source import Source, names
from spanledger_collector.backfill.spans import SERVICE_TIER, Record, bucket_identity, make

_OPERATIONS: Final = {
    "completions": "chat",
    "embeddings": "embeddings",
    "images": "generate_content",
    "audio_speeches": "generate_content",
    "audio_transcriptions": "generate_content",
}
# Counts that tokens do not say, as the price list's units.
_UNITS: Final = {"characters": "input_characters", "seconds": "input_audio_seconds"}
_MODALITIES: Final = {
    "audio": (s.USAGE_AUDIO_INPUT_TOKENS, s.USAGE_AUDIO_OUTPUT_TOKENS),
    "image": (s.USAGE_IMAGE_INPUT_TOKENS, s.USAGE_IMAGE_OUTPUT_TOKENS),
}
_DIMENSIONS: Final = ("project_id", "api_key_id", "api_source", "size", "source")


def read(row: Cells, customer: str) -> Record:
    """The row's span. Input includes what was cached; text, audio and image tokens are parts of it."""
    kind = row.text("object").removeprefix("organization.usage.").removesuffix(".result") or "completions"
    operation = _OPERATIONS.get(kind)
    calls = row.count("num_model_requests")
    if kind == "moderations":
        raise LeftOut("moderations cost nothing and are no calls of the ledger")
    if operation is None:
        raise RowRefused(f"object is {row.text('object')!r}, which is not usage of a model")
    start, end = row.moment("start_time", "start_time_iso"), row.moment("end_time", "end_time_iso")
    if start is None:
        raise RowRefused("it has no start_time: give the pages as they came, with their buckets")
    if calls is None:
        raise RowRefused("it has no num_model_requests, so it cannot be said how many calls it is the sum of")
    tokens = _tokens(row)
    tokens.update({s.USAGE_OTHER_PREFIX + unit: row.count(name) for name, unit in _UNITS.items()})
    if calls == 0:
        if any(tokens.values()):
            raise RowRefused("num_model_requests is 0, and yet it has tokens")
        raise LeftOut("buckets without a request")
    model = row.text("model")
    tier = "batch" if row.flag("batch") else row.text("service_tier")
    attributes = {
        s.OPERATION_NAME: operation,
        s.PROVIDER_NAME: "openai",
        s.REQUEST_MODEL: model,
        s.USER_ID: row.text("user_id"),
        s.CUSTOMER_ID: customer,
        s.CALL_COUNT: calls,
        SERVICE_TIER: tier,
        **tokens,
        **{s.METADATA_PREFIX + name: row.text(name) for name in _DIMENSIONS},
        f"{s.METADATA_PREFIX}images": row.text("images"),
    }
    span = make("openai", bucket_identity(row.labels(), start, end), f"{operation} {model}".rstrip(), start, attributes)
    return Record(span, calls, note="" if model else "rows without a model have no price: export with group_by=model")


def _tokens(row: Cells) -> dict[str, Any]:
    cached = row.count("input_cached_tokens")
    found: dict[str, Any] = {
        s.USAGE_INPUT_TOKENS: row.count("input_tokens"),
        s.USAGE_OUTPUT_TOKENS: row.count("output_tokens"),
        s.USAGE_CACHE_WRITE_TOKENS: row.count("input_cache_write_tokens"),
    }
    uncached = row.count("input_uncached_tokens")
    parts = [row.count(f"input_{name}_tokens") or 0 for name in ("text", *_MODALITIES)]
    # Documented as including what was cached; pages that tell `input_uncached_tokens` have been seen to leave it out.
    beside = uncached is not None and sum(parts) == uncached
    for name, (given, made) in _MODALITIES.items():
        whole, read_back = row.count(f"input_{name}_tokens"), row.count(f"input_cached_{name}_tokens")
        if whole and read_back and not beside:
            if read_back > whole:
                raise RowRefused(f"input_cached_{name}_tokens is {read_back}, more than input_{name}_tokens {whole}")
            whole -= read_back
        if read_back and cached:
            cached -= min(cached, read_back)
        found[given] = whole
        found[f"{s.USAGE_OTHER_PREFIX}cache_{name}_read_tokens"] = read_back
        found[made] = row.count(f"output_{name}_tokens")
    found[s.USAGE_CACHE_READ_TOKENS] = cached
    return found


OPENAI = Source(
    name="openai",
    signs=names("start_time num_model_requests", "start_time object input_tokens"),
    read=read,
    without_usage=names("start_time amount line_item", "start_time amount object"),
    instead="GET /v1/organization/usage/completions?group_by=model (and /embeddings)",
)
