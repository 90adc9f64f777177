"""What the words of bills mean, in the spellings that providers really use."""

from __future__ import annotations

import pytest

from spanledger_store.billing.billgroups import ALL_MODELS, Item, group
from spanledger_store.billing.billnames import (
    issuer,
    key_of,
    key_of_line,
    names_model,
    provider_of,
    service_tier,
    usage_class,
)

LINES = [
    ("gpt-4o-2024-08-06, input", "gpt-4o-2024-08-06", "input", ""),
    ("gpt-4o-mini-2024-07-18, cached input", "gpt-4o-mini-2024-07-18", "cache_read", ""),
    ("gpt-4.1-nano, batch output", "gpt-4.1-nano", "output", "batch"),
    ("o1-2024-12-17, output", "o1-2024-12-17", "output", ""),
    ("text-embedding-3-small, input", "text-embedding-3-small", "input", ""),
    ("web search tool calls | gpt-4o-2024-08-06", "gpt-4o-2024-08-06", "other", ""),
    ("Claude Sonnet 4 Usage - Input Tokens", "claude-sonnet-4-20250514", "input", ""),
    ("Claude Sonnet 4.5 Usage - Output Tokens, Batch", "claude-sonnet-4-5-20250929", "output", "batch"),
    ("Claude Opus 4.1 Usage - Input Tokens, Cache Write", "claude-opus-4-1-20250805", "cache_write", ""),
    ("USE1-Claude3Sonnet-input-tokens", "anthropic.claude-3-sonnet-20240229-v1:0", "input", ""),
    ("USE1-Claude3.5Sonnet-cache-read-input-token-count", "us.anthropic.claude-3-5-sonnet-20241022-v2:0",
     "cache_read", ""),
    ("USW2-Llama4-Maverick-17B-input-tokens-batch", "meta.llama4-maverick-17b-instruct-v1:0", "input", "batch"),
    ("USE1-mistral.mistral-large-3-675b-instruct-mantle-input-tokens-standard",
     "mistral.mistral-large-3-675b-instruct", "input", ""),
    ("USE1-zai.glm-4.7-output-tokens-batch", "zai.glm-4.7", "output", "batch"),
    ("USE1-Claude4Sonnet-input-tokens-cross-region-global", "anthropic.claude-sonnet-4-20250514-v1:0", "input", ""),
    ("USE1-NovaLite-input-tokens", "amazon.nova-lite-v1:0", "input", ""),
    ("USE1-Claude2.1-input-tokens", "anthropic.claude-v2:1", "input", ""),
    ("USE1-TitanEmbeddingV2-Text-input-tokens", "amazon.titan-embed-text-v2:0", "input", ""),
    ("Claude 3.5 Sonnet (Amazon Bedrock Edition)", "claude-3-5-sonnet-20241022", "other", ""),
    ("gpt 4o 0513 Inp glbl Tokens", "gpt-4o-2024-05-13", "input", ""),
    ("gpt-4o-mini-0718-Outp-regnl Tokens", "gpt-4o-mini", "output", ""),
    ("Gemini 2.0 Flash Text Input - Predictions", "gemini-2.0-flash-001", "input", ""),
    ("Generate content input token count gemini 1.5 flash short input text", "gemini-1.5-flash", "input", ""),
    ("Gemini 2.5 Pro Thinking Text Output - Predictions", "gemini-2.5-pro", "output", ""),
]  # fmt: skip


@pytest.mark.parametrize(("line", "model", "tokens", "tier"), LINES)
def test_a_line_of_a_bill_is_about_the_model_and_class_it_means(line: str, model: str, tokens: str, tier: str) -> None:
    found, known = key_of_line(line), key_of(model)
    assert found is not None
    assert known is not None
    assert found.family == known.family
    assert names_model(line)
    assert (usage_class(line), service_tier(line)) == (tokens, tier)


def test_other_models_have_other_keys() -> None:
    names = sorted({model for _, model, _, _ in LINES} | {"gpt-4", "gpt-4o", "o4-mini", "gpt-4.1", "gpt-4.5", "o1"})
    families = {name: key.family for name in names if (key := key_of(name)) is not None}
    assert len(families) == len(names)
    alike = {(one, other) for one in families for other in families if one < other and families[one] == families[other]}
    assert alike == {("gpt-4o", "gpt-4o-2024-05-13"), ("gpt-4o", "gpt-4o-2024-08-06"), ("o1", "o1-2024-12-17"),
                     ("gpt-4o-2024-05-13", "gpt-4o-2024-08-06"), ("gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
                     ("claude-3-5-sonnet-20241022", "us.anthropic.claude-3-5-sonnet-20241022-v2:0"),
                     ("anthropic.claude-sonnet-4-20250514-v1:0", "claude-sonnet-4-20250514")}  # fmt: skip


@pytest.mark.parametrize("line", ["Web Search Usage", "Tax", "Code Execution Usage", "USE1-Guardrail-TextUnits", ""])
def test_a_line_without_a_model_names_none(line: str) -> None:
    assert not names_model(line)


def test_providers_are_the_ledger_s_and_share_a_bill_where_they_do() -> None:
    spelled = {
        "OpenAI": ("openai", "openai"), "AWS": ("aws.bedrock", "aws"), "Microsoft": ("azure.ai.openai", "azure"),
        "Amazon Web Services, Inc.": ("aws.bedrock", "aws"), "azure_openai": ("azure.ai.openai", "azure"),
        "Google Cloud": ("gcp.vertex_ai", "gcp"), "gcp.gemini": ("gcp.gemini", "gcp"), "Groq": ("groq", "groq"),
    }  # fmt: skip
    assert {text: (provider_of(text), issuer(provider_of(text))) for text in spelled} == spelled


def groups(
    items: list[tuple[str, str]], models: list[str], rules: list[tuple[str, str]] | None = None
) -> dict[str, str]:
    """The group of each item and model, by their words."""
    found = group([Item("p", model, sku) for model, sku in items], [("p", each) for each in models], rules or [])
    return {item.text: name for item, name in found.items.items()} | {each: found.models["p", each] for each in models}


def test_an_item_with_a_date_is_the_model_of_that_date() -> None:
    assert groups(
        [("", "gpt-4o-2024-08-06, input"), ("", "gpt-4o-2024-11-20, input")],
        ["gpt-4o-2024-08-06", "gpt-4o-2024-11-20", "gpt-4o-mini"],
    ) == {
        "gpt-4o-2024-08-06, input": "gpt-4o-2024-08-06",
        "gpt-4o-2024-08-06": "gpt-4o-2024-08-06",
        "gpt-4o-2024-11-20, input": "gpt-4o-2024-11-20",
        "gpt-4o-2024-11-20": "gpt-4o-2024-11-20",
        "gpt-4o-mini": "gpt-4o-mini",
    }  # fmt: skip


def test_what_names_cannot_tell_apart_is_one_group() -> None:
    both = "gpt-4o, gpt-4o-2024-08-06, gpt-4o-2024-11-20"
    found = groups(
        [("", "gpt-4o-2024-08-06, input"), ("", "gpt-4o-2024-11-20, input")],
        ["gpt-4o", "gpt-4o-2024-08-06", "gpt-4o-2024-11-20"],
    )
    assert set(found.values()) == {both}
    # Two items of one model are together where the ledger knows it by another name, and where it does not know it.
    assert len(set(groups([("", "Claude Sonnet 4 Usage - Input Tokens"), ("claude-sonnet-4-20250514", "x")],
                          ["claude-sonnet-4-20250514"]).values())) == 1  # fmt: skip
    assert len(set(groups([("", "gpt-9, input"), ("", "gpt-9, output")], []).values())) == 1
    # A name of nobody's family is a model where the ledger has it.
    assert len(set(groups([("", "house-7b, input")], ["house-7b"]).values())) == 1
    assert len(set(groups([("", "deepseek-chat, input")], ["deepseek-chat"]).values())) == 1


def test_what_names_no_model_is_a_group_of_its_own() -> None:
    found = groups([("", "Web Search Usage"), ("", "Code Execution Usage")], ["claude-sonnet-4"])
    assert len(set(found.values())) == 3


def test_a_rule_decides_before_the_names() -> None:
    found = groups(
        [("", "ft:gpt-4o-mini:acme, input"), ("", "Our Model input")],
        ["gpt-4o-mini", "acme-1"],
        [("ft:*acme*", "acme-1"), ("our model*", "acme-1")],
    )
    assert found["ft:gpt-4o-mini:acme, input"] == found["Our Model input"] == found["acme-1"] == "acme-1"
    assert found["gpt-4o-mini"] == "gpt-4o-mini"


def test_a_bill_without_items_is_compared_as_a_whole() -> None:
    assert set(groups([("", "")], ["gpt-4o", "gpt-4o-mini"]).values()) == {ALL_MODELS}
