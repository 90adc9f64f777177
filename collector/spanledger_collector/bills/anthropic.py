"""Anthropic's cost report: daily buckets, grouped by workspace and description.

Shape: `GET /v1/organizations/cost_report`, https://platform.claude.com/docs/en/api/admin/cost_report. Amounts are
decimal strings in cents: "123.45" is 1.2345 US dollars.
"""

from __future__ import annotations

from typing import Final

from spanledger_collector.backfill.cells import Cells
from spanledger_collector.bills import values as v
from spanledger_collector.bills.source import BillSource, names
from spanledger_store.billing import billnames
from spanledger_store.billing.bills import BillLine

_CLASSES: Final = {
    "uncached_input_tokens": "input",
    "output_tokens": "output",
    "cache_read_input_tokens": "cache_read",
    "cache_creation.ephemeral_5m_input_tokens": "cache_write",
    "cache_creation.ephemeral_1h_input_tokens": "cache_write",
}


def read(row: Cells) -> list[BillLine]:
    """The bucket's line."""
    start = v.day_of(row, "starting_at")
    item, kind = row.text("description"), row.text("token_type")
    tier = row.text("service_tier")
    return [
        BillLine(
            provider="anthropic",
            source="anthropic",
            start=start,
            end=v.end_of(row, start, "ending_at"),
            amount=v.needed(row, "amount").scaleb(-2),
            currency=v.currency(row, "currency"),
            service="Claude API",
            sku=item or row.text("cost_type"),
            model=row.text("model"),
            usage_class=_CLASSES.get(kind) or billnames.usage_class(item),
            service_tier="" if tier == "standard" else tier or billnames.service_tier(item),
            account=row.text("organization_id"),
            label=row.text("workspace_id"),
            region=row.text("inference_geo"),
            detail=f"{kind} {row.text('context_window')}".strip(),
        )
    ]


ANTHROPIC = BillSource(
    name="anthropic", signs=names("starting_at ending_at amount currency"), read=read, is_unique=True
)
