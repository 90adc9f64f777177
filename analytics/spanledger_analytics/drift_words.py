"""What became of a measured quantity, in words: `duration median 7.8 s -> 8.9 s, 95th percentile 19.1 s -> 41.0 s`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from spanledger_store.amounts import dollars

_WORDS: Final[Mapping[str, str]] = {
    "prompt_tokens": "prompt tokens", "completion_tokens": "completion tokens", "input_length": "length of inputs",
    "output_length": "length of outputs", "duration_ns": "duration", "ttft_ns": "time to first token",
    "cost_usd": "cost of a call", "model": "models", "finish_reason": "finish reasons", "status": "failures",
    "language": "languages", "tools": "tools", "topic": "topics",
}  # fmt: skip
_SECONDS: Final = ("duration_ns", "ttft_ns")
_LEVELS: Final[Mapping[float, str]] = {0.5: "median", 0.95: "95th percentile"}
_MINUTE, _SMALL, _MANY = 60, 10.0, 100.0
_SHARES: Final = 2
# A share that moved by less than this is not worth a word.
_MOVED: Final = 0.005


def name(quantity: str) -> str:
    """What a quantity is called."""
    return _WORDS.get(quantity, quantity)


def became(change: Mapping[str, Any]) -> str:
    """A change (as `drift_detail.quantities` tells it) in words, without its name; '' where no more is known of it."""
    if change.get("quantiles"):
        parts = [
            f"{_LEVELS.get(each['level'], each['level'])} {_value(change['name'], each['before'])} → "
            f"{_value(change['name'], each['after'])}"
            for each in change["quantiles"]
        ]
    else:
        parts = _shares(change["name"], change.get("shares") or ())
    return ", ".join(parts)


def _shares(quantity: str, shares: Sequence[Mapping[str, Any]]) -> list[str]:
    moved = [each for each in shares if abs(each["after"] - each["before"]) >= _MOVED]
    moved.sort(key=lambda each: -abs(each["after"] - each["before"]))
    told = [(each["name"] or "none", f"{_percent(each['before'])} → {_percent(each['after'])}") for each in moved]
    if quantity == "status":
        # Of calls that failed and calls that did not, the first say both.
        return [became for name, became in told if name == "error"]
    return [f"{name} {became}" for name, became in told[:_SHARES]]


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %" if 0 < share < _SMALL / 100 else f"{share * 100:.0f} %"


def _value(quantity: str, value: float) -> str:
    if quantity == "cost_usd":
        return dollars(Decimal(repr(value)))
    if quantity in _SECONDS:
        return _duration(value)
    return f"{value:,.0f}" if abs(value) >= _MANY else f"{value:.3g}"


def _duration(seconds: float) -> str:
    # Rounded first, so that nothing is told as 1000 ms or 60.0 s.
    if round(seconds, 3) < 1:
        return f"{seconds * 1000:.0f} ms"
    if round(seconds, 1) < _MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    return f"{minutes} min {rest} s"
