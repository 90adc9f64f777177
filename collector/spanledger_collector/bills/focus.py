"""FOCUS 1.0 to 1.3, as CSV or Parquet: whatever provider or tool wrote it. AI services only.

Columns: https://focus.finops.org/focus-specification/.
"""

from __future__ import annotations

import re
from typing import Final

from spanledger_collector.backfill.cells import Cells
from spanledger_collector.backfill.errors import LeftOut
from spanledger_collector.bills import values as v
from spanledger_collector.bills.source import BillSource, names
from spanledger_store.billing import billnames
from spanledger_store.billing.bills import BillLine, Kind

_CATEGORY: Final = "AI and Machine Learning"
_OURS: Final = re.compile(
    r"bedrock|openai|anthropic|claude|foundry|vertex ai|generative language|gemini|mistral|cohere|groq", re.IGNORECASE
)
_KINDS: Final = {"usage": Kind.USAGE, "tax": Kind.TAX, "credit": Kind.CREDIT, "adjustment": Kind.ADJUSTMENT,
                 "purchase": Kind.FEE}  # fmt: skip


def read(row: Cells) -> list[BillLine]:
    """The line of the dataset."""
    service = row.text("ServiceName")
    if row.text("ServiceCategory") != _CATEGORY and not _OURS.search(service):
        raise LeftOut(f"other services than {_CATEGORY}")
    start = v.day_of(row, "ChargePeriodStart")
    kind = _KINDS.get(row.text("ChargeCategory").lower(), Kind.USAGE)
    if row.text("ChargeClass"):
        kind = Kind.ADJUSTMENT
    described = row.text("ChargeDescription")
    item = next(
        (text for text in (row.text("SkuMeter"), described, row.text("SkuId"), service)
         if billnames.names_model(text)),
        described or row.text("SkuMeter", "SkuId") or service,
    )  # fmt: skip
    details = row.inside("SkuPriceDetails")
    quantity, unit = v.measured(v.amount(row, "ConsumedQuantity"), row.text("ConsumedUnit"))
    words = f"{row.text('SkuMeter')} {described} {row.text('SkuId')}"
    return [
        BillLine(
            provider=billnames.provider_of(row.text("ProviderName", "ServiceProviderName", "HostProviderName")),
            source="focus",
            start=start,
            end=v.end_of(row, start, "ChargePeriodEnd"),
            amount=v.needed(row, "BilledCost"),
            currency=v.currency(row, "BillingCurrency"),
            kind=kind,
            service=service,
            sku=item,
            model=details.text("x_Model", "Model") or row.text("x_Model"),
            usage_class=billnames.usage_class(words),
            service_tier=billnames.service_tier(words),
            quantity=quantity,
            unit=unit,
            account=row.text("BillingAccountId"),
            label=row.text("SubAccountId"),
            region=row.text("RegionId"),
            detail=" ".join(
                [
                    row.text(name)
                    for name in ("SkuPriceId", "ResourceId", "ChargeDescription", "SkuId", "Tags", "InvoiceId")
                ]
            ),
        )
    ]


FOCUS = BillSource(name="focus", signs=names("BilledCost BillingCurrency ChargePeriodStart ChargeCategory"), read=read)
