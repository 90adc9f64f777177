"""Google Cloud's billing export (BigQuery, as JSON or CSV), and the cost table of its console. AI services only.

Columns: https://cloud.google.com/billing/docs/how-to/export-data-bigquery-tables/standard-usage. Credits stand beside
the cost of a row; each is a line of its own here.
"""

from __future__ import annotations

import re
from typing import Any, Final

from spanledger_collector.backfill.cells import Cells
from spanledger_collector.backfill.errors import LeftOut, RowRefused
from spanledger_collector.bills import values as v
from spanledger_collector.bills.source import BillSource, names
from spanledger_store.billing import billnames
from spanledger_store.billing.bills import BillLine, Kind

_OURS: Final = re.compile(r"vertex ai|generative language|gemini|claude|ai platform", re.IGNORECASE)
_GEMINI: Final = re.compile(r"generative language|gemini api", re.IGNORECASE)
_KINDS: Final = {
    "regular": Kind.USAGE,
    "tax": Kind.TAX,
    "adjustment": Kind.ADJUSTMENT,
    "rounding_error": Kind.ADJUSTMENT,
}


def read(row: Cells) -> list[BillLine]:
    """The row's cost, and its credits."""
    service = _part(row, "service", "description")
    sku = _part(row, "sku", "description")
    if not _OURS.search(service):
        raise LeftOut("other services than Vertex AI and the Gemini API")
    start = v.day_of(row, "usage_start_time", "usage_start_date")
    end = _end(row, start)
    quantity, unit = v.measured(
        v.amount(row.inside("usage"), "amount") if len(row.inside("usage"))
        else v.amount(row, "usage.amount", "usage_amount"),
        _part(row, "usage", "unit"),
    )  # fmt: skip
    if "token" in sku.lower() or unit in ("count", "requests", "characters"):
        unit = "tokens" if "token" in sku.lower() else unit
    kind = _KINDS.get(row.text("cost_type").lower(), Kind.USAGE)
    # Money by its own name: the console's table has the currency in the head of the column.
    cost, code = _cost(row)
    words = f"{sku} {service}"
    same: dict[str, Any] = {
        "provider": "gcp.gemini" if _GEMINI.search(service) else "gcp.vertex_ai",
        "source": "gcp",
        "start": start,
        "end": end,
        "currency": code,
        "service": service,
        "account": row.text("billing_account_id", "Billing account ID"),
        "label": _part(row, "project", "id"),
        "region": _part(row, "location", "region"),
        "detail": " ".join([_part(row, "sku", "id"), _part(row, "invoice", "month"), _resource(row)]),
    }
    lines = [
        BillLine(
            amount=cost,
            kind=kind,
            sku=sku,
            usage_class=billnames.usage_class(sku),
            service_tier=billnames.service_tier(words),
            quantity=quantity if kind is Kind.USAGE else None,
            unit=unit,
            **same,
        )
    ]
    beside: dict[str, Any] = {**same, "detail": f"{same['detail']} {sku}"}
    for at, credit in enumerate(_credits(row)):
        lines.append(
            BillLine(
                amount=v.needed(credit, "amount"),
                kind=Kind.CREDIT,
                sku=credit.text("name", "full_name", "type") or "credit",
                ordinal=at,
                **beside,
            )
        )
    return lines


def _part(row: Cells, group: str, name: str) -> str:
    """`service.description`, however deep the export writes it."""
    return row.inside(group).text(name) or row.text(f"{group}.{name}", f"{group}_{name}")


def _end(row: Cells, start: int) -> int:
    if row.get("usage_end_time") is None and row.get("usage_end_date") is not None:
        # The console's dates are those of whole days, the last one included.
        return (
            v.end_of(row, start, "none")
            if v.day_of(row, "usage_end_date") <= start
            else v.day_of(row, "usage_end_date")
        )
    return v.end_of(row, start, "usage_end_time")


def _cost(row: Cells) -> tuple[Any, str]:
    if row.get("cost") is not None:
        return v.needed(row, "cost"), v.currency(row, "currency")
    for name in row:
        if match := re.match(r"(?:unrounded )?cost \((\$|[A-Z]{3})\)$", name.strip(), re.IGNORECASE):
            return v.needed(row, name), "USD" if match[1] == "$" else match[1].upper()
    raise RowRefused("it has no cost")


def _credits(row: Cells) -> list[Cells]:
    held = row.get("credits")
    return [Cells(each) for each in held if isinstance(each, dict)] if isinstance(held, list) else []


def _resource(row: Cells) -> str:
    found = row.get("labels")
    return f"{_part(row, 'resource', 'global_name')} {found if found else ''}".strip()


GCP = BillSource(
    name="gcp",
    signs=(
        *names("service sku cost usage_start_time", "service.description sku.description cost"),
        *names("service_description sku_description usage_start_date", "service_description sku_description cost"),
    ),
    read=read,
)
