"""Plumbottle, a software house that does not exist, its customers, features and models. The same for every seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Final, Literal

import numpy as np

SERVICE: Final = "plumbottle"

Rhythm = Literal["office", "retail", "global"]
Shape = Literal["rag", "document", "search", "minutes", "loop", "chat", "single"]


@dataclass(frozen=True, slots=True)
class Customer:
    """Who pays: `weight` is its share of all sessions before affinities."""

    name: str
    weight: float
    rhythm: Rhythm
    utc_offset: int
    users: int
    verbosity: float = 1.0


@dataclass(frozen=True, slots=True)
class Model:
    """How fast a model answers, at the median."""

    provider: str
    name: str
    first_token_s: float
    tokens_per_s: float


@dataclass(frozen=True, slots=True)
class Feature:
    """One part of the product that calls models. Tokens are medians of lognormals."""

    name: str
    team: str
    shape: Shape
    weight: float  # share of traces
    turns: float  # mean traces of a session
    models: tuple[tuple[str, float], ...]
    input_tokens: int
    input_sigma: float
    output_tokens: int
    output_sigma: float
    reasoning_tokens: int = 0
    # The rest has defaults because most features lack it.
    cached_share: float = 0.0  # share of the input that a warm cache holds
    cache_hit: float = 0.0
    streams: bool = False
    tools: tuple[str, ...] = ()
    extra_steps: float = 0.0  # mean tool rounds beyond the first (loop), chance of one (rag, document)
    answer_cache: float = 0.0  # share of questions the application answers from its own cache
    successor: str | None = None  # what the first model is upgraded to, at the same price
    in_session: bool = True
    rank: tuple[float, ...] = field(default=(0.28, 0.22, 0.17, 0.14, 0.11, 0.08))  # topic shares


CUSTOMERS: Final = (
    Customer("wobbleton-freight", 0.25, "office", 1, 240, 1.05),
    Customer("marmalade-mutual", 0.20, "office", 0, 180, 1.0),
    Customer("gribblewick-bank", 0.155, "office", -5, 150, 1.15),
    Customer("thistlepond-foods", 0.105, "retail", 1, 120, 0.9),
    Customer("snorkelby-hotels", 0.065, "retail", -5, 90, 0.85),
    Customer("noodlemoor-retail", 0.055, "retail", 0, 110, 0.95),
    Customer("puddlewick-energy", 0.045, "office", 1, 60, 1.1),
    Customer("fizzlebrook-labs", 0.045, "global", 0, 45, 1.25),
    Customer("crumpetworks", 0.032, "office", 0, 30, 1.0),
    Customer("doodlebury-schools", 0.024, "office", -6, 35, 0.8),
    Customer("tumbleweft-textiles", 0.018, "office", 5, 20, 0.95),
    Customer("quillsnout-press", 0.009, "global", 1, 12, 1.1),
)
# Who may sign up during the month, all of the size of a middling customer.
NEWCOMERS: Final = (
    Customer("blinkerton-air", 0.07, "retail", -5, 60, 1.0),
    Customer("mumblethorpe-media", 0.06, "office", 0, 50, 1.05),
    Customer("zanybarrow-toys", 0.065, "retail", 1, 55, 0.95),
)

MODELS: Final = {
    model.name: model
    for model in (
        Model("anthropic", "claude-sonnet-4-5", 0.95, 68),
        Model("anthropic", "claude-sonnet-4-6", 0.90, 70),
        Model("anthropic", "claude-haiku-4-5", 0.50, 130),
        Model("anthropic", "claude-opus-4-7", 1.60, 48),
        Model("anthropic", "claude-opus-4-8", 1.55, 50),
        Model("openai", "gpt-5", 0.80, 120),
        Model("openai", "gpt-5.1", 0.78, 124),
        Model("openai", "gpt-5-mini", 0.55, 120),
        Model("openai", "gpt-5.4-nano", 0.30, 190),
        Model("openai", "text-embedding-3-small", 0.09, 0),
        Model("gcp.gemini", "gemini-3.6-flash", 0.60, 150),
        Model("gcp.gemini", "gemini-3.7-flash", 0.58, 155),
        Model("gcp.gemini", "gemini-3.5-flash-lite", 0.35, 210),
        Model("mistral_ai", "mistral-small-2603", 0.40, 140),
        # Runs on the company's own machines: nobody has entered a price for it, so its calls are unpriced.
        Model("self_hosted", "orlop-12b-instruct", 0.25, 95),
    )
}
EMBEDDING_MODEL: Final = "text-embedding-3-small"

FEATURES: Final = (
    Feature("support-copilot", "support-experience", "rag", 0.29, 2.1,
            (("claude-sonnet-4-5", 0.88), ("claude-haiku-4-5", 0.12)), 34_000, 0.38, 460, 0.5,
            cached_share=0.66, cache_hit=0.86, streams=True, successor="claude-sonnet-4-6",
            extra_steps=0.34, tools=("lookup_order", "search_articles", "customer_history")),
    Feature("contract-review", "legal-tech", "document", 0.04, 1.8,
            (("claude-opus-4-7", 1.0),), 90_000, 0.38, 1_400, 0.45,
            cached_share=0.78, cache_hit=0.78, streams=True, successor="claude-opus-4-8",
            extra_steps=0.55, tools=("find_clause", "compare_playbook")),
    Feature("semantic-search", "search", "search", 0.13, 1.5,
            (("gemini-3.5-flash-lite", 1.0),), 5_200, 0.35, 170, 0.45,
            answer_cache=0.07),
    Feature("meeting-notes", "productivity", "minutes", 0.07, 1.25,
            (("gemini-3.6-flash", 1.0),), 42_000, 0.42, 1_150, 0.4, successor="gemini-3.7-flash"),
    Feature("sql-agent", "data-platform", "loop", 0.15, 1.7,
            (("gpt-5", 0.85), ("gpt-5-mini", 0.15)), 34_000, 0.40, 380, 0.5, reasoning_tokens=800,
            cached_share=0.8, cache_hit=0.88, successor="gpt-5.1", extra_steps=1.0,
            tools=("describe_table", "run_sql")),
    Feature("onboarding-bot", "growth", "chat", 0.10, 2.8,
            (("mistral-small-2603", 1.0),), 3_400, 0.35, 190, 0.45, streams=True, tools=("open_settings",)),
    Feature("ticket-triage", "support-operations", "single", 0.11, 1.0,
            (("gpt-5.4-nano", 0.75), ("orlop-12b-instruct", 0.25)), 1_450, 0.3, 52, 0.25, in_session=False),
    Feature("code-assist", "developer-tools", "loop", 0.11, 2.0,
            (("claude-sonnet-4-5", 1.0),), 44_000, 0.38, 780, 0.45,
            cached_share=0.84, cache_hit=0.90, streams=True, successor="claude-sonnet-4-6",
            extra_steps=1.6, tools=("read_file", "search_code", "run_tests", "apply_patch")),
)  # fmt: skip
FEATURE: Final = {feature.name: feature for feature in FEATURES}
# Enough sessions for a new topic to be seen.
LATENT_TOPIC_FEATURES: Final = (
    "support-copilot", "semantic-search", "sql-agent", "onboarding-bot", "ticket-triage",
)  # fmt: skip


@cache
def affinities() -> dict[tuple[str, str], float]:
    """How much each customer uses each feature: at most 1 in sum per customer, 0 where it did not buy it."""
    rng = np.random.default_rng(1837)
    table: dict[tuple[str, str], float] = {}
    for rank, customer in enumerate((*CUSTOMERS, *NEWCOMERS)):
        likings = np.array([feature.weight / feature.turns for feature in FEATURES])
        likings = likings * np.exp(rng.normal(0.0, 0.28, len(FEATURES)))
        bought = rng.random(len(FEATURES)) < (0.97 if rank < 4 else 0.72)
        bought[int(np.argmax(likings))] = True
        likings = likings * bought
        likings = likings / likings.sum()
        for feature, liking in zip(FEATURES, likings, strict=True):
            table[customer.name, feature.name] = float(liking)
    return table


def customer_named(name: str) -> Customer:
    """The customer or newcomer of that name; KeyError if there is none."""
    for customer in (*CUSTOMERS, *NEWCOMERS):
        if customer.name == name:
            return customer
    raise KeyError(name)
