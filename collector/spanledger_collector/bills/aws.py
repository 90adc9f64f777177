"""AWS: the Cost and Usage Report (2.0, and the one before it), and what Cost Explorer saves as CSV. Bedrock only.

Columns: https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2-line-item.html; what Bedrock's usage
types mean: https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-understanding-cur-data.html. Models of
other makers are sold through the marketplace: their product is `Claude 3.5 Sonnet (Amazon Bedrock Edition)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from spanledger_collector.backfill.cells import Cells
from spanledger_collector.backfill.errors import LeftOut
from spanledger_collector.bills import values as v
from spanledger_collector.bills.source import BillSource, names
from spanledger_store.billing import billnames
from spanledger_store.billing.bills import DAY_NS, BillLine, Kind

_PROVIDER: Final = "aws.bedrock"
_OURS: Final = re.compile(r"bedrock", re.IGNORECASE)
# Types of line items, from the column's description; what is none of these is usage.
_KINDS: Final = {
    "tax": Kind.TAX,
    "credit": Kind.CREDIT,
    "refund": Kind.CREDIT,
    "fee": Kind.FEE,
    "rifee": Kind.FEE,
    "savingsplanupfrontfee": Kind.FEE,
    "savingsplanrecurringfee": Kind.FEE,
    "savingsplannegation": Kind.ADJUSTMENT,
    "edpdiscount": Kind.CREDIT,
    "bundleddiscount": Kind.CREDIT,
    "privateratediscount": Kind.CREDIT,
    "discount": Kind.CREDIT,
}
_EXPLORED: Final = re.compile(r"^(.*?)\s*\((\$|[A-Z]{3})\)$")
_TOTAL: Final = "Total costs"


def _cell(row: Cells, name: str) -> str:
    return row.text(*_spellings(name))


def _spellings(name: str) -> tuple[str, str]:
    """`line_item_usage_type` as CUR 2.0 writes it, and `lineItem/UsageType` as the report before it does."""
    return name, f"lineItem/{name.removeprefix('line_item_')}"


def read_cur(row: Cells) -> list[BillLine]:
    """The line of the report."""
    product, usage = _cell(row, "line_item_product_code"), _cell(row, "line_item_usage_type")
    described = _cell(row, "line_item_line_item_description")
    inside = row.inside("product")
    name = row.text("product_product_name", "product/ProductName") or inside.text("product_name")
    service = row.text("product_servicecode", "product/servicecode") or inside.text("servicecode")
    if not any(_OURS.search(text) for text in (product, service, name, usage, described)):
        raise LeftOut("other services than Amazon Bedrock")
    start = v.day_of(row, *_spellings("line_item_usage_start_date"))
    kind = _KINDS.get(_cell(row, "line_item_line_item_type").replace(" ", "").lower(), Kind.USAGE)
    quantity, unit = v.measured(
        v.amount(row, *_spellings("line_item_usage_amount")),
        row.text("pricing_unit", "pricing/unit") or inside.text("unit"),
    )
    words = f"{usage} {_cell(row, 'line_item_operation')}"
    return [
        BillLine(
            provider=_PROVIDER,
            source="aws-cur",
            start=start,
            end=v.end_of(row, start, *_spellings("line_item_usage_end_date")),
            amount=v.needed(row, *_spellings("line_item_unblended_cost")),
            currency=v.currency(row, *_spellings("line_item_currency_code")),
            kind=kind,
            service=name or product,
            sku=usage if billnames.names_model(usage) else name or described or usage,
            usage_class=billnames.usage_class(words),
            service_tier=billnames.service_tier(words),
            quantity=quantity if kind is Kind.USAGE else None,
            unit=unit,
            account=row.text("bill_payer_account_id", "bill/PayerAccountId"),
            label=_cell(row, "line_item_usage_account_id"),
            region=row.text("product_region_code", "product/regionCode", "product/region"),
            detail=" ".join([usage, described, _cell(row, "line_item_resource_id")]),
        )
    ]


def spread_explored(row: Cells) -> Iterator[Cells]:
    """One row for each column of a day; the first column is the day, and the last adds up the others."""
    columns = list(row)
    day = row.text(columns[0])
    if not day or not day[0].isdigit():
        # The second line of the file adds up each column.
        return
    for column in columns[1:]:
        match = _EXPLORED.match(column)
        if match is None or match[1] == _TOTAL or row.get(column) is None:
            continue
        yield Cells({"day": day, "item": match[1], "unit": match[2], "cost": row.get(column), "by": columns[0]})


def read_explored(row: Cells) -> list[BillLine]:
    """The line of one cell of Cost Explorer's table."""
    item = row.text("item")
    by_service = row.text("by").lower().startswith(("service", "linked"))
    if not _OURS.search(item) and (by_service or not billnames.names_model(item)):
        raise LeftOut("other services than Amazon Bedrock")
    cost = v.needed(row, "cost")
    if not cost:
        raise LeftOut("days on which nothing was billed")
    start = v.day_of(row, "day")
    return [
        BillLine(
            provider=_PROVIDER,
            source="cost-explorer",
            start=start,
            end=start + DAY_NS,
            amount=cost,
            currency="USD" if row.text("unit") == "$" else row.text("unit"),
            kind=Kind.TAX if item.lower() == "tax" else Kind.USAGE,
            service="Amazon Bedrock",
            sku=item,
            usage_class=billnames.usage_class(item),
            service_tier=billnames.service_tier(item),
        )
    ]


CUR = BillSource(
    name="aws-cur",
    signs=(
        *names("line_item_unblended_cost line_item_usage_start_date"),
        frozenset({"lineItem/UnblendedCost", "lineItem/UsageStartDate"}),
    ),
    read=read_cur,
)
COST_EXPLORER = BillSource(
    name="cost-explorer",
    signs=(frozenset({"Total costs($)"}), frozenset({"Total costs ($)"})),
    read=read_explored,
    is_unique=True,
    spread=spread_explored,
)
