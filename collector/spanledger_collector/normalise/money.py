"""Tokens and dollars of a call, from its attributes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from spanledger import semconv
from spanledger.pricebook import Book, Slice
from spanledger.pricing import Cost, price, service_class
from spanledger.responses import extract_usage
from spanledger.usage import Usage
from spanledger_collector.normalise.reading import Reading
from spanledger_collector.normalise.values import LARGEST_COST, parsed

_OTHER_BUCKETS = ("input_audio_tokens", "output_audio_tokens", "input_image_tokens", "output_image_tokens")

_BEYOND_THE_USUAL = frozenset({*_OTHER_BUCKETS, "cache_read_tokens", "cache_write_tokens", "reasoning_tokens"})
_USUAL = frozenset({"input_tokens", "output_tokens"})

SERVICE_TIER = "service_tier"
"""The name among a row's metadata under which its class of service is, in the word that its span had for it."""
# What was served comes before what was asked for.
_TIERS = (
    semconv.RESPONSE_SERVICE_TIER, semconv.OLD_RESPONSE_SERVICE_TIER, semconv.REQUEST_SERVICE_TIER,
    semconv.OLD_REQUEST_SERVICE_TIER,
)  # fmt: skip


def usage_of(reading: Reading, provider: str, exclusive: Mapping[str, tuple[str, ...]]) -> Usage:
    """The call's tokens in disjoint buckets.

    Input is taken to include what was cached, and output what was spent on reasoning, unless the emitter's total
    shows that they do not, or the dialect's `exclusive` says so.
    """
    fields = reading.fields
    if not reading.groups and _BEYOND_THE_USUAL.isdisjoint(fields) and not _USUAL.isdisjoint(fields):
        return Usage(fields.get("input_tokens"), None, None, fields.get("output_tokens"))
    other = {name: fields[name] for name in _OTHER_BUCKETS if fields.get(name)}
    for unit, value in reading.groups.pop(semconv.USAGE_OTHER_PREFIX, {}).items():
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            other[unit] = value
    given, made = fields.get("input_tokens"), fields.get("output_tokens")
    cache_read, cache_write = fields.get("cache_read_tokens"), fields.get("cache_write_tokens")
    reasoning = fields.get("reasoning_tokens")
    if cache_read or cache_write or reasoning:
        beside, thought = _left_out(reading, provider, exclusive)
        given = None if given is None else given + beside
        made = None if made is None else made + thought
    usage = Usage.from_inclusive(given, made, cache_read, cache_write, reasoning, other)
    return _from_answer(reading) if usage.is_empty else usage


def _left_out(reading: Reading, provider: str, exclusive: Mapping[str, tuple[str, ...]]) -> tuple[int, int]:
    """(cached tokens that the count of input leaves out, reasoning tokens that the count of output leaves out)."""
    keys, fields = reading.keys, reading.fields
    read, wrote = fields.get("cache_read_tokens") or 0, fields.get("cache_write_tokens") or 0
    thought = fields.get("reasoning_tokens") or 0
    total, given, made = fields.get("total_tokens"), fields.get("input_tokens"), fields.get("output_tokens")
    if total is not None and given is not None and made is not None:
        beyond = total - given - made
        if beyond > 0:
            for beside, over in (
                (read + wrote, 0), (0, thought), (read + wrote, thought), (read, 0), (wrote, 0), (read, thought),
                (wrote, thought),
            ):  # fmt: skip
                if beside + over == beyond:
                    return beside, over
        elif beyond == 0 and "" in exclusive.get(keys["input_tokens"], ()):
            # Buckets that should add up to the total do so without these: their sender counted like OpenAI.
            return 0, 0
    if not exclusive:
        return 0, 0

    def says(name: str) -> bool:
        providers = exclusive.get(keys.get(name, ""), ())
        return "" in providers or provider in providers

    without_cache = says("input_tokens") or says("cache_read_tokens")
    return read + wrote if without_cache else 0, thought if says("output_tokens") else 0


def _from_answer(reading: Reading) -> Usage:
    """The usage in the provider's own answer, where an emitter recorded that answer and did not read it."""
    output = reading.get("output")
    if output[:1] != "{" or '"usage"' not in output:
        return Usage()
    found = extract_usage(parsed(output))
    if found is None:
        return Usage()
    fields = reading.fields
    for name, value in (("response_model", found.model), ("response_id", found.response_id)):
        if value:
            fields.setdefault(name, value)
    return found.usage


def tier_of(reading: Reading, metadata: Mapping[str, str]) -> str:
    """The class of service in the span's own word, '' where it has none: from its metadata, or OpenAI's attributes."""
    # Whoever asked for `auto` is told in the answer what it was.
    if (stated := metadata.get(SERVICE_TIER)) and stated != "auto":
        return stated
    rest = reading.rest
    for key in _TIERS:
        if (stated := rest.get(key)) and stated != "auto":
            return stated
    return ""


def cost_of(
    usage: Usage,
    reading: Reading,
    provider: str,
    model: str,
    start: int,
    failed: bool,
    tier: str = "",
    project: str = "",
    book: Book | None = None,
) -> tuple[Cost | None, str]:
    """(cost, source), by the book's own prices where it has any. Unknown is (None, ''): unpriced, and never zero."""
    if reading.fields.get("cache_hit"):
        return None, "cache hit"
    if usage.is_empty:
        return None, "failed without usage" if failed else ""
    at = datetime.fromtimestamp(start // 1_000_000_000, UTC)
    calls = reading.fields.get("call_count") or 1
    service = service_class(tier) if tier else ""
    if book is None:
        cost = price(usage, provider=provider or None, model=model or None, at=at, calls=calls, service=service)
    else:
        of = Slice(project, provider, model, reading.get("customer"), reading.get("feature"), service)
        cost = book.price(usage, of, at, calls)
    if cost is None:
        return None, ""
    if cost.total > LARGEST_COST:
        reading.warnings.append("cost over the column's range")
        return None, ""
    return cost, cost.source
