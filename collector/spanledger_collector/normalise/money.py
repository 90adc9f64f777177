"""Tokens and dollars of a call, from its attributes."""

from __future__ import annotations

from datetime import UTC, datetime

from spanledger import semconv
from spanledger.pricing import Cost, price
from spanledger.usage import Usage
from spanledger_collector.normalise.reading import Reading
from spanledger_collector.normalise.values import LARGEST_COST

OTHER_BUCKETS = ("input_audio_tokens", "output_audio_tokens", "input_image_tokens", "output_image_tokens")


def usage_of(reading: Reading) -> Usage:
    fields = reading.fields
    other = {name: fields[name] for name in OTHER_BUCKETS if fields.get(name)}
    for unit, value in reading.groups.pop(semconv.USAGE_OTHER_PREFIX, {}).items():
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            other[unit] = value
    return Usage.from_inclusive(
        fields.get("input_tokens"),
        fields.get("output_tokens"),
        fields.get("cache_read_tokens"),
        fields.get("cache_write_tokens"),
        fields.get("reasoning_tokens"),
        other,
    )


def cost_of(usage: Usage, reading: Reading, model: str, start: int, failed: bool) -> tuple[Cost | None, str]:
    """(cost, source). Unknown is (None, ''): it is counted as unpriced, and is never zero."""
    if reading.fields.get("cache_hit"):
        return None, "cache hit"
    if usage.is_empty:
        return None, "failed without usage" if failed else ""
    at = datetime.fromtimestamp(start // 1_000_000_000, UTC)
    cost = price(usage, provider=reading.get("provider") or None, model=model or None, at=at)
    if cost is None:
        return None, ""
    if cost.total > LARGEST_COST:
        reading.warnings.append("cost over the column's range")
        return None, ""
    return cost, cost.source
