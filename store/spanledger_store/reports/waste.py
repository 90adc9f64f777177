"""Spend that bought nothing: calls that failed, were blocked, abandoned or cut off, each in one class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from string import Template
from typing import Final

from spanledger import semconv
from spanledger_store.engine import Engine
from spanledger_store.scope import Dimension, Scope
from spanledger_store.sql import load

CLASSES: Final = ("retried", "failed", "blocked", "abandoned", "truncated", "useful")
"""In this order a call is looked at, and is in the first class that fits.

| class | |
|---|---|
| retried | failed, and made again under the same parent, by the same name and with the same input |
| failed | failed otherwise |
| blocked | the provider's filter cut the answer off, or a guardrail blocked it (`spanledger.guardrail.action`) |
| abandoned | the application stopped reading the stream (`spanledger.stream.interrupted`) |
| truncated | the answer ended at the limit of tokens |
| useful | none of these |
"""

# What providers call it, in lower case: OpenAI, Anthropic, Gemini, Bedrock, Mistral.
TRUNCATED: Final = ("length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded")
FILTERED: Final = (
    "content_filter", "content_filtered", "refusal", "safety", "recitation", "prohibited_content", "blocklist", "spii",
    "image_safety", "guardrail_intervened",
)  # fmt: skip
# How long after the stretch a call may be tried again, or its answer be checked.
_LATER: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Waste:
    """Calls of one class and slice. `cost_usd` is that of calls whose cost is known, None where that of none is."""

    values: tuple[str, ...]
    kind: str
    calls: int
    unknown_calls: int
    priced_cost: Decimal

    @property
    def cost_usd(self) -> Decimal | None:
        """US dollars; None where no call of the class has a known cost, as most failed ones have none."""
        return None if self.calls and self.unknown_calls == self.calls else self.priced_cost


def waste(engine: Engine, scope: Scope, by: Sequence[Dimension] = ()) -> list[Waste]:
    """Calls and cost per combination of values and class, in the order of `CLASSES`; together every billable call.

    Read from the spans of the stretch with their attributes, which are the larger part of them, for as long as a
    project keeps them. Raises ValueError for a tag.
    """
    if Dimension.TAG in by:
        raise ValueError("a call may have several tags, and would be in several lines")
    names = [f"`{each.value}`" for each in by]
    sql = Template(load("waste")).substitute(
        columns="".join(f"c.{name} AS {name},\n    " for name in names),
        inner="".join(f"{name}, " for name in names),
        groups=", ".join([*names, "class"]),
        where=" AND ".join(["true", *scope.conditions()]),
        retried=load("waste_retried"),
        blocked=load("waste_blocked"),
    )
    params = scope.params(
        later=scope.end + _LATER,
        truncated=list(TRUNCATED),
        filtered=list(FILTERED),
        interrupted=semconv.STREAM_INTERRUPTED,
        action=semconv.GUARDRAIL_ACTION,
    )
    found = [
        Waste(tuple(row[each.value] for each in by), row["class"], row["calls"], row["unknown_calls"], row["cost_usd"])
        for row in engine.query(sql, params).iter_rows(named=True)
    ]
    return sorted(found, key=lambda each: (each.values, CLASSES.index(each.kind)))
