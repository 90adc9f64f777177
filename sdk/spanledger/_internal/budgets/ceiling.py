"""Ceilings of single calls, and the least that a call's arguments say it will take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final, cast

from spanledger import pricing
from spanledger._internal.budgets.errors import CallTooExpensive, dollars
from spanledger._internal.content.fields import count_of, get
from spanledger._internal.pricing import pricelist
from spanledger.usage import Usage

# Ordinary text of any language has more tokens than that, so that no call is refused for tokens it does not have.
CHARS_PER_TOKEN: Final = 8
_TEXTS: Final = ("messages", "contents", "input", "prompt", "system", "system_instruction", "instructions")
_LIMITS: Final = ("max_completion_tokens", "max_output_tokens", "max_tokens")
_DEEPEST: Final = 8


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most that one call may cost (US dollars) and take (tokens, input and output); None is any."""

    max_cost: Decimal | None
    max_tokens: int | None

    def check(self, name: str, arguments: Mapping[str, Any], provider: str | None) -> None:
        """Raise CallTooExpensive where the arguments alone say that the call may take more.

        That is: its text, at eight characters a token, and all the output it asks for (`max_tokens` and the like). A
        call that asks for no bound of its output counts its text alone, and a model without a price no cost at all.
        """
        asked = least_usage(arguments)
        tokens = (asked.input_tokens or 0) + (asked.output_tokens or 0)
        if self.max_tokens is not None and tokens > self.max_tokens:
            raise CallTooExpensive(
                f"{name} may take {tokens} tokens, and max_tokens={self.max_tokens} of @observe allows fewer: shorten "
                "the text, or ask for less output. The call was not made.",
                estimate=tokens,
                ceiling=self.max_tokens,
            )
        if self.max_cost is not None and not pricelist.miss(
            "max_cost", "max_cost is not checked without the price list"
        ):
            cost = price_of(asked, arguments, provider)
            if cost is not None and cost > self.max_cost:
                raise CallTooExpensive(
                    f"{name} may cost ${dollars(cost)}, and max_cost={self.max_cost} of @observe allows less: shorten "
                    "the text, ask for less output, or take a cheaper model. The call was not made.",
                    estimate=cost,
                    ceiling=self.max_cost,
                )


def ceiling(max_cost: Decimal | str | int | float | None, max_tokens: int | None) -> Ceiling | None:
    """The ceiling that options of `observe` mean, or None; ValueError names the one that cannot be."""
    cost: Decimal | None = None
    if max_cost is not None:
        try:
            cost = Decimal(repr(max_cost)) if isinstance(max_cost, float) else Decimal(max_cost)
        except InvalidOperation:
            cost = Decimal("NaN")
        if not (cost.is_finite() and cost > 0):
            raise ValueError(f"observe(max_cost={max_cost!r}): it is US dollars above 0, such as Decimal('0.50')")
    if max_tokens is not None and max_tokens <= 0:
        raise ValueError(f"observe(max_tokens={max_tokens!r}): it is a number of tokens above 0")
    return None if cost is None and max_tokens is None else Ceiling(cost, max_tokens)


def least_usage(arguments: Mapping[str, Any]) -> Usage:
    """Tokens that a call has at least by its text, and at most by what it asks for; None where nothing is said."""
    length = sum(_length(arguments.get(name), 0) for name in _TEXTS)
    output = count_of(arguments, *_LIMITS)
    if output is not None:
        output *= max(1, count_of(arguments, "n") or 1)
    return Usage(input_tokens=length // CHARS_PER_TOKEN or None, output_tokens=output)


def price_of(usage: Usage, arguments: Mapping[str, Any], provider: str | None) -> Decimal | None:
    """What this much of the model named in the arguments costs; None where that is not known."""
    model = arguments.get("model")
    if not isinstance(model, str):
        return None
    cost = pricing.price(usage, provider=provider, model=model)
    return None if cost is None else cost.total


def _length(value: Any, depth: int) -> int:
    """Characters of text, wherever messages hold it; pictures, sounds and files are other fields."""
    if isinstance(value, str):
        return len(value)
    if value is None or depth > _DEEPEST or isinstance(value, (int, float, bytes)):
        return 0
    if isinstance(value, (list, tuple)):
        return sum(_length(each, depth + 1) for each in cast("list[Any]", value))
    return sum(_length(get(value, name), depth + 1) for name in ("content", "text", "parts"))
