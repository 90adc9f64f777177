"""OpenAI's costs: daily buckets, grouped by line item and project.

Shape: `GET /v1/organization/costs`, https://platform.openai.com/docs/api-reference/usage/costs, as JSON; or the same as
a table (`amount_value`, `amount_currency`) from the cost page.
"""

from __future__ import annotations

from typing import Final

from spanledger_collector.backfill.cells import Cells
from spanledger_collector.backfill.errors import LeftOut, RowRefused
from spanledger_collector.bills import values as v
from spanledger_collector.bills.source import BillSource, names
from spanledger_store.billing import billnames
from spanledger_store.billing.bills import BillLine, Kind

_NO_USAGE: Final = ("tax", "credit", "refund")


def read(row: Cells) -> list[BillLine]:
    """The bucket's line."""
    cost = row.inside("amount")
    given = v.amount(cost, "value") if len(cost) else v.amount(row, "amount_value", "amount")
    item = row.text("line_item")
    if given is None:
        raise LeftOut("buckets in which nothing was billed")
    start = v.day_of(row, "start_time")
    words = item.lower()
    kind = next((each for each in _NO_USAGE if words.startswith(each)), "")
    return [
        BillLine(
            provider="openai",
            source="openai",
            start=start,
            end=v.end_of(row, start, "end_time"),
            amount=given,
            currency=v.currency(cost, "currency") if len(cost) else v.currency(row, "amount_currency", "currency"),
            kind={"": Kind.USAGE, "tax": Kind.TAX}.get(kind, Kind.CREDIT),
            service="OpenAI API",
            sku=item,
            model=_model(item),
            usage_class=billnames.usage_class(item),
            service_tier=billnames.service_tier(item),
            quantity=v.amount(row, "quantity"),
            account=row.text("organization_id"),
            label=row.text("project_id"),
            detail=row.text("api_key_id"),
        )
    ]


def _model(item: str) -> str:
    """The model's own name, where the item is that and a class of tokens: `gpt-4o-2024-08-06, cached input`."""
    head, comma, _ = item.partition(",")
    return head if comma and " " not in head.strip() and "|" not in item else ""


def _refuse_usage(row: Cells) -> list[BillLine]:
    if row.text("object").endswith("usage.completions.result"):
        raise RowRefused("it is usage, not cost: spanledger import usage takes it")
    return read(row)


OPENAI = BillSource(
    name="openai",
    signs=names("start_time amount", "start_time amount_value"),
    read=_refuse_usage,
    is_unique=True,
)
