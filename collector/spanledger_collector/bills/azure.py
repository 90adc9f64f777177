"""Azure's cost details as Cost Management exports them (actual cost). OpenAI and Foundry only.

Columns: https://learn.microsoft.com/azure/cost-management-billing/dataset-schema/cost-usage-details-mca. Quantities
are in the unit of measure, such as `1K`.
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

_OURS: Final = re.compile(r"openai|foundry models|azure ai foundry|foundry", re.IGNORECASE)
_KINDS: Final = {
    "usage": Kind.USAGE,
    "tax": Kind.TAX,
    "refund": Kind.CREDIT,
    "credit": Kind.CREDIT,
    "purchase": Kind.FEE,
    "unusedreservation": Kind.FEE,
    "unusedsavingsplan": Kind.FEE,
    "adjustment": Kind.ADJUSTMENT,
    "roundingadjustment": Kind.ADJUSTMENT,
}
_COST: Final = ("costInBillingCurrency", "CostInBillingCurrency", "Cost", "PreTaxCost", "ExtendedCost")


def read(row: Cells) -> list[BillLine]:
    """The line of the export."""
    about = [row.text(name) for name in ("meterCategory", "meterSubCategory", "productName", "product", "serviceName")]
    meter = row.text("meterName")
    if not any(_OURS.search(text) for text in about) and not billnames.names_model(meter):
        raise LeftOut("other services than Azure OpenAI and Foundry models")
    start = v.day_of(row, "date", "usageDateTime", "usageDate")
    kind = _KINDS.get(row.text("chargeType").replace(" ", "").lower(), Kind.USAGE)
    quantity, unit = v.measured(v.amount(row, "quantity", "usageQuantity"), row.text("unitOfMeasure", "unit"))
    words = f"{meter} {about[1]}"
    return [
        BillLine(
            provider="azure.ai.openai",
            source="azure",
            start=start,
            end=v.end_of(row, start, "none"),
            amount=v.needed(row, *_COST),
            currency=v.currency(row, "billingCurrency", "billingCurrencyCode", "currency"),
            kind=kind,
            service=about[0],
            sku=meter or about[1] or about[2],
            usage_class=billnames.usage_class(words),
            service_tier=billnames.service_tier(words),
            quantity=quantity if kind is Kind.USAGE else None,
            unit="tokens" if "token" in meter.lower() else unit,
            account=row.text("billingAccountId", "billingAccountName", "enrollmentNumber"),
            label=row.text("subscriptionId", "SubscriptionGuid"),
            region=row.text("meterRegion", "resourceLocation"),
            detail=" ".join(
                [row.text("resourceId", "instanceId", "instanceName"), row.text("meterId"), row.text("tags")]
            ),
        )
    ]


AZURE = BillSource(
    name="azure",
    signs=names(
        "date meterCategory costInBillingCurrency", "date meterCategory cost", "usageDateTime meterCategory pretaxcost"
    ),
    read=read,
)
