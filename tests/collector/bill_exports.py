"""Bills as their senders' documentation describes them, with figures of our own.

The shapes follow the pages named in the modules of `spanledger_collector.bills`.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

MAY = 1_777_593_600  # 2026-05-01T00:00:00Z
DAY = 86_400

OPENAI = {
    "object": "page",
    "data": [
        {
            "object": "bucket",
            "start_time": MAY,
            "end_time": MAY + DAY,
            "results": [
                {
                    "object": "organization.costs.result",
                    "amount": {"value": 0.8958740000000000, "currency": "usd"},
                    "line_item": "gpt-4o-2024-08-06, input",
                    "project_id": "proj_a",
                },
                {
                    "object": "organization.costs.result",
                    "amount": {"value": 1.25e-05, "currency": "usd"},
                    "line_item": "gpt-4o-2024-08-06, cached input",
                    "project_id": "proj_a",
                },
                {
                    "object": "organization.costs.result",
                    "amount": {"value": 0.06, "currency": "usd"},
                    "line_item": "web search tool calls",
                    "project_id": "proj_b",
                },
            ],
        },
        {"object": "bucket", "start_time": MAY + DAY, "end_time": MAY + 2 * DAY, "results": []},
    ],
    "has_more": False,
    "next_page": None,
}

ANTHROPIC = {
    "data": [
        {
            "starting_at": "2026-05-01T00:00:00Z",
            "ending_at": "2026-05-02T00:00:00Z",
            "results": [
                {
                    "currency": "USD",
                    "amount": "123.78912",
                    "workspace_id": "wrkspc_1",
                    "description": "Claude Sonnet 4 Usage - Input Tokens",
                    "cost_type": "tokens",
                    "context_window": "0-200k",
                    "model": "claude-sonnet-4-20250514",
                    "service_tier": "batch",
                    "token_type": "uncached_input_tokens",
                },
                {
                    "currency": "USD",
                    "amount": "12",
                    "workspace_id": None,
                    "description": "Web Search Usage",
                    "cost_type": "web_search",
                    "context_window": None,
                    "model": None,
                    "service_tier": None,
                    "token_type": None,
                },
            ],
        }
    ],
    "has_more": False,
    "next_page": None,
}

CUR = [
    {
        "bill_payer_account_id": "111122223333",
        "line_item_usage_account_id": "444455556666",
        "line_item_line_item_type": "Usage",
        "line_item_usage_start_date": "2026-05-01T05:00:00.000Z",
        "line_item_usage_end_date": "2026-05-01T06:00:00.000Z",
        "line_item_product_code": "AmazonBedrock",
        "line_item_usage_type": "USE1-Claude3Sonnet-input-tokens",
        "line_item_operation": "InvokeModelInference",
        "line_item_usage_amount": "1234.567",
        "line_item_currency_code": "USD",
        "line_item_unblended_cost": "3.7037010000",
        "line_item_line_item_description": "$0.003 per 1K input tokens for Claude 3 Sonnet in US East (N. Virginia)",
        "pricing_unit": "1K tokens",
        "product_region_code": "us-east-1",
        "line_item_resource_id": "",
        "product": '{"product_name": "Amazon Bedrock"}',
    },
    {
        "line_item_line_item_type": "Usage",
        "line_item_product_code": "AmazonEC2",
        "line_item_usage_type": "BoxUsage:t3.large",
        "line_item_unblended_cost": "9.99",
        "product": "",
        "line_item_line_item_description": "$0.0832 per On Demand Linux t3.large",
    },
    {
        "line_item_line_item_type": "Usage",
        "line_item_product_code": "3p1s0h6example",
        "line_item_usage_type": "USE1-MP:USE1_OutputTokenCount-Units",
        "line_item_usage_amount": "0.5",
        "line_item_unblended_cost": "7.5",
        "pricing_unit": "Units",
        "product": '{"product_name": "Claude 3.5 Sonnet (Amazon Bedrock Edition)"}',
        "line_item_line_item_description": "AWS Marketplace software usage|us-east-1|Million Response Tokens",
    },
    {
        "line_item_line_item_type": "Tax",
        "line_item_product_code": "AmazonBedrock",
        "line_item_usage_type": "",
        "line_item_usage_end_date": "2026-06-01T00:00:00.000Z",
        "line_item_usage_start_date": "2026-05-01T00:00:00.000Z",
        "line_item_unblended_cost": "1.07",
        "line_item_line_item_description": "Tax for product code AmazonBedrock",
    },
]
OLD_CUR = {
    "lineItem/UsageStartDate": "2026-05-01T00:00:00Z",
    "lineItem/UsageEndDate": "2026-05-02T00:00:00Z",
    "lineItem/LineItemType": "Usage",
    "lineItem/ProductCode": "AmazonBedrock",
    "lineItem/UsageType": "USE1-NovaLite-output-tokens",
    "lineItem/Operation": "InvokeModelInference",
    "lineItem/UsageAmount": "10",
    "lineItem/CurrencyCode": "USD",
    "lineItem/UnblendedCost": "0.0024",
    "pricing/unit": "1K tokens",
    "bill/PayerAccountId": "111122223333",
}
COST_EXPLORER = """Service,Amazon Bedrock($),EC2($),Claude 3.5 Sonnet (Amazon Bedrock Edition)($),Total costs($)
Service total,10.5,99,2.5,112
2026-05-01,4.25,50,2.5,56.75
2026-05-02,6.25,49,,55.25
"""

AZURE = [
    {
        "invoiceId": "",
        "billingAccountId": "1234567",
        "date": "05/01/2026",
        "meterCategory": "Cognitive Services",
        "meterSubCategory": "Azure OpenAI",
        "meterId": "m-1",
        "meterName": "gpt 4o 0806 Inp glbl Tokens",
        "meterRegion": "",
        "productName": "Azure OpenAI - gpt 4o 0806 Inp glbl - US East",
        "SubscriptionId": "sub-1",
        "ResourceId": "/subscriptions/sub-1/resourceGroups/rg/providers/Microsoft.CognitiveServices/accounts/a",
        "quantity": "5.5",
        "unitOfMeasure": "1K",
        "chargeType": "Usage",
        "billingCurrency": "EUR",
        "costInBillingCurrency": "0.01265",
        "costInUsd": "0.01375",
        "tags": "",
    },
    {"meterCategory": "Virtual Machines", "meterSubCategory": "Dv5", "meterName": "D2 v5", "productName": "Dv5"},
    {"chargeType": "Refund", "costInBillingCurrency": "-0.5", "quantity": "1"},
]

GCP = [
    {
        "billing_account_id": "AAAAAA-BBBBBB-CCCCCC",
        "service": {"id": "C7E2-9256-1C43", "description": "Vertex AI"},
        "sku": {"id": "FDAB-647C-5A22", "description": "Gemini 2.0 Flash Text Input - Predictions"},
        "usage_start_time": "2026-05-01 07:00:00 UTC",
        "usage_end_time": "2026-05-01 08:00:00 UTC",
        "project": {"id": "proj-1", "name": "One"},
        "location": {"region": "us-central1"},
        "cost": 0.4321,
        "currency": "USD",
        "usage": {"amount": 2880667, "unit": "count"},
        "credits": [
            {"name": "Committed spend", "amount": -0.1, "type": "COMMITTED_USAGE_DISCOUNT"},
            {"name": "Promotion", "amount": -0.0321, "type": "PROMOTION"},
        ],
        "invoice": {"month": "202605"},
        "cost_type": "regular",
    },
    {
        "service": {"id": "6F81-5844-456A", "description": "Compute Engine"},
        "sku": {"id": "1", "description": "N1 Core"},
        "credits": [],
    },
    {"sku": {"id": "T", "description": "Tax"}, "cost_type": "tax", "cost": 0.08, "credits": []},
]
GCP_TABLE = """Service description,SKU description,Usage start date,Usage end date,Usage amount,Usage unit,Cost ($)
Gemini API,Gemini 2.5 Pro Text Output - Predictions,2026-05-01,2026-05-01,1000000,count,"1,010.00"
BigQuery,Analysis,2026-05-01,2026-05-01,1,tebibyte,6.25
"""

FOCUS = [
    {
        "BilledCost": "1.5",
        "BillingAccountId": "acc",
        "BillingCurrency": "USD",
        "ChargeCategory": "Usage",
        "ChargeClass": "",
        "ChargeDescription": "Claude Sonnet 4 Input Tokens",
        "ChargePeriodStart": "2026-05-01T00:00:00Z",
        "ChargePeriodEnd": "2026-05-02T00:00:00Z",
        "ConsumedQuantity": "500",
        "ConsumedUnit": "1K Tokens",
        "ProviderName": "AWS",
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": "Amazon Bedrock",
        "SkuId": "SKU1",
        "SkuMeter": "",
        "SkuPriceId": "P1",
        "SubAccountId": "sub",
        "RegionId": "us-east-1",
        "Tags": '{"team": "core"}',
    },
    {"ServiceCategory": "Compute", "ServiceName": "Amazon EC2"},
    {"ChargeCategory": "Credit", "ChargeDescription": "Credit", "BilledCost": "-0.5", "ConsumedQuantity": ""},
]


def filled(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows in which what a later one leaves out is as in the first."""
    return [rows[0] | row for row in rows]


def written(path: Path, content: Any) -> Path:
    """A file of an export: a document as JSON, rows as JSON lines or CSV by the name, text as it is."""
    if isinstance(content, str):
        path.write_text(content)
    elif path.suffix == ".csv":
        out = io.StringIO()
        writer = csv.DictWriter(out, list(content[0]))
        writer.writeheader()
        writer.writerows(content)
        path.write_text(out.getvalue())
    elif isinstance(content, list):
        path.write_text("".join(json.dumps(row) + "\n" for row in content))
    else:
        path.write_text(json.dumps(content))
    return path
