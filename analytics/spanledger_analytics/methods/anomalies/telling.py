"""An anomaly in words and in rank: a sentence that a person would write, and how much it matters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from spanledger_analytics.methods.anomalies.events import Event
from spanledger_analytics.methods.anomalies.scan import Channel

# Of what the project spends on a day.
_HIGH: Final = 0.25
_MEDIUM: Final = 0.05


@dataclass(frozen=True, slots=True)
class Clue:
    """A value of a further dimension that holds most of the change: `share` of it, and whether it is new since then."""

    dimension: str
    value: str
    share: float
    is_new: bool


def severity(impact: float, spent_a_day: float, sign: int) -> Literal["low", "medium", "high"]:
    """How much it matters: high from a quarter of a day's spend on, medium from a twentieth; savings never high."""
    part = abs(impact) / spent_a_day if spent_a_day > 0 else 1.0
    if part >= _HIGH and sign > 0:
        return "high"
    return "medium" if part >= _MEDIUM else "low"


def sentence(events: Sequence[Event], clues: Sequence[Clue] = (), cached: tuple[float, float] | None = None) -> str:
    """What happened, since when, and what it has cost; `events` are the kinds of change in it, the largest first.

    `cached` is the share of input read from the cache, as it was and as it is.
    """
    first = events[0]
    since = datetime.fromtimestamp(first.start * 3600, UTC)
    what = " and ".join(_change(each) for each in events)
    who = subject(first.where)
    text = f"{who}: {what} since {since:%Y-%m-%d %H:%M} UTC"
    if first.channel is Channel.PRICE and cached is not None and abs(cached[0] - cached[1]) >= 0.1:
        text += f", as reads from the prompt cache went from {cached[0]:.0%} to {cached[1]:.0%} of the input"
    if clues:
        text += ", " + " and ".join(_clue(each) for each in clues[:2])
    impact = sum(each.impact for each in events)
    word = "more" if impact >= 0 else "less"
    until = "in all" if first.end is not None else "so far"
    return f"{text}. That is {money(abs(impact))} {word} than usual {until}."


def subject(where: Mapping[str, str]) -> str:
    """A slice in words: `Acme's chat`, `chat`, `all calls`."""
    customer, feature = where.get("customer"), where.get("feature")
    customer = "calls without a customer" if customer == "" else customer
    feature = "calls without a feature" if feature == "" else feature
    who = f"{customer}'s {feature}" if customer and feature else customer or feature
    rest = " ".join(where[name] or f"no {name}" for name in ("provider", "model") if name in where)
    if who and rest:
        return f"{who} on {rest}"
    return who or rest or "All calls"


def money(amount: float) -> str:
    """US dollars for reading: cents under a thousand, whole dollars above."""
    return f"${amount:,.0f}" if amount >= 1000 else f"${amount:,.2f}"


def _change(event: Event) -> str:
    factor = event.factor
    times = f"{factor:.1f} times" if factor >= 1.05 or factor <= 0.0 else f"{factor:.0%} of"
    return {
        Channel.TOKENS: f"{times} the usual tokens per call",
        Channel.PRICE: f"{times} the usual cost per token",
        Channel.VOLUME: f"{times} the usual calls",
    }[event.channel]


def _clue(clue: Clue) -> str:
    name = clue.dimension.replace("_", " ")
    return f"{'with the new' if clue.is_new else 'nearly all of it with'} {name} {clue.value or '(none)'}"
