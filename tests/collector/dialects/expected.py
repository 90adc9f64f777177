"""What is true of the spans in this folder, from what their fake provider answered (capture/provider.py).

The provider's answers, in disjoint buckets and at list prices (dollars per million tokens):

| answer | input | cache read | cache write | output | reasoning | cost |
|---|---|---|---|---|---|---|
| FULL, gpt-4o at 2.50 / 1.25 / 10.00 | 200 | 1000 | - | 50 | 30 | 0.002550 |
| SMALL, gpt-4o | 90 | 0 | - | 12 | 0 | 0.000345 |
| CLAUDE, claude-sonnet-4-5 at 3.00 / 0.30 / 3.75 / 15.00 | 150 | 1000 | 50 | 80 | - | 0.0021375 |
| EMBEDDED, text-embedding-3-small at 0.02 | 7 | - | - | - | - | 0.00000014 |

Where a package leaves a part of the answer out, the expectation says so beside the row.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

ANSWER, ASKED, WEATHER = "Two and two is four.", "What is two and two?", "Weather in Oslo?"

NOTHING: dict[str, Any] = {
    "kind": "span", "provider": "", "model": "", "input_tokens": None, "cache_read_tokens": None,
    "cache_write_tokens": None, "output_tokens": None, "reasoning_tokens": None, "cost_usd": None, "session": "",
    "user": "", "customer": "", "input_preview": "", "output_preview": "", "is_billable": False, "warnings": [],
}  # fmt: skip

Expected = dict[str, Any]


def at(kind: str, given: str = "", made: str = "", **more: Any) -> Expected:
    """A span that carries no money."""
    return {**NOTHING, "kind": kind, "input_preview": given, "output_preview": made, **more}


def llm(tokens: tuple[int | None, ...], cost: str | None, **more: Any) -> Expected:
    """A billable call to OpenAI; tokens are input, cache read, cache write, output, reasoning."""
    names = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
    call = {
        "kind": "llm", "provider": "openai", "model": "gpt-4o-2024-08-06", "is_billable": True,
        "cost_usd": Decimal(cost) if cost else None, "input_preview": ASKED, "output_preview": ANSWER,
    }  # fmt: skip
    return {**NOTHING, **call, **dict(zip(names, tokens, strict=True)), **more}


def full(**more: Any) -> Expected:
    return llm((200, 1000, None, 50, 30), "0.002550", **more)


def full_without_reasoning(**more: Any) -> Expected:
    """The sender did not say how much of the output was reasoning; it costs the same."""
    return llm((200, 1000, None, 80, None), "0.002550", **more)


def small(cache_read: int | None = 0, reasoning: int | None = 0, **more: Any) -> Expected:
    more = {"input_preview": WEATHER, "output_preview": "weather", **more}
    return llm((90, cache_read, None, 12, reasoning), "0.000345", **more)


def claude(**more: Any) -> Expected:
    more = {"provider": "anthropic", "model": "claude-sonnet-4-5-20250929", **more}
    return llm((150, 1000, 50, 80, None), "0.0021375", **more)


def embedded(given: str, cost: str | None = "0.00000014", **more: Any) -> Expected:
    more = {"kind": "embedding", "model": "text-embedding-3-small", "output_preview": "", **more}
    return llm((7, None, None, None, None), cost, input_preview=given, **more)


WHO = {"customer": "acme", "user": "u-1", "session": "s-1"}
ADA = {"model": "text-embedding-3-small", "provider": "openai"}
GPT = {"model": "gpt-4o", "provider": "openai"}
CITY = '{"city": "Oslo"}'
RUN = {"session": "00000000-0000-4000-8000-000000000002"}
TWO_TEXTS = {"warnings": ["kept 1 of 2 embeddings"]}
NAN = [f"unreadable {key}" for key in ("ai.usage.promptTokens", "ai.usage.completionTokens")]
NAN_STEP = [*NAN, "unreadable gen_ai.usage.input_tokens", "unreadable gen_ai.usage.output_tokens"]

PYDANTIC_RUN = [
    at("agent", WEATHER, ANSWER, **RUN),
    # It leaves cache reads out where they are 0.
    small(cache_read=None, **RUN),
    at("tool", '{"city":"Oslo"}', "rain in Oslo", **RUN),
    full(input_preview=WEATHER, **RUN),
]

CHAIN = [
    at("chain", '{"a": "two", "b": "two"}', ANSWER),
    at("chain", '{"a": "two", "b": "two"}', ASKED),
    full(),
]

EXPECTED: dict[str, list[Expected]] = {
    "openinference/chat": [full(**WHO)],
    "openinference/stream": [full()],
    "openinference/tools": [small()],
    "openinference/embeddings": [embedded("four", **TWO_TEXTS)],
    "openinference/responses": [full()],
    "openinference/anthropic": [claude()],
    "openinference/langchain": CHAIN,
    # The two instrumentations do not nest, they are two traces: billed twice, and documented as undetected.
    "openinference/langchain_and_openai": [*CHAIN, full()],
    "openinference/helpers": [
        at("retrieval", "2+2", ANSWER),
        at("reranker", "2+2", ANSWER, model="rerank-v3.5"),
        at("tool", CITY, "rain"),
    ],
    "duplicates/chat": [
        at("llm", ASKED, ANSWER, provider="openai", model="gpt-4o-2024-08-06",
           warnings=["duplicate of 00000000b0000002"]),
        full(),
    ],
    "duplicates/stream": [
        at("llm", ASKED, ANSWER, provider="openai", model="gpt-4o-2024-08-06",
           warnings=["duplicate of 00000000b0000002"]),
        full(),
    ],
    "openllmetry/chat": [
        at("chain", '{"args": [], "kwargs": {}}', ANSWER, **WHO),
        at("tool", '{"args": ["Oslo"], "kwargs": {}}', "rain in Oslo", **WHO),
        at("chain", '{"args": [], "kwargs": {}}', ANSWER, **WHO),
        full(**WHO),
    ],
    "openllmetry/stream": [full_without_reasoning()],
    "openllmetry/tools": [small()],
    "openllmetry/embeddings": [embedded("two", cache_read_tokens=0)],
    "openllmetry/anthropic": [claude()],
    # OpenLIT says "written: 0" where OpenAI says nothing, and does not pass reasoning on.
    "openlit/chat": [full_without_reasoning(cache_write_tokens=0, user="u-1")],
    "openlit/stream": [full_without_reasoning(cache_write_tokens=0)],
    "openlit/tools": [small(reasoning=None, cache_write_tokens=0)],
    "openlit/embeddings": [embedded("two")],
    "openlit/anthropic": [claude()],
    # Langfuse names no provider: the model's name decides the price, and an embedding model's alone does not.
    "langfuse/chat": [full(provider="", **WHO)],
    "langfuse/stream": [full(provider="")],
    "langfuse/observed": [
        at("agent", '{"args": [], "kwargs": {}}', "done"),
        claude(provider="", model="claude-sonnet-4-5"),
        at("tool", CITY, "rain"),
    ],
    "langfuse/embeddings": [
        embedded("two", cost=None, provider="", output_preview='{"dimensions": 4, "count": 1}')
    ],
    "pydantic_ai/agent": PYDANTIC_RUN,
    "pydantic_ai/older": PYDANTIC_RUN,
    "pydantic_ai/logfire_openai": [full()],
    # MLflow's usage has no reasoning, and this version names no provider.
    "mlflow/chat": [full_without_reasoning(provider="")],
    "mlflow/stream": [full_without_reasoning(provider="")],
    "mlflow/traced": [
        at("agent", "{}", "done"),
        at("tool", CITY, "rain in Oslo"),
        full_without_reasoning(provider=""),
    ],
    "opik/processor": [at("span", "2+2", session="s-1"), full_without_reasoning()],
    "langsmith/chat": [full(**WHO)],
    "langsmith/traced": [
        at("chain", "{}", ANSWER),
        at("retrieval", '{"query":"2+2"}',
           '{"output":[{"page_content":"Two and two is four.","type":"Document","metadata":{"page":1}}]}'),
        at("tool", '{"city":"Oslo"}', "rain in Oslo"),
        full(),
    ],
    "agent_framework/agent": [
        at("agent", WEATHER, ANSWER, model="gpt-4o"),
        small(),
        at("tool", CITY, "rain in Oslo"),
        full(input_preview=WEATHER),
    ],
    "vercel/v4_text": [at("chain", ASKED, ANSWER, **GPT, **WHO), full(**WHO)],
    # This version's adapter does not ask for usage in streams, and sends NaN.
    "vercel/v4_stream": [
        at("chain", ASKED, ANSWER, **GPT, **WHO, warnings=NAN),
        llm((None,) * 5, None, **WHO, warnings=NAN_STEP),
    ],
    # Version 5 tells cached and reasoning tokens of streams only: here they cannot be known, and all input costs full.
    "vercel/v5_text": [
        at("chain", ASKED, ANSWER, **GPT, **WHO),
        llm((1200, None, None, 80, None), "0.003800", **WHO),
    ],
    "vercel/v5_stream": [at("chain", ASKED, ANSWER, **GPT, **WHO), full(**WHO)],
    "vercel/v5_tools": [
        at("chain", WEATHER, "weather", **GPT, **WHO),
        small(cache_read=None, reasoning=None, **WHO),
        at("tool", '{"city":"Oslo"}', "rain in Oslo", **WHO),
    ],
    "vercel/v5_embed": [
        at("chain", "two", **ADA, **WHO),
        embedded("two", **WHO),
        at("chain", "four", **ADA, **WHO),
        embedded("four", **WHO, **TWO_TEXTS),
    ],
    "vercel/v6_text": [at("chain", ASKED, ANSWER, **GPT, **WHO), full(**WHO)],
    "vercel/v6_stream": [at("chain", ASKED, ANSWER, **GPT, **WHO), full(**WHO)],
    "vercel/v6_tools": [
        at("chain", WEATHER, "weather", **GPT, **WHO),
        small(**WHO),
        at("tool", '{"city":"Oslo"}', "rain in Oslo", **WHO),
    ],
}  # fmt: skip
