"""The ledger as FOCUS 1.2: one row for each charge period, slice and class of tokens.

Source: FinOps Open Cost and Usage Specification 1.2, https://focus.finops.org/focus-specification/v1-2/. Unit prices
times quantities are the costs, exactly: where the average price of a slice is no number of 12 places, its tokens are
told as two rows whose prices are neighbours, and which together have its tokens and its cost.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from typing import Any, Final, NamedTuple

import pyarrow as pa

from spanledger_store.billing.billnames import issuer, key_of

VERSION: Final = "1.2"
_MONEY: Final = pa.decimal128(38, 12)
_TIME: Final = pa.timestamp("us", "UTC")
_TEXT: Final = pa.string()
_EXACT: Final = Context(prec=80)
_PLACES: Final = 12

# Column -> (type, whether it may be null), in the order of the specification: by name.
_COLUMNS: Final[Mapping[str, tuple[pa.DataType, bool]]] = {
    "BilledCost": (_MONEY, False),
    "BillingAccountId": (_TEXT, False),
    "BillingAccountName": (_TEXT, False),
    "BillingCurrency": (_TEXT, False),
    "BillingPeriodEnd": (_TIME, False),
    "BillingPeriodStart": (_TIME, False),
    "ChargeCategory": (_TEXT, False),
    "ChargeClass": (_TEXT, True),
    "ChargeDescription": (_TEXT, False),
    "ChargeFrequency": (_TEXT, False),
    "ChargePeriodEnd": (_TIME, False),
    "ChargePeriodStart": (_TIME, False),
    "CommitmentDiscountStatus": (_TEXT, True),
    "ConsumedQuantity": (_MONEY, False),
    "ConsumedUnit": (_TEXT, False),
    "ContractedCost": (_MONEY, False),
    "ContractedUnitPrice": (_MONEY, False),
    "EffectiveCost": (_MONEY, False),
    "InvoiceId": (_TEXT, True),
    "InvoiceIssuerName": (_TEXT, False),
    "ListCost": (_MONEY, False),
    "ListUnitPrice": (_MONEY, False),
    "PricingCategory": (_TEXT, False),
    "PricingCurrency": (_TEXT, False),
    "PricingCurrencyContractedUnitPrice": (_MONEY, False),
    "PricingCurrencyEffectiveCost": (_MONEY, False),
    "PricingCurrencyListUnitPrice": (_MONEY, False),
    "PricingQuantity": (_MONEY, False),
    "PricingUnit": (_TEXT, False),
    "ProviderName": (_TEXT, False),
    "PublisherName": (_TEXT, False),
    "ServiceCategory": (_TEXT, False),
    "ServiceName": (_TEXT, False),
    "ServiceSubcategory": (_TEXT, False),
    "SkuId": (_TEXT, False),
    "SkuMeter": (_TEXT, False),
    "SkuPriceDetails": (_TEXT, False),
    "SkuPriceId": (_TEXT, False),
    "SubAccountId": (_TEXT, True),
    "SubAccountName": (_TEXT, True),
    "Tags": (_TEXT, True),
    "x_Model": (_TEXT, True),
    "x_TokenClass": (_TEXT, False),
    "x_UnpricedCalls": (pa.int64(), False),
}
SCHEMA: Final = pa.schema([pa.field(name, kind, nullable) for name, (kind, nullable) in _COLUMNS.items()])

# Issuer -> (name of provider and invoice issuer, name of the service).
_NAMES: Final = {
    "openai": ("OpenAI", "OpenAI API"),
    "anthropic": ("Anthropic", "Claude API"),
    "aws": ("AWS", "Amazon Bedrock"),
    "azure": ("Microsoft", "Azure OpenAI"),
    "gcp": ("Google Cloud", "Vertex AI"),
}
_PUBLISHERS: Final = {
    "gpt": "OpenAI", "o": "OpenAI", "claude": "Anthropic", "gemini": "Google", "gemma": "Google", "llama": "Meta",
    "mistral": "Mistral AI", "codestral": "Mistral AI", "nova": "Amazon", "titan": "Amazon", "command": "Cohere",
    "deepseek": "DeepSeek", "qwen": "Alibaba Cloud", "grok": "xAI",
}  # fmt: skip
_UNKNOWN: Final = "Unknown"


class TokenClass(NamedTuple):
    """A class of the ledger: its name, its meter, the columns that count it and the one that costs it."""

    name: str
    meter: str
    counts: tuple[str, ...]
    cost: str


CLASSES: Final = (
    TokenClass("input", "Input Tokens", ("input_tokens",), "input_cost_usd"),
    TokenClass("cache_read", "Cache Read Tokens", ("cache_read_tokens",), "cache_read_cost_usd"),
    TokenClass("cache_write", "Cache Write Tokens", ("cache_write_tokens",), "cache_write_cost_usd"),
    TokenClass("output", "Output Tokens", ("output_tokens", "reasoning_tokens"), "output_cost_usd"),
    TokenClass("other", "Other Units", ("other_tokens",), "other_cost_usd"),
)


@dataclass(frozen=True, slots=True)
class Charge:
    """A part of a line: `quantity` units at `price` trillionths of a dollar each."""

    token_class: TokenClass
    unit: str
    quantity: int
    price: int


def charges(line: Mapping[str, Any]) -> list[Charge]:
    """A line of the ledger as charges whose quantity times price add up to its cost, exactly; none for nothing used.

    What costs without being counted is priced by the call.
    """
    costs = {each.name: _trillionths(line[each.cost]) for each in CLASSES}
    rest = _trillionths(line["cost_usd"]) - sum(costs.values())
    if rest > 0:
        costs["other"] += rest
    # A cost whose parts were rounded up is less than their sum: the largest parts give way.
    while rest < 0:
        name = max(costs, key=lambda each: costs[each])
        taken = min(costs[name], -rest)
        if not taken:
            raise ValueError(f"the costs of a line are {line['cost_usd']} together and less than 0: {dict(line)!r}")
        costs[name] -= taken
        rest += taken
    found: list[Charge] = []
    for each in CLASSES:
        counted, cost = sum(int(line[name]) for name in each.counts), costs[each.name]
        quantity, unit = (counted, "Tokens") if counted else (int(line["calls"]), "Requests")
        if not (counted or cost):
            continue
        price, left = divmod(cost, quantity)
        found += [Charge(each, unit, many, at) for many, at in ((quantity - left, price), (left, price + 1)) if many]
    return found


def table(lines: Iterable[Mapping[str, Any]], length: timedelta, account: str) -> pa.Table:
    """Lines of the ledger as rows of the dataset; each has `bucket`, the dimensions and the sums of `books`.

    `length` is that of a charge period, `account` the billing account they are told under.
    """
    columns: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
    for row in _rows(lines, length, account):
        for name, values in columns.items():
            values.append(row[name])
    return pa.table({name: pa.array(columns[name], SCHEMA.field(name).type) for name in columns}, schema=SCHEMA)


def billing_period(moment: datetime) -> tuple[datetime, datetime]:
    """The UTC month that a moment lies in."""
    first = moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return first, (first + timedelta(days=32)).replace(day=1)


def _rows(lines: Iterable[Mapping[str, Any]], length: timedelta, account: str) -> Iterator[dict[str, Any]]:
    for line in lines:
        start: datetime = line["bucket"]
        month, following = billing_period(start)
        provider, service = _named(line["provider"])
        model = line["model"] or _UNKNOWN
        tags = {name: line[name] for name in ("feature", "team", "environment") if line[name]}
        same = {
            "BillingAccountId": account,
            "BillingAccountName": account,
            "BillingCurrency": "USD",
            "BillingPeriodStart": month,
            "BillingPeriodEnd": following,
            "ChargeCategory": "Usage",
            "ChargeClass": None,
            "ChargeFrequency": "Usage-Based",
            "ChargePeriodStart": start,
            "ChargePeriodEnd": start + length,
            # No commitment is known, and no invoice; others' rules about usage ask for both columns.
            "CommitmentDiscountStatus": None,
            "InvoiceId": None,
            "InvoiceIssuerName": provider,
            "PricingCategory": "Standard",
            "PricingCurrency": "USD",
            "ProviderName": provider,
            "PublisherName": _publisher(line["model"]) or provider,
            "ServiceCategory": "AI and Machine Learning",
            "ServiceName": service,
            "ServiceSubcategory": "Generative AI",
            "SubAccountId": line["customer"] or None,
            "SubAccountName": line["customer"] or None,
            "Tags": json.dumps(tags, ensure_ascii=False) if tags else None,
            "x_Model": line["model"] or None,
            "x_UnpricedCalls": line["unpriced_calls"],
        }
        for charge in charges(line):
            price = Decimal(charge.price).scaleb(-_PLACES)
            cost = _EXACT.multiply(price, charge.quantity)
            name = charge.token_class.name
            sku = f"{line['provider'] or _UNKNOWN}/{model}/{name}"
            meter = charge.token_class.meter if charge.unit == "Tokens" else "Requests"
            yield same | {
                "BilledCost": cost,
                "ContractedCost": cost,
                "EffectiveCost": cost,
                "ListCost": cost,
                "ChargeDescription": f"{model}, {meter}",
                "ConsumedQuantity": Decimal(charge.quantity),
                "ConsumedUnit": charge.unit,
                "ContractedUnitPrice": price,
                "ListUnitPrice": price,
                "PricingCurrencyContractedUnitPrice": price,
                "PricingCurrencyEffectiveCost": cost,
                "PricingCurrencyListUnitPrice": price,
                "PricingQuantity": Decimal(charge.quantity),
                "PricingUnit": charge.unit,
                "SkuId": sku,
                "SkuMeter": meter,
                "SkuPriceDetails": json.dumps({"x_Model": model, "x_TokenClass": name}, ensure_ascii=False),
                "SkuPriceId": sku,
                "x_TokenClass": name,
            }


def _named(provider: str) -> tuple[str, str]:
    """(who provides and bills, the service's name); the same service always has the same category."""
    known = _NAMES.get(issuer(provider))
    if known is None:
        return (provider, provider) if provider else (_UNKNOWN, _UNKNOWN)
    return (known[0], "Gemini API") if provider == "gcp.gemini" else known


def _publisher(model: str) -> str:
    key = key_of(model)
    return "" if key is None else next((_PUBLISHERS[word] for word in key.words if word in _PUBLISHERS), "")


def _trillionths(amount: Decimal) -> int:
    return int(_EXACT.scaleb(amount, _PLACES))
