"""Anthropic's usage report for messages: buckets of time, grouped by model, workspace, key, tier and more.

Shapes: https://platform.claude.com/docs/en/api/admin-api/usage-cost/get-messages-usage-report, and the report by user
at https://platform.claude.com/docs/en/api/admin (`/v1/organizations/analytics/user_usage_report`).

The report says how many tokens were used and not by how many calls. Neither 0 nor 1 is true, and the price of a call
can depend on its size; so a row counts as the fewest calls whose input it can be, `metadata['calls']` says 'at least',
and every call in it falls in the price tier of its context window.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from spanledger import semconv as s
from spanledger_collector.backfill.cells import Cells
from spanledger_collector.backfill.errors import LeftOut, RowRefused
from spanledger_collector.backfill.source import Source, names
from spanledger_collector.backfill.spans import SERVICE_TIER, Record, bucket_identity, make

# Most input tokens of one call, by `context_window`; where it was not grouped by that, the smaller one.
_WINDOWS: Final = {"0-200k": 200_000, "200k-1M": 1_000_000, "": 200_000}
_DIMENSIONS: Final = (
    "workspace_id", "api_key_id", "service_account_id", "context_window", "inference_geo", "speed", "product",
)  # fmt: skip
_AT_LEAST = "the report has no number of calls: each row counts as the fewest that its input tokens fit in"
_NO_MODEL = "rows without a model have no price: export with group_by[]=model"


def read(row: Cells, customer: str) -> Record:
    """The row's span. The report's counts are disjoint; the conventions want input that includes what was cached."""
    start, end = row.moment("starting_at"), row.moment("ending_at")
    if start is None:
        raise RowRefused("it has no starting_at: give the pages as they came, with their buckets")
    if "uncached_input_tokens" not in row:
        raise RowRefused("it has no uncached_input_tokens")
    written, searches = row.inside("cache_creation"), row.inside("server_tool_use").count("web_search_requests")
    fresh, read_back, made = (
        row.count(name) for name in ("uncached_input_tokens", "cache_read_input_tokens", "output_tokens")
    )
    short, long = (written.count(f"ephemeral_{ttl}_input_tokens") for ttl in ("5m", "1h"))
    known = [count for count in (fresh, read_back, short, long) if count is not None]
    given = sum(known) if known else None
    if not any((given, made, searches)):
        raise LeftOut("buckets in which nothing was used")
    calls, counted = _calls(row, given or 0)
    model = row.text("model")
    attributes: dict[str, Any] = {
        s.OPERATION_NAME: "chat",
        s.PROVIDER_NAME: "anthropic",
        s.REQUEST_MODEL: model,
        s.USAGE_INPUT_TOKENS: given,
        s.USAGE_CACHE_READ_TOKENS: read_back,
        s.USAGE_CACHE_WRITE_TOKENS: short,
        # Held for an hour costs more than for five minutes: a bucket of its own.
        f"{s.USAGE_OTHER_PREFIX}cache_write_1h_tokens": long,
        s.USAGE_OUTPUT_TOKENS: made,
        f"{s.USAGE_OTHER_PREFIX}web_searches": searches,
        s.USER_ID: row.inside("actor").text("user_id") or row.text("account_id"),
        s.CUSTOMER_ID: customer,
        s.CALL_COUNT: calls,
        s.COST_USD: (stated := _stated(row)),
        SERVICE_TIER: row.text("service_tier"),
        f"{s.METADATA_PREFIX}calls": "" if counted else "at least",
        **{s.METADATA_PREFIX + name: row.text(name) for name in _DIMENSIONS},
    }
    identity = bucket_identity(row.labels(), start, end)
    span = make("anthropic", identity, f"chat {model}".rstrip(), start, attributes)
    return Record(span, calls, stated, _NO_MODEL if not model else "" if counted else _AT_LEAST)


def _calls(row: Cells, given: int) -> tuple[int, bool]:
    """(how many calls, whether the row says so)."""
    told = row.count("requests")
    if told:
        return told, True
    window = row.text("context_window")
    if window not in _WINDOWS:
        raise RowRefused(f"context_window is {window!r}, not one of {', '.join(filter(None, _WINDOWS))}")
    return max(1, -(-given // _WINDOWS[window])), False


def _stated(row: Cells) -> Decimal | None:
    """What the row itself says it cost: Anthropic writes cents."""
    if row.get("amount") is None:
        return None
    if (currency := row.text("currency")) not in ("USD", ""):
        raise RowRefused(f"currency is {currency!r}, not 'USD'")
    return row.cents("amount")


ANTHROPIC = Source(
    name="anthropic",
    signs=names("starting_at uncached_input_tokens"),
    read=read,
    without_usage=names("starting_at amount"),
    instead="GET /v1/organizations/usage_report/messages?group_by[]=model",
)
